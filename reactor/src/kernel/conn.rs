//! One connection over a kernel socket: what is kept of it between two events.
//!
//! It refuses to know what is said. Nearly all have neither bytes in nor bytes out.

use std::collections::VecDeque;
use std::os::fd::OwnedFd;

/// 24 bytes, 32 with its place in the arena.
#[derive(Debug)]
#[allow(clippy::box_collection)] // nearly all have neither buffer, and a thin pointer says so in a third of the space
pub(super) struct Conn {
    pub(super) fd: OwnedFd,
    pub(super) state: State,
    /// Whether it is among the unfinished.
    pub(super) unfinished: bool,
    pub(super) stash: Option<Box<Vec<u8>>>,
    pub(super) out: Option<Box<VecDeque<u8>>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Connecting,
    Open,
    /// We have said our last, and listen.
    Listening,
    /// The peer has said its last, and waits for what we have to say.
    Owing,
    /// Closed by us: flush, FIN, wait for the peer's.
    Lingering,
}
