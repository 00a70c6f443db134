//! A shard's users, 24 bytes each, and which connection is whose.
//!
//! It does not know the protocol beyond a client's session, nor when anything happens.

use reactor::Id;
use wire::chat::{Client, Phase};

/// No connection.
const NONE: u32 = u32::MAX;
/// The bit of [`User::marks`] for a user who goes once his sends are answered.
const LEAVING: u8 = 0x80;
/// The bits of [`User::marks`] that count sessions.
const SESSION: u8 = 0x0f;

/// Where a user stands with his connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// Not connected, and not wanting to.
    Away,
    /// Due to connect; too many are at it.
    Queued,
    /// Connecting.
    Connecting,
    /// Connected; how far the session is, the client knows.
    Open,
    /// Waits before he tries again.
    Backoff,
    /// The server refused his key: trying again would not help.
    Barred,
}

/// A user.
#[derive(Clone, Copy, Debug)]
pub(super) struct User {
    pub(super) client: Client,
    conn: u32,
    pub(super) standing: Standing,
    /// Connects failed since the last welcome.
    pub(super) attempts: u8,
    /// Messages sent and not answered.
    pub(super) in_flight: u8,
    marks: u8,
}

impl User {
    pub(super) fn is_online(&self) -> bool {
        self.standing == Standing::Open && self.client.phase() == Phase::Online
    }

    pub(super) fn is_leaving(&self) -> bool {
        self.marks & LEAVING != 0
    }

    pub(super) fn set_leaving(&mut self, leaving: bool) {
        self.marks = self.marks & !LEAVING | if leaving { LEAVING } else { 0 };
    }

    /// Counts sessions, modulo 16.
    pub(super) fn session(&self) -> u8 {
        self.marks & SESSION
    }

    pub(super) fn begin_session(&mut self) {
        self.client = Client::new(self.client.last_id());
        self.marks = self.marks & !SESSION | self.session().wrapping_add(1) & SESSION;
    }
}

/// How users are dealt to shards: by their cell, of which a shard has those that leave its number as the remainder by
/// the number of shards.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dealing {
    /// Cells of the plan.
    pub(crate) cells: u32,
    /// Shards, no more than cells.
    pub(crate) shards: u32,
}

impl Dealing {
    /// The cells of a shard.
    pub(crate) fn cells(self, shard: u32) -> impl Iterator<Item = u32> {
        (shard..self.cells).step_by(self.shards.max(1) as usize)
    }

    /// The shard that drives a user.
    pub(crate) fn shard(self, user: u32) -> u32 {
        user % self.cells % self.shards
    }
}

/// The users of a shard.
#[derive(Debug)]
pub(super) struct Users {
    users: Box<[User]>,
    dealing: Dealing,
    /// Cells of this shard.
    cells: u32,
    /// By index in the transport's arena.
    conns: Vec<Conn>,
}

/// A connection's user; 8 bytes.
#[derive(Clone, Copy, Debug)]
struct Conn {
    user: u32,
    generation: u32,
}

impl Users {
    /// The part of `0..users` that belongs to this shard.
    pub(super) fn new(users: u32, shard: u32, dealing: Dealing) -> Self {
        let cells = dealing.cells(shard).count() as u32;
        let user = User {
            client: Client::default(),
            conn: NONE,
            standing: Standing::Away,
            attempts: 0,
            in_flight: 0,
            marks: 0,
        };
        // The last round of cells may be cut short: a few slots then stay empty.
        let slots = users.div_ceil(dealing.cells) as usize * cells as usize;
        Self {
            users: vec![user; slots].into_boxed_slice(),
            dealing,
            cells,
            conns: Vec::new(),
        }
    }

    fn slot(&self, user: u32) -> usize {
        let Dealing { cells, shards } = self.dealing;
        (user / cells * self.cells + user % cells / shards) as usize
    }

    pub(super) fn user(&self, user: u32) -> &User {
        &self.users[self.slot(user)]
    }

    pub(super) fn user_mut(&mut self, user: u32) -> &mut User {
        &mut self.users[self.slot(user)]
    }

    /// The user of a connection, unless it is a former one of his.
    pub(super) fn at(&self, id: Id) -> Option<u32> {
        let conn = self.conns.get(id.index as usize)?;
        (conn.user != NONE && conn.generation == id.generation).then_some(conn.user)
    }

    /// The connection of a user.
    pub(super) fn conn(&self, user: u32) -> Option<Id> {
        let index = self.user(user).conn;
        let conn = self.conns.get(index as usize)?;
        Some(Id {
            index,
            generation: conn.generation,
        })
    }

    /// Notes a user's new connection.
    pub(super) fn connect(&mut self, user: u32, id: Id) {
        let index = id.index as usize;
        if self.conns.len() <= index {
            self.conns.resize(
                index + 1,
                Conn {
                    user: NONE,
                    generation: 0,
                },
            );
        }
        self.conns[index] = Conn {
            user,
            generation: id.generation,
        };
        self.user_mut(user).conn = id.index;
    }

    /// Forgets a user's connection, and names it.
    pub(super) fn disconnect(&mut self, user: u32) -> Option<Id> {
        let id = self.conn(user)?;
        self.conns[id.index as usize].user = NONE;
        self.user_mut(user).conn = NONE;
        Some(id)
    }

    /// One more than the highest index of a connection so far: the bound of a walk.
    pub(super) fn extent(&self) -> u32 {
        self.conns.len() as u32
    }

    /// The connection with that index and its user.
    pub(super) fn conn_at(&self, index: u32) -> Option<(Id, u32)> {
        let conn = self.conns.get(index as usize)?;
        (conn.user != NONE).then_some((
            Id {
                index,
                generation: conn.generation,
            },
            conn.user,
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_24_bytes() {
        assert_eq!(size_of::<User>(), 24);
    }

    #[test]
    fn every_user_has_a_slot_of_his_own_in_one_shard() {
        for (cells, shards) in [(1, 1), (62, 2), (256, 3), (13, 7), (100, 100), (256, 256)] {
            let dealing = Dealing { cells, shards };
            let tables: Vec<_> = (0..shards)
                .map(|shard| Users::new(1_000, shard, dealing))
                .collect();
            let mut seen = std::collections::HashSet::new();
            for user in 0..1_000 {
                let shard = dealing.shard(user);
                assert!(dealing.cells(shard).any(|cell| cell == user % cells));
                let slot = tables[shard as usize].slot(user);
                assert!(slot < tables[shard as usize].users.len());
                assert!(seen.insert((shard, slot)));
            }
        }
    }

    const ALL: Dealing = Dealing { cells: 1, shards: 1 };

    #[test]
    fn a_stale_connection_is_nobodys() {
        let mut users = Users::new(10, 0, ALL);
        let old = Id {
            index: 3,
            generation: 1,
        };
        users.connect(7, old);
        assert_eq!((users.at(old), users.conn(7)), (Some(7), Some(old)));
        assert_eq!(users.disconnect(7), Some(old));
        assert_eq!(
            (users.at(old), users.conn(7), users.conn_at(3)),
            (None, None, None)
        );
        let new = Id {
            index: 3,
            generation: 2,
        };
        users.connect(9, new);
        assert_eq!((users.at(old), users.at(new)), (None, Some(9)));
    }

    #[test]
    fn sessions_wrap_and_leave_the_other_mark_alone() {
        let mut users = Users::new(1, 0, ALL);
        let user = users.user_mut(0);
        user.set_leaving(true);
        (0..17).for_each(|_| user.begin_session());
        assert_eq!((user.session(), user.is_leaving()), (1, true));
    }
}
