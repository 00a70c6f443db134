//! Why a server could not start.
//!
//! It does not know what to say it with: each reason is its room's own.

use std::path::PathBuf;

use reactor::{ListenError, ShardError};

use crate::config::TooFewFiles;
use crate::http::HttpError;
use crate::knobs::KnobError;
use crate::sink::SinkError;
use crate::store;

/// A server could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The port.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// The store.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// A sink's address.
    #[error(transparent)]
    Sink(#[from] SinkError),
    /// The HTTP side.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// The limit of descriptors.
    #[error(transparent)]
    Limit(#[from] TooFewFiles),
    /// A knob's value.
    #[error(transparent)]
    Knob(#[from] KnobError),
    /// A shard's thread.
    #[error(transparent)]
    Shard(#[from] ShardError),
    /// The data folder.
    #[error("cannot make the data folder {}: {source}; give one that can be made and written with --data", folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A thread has ended, at the start or since; what it said last is in the log.
    #[error("{0}, and nobody does its work: standard error has why")]
    Ended(&'static str),
    /// Threads and eventfds.
    #[error("cannot start its threads: {0}; raise the limits (ulimit -n, ulimit -u)")]
    Io(#[from] std::io::Error),
}
