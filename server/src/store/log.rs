//! The log: segments in the order they were written, the last one open for appending.
//!
//! It refuses to know mailboxes; it keeps bytes, counts what is live, and guards the reserve. Empty segments
//! are kept ready. Messages never take the last two of them: those are for acknowledgements and for the copies that
//! collection makes, so that a full disk can always be emptied again.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use super::disk::Disk;
use super::keeper::{Job, Keeper};
use super::record::{self, SEGMENT_BYTES, SegmentHead};
use super::segment::{Backing, Segment};
use super::{Durability, Error};

/// Segments kept ready.
pub(super) const RESERVES: usize = 3;
/// Those that messages leave alone: one that collection can fill with a segment's survivors, and one for
/// acknowledgements meanwhile.
const UPKEEP_RESERVES: usize = 2;
/// The index knows a segment by 16 bits of its order.
const SEGMENTS_MAX: usize = 60_000;
/// Buffers of closed segments kept for the next ones.
const SPARE_BUFFERS: usize = 2;
const SUFFIX: &str = ".segment";

/// What room is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// A new message or tick, which leaves the last reserves alone.
    Message,
    /// An acknowledgement or a copy, which helps to empty the disk.
    Upkeep,
}

/// A file whose survivors are copied, to be removed once the copies are safe.
pub(super) struct Retired {
    pub(super) name: String,
    /// The end of the copies: a segment's order and an offset.
    pub(super) safe_at: (u64, usize),
}

/// The segments and the files around them.
pub(super) struct Log {
    pub(super) disk: Option<Arc<dyn Disk>>,
    pub(super) keeper: Option<Keeper>,
    pub(super) segments: VecDeque<Segment>,
    /// Whether the last segment takes records.
    pub(super) is_open: bool,
    pub(super) reserves: VecDeque<Backing>,
    pub(super) preparing: usize,
    pub(super) retired: VecDeque<Retired>,
    pub(super) removing: usize,
    pub(super) durability: Durability,
    pub(super) segment_bytes: usize,
    quota_bytes: u64,
    /// The order of the first segment that is not wholly synced.
    pub(super) unsynced_from: u64,
    /// Why files cannot be written now.
    pub(super) failure: Option<io::ErrorKind>,
    /// Since when no further segment can be made.
    pub(super) starved_since_ms: Option<u64>,
    pub(super) syncing: bool,
    pub(super) next_seq: u64,
    next_order: u64,
    next_number: u64,
    next_file: u64,
    spare: Vec<Vec<u8>>,
    pub(super) live_bytes: u64,
    pub(super) now_ms: u64,
}

impl Log {
    /// A log without segments.
    pub(super) fn new(
        disk: Option<Arc<dyn Disk>>,
        keeper: Option<Keeper>,
        durability: Durability,
        segment_bytes: usize,
        quota_bytes: u64,
        now_ms: u64,
    ) -> Self {
        Self {
            disk,
            keeper,
            segments: VecDeque::new(),
            is_open: false,
            reserves: VecDeque::new(),
            preparing: 0,
            retired: VecDeque::new(),
            removing: 0,
            durability,
            segment_bytes,
            quota_bytes,
            unsynced_from: 0,
            failure: None,
            starved_since_ms: None,
            syncing: false,
            next_seq: 1,
            next_order: 0,
            next_number: 1,
            next_file: 1,
            spare: Vec::new(),
            live_bytes: 0,
            now_ms,
        }
    }

    /// Takes a recovered segment; they come in the order of their numbers.
    pub(super) fn adopt(&mut self, number: u64, backing: Backing, len: usize) -> &mut Segment {
        self.skip_file(&backing.name);
        self.next_number = self.next_number.max(number + 1);
        let mut segment = Segment::new(self.next_order, number, Some(backing), Vec::new());
        (segment.len, segment.written, segment.synced) = (len, len, len);
        self.next_order += 1;
        self.unsynced_from = self.next_order;
        self.segments.push_back(segment);
        let last = self.segments.len() - 1;
        &mut self.segments[last]
    }

    /// Never gives a file this name again.
    pub(super) fn skip_file(&mut self, name: &str) {
        if let Some(serial) = serial_of(name) {
            self.next_file = self.next_file.max(serial + 1);
        }
    }

    /// Appends a record of `bytes` bytes; returns its segment's order and its offset. `write` gets the buffer and
    /// the segment's number.
    ///
    /// # Errors
    /// [`Error::TooLarge`] for a record longer than a segment, [`Error::Full`] without room, [`Error::Failed`] where
    /// a message comes while files cannot be written.
    pub(super) fn append(
        &mut self,
        bytes: usize,
        purpose: Purpose,
        write: impl FnOnce(&mut Vec<u8>, u64),
    ) -> Result<(u64, u32), Error> {
        if purpose == Purpose::Message
            && let Some(kind) = self.failure
        {
            return Err(Error::Failed { kind });
        }
        if bytes > self.segment_bytes - SEGMENT_BYTES {
            return Err(Error::TooLarge {
                bytes,
                max: self.segment_bytes - SEGMENT_BYTES,
            });
        }
        if !self.is_open || self.room() < bytes {
            self.roll(purpose)?;
        }
        let segment = self.segments.back_mut().ok_or(Error::Full)?;
        let offset = segment.len;
        write(&mut segment.bytes, segment.number);
        segment.len = segment.bytes.len();
        debug_assert_eq!(segment.len, offset + bytes);
        Ok((segment.order, offset as u32))
    }

    /// Counts an item that was just appended, by its slots in the index.
    pub(super) fn count_item(&mut self, bytes: usize, slots: impl Iterator<Item = u32>) {
        if let Some(segment) = self.segments.back_mut() {
            segment.slots.extend(slots);
            segment.live_bytes += bytes as u64;
            self.live_bytes += bytes as u64;
        }
    }

