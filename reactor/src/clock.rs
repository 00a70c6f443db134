//! A monotonic clock in microseconds, read once a turn and passed down.

use std::time::{Duration, Instant};

/// Microseconds since a common origin. Clones share the origin, so that all shards of a run speak of the same time.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    origin: Instant,
}

impl Clock {
    /// A clock that starts now.
    #[must_use]
    pub fn start() -> Self {
        Self {
            origin: Instant::now(),
        }
    }

    /// Microseconds since the origin (`CLOCK_MONOTONIC`, no system call where the vDSO serves it).
    #[must_use]
    pub fn now_us(&self) -> u64 {
        self.origin.elapsed().as_micros() as u64
    }

    /// Nanoseconds since the origin, of the same clock: for those who spin up to an instant.
    #[must_use]
    pub fn now_ns(&self) -> u64 {
        self.origin.elapsed().as_nanos() as u64
    }

    /// The instant of a time on this clock.
    #[must_use]
    pub fn instant(&self, at_us: u64) -> Instant {
        self.origin + Duration::from_micros(at_us)
    }
}
