//! Why a replay cannot start, or breaks, and what its user can do about it.
//!
//! It knows causes and words.

use std::fmt;
use std::net::SocketAddr;

use reactor::ShardError;

use super::picked::Picked;
use crate::Unplayable;

/// A replay could not start, or broke.
#[derive(Debug, thiserror::Error)]
pub enum DriveError {
    /// Nothing is left to be driven.
    #[error("no session is left to be driven: {0}")]
    Nothing(LeftOver),
    /// A recorded server without a target.
    #[error(
        "sessions with the recorded server {server} have no target: give one with --target {server}=HOST:PORT, or leave them \
         out by choosing others with --port or --host"
    )]
    NoTarget {
        /// The recorded server.
        server: SocketAddr,
    },
    /// It would take longer than a month.
    #[error(
        "the replay would take {days} days, more than the 31 that one may: where the capture's clock jumped, choose a part of \
         it with --from and --until; else go faster with --speed (max keeps no clock) or --loop less"
    )]
    TooLong {
        /// How long.
        days: u64,
    },
    /// Clones whose beginnings are to be spread over time, of which there is none.
    #[error(
        "--spread has no effect where connects are at max, which keeps no clock: leave it out, or give --connect-speed a \
         number"
    )]
    Spread,
    /// Too few descriptors.
    #[error(transparent)]
    Descriptors(#[from] loadgen::SwarmError),
    /// The system has no descriptor or thread to give.
    #[error("the replay cannot start: {0}")]
    Io(#[from] std::io::Error),
    /// A shard could not start, or its loop broke.
    #[error(transparent)]
    Shard(#[from] ShardError),
    /// A thread panicked.
    #[error("a thread of the replay panicked")]
    Panicked,
}

/// Why nothing is left, in a few words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOver {
    /// Sessions that cannot be driven, by why.
    unplayable: Vec<(Unplayable, u64)>,
    /// Sessions that were not wanted.
    left_out: u64,
}

impl LeftOver {
    pub(super) fn of(picked: &Picked) -> Self {
        let mut unplayable: Vec<(Unplayable, u64)> = Vec::new();
        for (_, why) in &picked.unplayable {
            match unplayable.iter_mut().find(|(known, _)| known == why) {
                Some((_, count)) => *count += 1,
                None => unplayable.push((*why, 1)),
            }
        }
        unplayable.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        Self {
            unplayable,
            left_out: picked.left_out,
        }
    }
}

impl fmt::Display for LeftOver {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.unplayable.is_empty() && self.left_out == 0 {
            return formatter.write_str("the capture has none (`teem replay inspect` lists what is in it)");
        }
        let mut parts: Vec<String> = Vec::new();
        if self.left_out > 0 {
            parts.push(format!("{} not chosen by the filters", self.left_out));
        }
        for (why, count) in &self.unplayable {
            parts.push(format!("{count} cannot be: {why}"));
        }
        formatter.write_str(&parts.join(", "))?;
        let is_sealed = self.unplayable.iter().any(|(why, _)| *why == Unplayable::Sealed);
        formatter.write_str(if is_sealed {
            "; --keys FILE opens TLS by its key log, and `teem replay inspect` lists them all"
        } else {
            "; `teem replay inspect` lists them all"
        })
    }
}
