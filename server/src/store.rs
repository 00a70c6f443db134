//! The log-structured mailbox store: messages wait here until their recipients have them.
//!
//! It refuses to know connections, groups' meaning and clocks: time comes in as an argument, and one thread owns it.
//!
//! **The log.** Everything is appended to segments, files of equal length that are made in advance, full of zeros,
//! by a second thread ([`Store`] owns it). A message is one record, whether to one person or to a group, so a crash
//! keeps all of it or nothing. [`Store::commit`] writes what a batch appended, once, and syncs it. An
//! acknowledgement is a record too; it refers to its own or an older segment only, so taking segments away oldest
//! first never has to copy one.
//!
//! **Collection.** The oldest segment's living items and senders' windows are copied to the end, then its file goes.
//! That happens when more than half of the log is dead, when space is short, and when the oldest segment holds bodies
//! to erase and is mostly dead. **Erasure**: elsewhere a dead body is overwritten with zeros where it stands, which
//! makes no copies of what still lives. Both are done in bounded steps by [`Store::maintain`] and reach every
//! acknowledged body within [`Options::erase_within_ms`], if `maintain` is called at least every tenth of that and
//! the disk keeps up. That holds for the file's content; a file system that copies on write or a flash disk may keep
//! old blocks, as it may after a removal.
//!
//! **A full disk.** Two segments are always in reserve. Messages never take those, so [`Error::Full`] is what a sender
//! gets, while acknowledgements still land and collection can still copy. Should acknowledgements fill even those,
//! they count in memory only ([`Stats::acks_unlogged`]): after a crash such messages may be delivered again. Any
//! other error of a write or a sync refuses messages until everything that was appended is safe again; reads go on,
//! and nothing committed is lost, because bytes stay in memory until a sync has succeeded.
//!
//! **A damaged item.** What cannot be read back as it was written stops nobody's mailbox: [`Store::set_aside`] takes it
//! out and keeps what is left of it in a file of its own, as opening keeps what it cuts off. Such copies go
//! [`Options::copies_kept_ms`] after they were made: what they hold may have been delivered.
//!
//! **Ids.** A repeated id of one sender is found by a window of 64 ids (RFC 4303 section 3.4.3), kept across restarts
//! for [`Options::window_age_ms`] after the sender's last message, for at most [`Options::windows_max`] senders.
//!
//! **Order.** Sequence numbers grow within the store's life and across restarts (they begin from the clock, 2²⁰ a
//! millisecond), so one that a client still holds never names another message.
//!
//! **Memory.** 48 B an item, about 60 B a mailbox that is not empty, about 56 B a sender in the window; nothing for
//! anyone else. The open segment is in memory, and what is not synced yet.
//!
//! **Rate.** 100 B bodies, 256 a commit, each acknowledged in the next batch, two cores, ext4: 0.9 to 1.0 million
//! messages a second with `Commit` (204 B written and 0.7 us of processor time each), 2.1 million with `Async`, 3.1
//! million with `Memory`; 0.7, 1.5 and 2.1 million with 100 thousand waiting. `examples/store_rate.rs` measures it.

mod arrival;
mod aside;
mod collection;
mod copies;
mod damage;
mod disk;
mod erasure;
mod error;
mod figures;
mod files;
mod flushing;
mod index;
mod item;
mod keeper;
mod log;
mod options;
mod record;
mod recovery;
mod segment;
#[cfg(test)]
mod simulated;
#[cfg(test)]
mod simulation;
mod slab;
mod switching;
#[cfg(test)]
mod tests;
mod window;

pub mod accounts;

use std::time::Instant;

use foldhash::fast::RandomState;
use hashbrown::HashMap;

pub use aside::Aside;
use collection::Scan;
use copies::Copies;
pub use error::Error;
pub use figures::{CommitStats, Health, Recovery, Stats};
pub(crate) use files::OPEN_MAX;
use index::{Entry, Index};
pub use item::{Erased, Item, NewMessage};
use log::{Log, Purpose, RESERVES};
pub use options::{Durability, Options};
#[cfg(test)]
pub(crate) use simulated::SimulatedDisk;
use window::Windows;
pub use window::{Seen, WINDOW_IDS};

