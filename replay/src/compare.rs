//! The target's answers beside the recorded ones.
//!
//! It knows bytes and protocols; it does not know when anything was said.

use std::sync::Arc;

use crate::{Rules, Session};

/// One driven session's comparison, streaming and bounded.
#[derive(Debug)]
pub struct Comparison {
    rules: Arc<Rules>,
    recorded: Vec<u8>,
    actual: Vec<u8>,
}

/// What a comparison came to: answers by verdict.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Compared {
    /// The same bytes.
    pub identical: u64,
    /// The same but for what may differ.
    pub masked: u64,
    /// Not the same.
    pub different: u64,
    /// Recorded, and never answered.
    pub missing: u64,
    /// Answered, and not recorded.
    pub extra: u64,
    /// The first that was different, missing or extra.
    pub first: Option<Box<Difference>>,
}

/// A difference, readable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Which answer of the session, from 0.
    pub answer: u64,
    /// Bytes of the answer before the first that differs.
    pub offset: u64,
    /// What it is, in a sentence.
    pub what: String,
    /// The recorded side around it, in text and hexadecimal, a line each.
    pub recorded: String,
    /// The target's side around it.
    pub actual: String,
}

impl Comparison {
    /// A comparison for one driven session of a clone.
    #[must_use]
    pub fn new(rules: &Arc<Rules>, _session: &Session, _clone: u32) -> Self {
        Self {
            rules: Arc::clone(rules),
            recorded: Vec::new(),
            actual: Vec::new(),
        }
    }

    /// The recorded client said this next: what the server says from here on answers it.
    pub fn said(&mut self, _recorded: &[u8]) {
        let _ = &self.rules;
    }

    /// The recorded server said this; in pieces of any size.
    pub fn recorded(&mut self, recorded: &[u8]) {
        self.recorded.extend_from_slice(recorded);
    }

    /// The target said this; in pieces of any size.
    pub fn actual(&mut self, actual: &[u8]) {
        self.actual.extend_from_slice(actual);
    }

    /// What it came to, when nothing more is said.
    #[must_use]
    pub fn finish(self) -> Compared {
        let mut compared = Compared::default();
        if self.recorded == self.actual {
            compared.identical = u64::from(!self.actual.is_empty());
        } else {
            compared.different = 1;
        }
        compared
    }
}
