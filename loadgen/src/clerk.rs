//! The clerk: the one thread that keeps the ledger and the histograms, and says when a drain is over.
//!
//! It does not know connections: shards report to it by two bounded queues. It lives on the process's own descriptor
//! table and never waits for a shard.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use reactor::{Clock, QueueReceiver};
use record::Sample;
use wire::chat::Code;

use crate::control::Control;
use crate::ledger::{Event, Figures, Ledger};
use crate::members::Members;
use crate::tally::Board;
use crate::timing::{Histograms, Timing};

/// How often the clerk looks at the course of the run.
const LOOK: Duration = Duration::from_millis(100);
/// How long batches gather before the clerk takes them: a wake-up a turn of every shard would cost more than the books.
const GATHER: Duration = Duration::from_millis(10);
/// How long everything must be found settled before the drain is over: acknowledgements of what arrived last are still
/// on their way to the server, and second ticks from it.
const CALM_US: u64 = 500_000;
/// How often the ledger lets go of what is old.
const SWEEP_EVERY_MS: u32 = 5_000;
/// Items a batch's memory is kept for.
const BATCH_KEPT: usize = 8_192;

/// What others may read of the clerk's books.
#[derive(Debug, Default)]
pub(crate) struct Books {
    shown: Mutex<Shown>,
}

#[derive(Debug, Default)]
struct Shown {
    figures: Figures,
    refusals: Vec<(Code, u64)>,
    histograms: Histograms,
}

impl Books {
    pub(crate) fn figures(&self) -> Figures {
        self.lock().figures
    }

    pub(crate) fn refusals(&self) -> Vec<(Code, u64)> {
        self.lock().refusals.clone()
    }

    /// Merges the measurements since the last call into a sample.
    pub(crate) fn move_timings_into(&self, sample: &mut Sample) {
        self.lock().histograms.move_into(sample);
    }

    fn lock(&self) -> MutexGuard<'_, Shown> {
        // Figures are replaced whole and histograms take one value at a time: a panic elsewhere leaves them sound.
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// When the drain is over at the latest.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Course {
    /// The plan's length, microseconds.
    pub(crate) duration_us: u64,
    /// How long after it the ledger may take to settle, microseconds.
    pub(crate) settle_us: u64,
}

/// The clerk.
pub(crate) struct Clerk {
    pub(crate) clock: Clock,
    pub(crate) control: Arc<Control>,
    pub(crate) course: Course,
    pub(crate) members: Arc<dyn Members>,
    pub(crate) ledger: Ledger,
    pub(crate) events: QueueReceiver<Event>,
    pub(crate) timings: QueueReceiver<Timing>,
    pub(crate) boards: Arc<[Arc<Board>]>,
    pub(crate) books: Arc<Books>,
    /// Since when everything has been found settled.
    pub(crate) calm_since_us: Option<u64>,
}

/// Whether the ledger settled before the shards closed their connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Settled(pub(crate) bool);

impl Clerk {
    /// Keeps the books until the run ends, or is found broken; `close` then wakes the shards. Their last batches are
    /// taken by [`Clerk::take_in`].
    pub(crate) fn run(&mut self, is_broken: impl Fn() -> bool, close: impl FnOnce()) -> Settled {
        let (mut events, mut timings) = (Vec::new(), Vec::new());
        let mut swept_ms = 0;
        loop {
            self.events.wake().wait(LOOK);
            std::thread::sleep(GATHER);
            let now_us = self.clock.now_us();
            self.keep(&mut events, &mut timings, now_us);
            let now_ms = (now_us / 1_000) as u32;
            if now_ms.saturating_sub(swept_ms) >= SWEEP_EVERY_MS {
                swept_ms = now_ms;
                self.ledger.sweep(now_ms);
            }
            let broken = (!self.control.is_ending() && is_broken()).then_some(Settled(false));
            if let Some(settled) = broken.or_else(|| self.verdict(now_us)) {
                self.control.end();
                close();
                return settled;
            }
        }
    }

    /// Takes what shards hand in while they end.
    pub(crate) fn take_in(&mut self) {
        self.keep(&mut Vec::new(), &mut Vec::new(), self.clock.now_us());
    }

    /// Enters what was reported.
    fn keep(&mut self, events: &mut Vec<Event>, timings: &mut Vec<Timing>, now_us: u64) {
        self.events.take(events);
        for event in events.drain(..) {
            self.ledger
                .observe(event, &*self.members, (now_us / 1_000) as u32);
        }
        self.timings.take(timings);
        let mut shown = self.books.lock();
        timings
            .drain(..)
            .for_each(|timing| shown.histograms.record(timing));
        shown.figures = self.ledger.figures();
        shown.refusals.clear();
        shown.refusals.extend(self.ledger.refusals());
        drop(shown);
        events.shrink_to(BATCH_KEPT);
        timings.shrink_to(BATCH_KEPT);
    }

    /// Whether the run is over: stopped, settled after its plan, or out of patience.
    fn verdict(&mut self, now_us: u64) -> Option<Settled> {
        let is_settled = self.ledger.figures().is_settled();
        if self.control.is_ending() {
            return Some(Settled(is_settled));
        }
        let planned_us = self.control.begin_us()?.saturating_add(self.course.duration_us);
        if now_us < planned_us {
            return None;
        }
        // A shard that shows itself idle has handed in its batches; they may still be in the queue.
        let is_calm =
            self.boards.iter().all(|board| board.is_idle()) && self.events.stats().depth() == 0 && is_settled;
        let calm_since_us = self.calm_since_us.filter(|_| is_calm).unwrap_or(now_us);
        self.calm_since_us = is_calm.then_some(calm_since_us);
        if is_calm && now_us - calm_since_us >= CALM_US {
            return Some(Settled(true));
        }
        (now_us >= planned_us.saturating_add(self.course.settle_us)).then_some(Settled(is_settled))
    }
}
