//! What a driven client says in place of what the recorded one said.
//!
//! It knows neither sockets nor clocks: whoever drives hands it what the recording has and what the target answers.

use std::sync::Arc;

use crate::{Protocol, Rules, Session};

/// One driven session's rewriting.
#[derive(Debug)]
pub struct Rewriter {
    rules: Arc<Rules>,
    clone: u32,
    unlearned: u32,
    insisting: bool,
}

/// What became of something the recorded client said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    /// It is in `out`, but for an unfinished end that waits for what follows it.
    Ready,
    /// So many of its bytes are in `out` or kept; the next need a value that the target has not handed out yet. Say the bytes from
    /// there on again once more was heard.
    Waits {
        /// Bytes of `recorded` that need not be said again.
        taken: usize,
    },
}

/// Why something cannot be said to the target: ours or the rules' fault, never the target's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RewriteError {
    /// A chat log-in, and no secret to prove it with.
    #[error("a chat log-in needs the target's secret: give the rules a [chat] secret")]
    NoSecret,
}

impl Rewriter {
    /// Rewriting for one driven session: `clone` is whose, from 0; `seed` is what made-up values come from.
    #[must_use]
    pub fn new(rules: &Arc<Rules>, session: &Session, clone: u32, _seed: u64) -> Self {
        let _ = (
            session.protocol == Protocol::Chat,
            rules.choose(session.protocol, session.server),
        );
        Self {
            rules: Arc::clone(rules),
            clone,
            unlearned: 0,
            insisting: false,
        }
    }

    /// What is said in place of `recorded`, in pieces of any size, appended to `out`.
    ///
    /// # Errors
    /// It cannot be said to the target; the session is over.
    pub fn say(&mut self, recorded: &[u8], out: &mut Vec<u8>) -> Result<Said, RewriteError> {
        let _ = (&self.rules, self.clone);
        out.extend_from_slice(recorded);
        self.insisting = false;
        Ok(Said::Ready)
    }

    /// The recorded client says no more for now: the server speaks next, or it finishes. What was kept for its end
    /// goes to `out`. [`Said::Waits`] asks to be called again; its `taken` is 0.
    ///
    /// # Errors
    /// As [`Rewriter::say`].
    pub fn rest(&mut self, _out: &mut Vec<u8>) -> Result<Said, RewriteError> {
        self.insisting = false;
        Ok(Said::Ready)
    }

    /// The next [`Rewriter::say`] or [`Rewriter::rest`] does not wait: what is not learned by then is said as it was recorded, and
    /// counted.
    pub fn insist(&mut self) {
        self.insisting = true;
    }

    /// Values that were said as recorded because the target had not handed out its own.
    #[must_use]
    pub fn unlearned(&self) -> u32 {
        self.unlearned
    }

    /// The target said this; in pieces of any size.
    pub fn heard(&mut self, _actual: &[u8]) {}

    /// The recorded server said this, before whatever is said next; in pieces of any size.
    pub fn expected(&mut self, _recorded: &[u8]) {}
}
