//! How the log's bytes reach stable storage, and what comes back from the keeper.
//!
//! It refuses to know records. Only bytes count here: appended, written, synced.

use std::io;

use super::keeper::{Done, Job, Syncing};
use super::log::{Log, Retired};
use super::segment::{Backing, Segment};

/// After a refusal the disk is asked for space again so much later.
const STARVED_RETRY_MS: u64 = 1000;

impl Log {
    /// Writes everything that was appended; returns the bytes.
    ///
    /// # Errors
    /// The file refuses; what is not written stays in memory and is tried again by the next call.
    pub(super) fn write_out(&mut self) -> io::Result<usize> {
        let mut bytes = 0;
        for segment in unsynced(&mut self.segments, self.unsynced_from) {
            match segment.write_out() {
                Ok(count) => bytes += count,
                Err(error) => {
                    self.failure = Some(error.kind());
                    return Err(error);
                }
            }
        }
        Ok(bytes)
    }

    /// Puts everything that was written on stable storage.
    ///
    /// # Errors
    /// As [`Self::write_out`].
    pub(super) fn sync(&mut self) -> io::Result<()> {
        for segment in unsynced(&mut self.segments, self.unsynced_from) {
            if segment.is_synced() {
                continue;
            }
            if let Err(error) = segment.sync() {
                self.failure = Some(error.kind());
                return Err(error);
            }
        }
        self.settle_synced();
        // A failure ends when all that was appended is safe.
        if self.segments.back().is_none_or(Segment::is_synced) {
            self.failure = None;
        }
        Ok(())
    }

    /// Asks the keeper to sync what was written.
    pub(super) fn sync_later(&mut self) {
        if self.syncing {
            return;
        }
        let Some(keeper) = &mut self.keeper else {
            return;
        };
        for segment in unsynced(&mut self.segments, self.unsynced_from) {
            if segment.is_synced() {
                continue;
            }
            let Some(backing) = &segment.backing else {
                continue;
            };
            let what = Syncing::Records {
                order: segment.order,
                through: segment.written,
            };
            // One file at a time, in order: a later segment never counts as safe before an earlier one.
            self.syncing = keeper.submit(Job::Sync {
                what,
                file: backing.file.clone(),
            });
            return;
        }
    }

    /// Asks the keeper to sync the bodies that were overwritten in a segment.
    pub(super) fn sync_erasure(&mut self, order: u64) -> bool {
        let Some(backing) = self.by_order(order).and_then(|segment| segment.backing.clone()) else {
            return true;
        };
        let job = Job::Sync {
            what: Syncing::Erasure { order },
            file: backing.file,
        };
        self.keeper.as_mut().is_none_or(|keeper| keeper.submit(job))
    }

    /// Takes all answers that are there.
    pub(super) fn poll_keeper(&mut self) {
        while let Some(done) = self.keeper.as_mut().and_then(super::keeper::Keeper::poll) {
            self.take(done);
        }
    }

    /// Takes one answer, waiting for it; false when none is to come.
    pub(super) fn wait_for_keeper(&mut self) -> bool {
        match self.keeper.as_mut().and_then(super::keeper::Keeper::wait) {
            Some(done) => {
                self.take(done);
                true
            }
            None => false,
        }
    }

    /// Removes the files of collected segments whose survivors are safe, and asks for space again.
    pub(super) fn tidy(&mut self) {
        while let Some((safe_at, name)) = self
            .retired
            .front()
            .map(|retired| (retired.safe_at, retired.name.clone()))
        {
            if self.is_durable() && !self.is_safe(safe_at) {
                break;
            }
            let taken = self
                .keeper
                .as_mut()
                .is_some_and(|keeper| keeper.submit(Job::Remove { name }));
            if !taken {
                break;
            }
            self.removing += 1;
            self.retired.pop_front();
        }
        if self
            .starved_since_ms
            .is_some_and(|since| self.now_ms >= since + STARVED_RETRY_MS)
        {
            self.starved_since_ms = None;
        }
        self.request_reserves();
    }

    /// Whether everything up to an offset in a segment is on stable storage.
    pub(super) fn is_safe(&mut self, (order, offset): (u64, usize)) -> bool {
        order < self.unsynced_from
            || (order == self.unsynced_from
                && self
                    .by_order(order)
                    .is_none_or(|segment| segment.backing.is_none() || segment.synced >= offset))
    }

    fn take(&mut self, done: Done) {
        match done {
            Done::Prepared { name, result } => {
                self.preparing -= 1;
                match result {
                    Ok(file) if self.is_durable() => self.reserves.push_back(Backing { name, file }),
                    Ok(_) => self.retire(name),
                    Err(_) => self.starved_since_ms = Some(self.now_ms),
                }
            }
            Done::Synced {
                what: Syncing::Records { order, through },
                result,
            } => {
                self.syncing = false;
                self.note_synced(order, through, &result);
            }
            Done::Synced {
                what: Syncing::Erasure { order },
                result,
            } => {
                let now_ms = self.now_ms;
                if let (Err(_), Some(segment)) = (result, self.by_order(order)) {
                    segment.dead_since_ms = Some(now_ms);
                    segment.is_erasure_unsafe = true;
                }
            }
            Done::Removed { name, result } => {
                self.removing -= 1;
                match result {
                    Ok(()) => self.starved_since_ms = None,
                    Err(_) => self.retire(name),
                }
            }
        }
    }

    /// Removes a file that nothing depends on, when there is time.
    pub(super) fn retire(&mut self, name: String) {
        self.retired.push_back(Retired {
            name,
            safe_at: (0, 0),
        });
    }

    fn note_synced(&mut self, order: u64, through: usize, result: &io::Result<()>) {
        let Some(segment) = self.by_order(order) else {
            return;
        };
        match result {
            Ok(()) => segment.synced = segment.synced.max(through),
            Err(error) => {
                segment.written = segment.synced;
                self.failure = Some(error.kind());
                return;
            }
        }
        self.settle_synced();
    }

    pub(super) fn settle_synced(&mut self) {
        while let Some(segment) = {
            let order = self.unsynced_from;
            self.by_order(order)
        } {
            let order = segment.order;
            let is_last = self.segments.back().is_some_and(|last| last.order == order);
            if is_last && self.is_open {
                return;
            }
            let Some(segment) = self.by_order(order).filter(|segment| segment.is_synced()) else {
                return;
            };
            let buffer = segment.release();
            self.unsynced_from = order + 1;
            if let Some(buffer) = buffer {
                self.keep_buffer(buffer);
            }
        }
    }
}

/// The segments from an order on.
fn unsynced(
    segments: &mut std::collections::VecDeque<Segment>,
    from: u64,
) -> impl Iterator<Item = &mut Segment> {
    let first = segments.front().map_or(0, |segment| segment.order);
    let skip = usize::try_from(from.saturating_sub(first))
        .unwrap_or(usize::MAX)
        .min(segments.len());
    segments.range_mut(skip..)
}
