//! What the store tells of itself.
//!
//! It refuses to compute anything.

use std::io;

/// What a commit did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CommitStats {
    /// Messages and ticks that are as safe now as the durability says.
    pub items: u64,
    /// Bytes handed to the files.
    pub bytes: usize,
    /// Time it took.
    pub took_us: u64,
}

/// How the store feels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// All is well.
    Good,
    /// Space is short: messages are refused, or soon will be.
    Full,
    /// The files cannot be written.
    Failing(io::ErrorKind),
}

/// What opening found.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Recovery {
    /// Items that wait.
    pub items: usize,
    /// Senders whose ids are remembered.
    pub windows: usize,
    /// Segments read.
    pub segments: usize,
    /// Bytes of records that a crash cut.
    pub torn_bytes: u64,
    /// Items left out because their body never reached the file.
    pub torn_items: usize,
    /// Files put aside because they are not what was written.
    pub damaged_files: usize,
    /// Segments but the last whose rest was copied and wiped because a record in the middle is not one.
    pub damaged_tails: usize,
    /// Time it took, in seconds.
    pub seconds: f64,
}

/// Figures since opening, and sizes now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Items in all mailboxes.
    pub items: usize,
    /// Second ticks among them.
    pub ticks: usize,
    /// Mailboxes that are not empty.
    pub mailboxes: usize,
    /// Items in the longest mailbox.
    pub longest_mailbox: usize,
    /// Senders whose ids are remembered.
    pub windows: usize,
    /// Segments, without reserves.
    pub segments: usize,
    /// The length of all files, reserves too (of all segments, without files).
    pub space_bytes: u64,
    /// What of that a copy of everything living would take.
    pub live_bytes: u64,
    /// Memory of mailboxes, items and windows.
    pub index_bytes: usize,
    /// Memory of segments held in memory, and of lists a segment.
    pub buffer_bytes: usize,
    /// Commits that had something to do.
    pub commits: u64,
    /// Time in commits.
    pub commit_us_total: u64,
    /// Bytes handed to the files by commits.
    pub committed_bytes: u64,
    /// Messages refused for want of space.
    pub full_refusals: u64,
    /// Messages refused because a mailbox was full.
    pub mailbox_refusals: u64,
    /// Acknowledgements that found no room in the log and count in memory only.
    pub acks_unlogged: u64,
    /// Items set aside because they could not be read.
    pub items_aside: u64,
    /// Copies of what was damaged that there are.
    pub copies: usize,
    /// Copies of what was damaged that had their time and were removed.
    pub copies_expired: u64,
    /// Segments collected.
    pub collected_segments: u64,
    /// Segments in which bodies were overwritten.
    pub erased_segments: u64,
    /// Segments given up because they could not be read back.
    pub damaged_segments: u64,
}
