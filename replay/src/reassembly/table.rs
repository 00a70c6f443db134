//! The connections that are known, by their sockets and by the time since they were heard.
//!
//! It knows nothing of streams. Slots of 256 B in chunks that never move; the index holds 4 B and a tag each.

use std::hash::BuildHasher as _;

use foldhash::fast::RandomState;
use hashbrown::HashTable;

use super::connection::Connection;
use super::figures::ReassemblyLimits;
use super::order::{Linked, Links, Order};
use crate::event::Flow;
use crate::packet::{Endpoint, Path, Segment};

/// Connections in a chunk: 256 KiB.
const CHUNK: usize = 1_024;
/// A connection moves to the end of its order when it is heard, but at most so many times an idle time: most segments then
/// touch no neighbour.
const TOUCHES: u64 = 16;
/// How many connections are looked at for one that was silent since it was last put in order.
const EVICTION_LOOKS: usize = 16;

/// Where a connection is.
pub(super) type Slot = u32;

/// Between whom, and through which networks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    low: Endpoint,
    high: Endpoint,
    path: Path,
}

impl Key {
    pub(super) fn of(segment: &Segment<'_>) -> Self {
        Self {
            low: segment.source.min(segment.to),
            high: segment.source.max(segment.to),
            path: segment.path,
        }
    }

    /// Whether this end is the lower one.
    pub(super) fn is_low(&self, end: Endpoint) -> bool {
        self.low == end
    }
}

/// All connections.
#[derive(Debug, Default)]
pub(super) struct Table {
    hasher: RandomState,
    index: HashTable<Slot>,
    slots: Slots,
    free: Vec<Slot>,
    /// Connections that are open, by when they were heard.
    open: Order,
    /// Connections that ended, by when they did.
    ended: Order,
}

#[derive(Debug, Default)]
struct Slots(Vec<Vec<Connection>>);

impl Slots {
    fn at(&self, slot: Slot) -> &Connection {
        let slot = slot as usize;
        &self.0[slot / CHUNK][slot % CHUNK]
    }

    fn at_mut(&mut self, slot: Slot) -> &mut Connection {
        let slot = slot as usize;
        &mut self.0[slot / CHUNK][slot % CHUNK]
    }

    fn push(&mut self, connection: Connection) -> Slot {
        if self.0.last().is_none_or(|chunk| chunk.len() == CHUNK) {
            self.0.push(Vec::with_capacity(CHUNK));
        }
        let chunk = self.0.len() - 1;
        self.0[chunk].push(connection);
        // The bound on connections is far below what a slot can number.
        (chunk * CHUNK + self.0[chunk].len() - 1) as Slot
    }
}

impl Linked for Slots {
    fn links(&mut self, slot: Slot) -> &mut Links {
        &mut self.at_mut(slot).links
    }
}

impl Table {
    /// Connections known, ended ones included.
    pub(super) fn len(&self) -> usize {
        self.index.len()
    }

    pub(super) fn find(&self, key: &Key) -> Option<Slot> {
        let hash = self.hasher.hash_one(key);
        self.index
            .find(hash, |&slot| self.slots.at(slot).key() == key)
            .copied()
    }

    pub(super) fn connection(&self, slot: Slot) -> &Connection {
        self.slots.at(slot)
    }

    pub(super) fn connection_mut(&mut self, slot: Slot) -> &mut Connection {
        self.slots.at_mut(slot)
    }

    /// The connection in this slot, if it is still this flow and open.
    pub(super) fn flow_mut(&mut self, slot: Slot, flow: Flow) -> Option<&mut Connection> {
        let connection = self.slots.at_mut(slot);
        (connection.flow() == flow && !connection.is_closed()).then_some(connection)
    }

    /// Takes in a connection that is heard now.
    pub(super) fn insert(&mut self, connection: Connection) -> Slot {
        let hash = self.hasher.hash_one(connection.key());
        let slot = match self.free.pop() {
            Some(slot) => {
                *self.slots.at_mut(slot) = connection;
                slot
            }
            None => self.slots.push(connection),
        };
        let (hasher, slots) = (&self.hasher, &self.slots);
        self.index
            .insert_unique(hash, slot, |&slot| hasher.hash_one(slots.at(slot).key()));
        self.open.push(slot, &mut self.slots);
        slot
    }

    /// Forgets a connection that was closed.
    pub(super) fn remove(&mut self, slot: Slot) {
        let hash = self.hasher.hash_one(self.slots.at(slot).key());
        if let Ok(entry) = self.index.find_entry(hash, |&other| other == slot) {
            entry.remove();
            self.ended.remove(slot, &mut self.slots);
            self.free.push(slot);
        }
    }

    /// A connection was closed: it is only remembered now.
    pub(super) fn linger(&mut self, slot: Slot, now_ns: u64) {
        self.open.remove(slot, &mut self.slots);
        self.ended.push(slot, &mut self.slots);
        self.slots.at_mut(slot).touched_ns = now_ns;
    }

    /// A connection is heard.
    pub(super) fn touch(&mut self, slot: Slot, now_ns: u64, limits: &ReassemblyLimits) {
        let connection = self.slots.at(slot);
        if now_ns - connection.touched_ns > limits.idle_ns / TOUCHES && !connection.is_closed() {
            self.renew(slot, now_ns);
        }
    }

    #[cold]
    fn renew(&mut self, slot: Slot, now_ns: u64) {
        self.open.remove(slot, &mut self.slots);
        self.open.push(slot, &mut self.slots);
        self.slots.at_mut(slot).touched_ns = now_ns;
    }

    /// When a connection may be idle too long, or remembered long enough.
    pub(super) fn due_ns(&self, limits: &ReassemblyLimits) -> u64 {
        // It was heard at most a touch later than it was put in order.
        let patience_ns = limits.idle_ns.saturating_add(limits.idle_ns / TOUCHES);
        let due = |order: Order, patience_ns: u64| {
            let oldest = order.oldest()?;
            Some(self.slots.at(oldest).touched_ns.saturating_add(patience_ns))
        };
        let open_ns = due(self.open, patience_ns).unwrap_or(u64::MAX);
        open_ns.min(due(self.ended, limits.linger_ns).unwrap_or(u64::MAX))
    }

    /// The first of those; true where it is still open.
    pub(super) fn expire(&self, limits: &ReassemblyLimits, now_ns: u64) -> Option<(Slot, bool)> {
        if let Some(slot) = self.ended.oldest()
            && self.slots.at(slot).touched_ns.saturating_add(limits.linger_ns) <= now_ns
        {
            return Some((slot, false));
        }
        self.open.oldest().map(|slot| (slot, true))
    }

    /// The open connection that was opened or touched first.
    pub(super) fn oldest(&self) -> Option<Slot> {
        self.open.oldest()
    }

    /// Which connection to do without: one that ended, or one that was silent for long.
    pub(super) fn evict(&mut self, now_ns: u64) -> Option<Slot> {
        if let Some(slot) = self.ended.oldest() {
            return Some(slot);
        }
        for _ in 0..EVICTION_LOOKS {
            let slot = self.open.oldest()?;
            let connection = self.slots.at(slot);
            if connection.last_ns() <= connection.touched_ns {
                return Some(slot);
            }
            self.renew(slot, now_ns);
        }
        self.open.oldest()
    }
}