/// The longest body in bytes.
pub const BODY_BYTES_MAX: usize = 16 * 1024;
/// Acknowledgements alone are written this much later at most.
const LAZY_WRITE_MS: u64 = 1000;

/// The store.
pub struct Store {
    log: Log,
    copies: Copies,
    index: Index,
    windows: Windows,
    /// Records with several items: how many still live, by segment and offset.
    shared: HashMap<(u16, u32), u32, RandomState>,
    erase_within_ms: u64,
    copies_kept_ms: u64,
    quota_bytes: u64,
    mailbox_max_items: usize,
    pending_items: u64,
    appended_bytes: usize,
    wrote_ms: u64,
    synced_ms: u64,
    collecting: Option<Scan>,
    erasing: Option<Scan>,
    scratch: Vec<u8>,
    /// Index slot, recipient and sequence of an item's survivors.
    survivors: Vec<(u32, u64, u64)>,
    counts: Stats,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Store")
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}

impl Store {
    /// What the sender's window says of a message id.
    #[must_use]
    pub fn check(&self, sender: u64, id: u64) -> Seen {
        self.windows.check(sender, id)
    }

    /// The highest id the sender's window knows; 0 where nobody remembers one.
    #[must_use]
    pub fn last_id(&self, sender: u64) -> u64 {
        self.windows.highest(sender)
    }

    /// Remembers a message id as seen. Recovery finds it again in the message's own record.
    pub fn accept(&mut self, sender: u64, id: u64, now_ms: u64) {
        self.windows.accept(sender, id, now_ms);
    }

    /// The sequence number that the next item gets at least.
    #[must_use]
    pub fn next_seq(&self) -> u64 {
        self.log.next_seq
    }

    /// Takes away all items of `to` with a sequence of at most `through`, oldest first, and tells which. It is
    /// written with the next commit, or within a second by [`Self::maintain`].
    pub fn ack(&mut self, to: u64, through: u64, mut erased: impl FnMut(Erased)) {
        let Self {
            log, index, shared, ..
        } = self;
        let last = index.pop_through(to, through, |entry| {
            count_death(log, shared, entry);
            erased(Erased {
                seq: entry.seq(),
                tick: entry.is_tick(),
                kind: entry.kind(),
                from: entry.from(),
                group: entry.group(),
                id: entry.id(),
            });
        });
        // The number of the last item, not the asked one: a number from the future must not touch items to come.
        let Some(last) = last else {
            return;
        };
        let write = |out: &mut Vec<u8>, segment| record::append_ack(out, segment, to, last);
        match self.log.append(record::ACK_BYTES, Purpose::Upkeep, write) {
            Ok(_) => self.appended_bytes += record::ACK_BYTES,
            Err(_) => self.counts.acks_unlogged += 1,
        }
    }

    /// The first item of `to` after a sequence number. Its body is appended to `out`. Reading on from the item
    /// read before takes constant time.
    ///
    /// # Errors
    /// [`Error::Io`] and [`Error::Damaged`]; the item stays, and `out` is as it was.
    pub fn next(&mut self, to: u64, after: u64, out: &mut Vec<u8>) -> Result<Option<Item>, Error> {
        let Some(entry) = self.index.next(to, after) else {
            return Ok(None);
        };
        let seq = entry.seq();
        let place = entry.place();
        let start = out.len();
        let segment = self.log.segment(place.segment).ok_or(Error::Damaged { seq })?;
        segment.read(
            place.offset as usize,
            record::ITEM_HEAD_BYTES + entry.body_bytes(),
            out,
        )?;
        let (head, body) = out[start..].split_at(record::ITEM_HEAD_BYTES);
        let (time_ms, body_crc) = record::time_and_body_crc(head);
        if crc32c::crc32c(body) != body_crc {
            out.truncate(start);
            return Err(Error::Damaged { seq });
        }
        out.drain(start..start + record::ITEM_HEAD_BYTES);
        Ok(Some(Item {
            seq,
            tick: entry.is_tick(),
            kind: entry.kind(),
            from: entry.from(),
            group: entry.group(),
            id: entry.id(),
            time_ms,
            body: start..out.len(),
        }))
    }

