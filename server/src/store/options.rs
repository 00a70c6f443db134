//! How the store is set up.
//!
//! It refuses to judge what is set; opening does.

use std::path::PathBuf;

/// When an answer may go out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Durability {
    /// No file: nothing survives the process.
    Memory,
    /// Written at each commit, synced every second: the process may die, the host may cost a second.
    Async,
    /// Synced by each commit: whatever was answered survives the host.
    #[default]
    Commit,
}

impl Durability {
    /// As a scenario, a knob and the command line write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Async => "async",
            Self::Commit => "commit",
        }
    }
}

/// How the store is set up.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where the log is; `None` only with [`Durability::Memory`], and then for good.
    pub dir: Option<PathBuf>,
    /// When an answer may go out.
    pub durability: Durability,
    /// The length of a segment: a multiple of 8, at most 32 MiB.
    pub segment_bytes: usize,
    /// Bodies are gone from the files this long after their last recipient acknowledged.
    pub erase_within_ms: u64,
    /// Copies of what was damaged are removed this long after they were made: they may hold such bodies.
    pub copies_kept_ms: u64,
    /// A bound on the files' total length (on memory, without files); at least six segments.
    pub quota_bytes: u64,
    /// A bound on the items of one mailbox.
    pub mailbox_max_items: usize,
    /// How long a quiet sender's ids are remembered.
    pub window_age_ms: u64,
    /// How many senders' ids are remembered.
    pub windows_max: usize,
    /// How many senders to make room for at once, so that their table is not copied whole each time it doubles.
    pub windows_expected: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            dir: None,
            durability: Durability::default(),
            segment_bytes: 16 << 20,
            erase_within_ms: 120_000,
            copies_kept_ms: 3 * 24 * 3_600_000,
            quota_bytes: 16 << 30,
            mailbox_max_items: 10_000,
            window_age_ms: 24 * 3_600_000,
            windows_max: 1 << 20,
            windows_expected: 0,
        }
    }
}
