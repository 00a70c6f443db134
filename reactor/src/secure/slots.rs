//! What is known of each connection under TLS, in parallel to the transport's arena: 96 bytes.
//!
//! It does not know records. Chunks never move, and are given back by nobody: connections come again.

use std::collections::VecDeque;

use wire::tls::{Handshake, Session};

use crate::{Id, Origin};

/// Slots a chunk.
const CHUNK: usize = 1024;

/// The way of those that were asked for without a number.
pub(super) const DEFAULT_WAY: u16 = u16::MAX;

/// A connection's state under TLS.
#[derive(Debug, Default)]
pub(super) enum State {
    #[default]
    Vacant,
    /// The transport is connecting, in that way.
    Connecting(u16),
    Shaking(Box<Shaking>),
    Open(Session),
    /// Open, and not under TLS.
    Clear,
}

/// A connection whose handshake is under way.
#[derive(Debug)]
pub(super) struct Shaking {
    pub(super) origin: Origin,
    /// Under which TLS, where we opened it.
    pub(super) way: u16,
    /// Made with its first turn: a client's costs a key share.
    pub(super) handshake: Option<Handshake>,
    /// What came and waits for its turn.
    pub(super) incoming: Vec<u8>,
    pub(super) queued: bool,
}

#[derive(Debug, Default)]
struct Slot {
    state: State,
    generation: u32,
}

/// The slots, and those that wait for their turn.
#[derive(Debug, Default)]
pub(super) struct Slots {
    chunks: Vec<Box<[Slot]>>,
    queued: VecDeque<Id>,
}

impl Slots {
    pub(super) fn put(&mut self, id: Id, state: State) {
        while self.chunks.len() * CHUNK <= id.index as usize {
            self.chunks
                .push(std::iter::repeat_with(Slot::default).take(CHUNK).collect());
        }
        self.chunks[id.index as usize / CHUNK][id.index as usize % CHUNK] = Slot {
            state,
            generation: id.generation,
        };
    }

    /// What all slots made so far take, bytes.
    pub(super) fn bytes(&self) -> usize {
        self.chunks.len() * CHUNK * size_of::<Slot>()
    }

    /// Leaves the slot vacant. A session is wiped in it first: what is moved out of a slot stays in its bytes, and a
    /// vacant slot may stay one for long.
    pub(super) fn take(&mut self, id: Id) -> State {
        let Some(state) = self.get(id) else {
            return State::Vacant;
        };
        if let State::Open(session) = state {
            session.wipe();
        }
        std::mem::take(state)
    }

    pub(super) fn get(&mut self, id: Id) -> Option<&mut State> {
        let slot = self
            .chunks
            .get_mut(id.index as usize / CHUNK)?
            .get_mut(id.index as usize % CHUNK)?;
        (slot.generation == id.generation).then_some(&mut slot.state)
    }

    pub(super) fn session(&mut self, id: Id) -> Option<&mut Session> {
        match self.get(id)? {
            State::Open(session) => Some(session),
            _ => None,
        }
    }

    pub(super) fn shaking(&mut self, id: Id) -> Option<&mut Shaking> {
        match self.get(id)? {
            State::Shaking(shaking) => Some(shaking),
            _ => None,
        }
    }

    /// Gives a handshake a place in the queue, if it has none.
    pub(super) fn queue(&mut self, id: Id) {
        if let Some(shaking) = self.shaking(id)
            && !std::mem::replace(&mut shaking.queued, true)
        {
            self.queued.push_back(id);
        }
    }

    /// The next of the queue that still waits.
    pub(super) fn next_queued(&mut self) -> Option<Id> {
        while let Some(id) = self.queued.pop_front() {
            if self.shaking(id).is_some_and(|shaking| shaking.queued) {
                return Some(id);
            }
        }
        None
    }

    pub(super) fn has_queued(&self) -> bool {
        !self.queued.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_is_96_bytes() {
        assert_eq!((size_of::<Session>(), size_of::<Slot>()), (88, 96));
    }
}
