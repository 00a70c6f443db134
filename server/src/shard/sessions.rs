//! What a shard knows of each of its connections: 16 bytes, beside the transport's 32.

use foldhash::fast::FixedState;
use hashbrown::HashMap;
use reactor::Id;
use wire::chat::Nonce;

use crate::parcel::Location;

/// Sessions a chunk; chunks never move.
const CHUNK: usize = 1024;

/// One connection's session.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Session {
    /// Who is logged in; 0 for nobody.
    pub(super) number: u64,
    /// The connection's generation, so that a location can be checked.
    generation: u32,
    /// When it was last heard, seconds of the shard's clock, or [`VACANT`].
    pub(super) heard_s: u32,
}

/// Marks a slot without a connection.
const VACANT: u32 = u32::MAX;

/// A connection that has not logged in yet: the few that are on their way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Guest {
    /// The nonce it was greeted with; taken by its one log-in.
    pub(super) nonce: Option<Nonce>,
    pub(super) since_s: u32,
}

/// Sessions in parallel to the transport's arena.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    chunks: Vec<Box<[Session; CHUNK]>>,
    guests: HashMap<u32, Guest, FixedState>,
    online: u64,
}

impl Sessions {
    pub(super) fn online(&self) -> u64 {
        self.online
    }

    /// One more than the highest index: the bound of a walk.
    pub(super) fn extent(&self) -> u32 {
        (self.chunks.len() * CHUNK) as u32
    }

    pub(super) fn greet(&mut self, id: Id, nonce: Nonce, now_s: u32) {
        while self.extent() <= id.index {
            self.chunks.push(Box::new(
                [Session {
                    heard_s: VACANT,
                    ..Session::default()
                }; CHUNK],
            ));
        }
        if let Some(session) = self.slot(id.index) {
            *session = Session {
                number: 0,
                generation: id.generation,
                heard_s: now_s,
            };
        }
        self.guests.insert(
            id.index,
            Guest {
                nonce: Some(nonce),
                since_s: now_s,
            },
        );
    }

    /// The connection at an index, if there is one.
    pub(super) fn at(&self, index: u32) -> Option<(Id, Session)> {
        let session = self.chunks.get(index as usize / CHUNK)?[index as usize % CHUNK];
        (session.heard_s != VACANT).then_some((
            Id {
                index,
                generation: session.generation,
            },
            session,
        ))
    }

    /// The connection at a location, unless it has gone.
    pub(super) fn find(&self, at: Location) -> Option<Id> {
        self.at(at.index)
            .map(|(id, _)| id)
            .filter(|id| id.generation as u16 == at.generation)
    }

    /// Notes that a connection was heard; returns who it is, or `None` once it was ended.
    pub(super) fn hear(&mut self, id: Id, now_s: u32) -> Option<u64> {
        let session = self
            .slot(id.index)
            .filter(|session| session.heard_s != VACANT && session.generation == id.generation)?;
        session.heard_s = now_s;
        Some(session.number)
    }

    /// Takes the nonce a guest was greeted with: each serves one log-in.
    pub(super) fn take_nonce(&mut self, id: Id) -> Option<Nonce> {
        self.guests.get_mut(&id.index)?.nonce.take()
    }

    pub(super) fn log_in(&mut self, id: Id, number: u64) {
        self.guests.remove(&id.index);
        if let Some(session) = self.slot(id.index) {
            self.online += u64::from(std::mem::replace(&mut session.number, number) == 0);
        }
    }

    /// Forgets a connection; returns who was logged in there.
    pub(super) fn end(&mut self, id: Id) -> u64 {
        self.guests.remove(&id.index);
        let Some(session) = self.slot(id.index) else {
            return 0;
        };
        let number = std::mem::take(&mut session.number);
        session.heard_s = VACANT;
        self.online -= u64::from(number != 0);
        number
    }

    /// Guests that came before a time.
    pub(super) fn guests_before(&self, since_s: u32) -> impl Iterator<Item = u32> + '_ {
        self.guests
            .iter()
            .filter(move |(_, guest)| guest.since_s < since_s)
            .map(|(&index, _)| index)
    }

    fn slot(&mut self, index: u32) -> Option<&mut Session> {
        Some(&mut self.chunks.get_mut(index as usize / CHUNK)?[index as usize % CHUNK])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_16_bytes_and_found_only_while_it_lasts() {
        assert_eq!(size_of::<Session>(), 16);
        let id = Id {
            index: 1500,
            generation: 70_000,
        };
        let at = Location::new(0, id);
        let mut sessions = Sessions::default();
        sessions.greet(id, [1; 16], 5);
        assert_eq!(sessions.take_nonce(id), Some([1; 16]));
        assert_eq!(sessions.take_nonce(id), None, "a nonce serves once");
        sessions.log_in(id, 7);
        assert_eq!(
            (sessions.find(at), sessions.online(), sessions.hear(id, 6)),
            (Some(id), 1, Some(7))
        );
        assert_eq!(
            sessions.find(Location {
                generation: at.generation + 1,
                ..at
            }),
            None
        );
        assert_eq!(sessions.end(id), 7);
        assert_eq!(sessions.hear(id, 8), None, "what is ended stays ended");
        assert_eq!((sessions.find(at), sessions.online()), (None, 0));
        assert!(sessions.at(3).is_none());
    }
}
