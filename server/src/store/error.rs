//! What the store refuses, and why.
//!
//! It refuses to know the protocol's codes.

use std::io;
use std::path::PathBuf;

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No space or quota for messages; acknowledgements still land.
    #[error("the store is full")]
    Full,
    /// The recipient has too much waiting.
    #[error("the mailbox of {to} is full")]
    MailboxFull {
        /// The recipient.
        to: u64,
    },
    /// A body or a list of recipients that no record holds.
    #[error("{bytes} bytes are too many, {max} are the most")]
    TooLarge {
        /// What was asked for.
        bytes: usize,
        /// What is possible.
        max: usize,
    },
    /// The files could not be written lately, so nothing new is taken until they can.
    #[error("the store cannot write: {kind}")]
    Failed {
        /// What the host said.
        kind: io::ErrorKind,
    },
    /// The host refused a read or a write; its text names the file, where one was to be opened, made or removed.
    #[error("the store's files: {0}")]
    Io(#[from] io::Error),
    /// Another store has the directory open.
    #[error("another server uses {}: stop it, or give another --data", directory.display())]
    InUse {
        /// The directory.
        directory: PathBuf,
    },
    /// A quota that does not even hold what is kept in reserve.
    #[error(
        "the store's quota is {quota_bytes} bytes, and the least is {least_bytes}, six segments: raise it \
         (--store-quota)"
    )]
    Quota {
        /// What was given.
        quota_bytes: u64,
        /// What would do.
        least_bytes: u64,
    },
    /// An item's bytes are not what was written.
    #[error("item {seq} is damaged")]
    Damaged {
        /// The item.
        seq: u64,
    },
    /// An option that cannot be.
    #[error("{0}")]
    Options(&'static str),
}
