//! A shard: one thread, one transport, one application, one loop.
//!
//! The loop reads the clock twice a turn, once after it slept and once before it sleeps again; the difference is its
//! useful work, which is what CPU figures of schedulers that spin cannot show.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::{App, Clock, Link, PartError, Parting, Wake, part};

/// The longest sleep, so that a shard is never further from its bookkeeping.
const SLEEP_MAX_US: u64 = 1_000_000;

/// Over how long a loop's utilisation is told.
const WINDOW_US: u64 = 1_000_000;

/// A transport, as a shard's loop sees it.
pub trait Transport: Link + Sized {
    /// Sleeps until something happens or the time is over.
    ///
    /// # Errors
    /// epoll itself failed.
    fn wait(&mut self, timeout: Duration) -> std::io::Result<()>;

    /// Works off what happened, and what is due by now.
    fn handle<A: App<Self>>(&mut self, app: &mut A, wake: &Wake, now_us: u64);

    /// The turn is over: whatever it left to be sent is sent.
    fn flush(&mut self) {}
}

/// What a shard's loop counts of itself; written by the shard alone.
#[derive(Debug, Default)]
#[repr(align(64))]
pub struct ShardStats {
    busy_us: AtomicU64,
    turns: AtomicU64,
    recent_permille: AtomicU64,
}

impl ShardStats {
    /// Microseconds spent working.
    pub fn busy_us(&self) -> u64 {
        self.busy_us.load(Ordering::Relaxed)
    }
    /// The share of its time, 0 to 1, that the loop worked in the last window of a second or more.
    pub fn recent(&self) -> f64 {
        self.recent_permille.load(Ordering::Relaxed) as f64 / 1_000.0
    }
    /// Turns of the loop.
    pub fn turns(&self) -> u64 {
        self.turns.load(Ordering::Relaxed)
    }
}

/// A shard could not start, or its loop broke.
#[derive(Debug, thiserror::Error)]
pub enum ShardError {
    /// The thread could not part from the process's descriptor table.
    #[error(transparent)]
    Part(#[from] PartError),
    /// A system call that must not fail did.
    #[error("shard failed: {0}")]
    Io(#[from] std::io::Error),
}

/// A running loop.
#[derive(Debug)]
pub struct Shard {
    clock: Clock,
    wake: Wake,
    stats: Arc<ShardStats>,
    spacing_us: u64,
}

impl Shard {
    /// A loop on this clock that `wake` wakes.
    #[must_use]
    pub fn new(clock: Clock, wake: Wake, stats: Arc<ShardStats>) -> Self {
        Self {
            clock,
            wake,
            stats,
            spacing_us: 0,
        }
    }

    /// Turns in quick succession begin at least so many microseconds apart. To fall asleep and wake up costs about as much
    /// as to serve an event, so what comes in quick succession is served together; an event after a quiet time is served
    /// at once, and costs one waking.
    #[must_use]
    pub fn spaced(mut self, spacing_us: u64) -> Self {
        self.spacing_us = spacing_us;
        self
    }

    /// Runs until the application ends it.
    ///
    /// # Errors
    /// epoll itself failed.
    pub fn run<T: Transport, A: App<T>>(&self, transport: &mut T, app: &mut A) -> Result<(), ShardError> {
        let mut due_us = 0;
        let mut now_us = self.clock.now_us();
        let (mut before_us, mut woke_us) = (0, 0);
        let mut window = Window::begin(now_us, &self.stats);
        loop {
            let rest_us = rest_us(before_us..woke_us, self.spacing_us, now_us, due_us);
            if rest_us > 0 {
                std::thread::sleep(Duration::from_micros(rest_us));
                now_us = self.clock.now_us();
            }
            let sleep_us = due_us_to_sleep(due_us, now_us);
            transport.wait(Duration::from_micros(sleep_us))?;
            before_us = std::mem::replace(&mut woke_us, self.clock.now_us());
            transport.handle(app, &self.wake, woke_us);
            let due = app.turn(transport, woke_us);
            transport.flush();
            let Some(due) = due else {
                return Ok(());
            };
            due_us = due;
            now_us = self.clock.now_us();
            // One writer: a load and a store, no locked instruction.
            let busy_us = self.stats.busy_us.load(Ordering::Relaxed) + now_us.saturating_sub(woke_us);
            self.stats.busy_us.store(busy_us, Ordering::Relaxed);
            window.pass(now_us, busy_us, &self.stats);
            self.stats
                .turns
                .store(self.stats.turns.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        }
    }
}

/// A window over which a loop's utilisation is told: a mean since the start would hide the second that was full.
struct Window {
    from_us: u64,
    busy_us: u64,
}

impl Window {
    fn begin(now_us: u64, stats: &ShardStats) -> Self {
        Self {
            from_us: now_us,
            busy_us: stats.busy_us(),
        }
    }

    /// Tells the window's utilisation once it is over, and begins the next.
    fn pass(&mut self, now_us: u64, busy_us: u64, stats: &ShardStats) {
        let passed_us = now_us.saturating_sub(self.from_us);
        if passed_us >= WINDOW_US {
            let permille = (busy_us - self.busy_us) * 1_000 / passed_us;
            stats
                .recent_permille
                .store(permille.min(1_000), Ordering::Relaxed);
            *self = Self {
                from_us: now_us,
                busy_us,
            };
        }
    }
}

/// How long to rest before the next turn, where `turns` are the beginnings of the last two and the next is due by `due_us`.
///
/// A rest is a second waking, which pays where an event would have woken the loop within it. So the loop rests when its
/// last two turns began less than twice the spacing apart, and otherwise lets the next event wake it.
fn rest_us(turns: Range<u64>, spacing_us: u64, now_us: u64, due_us: u64) -> u64 {
    if turns.end - turns.start >= 2 * spacing_us {
        return 0;
    }
    (turns.end + spacing_us).min(due_us).saturating_sub(now_us)
}

fn due_us_to_sleep(due_us: u64, now_us: u64) -> u64 {
    due_us.saturating_sub(now_us).min(SLEEP_MAX_US)
}

/// Starts a shard's thread. `body` runs on it, after it has parted from the process's descriptors where asked.
///
/// # Errors
/// The system has no thread to give.
pub fn spawn<T: Send + 'static>(
    name: String,
    parting: Option<Parting>,
    body: impl FnOnce() -> Result<T, ShardError> + Send + 'static,
) -> std::io::Result<JoinHandle<Result<T, ShardError>>> {
    std::thread::Builder::new()
        .name(name)
        .stack_size(512 * 1024)
        .spawn(move || {
            if let Some(parting) = parting {
                part(parting)?;
            }
            body()
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loop_rests_between_turns_in_quick_succession_only() {
        let rest = |turns: Range<u64>, now_us| rest_us(turns, 500, now_us, u64::MAX);
        assert_eq!(rest(10_000..10_600, 10_620), 480, "the next one comes soon, too");
        assert_eq!(rest(10_000..11_000, 11_020), 0, "a lone event costs one waking");
        assert_eq!(
            rest(10_000..10_600, 11_200),
            0,
            "the turn took longer than the rest"
        );
        assert_eq!(
            rest_us(10_000..10_600, 500, 10_620, 10_700),
            80,
            "what is due is not kept waiting"
        );
        assert_eq!(
            rest_us(10_000..10_600, 0, 10_620, u64::MAX),
            0,
            "no spacing, no rest"
        );
    }
}
