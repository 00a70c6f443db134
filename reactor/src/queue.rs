//! Queues between threads: bounded, named, counted, and handed over a batch at a time.
//!
//! A push takes the lock once for a whole batch; the receiver takes everything there is by a swap, so the lock is
//! held for a copy of a few words an item. The eventfd is written only when the queue was empty: a receiver that has
//! not looked yet is already awake.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};

use crate::Wake;

/// The sending end. Clones feed the same queue.
pub struct Queue<T> {
    shared: Arc<Shared<T>>,
}

/// The receiving end; there is one.
pub struct QueueReceiver<T> {
    shared: Arc<Shared<T>>,
}

/// A queue that is at its capacity; what was to be pushed stays with the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("queue {name} is full ({capacity} items)")]
pub struct Full {
    /// The queue's name.
    pub name: &'static str,
    /// Its capacity, items.
    pub capacity: usize,
}

struct Shared<T> {
    items: Mutex<Vec<T>>,
    capacity: usize,
    wake: Wake,
    stats: QueueStats,
}

/// What a queue counts of itself.
#[derive(Debug)]
pub struct QueueStats {
    /// Its name, as figures carry it.
    pub name: &'static str,
    depth: AtomicU64,
    longest: AtomicU64,
    pushed: AtomicU64,
    refused: AtomicU64,
    contended: AtomicU64,
}

impl QueueStats {
    /// Items waiting.
    pub fn depth(&self) -> u64 {
        self.depth.load(Ordering::Relaxed)
    }
    /// The most that ever waited.
    pub fn longest(&self) -> u64 {
        self.longest.load(Ordering::Relaxed)
    }
    /// Items ever pushed.
    pub fn pushed(&self) -> u64 {
        self.pushed.load(Ordering::Relaxed)
    }
    /// Items refused because the queue was full.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }
    /// Times the lock was held by another when asked for.
    pub fn contended(&self) -> u64 {
        self.contended.load(Ordering::Relaxed)
    }
}

impl<T> Clone for Queue<T> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<T> std::fmt::Debug for Queue<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Queue").field(&self.shared.stats).finish()
    }
}

impl<T> std::fmt::Debug for QueueReceiver<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("QueueReceiver").field(&self.shared.stats).finish()
    }
}

impl<T> Queue<T> {
    /// A queue of at most `capacity` items whose receiver sleeps on `wake`.
    #[must_use]
    pub fn new(name: &'static str, capacity: usize, wake: Wake) -> (Self, QueueReceiver<T>) {
        let stats = QueueStats {
            name,
            depth: AtomicU64::new(0),
            longest: AtomicU64::new(0),
            pushed: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            contended: AtomicU64::new(0),
        };
        let shared = Arc::new(Shared {
            items: Mutex::new(Vec::new()),
            capacity,
            wake,
            stats,
        });
        (
            Self {
                shared: Arc::clone(&shared),
            },
            QueueReceiver { shared },
        )
    }

    /// Pushes a whole batch, leaving it empty, or nothing of it.
    ///
    /// # Errors
    /// The batch does not fit; it stays as it was and is counted as refused.
    pub fn push_all(&self, batch: &mut Vec<T>) -> Result<(), Full> {
        if batch.is_empty() {
            return Ok(());
        }
        let shared = &*self.shared;
        let mut items = shared.lock();
        if items.len() + batch.len() > shared.capacity {
            shared
                .stats
                .refused
                .fetch_add(batch.len() as u64, Ordering::Relaxed);
            return Err(Full {
                name: shared.stats.name,
                capacity: shared.capacity,
            });
        }
        let sleeping = items.is_empty();
        shared
            .stats
            .pushed
            .fetch_add(batch.len() as u64, Ordering::Relaxed);
        items.append(batch);
        let depth = items.len() as u64;
        shared.stats.depth.store(depth, Ordering::Relaxed);
        shared.stats.longest.fetch_max(depth, Ordering::Relaxed);
        drop(items);
        if sleeping {
            shared.wake.wake();
        }
        Ok(())
    }

    /// Pushes one item.
    ///
    /// # Errors
    /// The queue is full; the item is dropped and counted as refused.
    pub fn push(&self, item: T) -> Result<(), Full> {
        self.push_all(&mut vec![item])
    }

    /// The queue's figures.
    #[must_use]
    pub fn stats(&self) -> &QueueStats {
        &self.shared.stats
    }
}

impl<T> QueueReceiver<T> {
    /// Takes everything that waits, in order. `into` must be empty; its memory becomes the queue's.
    pub fn take(&self, into: &mut Vec<T>) {
        debug_assert!(into.is_empty(), "a batch not yet worked off");
        let mut items = self.shared.lock();
        std::mem::swap(&mut *items, into);
        self.shared.stats.depth.store(0, Ordering::Relaxed);
    }

    /// What the receiver sleeps on.
    #[must_use]
    pub fn wake(&self) -> &Wake {
        &self.shared.wake
    }

    /// The queue's figures.
    #[must_use]
    pub fn stats(&self) -> &QueueStats {
        &self.shared.stats
    }
}

impl<T> Shared<T> {
    fn lock(&self) -> MutexGuard<'_, Vec<T>> {
        match self.items.try_lock() {
            Ok(guard) => guard,
            Err(TryLockError::WouldBlock) => {
                self.stats.contended.fetch_add(1, Ordering::Relaxed);
                // A poisoned lock guards a plain Vec, which is whole whatever its holder was doing.
                self.items.lock().unwrap_or_else(PoisonError::into_inner)
            }
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_full_queue_refuses_the_whole_batch_and_counts_it() {
        let (queue, receiver) = Queue::new("test", 3, Wake::new().unwrap());
        let mut batch = vec![1, 2];
        queue.push_all(&mut batch).unwrap();
        batch.extend([3, 4]);
        assert_eq!(
            queue.push_all(&mut batch),
            Err(Full {
                name: "test",
                capacity: 3
            })
        );
        assert_eq!(batch, [3, 4]);
        assert_eq!((queue.stats().refused(), queue.stats().depth()), (2, 2));
        let mut taken = Vec::new();
        receiver.take(&mut taken);
        assert_eq!(taken, [1, 2]);
        assert_eq!((queue.stats().depth(), queue.stats().longest()), (0, 2));
    }

    #[test]
    fn nothing_is_lost_between_threads_and_no_wake_is_missed() {
        const EACH: u64 = 20_000;
        let (queue, receiver) = Queue::new("test", 1 << 20, Wake::new().unwrap());
        let senders: Vec<_> = (0..4)
            .map(|sender| {
                let queue = queue.clone();
                std::thread::spawn(move || (0..EACH).for_each(|item| queue.push((sender, item)).unwrap()))
            })
            .collect();
        let (mut next, mut batch, mut left) = ([0; 4], Vec::new(), 4 * EACH);
        while left > 0 {
            // A missed wake would sleep here for as long as the test may last.
            receiver.wake().wait(Duration::from_secs(3600));
            receiver.take(&mut batch);
            for (sender, item) in batch.drain(..) {
                let next: &mut u64 = &mut next[sender];
                assert_eq!(item, *next);
                *next += 1;
                left -= 1;
            }
        }
        senders.into_iter().for_each(|sender| sender.join().unwrap());
    }
}