    /// Counts bytes of a segment as no longer wanted; `body` when a body is among them.
    pub(super) fn count_dead(&mut self, segment: u16, bytes: usize, body: bool) {
        let now_ms = self.now_ms;
        let Some(segment) = self.segment_mut(segment) else {
            return;
        };
        segment.live_bytes -= bytes as u64;
        if body {
            segment.dead_since_ms.get_or_insert(now_ms);
        }
        self.live_bytes -= bytes as u64;
    }

    /// The segment by the low bits of its order.
    pub(super) fn segment(&self, low: u16) -> Option<&Segment> {
        self.segments.get(self.position(low)?)
    }

    fn segment_mut(&mut self, low: u16) -> Option<&mut Segment> {
        let position = self.position(low)?;
        self.segments.get_mut(position)
    }

    fn position(&self, low: u16) -> Option<usize> {
        let first = self.segments.front()?.order as u16;
        Some(usize::from(low.wrapping_sub(first)))
    }

    /// The segment by its whole order.
    pub(super) fn by_order(&mut self, order: u64) -> Option<&mut Segment> {
        let first = self.segments.front()?.order;
        self.segments
            .get_mut(usize::try_from(order.checked_sub(first)?).ok()?)
    }

    /// Bytes left in the open segment.
    pub(super) fn room(&self) -> usize {
        match self.segments.back() {
            Some(segment) if self.is_open => self.segment_bytes - segment.len,
            _ => 0,
        }
    }

    /// Bytes that upkeep may still write, with nothing removed meanwhile.
    pub(super) fn upkeep_room(&self) -> usize {
        let reserves = if self.is_durable() {
            self.reserves.len()
        } else {
            let quota = usize::try_from(self.quota_bytes).unwrap_or(usize::MAX) / self.segment_bytes;
            quota.saturating_sub(self.segments.len()).min(RESERVES)
        };
        self.room() + reserves * (self.segment_bytes - SEGMENT_BYTES)
    }

    /// Whether new segments get files.
    pub(super) fn is_durable(&self) -> bool {
        self.durability != Durability::Memory
    }

    /// Bytes of all files, reserves too; in memory only, of all segments.
    pub(super) fn space_bytes(&self) -> u64 {
        (self.file_count() * self.segment_bytes) as u64
    }

    fn file_count(&self) -> usize {
        self.segments.len() + self.reserves.len() + self.preparing + self.retired.len() + self.removing
    }

    /// Closes the open segment; the next record starts another.
    pub(super) fn seal(&mut self) {
        self.is_open = false;
    }

    /// Opens the next segment.
    fn roll(&mut self, purpose: Purpose) -> Result<(), Error> {
        if self.segments.len() >= SEGMENTS_MAX {
            return Err(Error::Full);
        }
        let keep = if purpose == Purpose::Message {
            UPKEEP_RESERVES
        } else {
            0
        };
        let backing = if self.is_durable() {
            self.request_reserves();
            while self.reserves.len() <= keep {
                if !self.wait_for_keeper() {
                    return Err(Error::Full);
                }
            }
            self.reserves.pop_front()
        } else {
            let wanted = (self.file_count() + 1 + keep) * self.segment_bytes;
            if wanted as u64 > self.quota_bytes {
                return Err(Error::Full);
            }
            None
        };
        let mut bytes = self
            .spare
            .pop()
            .unwrap_or_else(|| Vec::with_capacity(self.segment_bytes));
        bytes.clear();
        let head = SegmentHead {
            number: self.next_number,
            next_seq: self.next_seq,
            opened_ms: self.now_ms,
        };
        record::append_segment(&mut bytes, &head);
        self.segments
            .push_back(Segment::new(self.next_order, head.number, backing, bytes));
        self.next_order += 1;
        self.next_number += 1;
        self.is_open = true;
        self.request_reserves();
        Ok(())
    }

    /// Asks for empty segments until enough are ready or under way.
    pub(super) fn request_reserves(&mut self) {
        while self.is_durable()
            && self.starved_since_ms.is_none()
            && self.reserves.len() + self.preparing < RESERVES
        {
            if self.space_bytes() + self.segment_bytes as u64 > self.quota_bytes {
                self.starved_since_ms = Some(self.now_ms);
                return;
            }
            let name = self.new_name();
            let Some(keeper) = &mut self.keeper else {
                return;
            };
            if !keeper.submit(Job::Prepare {
                name,
                bytes: self.segment_bytes as u64,
            }) {
                return;
            }
            self.preparing += 1;
        }
    }

    /// A name that no file had.
    pub(super) fn new_name(&mut self) -> String {
        let name = format!("{:016x}{SUFFIX}", self.next_file);
        self.next_file += 1;
        name
    }

    /// Keeps a closed segment's buffer for the next segment.
    pub(super) fn keep_buffer(&mut self, buffer: Vec<u8>) {
        if self.spare.len() < SPARE_BUFFERS && buffer.capacity() > 0 {
            self.spare.push(buffer);
        }
    }

    /// Memory of buffers and lists, in bytes.
    pub(super) fn memory_bytes(&self) -> usize {
        let held = |segment: &Segment| segment.bytes.capacity() + segment.slots.capacity() * size_of::<u32>();
        self.segments.iter().map(held).sum::<usize>() + self.spare.iter().map(Vec::capacity).sum::<usize>()
    }
}

/// The serial number in a segment file's name, if it is one.
pub(super) fn serial_of(name: &str) -> Option<u64> {
    u64::from_str_radix(name.strip_suffix(SUFFIX)?, 16).ok()
}
