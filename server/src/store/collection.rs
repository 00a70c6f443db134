//! Upkeep in bounded steps: what is due, and the copying of the oldest segment's survivors.
//!
//! It refuses to be called in the middle of a batch: what is not committed yet is not moved.

use super::index::Place;
use super::log::{Purpose, Retired};
use super::record::{self, ItemHead, ItemRecord, Parsed, Record};
use super::{Durability, Error, LAZY_WRITE_MS, Store};

/// Bytes of a segment read at once.
pub(super) const CHUNK_BYTES: usize = 256 * 1024;
/// Chunks a call handles at least and at most.
const STEPS: std::ops::RangeInclusive<usize> = 4..=64;
/// Segments that may be dead before collection starts, besides as much again as lives.
const SLACK_SEGMENTS: u64 = 4;
/// Senders forgotten a call.
const EVICTIONS: usize = 1024;

/// How far a walk through a segment has come.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scan {
    pub(super) order: u64,
    pub(super) offset: usize,
    /// Recipients passed.
    pub(super) slot: usize,
    /// Whether anything was changed on the way.
    pub(super) changed: bool,
}

impl Scan {
    /// At the start of a segment.
    pub(super) fn new(order: u64) -> Self {
        Self {
            order,
            offset: record::SEGMENT_BYTES,
            slot: 0,
            changed: false,
        }
    }
}

/// What a step came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// There is more.
    Going,
    /// The segment is done.
    Finished,
    /// There is no room to go on now.
    Stuck,
}

impl Store {
    /// Does what is due: writes late acknowledgements, syncs (`Async`), retries after a failure, forgets old
    /// windows, erases dead bodies, collects segments and removes old copies of what was damaged. Call it between batches, at least ten times a second; the
    /// work of a call is bounded by twice what was appended since the last one, and by 1 to 16 MiB.
    pub fn maintain(&mut self, now_ms: u64) {
        self.log.now_ms = self.log.now_ms.max(now_ms);
        self.log.poll_keeper();
        if self.log.failure.is_some() && self.commit(now_ms).is_err() {
            return;
        }
        if self.log.now_ms >= self.wrote_ms + LAZY_WRITE_MS {
            self.wrote_ms = self.log.now_ms;
            // A failure is noted in the log and retried by the next call.
            let _ = self.log.write_out();
        }
        let is_due = self.log.now_ms >= self.synced_ms + LAZY_WRITE_MS;
        if self.log.durability == Durability::Async && is_due {
            self.log.sync_later();
            if self
                .log
                .segments
                .back()
                .is_none_or(|last| last.order <= self.log.unsynced_from)
            {
                self.synced_ms = self.log.now_ms;
            }
        }
        self.windows.evict(self.log.now_ms, EVICTIONS);
        self.expire_copy();
        if !self.needs_commit() && self.log.failure.is_none() {
            self.keep_up();
        }
        self.log.tidy();
        self.log.poll_keeper();
    }

    fn keep_up(&mut self) {
        let steps = (2 * self.appended_bytes / CHUNK_BYTES).clamp(*STEPS.start(), *STEPS.end());
        self.appended_bytes = 0;
        for _ in 0..steps {
            if self.collecting.is_none() && self.is_collection_due() {
                self.collecting = self.log.segments.front().map(|front| Scan::new(front.order));
            }
            let step = match self.collecting {
                Some(scan) => self.collect(scan),
                None => Step::Stuck,
            };
            if step == Step::Stuck && !self.erase_step() {
                break;
            }
        }
        let Some(retired) = self.log.retired.front() else {
            return;
        };
        let safe_at = retired.safe_at;
        if self.log.is_durable() && !self.log.is_safe(safe_at) && self.log.write_out().is_ok() {
            match self.log.durability {
                Durability::Commit => {
                    let _ = self.log.sync();
                }
                _ => self.log.sync_later(),
            }
        }
    }

    fn is_collection_due(&self) -> bool {
        let log = &self.log;
        let Some(front) = log.segments.front() else {
            return false;
        };
        let is_last = log.segments.len() == 1 && log.is_open;
        if is_last || (front.order >= log.unsynced_from && !front.is_synced()) {
            return false;
        }
        let windows_bytes = self.windows.len() * record::WINDOW_BYTES;
        let copies = front.live_bytes as usize + windows_bytes.min(front.len);
        if front.live_bytes > 0 && copies + log.segment_bytes / 16 > log.upkeep_room() {
            return false;
        }
        if self.is_erasure_due(front) && front.is_mostly_dead() {
            return true;
        }
        let segment_bytes = log.segment_bytes as u64;
        let used = log.segments.len() as u64 * segment_bytes;
        let live = log.live_bytes + windows_bytes as u64;
        let slack = (SLACK_SEGMENTS * segment_bytes).min(self.quota_bytes / 4);
        used > 2 * live + slack || (log.starved_since_ms.is_some() && used > live + 2 * segment_bytes)
    }

    /// Copies the survivors of one chunk of the oldest segment.
    fn collect(&mut self, mut scan: Scan) -> Step {
        let mut chunk = std::mem::take(&mut self.scratch);
        let step = match self.load(&scan, &mut chunk) {
            Some(number) => self.collect_chunk(&mut scan, number, &chunk),
            // An unreadable file may be readable later.
            None => Step::Stuck,
        };
        self.scratch = chunk;
        self.collecting = Some(scan);
        if step == Step::Finished {
            self.finish_collection();
        }
        step
    }

