//! Runs the office: on a thread of its own, or inline in the only shard.
//!
//! Inline saves two wake-ups a batch; it is for one shard that shares the process's descriptor table, because the
//! store has files. While the office works or commits, what arrives gathers in the shards' next parcels: the slower
//! the disk, the larger the group that each commit covers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use reactor::{Queue, QueueReceiver};

use super::Office;
use crate::desk::Inquiry;
use crate::parcel::{Outbox, Parcel};
use crate::warden::Life;

/// How often the store's housekeeping runs when nothing else happens.
const MAINTAIN_MS: u64 = 50;

/// Batches with a commit are at least this far apart. A sync costs the host some 100 µs of CPU whatever it covers, so
/// at a few thousand messages a second a pause of this length, which gathers them, halves the cost of a message; when
/// the disk or the load is slower than this, it never waits.
const COMMIT_EVERY: Duration = Duration::from_millis(2);

/// The office with its queues.
pub(crate) struct Runner {
    office: Office,
    inquiries: QueueReceiver<Inquiry>,
    batch: Vec<Inquiry>,
    maintained_ms: u64,
}

impl Runner {
    pub(crate) fn new(office: Office, inquiries: QueueReceiver<Inquiry>) -> Self {
        Self {
            office,
            inquiries,
            batch: Vec::new(),
            maintained_ms: 0,
        }
    }

    /// Works a batch of parcels off. What is returned is safe to send.
    pub(crate) fn work(&mut self, parcels: &[Parcel]) -> &mut [Outbox] {
        let now_ms = unix_ms();
        self.inquiries.take(&mut self.batch);
        if now_ms >= self.maintained_ms + MAINTAIN_MS {
            self.office.maintain(now_ms);
            self.maintained_ms = now_ms;
        }
        self.office.begin(now_ms);
        parcels.iter().for_each(|parcel| self.office.process(parcel));
        for inquiry in self.batch.drain(..) {
            self.office.inquire(inquiry);
        }
        self.office.finish()
    }

    /// Whether it wants to work on without waiting for anything.
    pub(crate) fn has_more(&self) -> bool {
        self.office.has_more()
    }

    /// Whether it wants to try files again soon.
    pub(crate) fn is_in_trouble(&self) -> bool {
        self.office.is_in_trouble()
    }

    /// Ends an inline office.
    pub(crate) fn close(self) {
        self.office.close();
    }

    /// Takes an outbox back that was taken from [`Runner::work`], for its memory.
    pub(crate) fn recycle(&mut self, outbox: Outbox) {
        self.office.recycle(outbox);
    }

    /// Runs on a thread of its own until told to stop.
    pub(crate) fn spawn(
        mut self,
        parcels: QueueReceiver<Parcel>,
        shards: Vec<Queue<Outbox>>,
        stop: Arc<AtomicBool>,
        life: Life,
    ) -> std::io::Result<JoinHandle<()>> {
        std::thread::Builder::new()
            .name("office".to_owned())
            .spawn(move || {
                let _life = life;
                let mut batch = Vec::new();
                let mut late: Vec<Outbox> = shards.iter().map(|_| Outbox::default()).collect();
                while !stop.load(Ordering::Acquire) {
                    let pause_ms = if self.has_more() { 0 } else { MAINTAIN_MS };
                    parcels.wake().wait(Duration::from_millis(pause_ms));
                    let begun = Instant::now();
                    parcels.take(&mut batch);
                    let outboxes = self.work(&batch);
                    batch.clear();
                    for ((outbox, queue), late) in outboxes.iter_mut().zip(&shards).zip(&mut late) {
                        post(outbox, queue, late);
                    }
                    if self.office.committed() {
                        std::thread::sleep(COMMIT_EVERY.saturating_sub(begun.elapsed()));
                    }
                }
                // The last parcels of the shards, which have ended by now.
                parcels.take(&mut batch);
                self.work(&batch);
                self.office.close();
            })
    }
}

/// Hands an outbox to its shard; what finds the queue full goes with the next, in order.
fn post(outbox: &mut Outbox, queue: &Queue<Outbox>, late: &mut Outbox) {
    if outbox.is_empty() && late.is_empty() {
        return;
    }
    late.append(outbox);
    let mut post = vec![std::mem::take(late)];
    if queue.push_all(&mut post).is_err() {
        *late = post.pop().unwrap_or_default();
    }
}

pub(crate) fn unix_ms() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_millis() as u64)
}
