//! The course of a replay, as all its threads see it: not begun, under way, stopping; and at which speeds.
//!
//! It knows no session.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::Speed;

/// Not begun.
const NEVER: u64 = u64::MAX;

/// Shared by the shards and the replay's owner.
#[derive(Debug)]
pub(super) struct Control {
    begin_us: AtomicU64,
    stopping: AtomicBool,
    /// Whether the first failure stops everything.
    stops_on_failure: bool,
    has_failed: AtomicBool,
    /// How often the speeds were changed.
    changes: AtomicU64,
    speeds: Mutex<(Speed, Speed)>,
}

impl Control {
    pub(super) fn new(stops_on_failure: bool) -> Self {
        Self {
            begin_us: AtomicU64::new(NEVER),
            stopping: AtomicBool::new(false),
            stops_on_failure,
            has_failed: AtomicBool::new(false),
            changes: AtomicU64::new(0),
            speeds: Mutex::new((Speed::RECORDED, Speed::RECORDED)),
        }
    }

    /// Everything begins at that instant of the replay's clock.
    pub(super) fn begin(&self, at_us: u64) {
        self.begin_us.store(at_us, Ordering::Release);
    }

    /// When it began, or will; `None` while nobody has said.
    pub(super) fn begin_us(&self) -> Option<u64> {
        Some(self.begin_us.load(Ordering::Acquire)).filter(|at_us| *at_us != NEVER)
    }

    /// Shards hand in what they know and close their connections.
    pub(super) fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    /// A session failed.
    pub(super) fn failed(&self) {
        self.has_failed.store(true, Ordering::Release);
        if self.stops_on_failure {
            self.stop();
        }
    }

    /// Whether a failure stopped the replay.
    pub(super) fn was_stopped_by_failure(&self) -> bool {
        self.stops_on_failure && self.has_failed.load(Ordering::Acquire)
    }

    /// Goes on at other speeds: of connects, and of think times.
    pub(super) fn change_speeds(&self, connect: Speed, think: Speed) {
        *self.speeds.lock().unwrap_or_else(PoisonError::into_inner) = (connect, think);
        self.changes.fetch_add(1, Ordering::Release);
    }

    /// The speeds, where they were changed since the change that the caller has seen.
    pub(super) fn speeds_after(&self, seen: &mut u64) -> Option<(Speed, Speed)> {
        let changes = self.changes.load(Ordering::Acquire);
        (std::mem::replace(seen, changes) != changes)
            .then(|| *self.speeds.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
