//! The course of a run, as all threads of the swarm see it: not begun, under way, ending.
//!
//! It knows two instants, how it is left, and no reasons.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Not begun.
const NEVER: u64 = u64::MAX;

/// How a swarm leaves when its run is over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Leaving {
    /// Each connection by RST: the server learns of it. Millions of FINs would take minutes.
    #[default]
    Reset,
    /// Without a word where the transport can, else by RST: for a server that ends as well. Each of its sockets is about to be
    /// closed by its own process anyway, and an RST to it costs about as much as that.
    Silent,
}

/// Shared by the shards, the clerk and the swarm's owner.
#[derive(Debug)]
pub(crate) struct Control {
    begin_us: AtomicU64,
    ending: AtomicBool,
    pub(crate) leaving: Leaving,
}

impl Default for Control {
    fn default() -> Self {
        Self::new(Leaving::default())
    }
}

impl Control {
    /// Of a run that has not begun.
    pub(crate) fn new(leaving: Leaving) -> Self {
        Self {
            begin_us: AtomicU64::new(NEVER),
            ending: AtomicBool::new(false),
            leaving,
        }
    }

    /// The run begins at that instant of the run's clock.
    pub(crate) fn begin(&self, at_us: u64) {
        self.begin_us.store(at_us, Ordering::Release);
    }

    /// When it began, or will; `None` while nobody has said.
    pub(crate) fn begin_us(&self) -> Option<u64> {
        Some(self.begin_us.load(Ordering::Acquire)).filter(|at_us| *at_us != NEVER)
    }

    /// Shards hand in what they know and close their connections.
    pub(crate) fn end(&self) {
        self.ending.store(true, Ordering::Release);
    }

    pub(crate) fn is_ending(&self) -> bool {
        self.ending.load(Ordering::Acquire)
    }
}