    /// Reads the next chunk of a walk; at least one whole record of what can be read. Returns the segment's number.
    pub(super) fn load(&mut self, scan: &Scan, chunk: &mut Vec<u8>) -> Option<u64> {
        chunk.clear();
        let segment = self.log.by_order(scan.order)?;
        let rest = segment.len - scan.offset.min(segment.len);
        segment.read(scan.offset, rest.min(CHUNK_BYTES), chunk).ok()?;
        if let Parsed::Short(bytes) = record::parse(chunk, segment.number)
            && bytes <= rest
        {
            chunk.clear();
            segment.read(scan.offset, bytes, chunk).ok()?;
        }
        Some(segment.number)
    }

    fn collect_chunk(&mut self, scan: &mut Scan, number: u64, chunk: &[u8]) -> Step {
        let mut at = 0;
        while at < chunk.len() {
            let Parsed::Whole(record, bytes) = record::parse(&chunk[at..], number) else {
                break;
            };
            let copied = match record {
                Record::Item(item) => self.copy_item(scan, scan.offset + at, &item),
                Record::Window(window) => self.copy_window(scan, window.sender),
                Record::Ack { .. } => Ok(()),
            };
            if copied.is_err() {
                scan.offset += at;
                return Step::Stuck;
            }
            if let Record::Item(item) = record {
                scan.slot += item.recipients().len();
            }
            at += bytes;
        }
        scan.offset += at;
        let len = self.log.by_order(scan.order).map_or(0, |segment| segment.len);
        match (scan.offset >= len, at) {
            (true, _) => Step::Finished,
            (false, 0) => self.give_up(*scan),
            (false, _) => Step::Going,
        }
    }

    fn copy_item(&mut self, scan: &Scan, offset: usize, item: &ItemRecord<'_>) -> Result<(), Error> {
        let low = scan.order as u16;
        self.survivors.clear();
        if let Some(segment) = self.log.by_order(scan.order) {
            let slots = segment.slots.get(scan.slot..).unwrap_or_default();
            let living = item.recipients().zip(slots).filter_map(|((to, seq), &slot)| {
                self.index
                    .is_at(slot, seq, low, offset as u32)
                    .then_some((slot, to, seq))
            });
            self.survivors.extend(living);
        }
        if !self.survivors.is_empty() {
            let bytes = record::item_bytes(item.body.len(), self.survivors.len());
            let head = ItemHead {
                tick: item.tick,
                kind: item.kind,
                from: item.from,
                id: item.id,
                group: item.group,
                time_ms: item.time_ms,
                body_crc: item.body_crc,
            };
            let recipients = self.survivors.iter().map(|(_, to, seq)| (*to, *seq));
            let (order, new_offset) = self.log.append(bytes, Purpose::Upkeep, |out, number| {
                record::append_item(out, number, &head, item.body, recipients);
            })?;
            self.log
                .count_item(bytes, self.survivors.iter().map(|(slot, ..)| *slot));
            self.log.count_dead(low, bytes, false);
            let place = Place {
                segment: order as u16,
                offset: new_offset,
                shared: self.survivors.len() > 1,
            };
            for (slot, ..) in &self.survivors {
                self.index.relocate(*slot, place);
            }
            self.shared.remove(&(low, offset as u32));
            if place.shared {
                self.shared
                    .insert((place.segment, place.offset), self.survivors.len() as u32);
            }
        }
        if item.tick {
            Ok(())
        } else {
            self.copy_window(scan, item.from)
        }
    }

    fn copy_window(&mut self, scan: &Scan, sender: u64) -> Result<(), Error> {
        let Some(window) = self.windows.to_record(sender, scan.order, self.log.now_ms) else {
            return Ok(());
        };
        let (order, _) = self
            .log
            .append(record::WINDOW_BYTES, Purpose::Upkeep, |out, number| {
                record::append_window(out, number, &window);
            })?;
        self.windows.note_recorded(sender, order);
        Ok(())
    }

    /// Leaves a segment that cannot be read back: its file stays for the next recovery, its items answer as damaged.
    fn give_up(&mut self, scan: Scan) -> Step {
        self.counts.damaged_segments += 1;
        if let Some(segment) = self.log.by_order(scan.order) {
            segment.backing = None;
        }
        Step::Finished
    }

    fn finish_collection(&mut self) {
        self.collecting = None;
        let safe_at = self
            .log
            .segments
            .back()
            .map_or((0, 0), |last| (last.order, last.len));
        let Some(front) = self.log.segments.pop_front() else {
            return;
        };
        self.log.live_bytes -= front.live_bytes;
        self.log.unsynced_from = self.log.unsynced_from.max(front.order + 1);
        self.counts.collected_segments += 1;
        if self.erasing.is_some_and(|erasing| erasing.order == front.order) {
            self.erasing = None;
        }
        match front.backing {
            Some(backing) => self.log.retired.push_back(Retired {
                name: backing.name,
                safe_at,
            }),
            None => self.log.keep_buffer(front.bytes),
        }
    }
}
