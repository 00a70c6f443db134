//! When holes are to be given up: two queues, each in the order of time because its patience is the same for all.
//!
//! It knows no stream. An open connection's side stands at most once in each queue. One that ended is forgotten only when its
//! turn comes, so what bounds the queues is [`CROWD`]; 40 B an entry.

use std::collections::VecDeque;

use super::table::Slot;
use crate::event::{Flow, Side};

/// Entries of a queue from which on its first is hurried.
const CROWD: usize = 1 << 17;

/// A side to be looked at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Due {
    /// When.
    pub(super) at_ns: u64,
    pub(super) slot: Slot,
    /// Whose slot it was then.
    pub(super) flow: Flow,
    pub(super) side: Side,
    /// How far its peer had acknowledged.
    pub(super) upto: u64,
}

#[derive(Debug, Default)]
pub(super) struct Deadlines {
    /// Holes that the peer's acknowledgement passed.
    pub(super) grace: VecDeque<Due>,
    /// All other holes.
    pub(super) silence: VecDeque<Due>,
}

impl Deadlines {
    /// When the first is due.
    pub(super) fn first_ns(&self) -> Option<u64> {
        let grace = self.grace.front().map(|due| due.at_ns);
        let silence = self.silence.front().map(|due| due.at_ns);
        match (grace, silence) {
            (Some(grace), Some(silence)) => Some(grace.min(silence)),
            (one, other) => one.or(other),
        }
    }

    /// Takes the first of a queue that is crowded; true where it is of those whose grace runs.
    pub(super) fn pop_crowded(&mut self) -> Option<(Due, bool)> {
        if self.grace.len() > CROWD {
            self.grace.pop_front().map(|due| (due, true))
        } else if self.silence.len() > CROWD {
            self.silence.pop_front().map(|due| (due, false))
        } else {
            None
        }
    }

    /// Takes the first; true where its grace ended.
    pub(super) fn pop(&mut self) -> Option<(Due, bool)> {
        let silence = self.silence.front().map_or(u64::MAX, |due| due.at_ns);
        match self.grace.front() {
            Some(due) if due.at_ns <= silence => self.grace.pop_front().map(|due| (due, true)),
            _ => self.silence.pop_front().map(|due| (due, false)),
        }
    }
}