    /// Makes everything put so far as safe as the durability says. Call it before any answer goes out.
    ///
    /// # Errors
    /// The files refuse. Then no answer of the batch may go out as accepted; what was put stays, is tried again by
    /// every later call, and is safe after the first that succeeds. Until then messages are refused.
    pub fn commit(&mut self, now_ms: u64) -> Result<CommitStats, Error> {
        self.log.now_ms = self.log.now_ms.max(now_ms);
        self.log.poll_keeper();
        let items = self.pending_items;
        if self.log.durability == Durability::Memory {
            self.pending_items = 0;
            return Ok(CommitStats {
                items,
                ..CommitStats::default()
            });
        }
        let start = Instant::now();
        let bytes = self.log.write_out()?;
        let must_sync =
            self.log.failure.is_some() || (self.log.durability == Durability::Commit && items > 0);
        if must_sync {
            self.log.sync()?;
        }
        self.wrote_ms = self.log.now_ms;
        self.pending_items = 0;
        let took_us = u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.counts.commits += u64::from(bytes > 0);
        self.counts.commit_us_total += took_us;
        self.counts.committed_bytes += bytes as u64;
        Ok(CommitStats {
            items,
            bytes,
            took_us,
        })
    }

    /// Whether messages or ticks wait for a commit. Acknowledgements alone do not.
    #[must_use]
    pub fn needs_commit(&self) -> bool {
        self.pending_items > 0
    }

    /// Items of one mailbox.
    #[must_use]
    pub fn mailbox_len(&self, to: u64) -> usize {
        self.index.len(to)
    }

    /// Whether one more item fits into a mailbox.
    #[must_use]
    pub fn has_room(&self, to: u64) -> bool {
        self.index.len(to) < self.mailbox_max_items
    }

    /// The office's own note on a mailbox: the highest sequence sent, and how many sent items are unacknowledged;
    /// zeros where the mailbox is empty.
    #[must_use]
    pub fn sent(&self, to: u64) -> (u64, u16) {
        self.index.sent(to)
    }

    /// Sets that note. It goes when the mailbox is empty and does not survive a restart; false, and nothing kept,
    /// where the mailbox is empty already.
    pub fn set_sent(&mut self, to: u64, sent_through: u64, in_flight: u16) -> bool {
        self.index.set_sent(to, sent_through, in_flight)
    }

    /// How the store feels.
    #[must_use]
    pub fn health(&self) -> Health {
        match self.log.failure {
            Some(kind) => Health::Failing(kind),
            None if self.log.starved_since_ms.is_some() && self.log.reserves.len() < RESERVES => Health::Full,
            None => Health::Good,
        }
    }

    /// Figures.
    #[must_use]
    pub fn stats(&self) -> Stats {
        Stats {
            items: self.index.items(),
            ticks: self.index.ticks(),
            mailboxes: self.index.mailboxes(),
            longest_mailbox: self.index.longest(),
            windows: self.windows.len(),
            copies: self.copies.len(),
            segments: self.log.segments.len(),
            space_bytes: self.log.space_bytes(),
            live_bytes: self.log.live_bytes,
            index_bytes: self.index.bytes() + self.windows.bytes() + self.shared.allocation_size(),
            buffer_bytes: self.log.memory_bytes(),
            ..self.counts
        }
    }
}

/// Counts an item's bytes as dead; the body's only when it was the last item of its record.
fn count_death(log: &mut Log, shared: &mut HashMap<(u16, u32), u32, RandomState>, entry: &Entry) {
    let place = entry.place();
    if place.shared
        && let Some(living) = shared.get_mut(&(place.segment, place.offset))
    {
        *living -= 1;
        if *living > 0 {
            log.count_dead(place.segment, record::RECIPIENT_BYTES, false);
            return;
        }
        shared.remove(&(place.segment, place.offset));
    }
    let bytes = record::item_bytes(entry.body_bytes(), 1);
    log.count_dead(place.segment, bytes, entry.body_bytes() > 0);
}
