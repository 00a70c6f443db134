//! Turning durability while the store runs, and closing it.
//!
//! It refuses to convert records: a segment's bytes are the same in memory and in a file.

use std::io;

use super::disk::write_all_at;
use super::log::Log;
use super::segment::Backing;
use super::{Durability, Error, Store};

impl Store {
    /// Turns the durability. From memory to a file, everything in memory is written and synced before this returns,
    /// which takes as long as the disk does. To memory, new segments get no files; those that have one are read on
    /// and emptied by collection, and since acknowledgements are not written from then on, a crash may bring back what
    /// the files still held.
    ///
    /// # Errors
    /// [`Error::Options`] without a directory, [`Error::Io`] where the files refuse; the durability stays as it was.
    pub fn set_durability(&mut self, durability: Durability, now_ms: u64) -> Result<(), Error> {
        if durability == self.log.durability {
            return Ok(());
        }
        self.log.now_ms = self.log.now_ms.max(now_ms);
        self.flush()?;
        match durability {
            Durability::Memory => {
                self.log.seal();
                self.log.durability = durability;
                self.log.settle_synced();
                while let Some(reserve) = self.log.reserves.pop_front() {
                    self.log.retire(reserve.name);
                }
                self.log.starved_since_ms = None;
            }
            Durability::Async | Durability::Commit => {
                if self.log.disk.is_none() {
                    return Err(Error::Options("a durable store needs a directory"));
                }
                self.log.give_files()?;
                self.log.durability = durability;
                self.log.starved_since_ms = None;
                self.log.request_reserves();
            }
        }
        self.pending_items = 0;
        Ok(())
    }

    /// The durability now.
    #[must_use]
    pub fn durability(&self) -> Durability {
        self.log.durability
    }

    /// Writes and syncs everything, acknowledgements too, and ends.
    ///
    /// # Errors
    /// [`Error::Io`] where the files refuse.
    pub fn close(mut self) -> Result<(), Error> {
        self.flush()
    }

    fn flush(&mut self) -> Result<(), Error> {
        if self.log.is_durable() {
            self.log.write_out()?;
            self.log.sync()?;
            self.pending_items = 0;
        }
        Ok(())
    }
}

impl Log {
    /// Gives a file to each segment that has none.
    fn give_files(&mut self) -> io::Result<()> {
        let Some(disk) = self.disk.clone() else {
            return Err(io::ErrorKind::NotFound.into());
        };
        for position in 0..self.segments.len() {
            if self.segments[position].backing.is_some() {
                continue;
            }
            let name = self.new_name();
            let file = disk.create(&name, self.segment_bytes as u64)?;
            let segment = &mut self.segments[position];
            write_all_at(&*file, &segment.bytes, 0)?;
            file.sync_data()?;
            (segment.written, segment.synced) = (segment.len, segment.len);
            segment.backing = Some(Backing { name, file });
        }
        // Every file is synced now, so only the open segment is left to watch.
        self.unsynced_from = self
            .segments
            .front()
            .map_or(self.unsynced_from, |front| front.order);
        self.settle_synced();
        Ok(())
    }
}
