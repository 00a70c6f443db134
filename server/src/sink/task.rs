//! The thread that drains a sink's queue into its outlet.
//!
//! It does not know who pushes. It is a thread because it sleeps on the queue's eventfd and because appending to a file
//! blocks; only a webhook borrows the tokio runtime.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use reactor::QueueReceiver;
use serde_json::Value;
use tokio::sync::watch;

use super::coalescer::Coalescer;
use super::outlet::Outlet;
use super::{Counts, Item, Options};

/// The longest sleep; a wake or a window's end comes before it whenever there is something to do.
const SLEEP_MAX: Duration = Duration::from_secs(3_600);

/// How far a sink's life has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// It drains its queue.
    Run,
    /// It is to hand over what waits, and end.
    Drain,
    /// It is to end now.
    Abandon,
}

/// A sink at work.
#[derive(Debug)]
pub(super) struct Task<T> {
    receiver: QueueReceiver<T>,
    outlet: Outlet,
    coalescer: Coalescer<T>,
    counts: Arc<Counts>,
    phase: watch::Receiver<Phase>,
    batch_max_items: usize,
    name: &'static str,
    /// The last batch failed and that was logged: a gateway that is down gets one line, not one a batch.
    failing: bool,
}

impl<T: Item> Task<T> {
    pub(super) fn new(
        receiver: QueueReceiver<T>,
        outlet: Outlet,
        options: &Options,
        counts: Arc<Counts>,
        phase: watch::Receiver<Phase>,
    ) -> Self {
        Self {
            receiver,
            outlet,
            coalescer: Coalescer::new(options.window),
            counts,
            phase,
            batch_max_items: options.batch_max_items.max(1),
            name: options.name,
            failing: false,
        }
    }

    /// Drains until the phase changes, then once more.
    pub(super) fn run(mut self) {
        let mut items = Vec::new();
        loop {
            let now = Instant::now();
            let deadline = self.coalescer.deadline();
            let sleep = deadline.map_or(SLEEP_MAX, |deadline| deadline.saturating_duration_since(now));
            self.receiver.wake().wait(sleep.min(SLEEP_MAX));
            // Read before the queue, so that whatever was pushed before the phase changed is still taken.
            let phase = *self.phase.borrow();
            self.receiver.take(&mut items);
            let ready = self.ready(&mut items, Instant::now(), phase);
            self.hand_over(ready);
            if phase != Phase::Run {
                return;
            }
        }
    }

    /// What goes out now: windows that are over first, then what came in, and at the end all the rest.
    fn ready(&mut self, items: &mut Vec<T>, now: Instant, phase: Phase) -> Vec<Value> {
        let mut ready = Vec::new();
        while let Some(item) = self.coalescer.expired(now) {
            ready.push(item.json());
        }
        let mut gathered = 0;
        for item in items.drain(..) {
            ready.extend(
                self.coalescer
                    .offer(item, now, &mut gathered)
                    .map(|item| item.json()),
            );
        }
        self.counts.coalesced.fetch_add(gathered, Relaxed);
        if phase != Phase::Run {
            ready.extend(self.coalescer.flush().map(|item| item.json()));
        }
        ready
    }

    fn hand_over(&mut self, mut ready: Vec<Value>) {
        while !ready.is_empty() {
            let rest = ready.split_off(self.batch_max_items.min(ready.len()));
            let batch = std::mem::replace(&mut ready, rest);
            let count = batch.len() as u64;
            match self.outlet.hand_over(batch, &mut self.phase) {
                Ok(()) => {
                    self.counts.written.fetch_add(count, Relaxed);
                    if std::mem::take(&mut self.failing) {
                        tracing::info!(sink = self.name, "the sink takes items again");
                    }
                }
                Err(error) => {
                    self.counts.failed.fetch_add(count, Relaxed);
                    if !std::mem::replace(&mut self.failing, true) {
                        tracing::warn!(sink = self.name, %error, "the sink fails; its items are dropped");
                    }
                }
            }
        }
    }
}
