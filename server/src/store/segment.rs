//! One segment of the log: its bytes, in memory or in a file, and what of it is still wanted.
//!
//! It refuses to know the other segments, and when anything is due.

use std::io;
use std::sync::Arc;

use super::disk::{DiskFile, read_exact_at, write_all_at};

/// A file by its name.
#[derive(Clone)]
pub(super) struct Backing {
    pub(super) name: String,
    pub(super) file: Arc<dyn DiskFile>,
}

/// One segment.
pub(super) struct Segment {
    /// Its place in the log of this process; without gaps, unlike the number.
    pub(super) order: u64,
    /// Its number in its own head, which grows across restarts.
    pub(super) number: u64,
    /// `None` while the log is in memory only.
    pub(super) backing: Option<Backing>,
    /// All bytes, while the segment is written, not yet synced, or has no file; else empty.
    pub(super) bytes: Vec<u8>,
    /// Bytes in use.
    pub(super) len: usize,
    /// Bytes handed to the file.
    pub(super) written: usize,
    /// Bytes on stable storage.
    pub(super) synced: usize,
    /// The index slot of each recipient of each item, in the order of the records.
    pub(super) slots: Vec<u32>,
    /// Bytes that a copy of what is still wanted would take.
    pub(super) live_bytes: u64,
    /// Since when a body is here that nobody wants any more.
    pub(super) dead_since_ms: Option<u64>,
    /// Whether the zeros over dead bodies are to be written again, because a sync of them failed.
    pub(super) is_erasure_unsafe: bool,
}

impl Segment {
    /// A segment whose content is `bytes`, of which nothing is written yet.
    pub(super) fn new(order: u64, number: u64, backing: Option<Backing>, bytes: Vec<u8>) -> Self {
        Self {
            order,
            number,
            backing,
            len: bytes.len(),
            bytes,
            written: 0,
            synced: 0,
            slots: Vec::new(),
            live_bytes: 0,
            dead_since_ms: None,
            is_erasure_unsafe: false,
        }
    }

    /// Whether all of it is as safe as it will be.
    pub(super) fn is_synced(&self) -> bool {
        self.backing.is_none() || self.synced == self.len
    }

    /// Whether the whole content is in memory.
    pub(super) fn is_in_memory(&self) -> bool {
        self.bytes.len() == self.len
    }

    /// Appends `count` bytes from `offset` to `out`.
    ///
    /// # Errors
    /// The file cannot be read or is shorter than it was; `out` is as it was.
    pub(super) fn read(&self, offset: usize, count: usize, out: &mut Vec<u8>) -> io::Result<()> {
        if self.is_in_memory() {
            let found = self
                .bytes
                .get(offset..offset + count)
                .ok_or(io::ErrorKind::UnexpectedEof)?;
            out.extend_from_slice(found);
            return Ok(());
        }
        let backing = self.backing.as_ref().ok_or(io::ErrorKind::NotFound)?;
        let start = out.len();
        out.resize(start + count, 0);
        let result = read_exact_at(&*backing.file, &mut out[start..], offset as u64);
        if result.is_err() {
            out.truncate(start);
        }
        result
    }

    /// Hands everything appended so far to the file.
    pub(super) fn write_out(&mut self) -> io::Result<usize> {
        let Some(backing) = &self.backing else {
            return Ok(0);
        };
        let pending = self.bytes.get(self.written..self.len).unwrap_or_default();
        write_all_at(&*backing.file, pending, self.written as u64)?;
        let count = pending.len();
        self.written += count;
        Ok(count)
    }

    /// Puts what was written on stable storage. When that fails, the host may have dropped the bytes although it
    /// shows them still, so they count as not written.
    pub(super) fn sync(&mut self) -> io::Result<()> {
        let Some(backing) = &self.backing else {
            return Ok(());
        };
        let result = backing.file.sync_data();
        match result {
            Ok(()) => self.synced = self.written,
            Err(_) => self.written = self.synced,
        }
        result
    }

    /// Gives up the bytes in memory once the file has them; returns the buffer for another segment.
    pub(super) fn release(&mut self) -> Option<Vec<u8>> {
        (self.backing.is_some() && self.is_synced() && !self.bytes.is_empty()).then(|| {
            self.slots.shrink_to_fit();
            std::mem::take(&mut self.bytes)
        })
    }

    /// Overwrites part of the content in place, in memory and in the file.
    pub(super) fn overwrite(&mut self, offset: usize, bytes: &[u8]) -> io::Result<()> {
        if self.is_in_memory() {
            self.bytes[offset..offset + bytes.len()].copy_from_slice(bytes);
        }
        match &self.backing {
            // What was not written yet goes out changed already.
            Some(backing) if offset < self.written => {
                let count = bytes.len().min(self.written - offset);
                write_all_at(&*backing.file, &bytes[..count], offset as u64)
            }
            _ => Ok(()),
        }
    }

    /// Whether more than half of it is no longer wanted.
    pub(super) fn is_mostly_dead(&self) -> bool {
        self.live_bytes * 2 < self.len as u64
    }
}
