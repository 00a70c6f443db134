//! What a shard tells the clerk: events for the ledger and measurements, a batch a turn.
//!
//! It does not know what becomes of them. Where the clerk falls behind, batches wait here, and a shard that sees them
//! pile up holds its next actions back: they are late, and counted so, but no event is ever lost.

use reactor::Queue;

use crate::ledger::Event;
use crate::timing::Timing;

/// What may wait here before the shard holds back.
const HELD_BACK: usize = 32_768;

/// A shard's outgoing batches.
#[derive(Debug)]
pub(super) struct Report {
    events: Vec<Event>,
    timings: Vec<Timing>,
    to_ledger: Queue<Event>,
    to_histograms: Queue<Timing>,
}

impl Report {
    pub(super) fn new(to_ledger: Queue<Event>, to_histograms: Queue<Timing>) -> Self {
        Self {
            events: Vec::new(),
            timings: Vec::new(),
            to_ledger,
            to_histograms,
        }
    }

    pub(super) fn event(&mut self, event: Event) {
        self.events.push(event);
    }

    pub(super) fn timing(&mut self, timing: Timing) {
        self.timings.push(timing);
    }

    /// Hands the batches over, or keeps what does not fit.
    pub(super) fn flush(&mut self) {
        // Refusals are counted by the queues; the batch stays and goes with the next.
        let _ = self.to_ledger.push_all(&mut self.events);
        let _ = self.to_histograms.push_all(&mut self.timings);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.events.is_empty() && self.timings.is_empty()
    }

    /// Whether the clerk has fallen so far behind that nothing new should be begun.
    pub(super) fn is_held_back(&self) -> bool {
        self.events.len().max(self.timings.len()) > HELD_BACK
    }
}
