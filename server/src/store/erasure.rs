//! Dead bodies, overwritten with zeros where they stand.
//!
//! It refuses to move anything. Heads stay as they are, so the log remains readable at every instant, however an
//! overwriting is cut by a crash.

use super::Store;
use super::collection::Scan;
use super::record::{self, ItemRecord, Parsed, Record};
use super::segment::Segment;

impl Store {
    /// Whether a segment's dead bodies have been there long enough.
    pub(super) fn is_erasure_due(&self, segment: &Segment) -> bool {
        // A quarter of the time to let deaths gather, so that a segment is not walked for each; the rest to do it.
        let wait_ms = self.erase_within_ms / 4;
        segment
            .dead_since_ms
            .is_some_and(|since| self.log.now_ms >= since.saturating_add(wait_ms))
    }

    /// Erases in one chunk of a segment; false when nothing is due.
    pub(super) fn erase_step(&mut self) -> bool {
        let Some(mut scan) = self.erasing.or_else(|| self.begin_erasure()) else {
            return false;
        };
        let mut chunk = std::mem::take(&mut self.scratch);
        let finished = match self.load(&scan, &mut chunk) {
            Some(number) => self.erase_chunk(&mut scan, number, &mut chunk),
            None => true,
        };
        self.scratch = chunk;
        self.erasing = Some(scan);
        if finished {
            self.finish_erasure(scan);
        }
        true
    }

    fn begin_erasure(&mut self) -> Option<Scan> {
        let collected = self.collecting.map(|scan| scan.order);
        let due = self
            .log
            .segments
            .iter()
            .filter(|segment| Some(segment.order) != collected && self.is_erasure_due(segment))
            .min_by_key(|segment| segment.dead_since_ms)?
            .order;
        // A body must not be lost to a crash that also loses the word that it may be.
        if self.log.is_durable() && (self.log.write_out().is_err() || self.log.sync().is_err()) {
            return None;
        }
        self.log.by_order(due)?.dead_since_ms = None;
        Some(Scan::new(due))
    }

    fn erase_chunk(&mut self, scan: &mut Scan, number: u64, chunk: &mut [u8]) -> bool {
        let mut at = 0;
        let again = self
            .log
            .by_order(scan.order)
            .is_some_and(|segment| segment.is_erasure_unsafe);
        let mut changed: Option<std::ops::Range<usize>> = None;
        while at < chunk.len() {
            let Parsed::Whole(record, bytes) = record::parse(&chunk[at..], number) else {
                break;
            };
            if let Record::Item(item) = record {
                let recipients = item.recipients().len();
                let body = at + record::ITEM_HEAD_BYTES..at + record::ITEM_HEAD_BYTES + item.body.len();
                let is_there = again || item.body.iter().any(|byte| *byte != 0);
                if is_there && self.is_dead(scan, scan.offset + at, &item) {
                    chunk[body.clone()].fill(0);
                    changed = Some(changed.map_or(body.start, |range| range.start)..body.end);
                }
                scan.slot += recipients;
            }
            at += bytes;
        }
        let offset = scan.offset;
        scan.offset += at;
        let now_ms = self.log.now_ms;
        let Some(segment) = self.log.by_order(scan.order) else {
            return true;
        };
        if let Some(range) = changed {
            scan.changed = true;
            if segment.overwrite(offset + range.start, &chunk[range]).is_err() {
                segment.dead_since_ms = Some(now_ms);
                return true;
            }
        }
        at == 0 || scan.offset >= segment.len
    }

    fn is_dead(&mut self, scan: &Scan, offset: usize, item: &ItemRecord<'_>) -> bool {
        let Some(segment) = self.log.by_order(scan.order) else {
            return false;
        };
        let slots = segment.slots.get(scan.slot..).unwrap_or_default();
        !item
            .recipients()
            .zip(slots)
            .any(|((_, seq), &slot)| self.index.is_at(slot, seq, scan.order as u16, offset as u32))
    }

    fn finish_erasure(&mut self, scan: Scan) {
        self.erasing = None;
        if !scan.changed {
            return;
        }
        self.counts.erased_segments += 1;
        let is_asked = !self.log.is_durable() || self.log.sync_erasure(scan.order);
        let now_ms = self.log.now_ms;
        if let Some(segment) = self.log.by_order(scan.order) {
            segment.is_erasure_unsafe = !is_asked;
            if !is_asked {
                segment.dead_since_ms = Some(now_ms);
            }
        }
    }
}
