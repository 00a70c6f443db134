//! Setting damaged items aside: out of their mailboxes, so that what waits behind them is delivered.
//!
//! It refuses to mend them. What can be read of one is kept in a file of its own, one record as of a segment numbered 0,
//! for whoever wants to look; nothing here reads it again. Only so many are set aside in a store's life:
//! where more cannot be read it is the disk that fails, and mailboxes had better wait for another one.

use std::io;

use super::disk::write_all_at;
use super::index::Entry;
use super::record::{self, ItemHead};
use super::{Erased, Store, count_death};

/// Items set aside at most, from opening to closing.
const ASIDE_MAX: u64 = 1024;

/// An item that was set aside.
#[derive(Clone, Debug)]
pub struct Aside {
    /// Which it was.
    pub item: Erased,
    /// The file that has what could be read of it, if it could be written.
    pub file: Option<String>,
}

impl Store {
    /// Takes the first item of `to` after a sequence number, which [`Self::next`] could not read, out of its mailbox for
    /// good. `None`, and it stays, where files cannot be written either, or too many were set aside already.
    ///
    /// It is not acknowledged, so a restart finds it again: still damaged it is left out and counted as torn, and
    /// where only a read had failed it is back.
    pub fn set_aside(&mut self, to: u64, after: u64) -> Option<Aside> {
        if self.log.failure.is_some() || self.counts.items_aside >= ASIDE_MAX {
            return None;
        }
        let entry = self.index.take_next(to, after)?;
        self.counts.items_aside += 1;
        let copy = self.copies.item(entry.seq(), self.log.now_ms);
        let file = self.keep(to, &entry, &copy).is_ok().then_some(copy);
        count_death(&mut self.log, &mut self.shared, &entry);
        Some(Aside {
            item: Erased {
                seq: entry.seq(),
                tick: entry.is_tick(),
                kind: entry.kind(),
                from: entry.from(),
                group: entry.group(),
                id: entry.id(),
            },
            file,
        })
    }

    /// Writes what can be read of an item, and what the index knows of it, to a file of its own.
    fn keep(&self, to: u64, entry: &Entry, copy: &str) -> io::Result<()> {
        let disk = self.log.disk.as_ref().ok_or(io::ErrorKind::NotFound)?;
        let place = entry.place();
        let mut found = Vec::new();
        let wanted = record::ITEM_HEAD_BYTES + entry.body_bytes();
        let is_readable = self
            .log
            .segment(place.segment)
            .is_some_and(|segment| segment.read(place.offset as usize, wanted, &mut found).is_ok());
        let (head, body) = match is_readable {
            true => found.split_at(record::ITEM_HEAD_BYTES),
            false => (&[0; record::ITEM_HEAD_BYTES][..], &[][..]),
        };
        let (time_ms, body_crc) = record::time_and_body_crc(head);
        let head = ItemHead {
            tick: entry.is_tick(),
            kind: entry.kind(),
            from: entry.from(),
            id: entry.id(),
            group: entry.group(),
            time_ms,
            body_crc,
        };
        let mut bytes = Vec::new();
        record::append_item(&mut bytes, 0, &head, body, std::iter::once((to, entry.seq())));
        let file = disk.create(copy, bytes.len() as u64)?;
        write_all_at(&*file, &bytes, 0)?;
        file.sync_data()
    }
}
