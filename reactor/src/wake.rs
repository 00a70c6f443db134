//! Wakes a thread that sleeps in epoll or poll, by an eventfd (eventfd(2)).
//!
//! An eventfd made before a thread parts from the process's descriptor table has the same number in both tables, so a
//! raw write reaches it from either; nothing else here may cross.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use rustix::event::{EventfdFlags, eventfd};
use rustix::io::Errno;

/// A handle that wakes one sleeper. Clones wake the same one.
#[derive(Clone, Debug)]
pub struct Wake(Arc<OwnedFd>);

impl Wake {
    /// Makes one. Call it before any thread parts that is to use it.
    ///
    /// # Errors
    /// Out of descriptors.
    pub fn new() -> std::io::Result<Self> {
        Ok(Self(Arc::new(eventfd(
            0,
            EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC,
        )?)))
    }

    /// Wakes the sleeper; many calls before it looks are one.
    pub fn wake(&self) {
        // The counter saturates only after 2^64 - 2 wakes, and then the sleeper is awake anyway.
        let _ = rustix::io::write(&*self.0, &1u64.to_ne_bytes());
    }

    /// Forgets the wakes so far; the sleeper calls it before it looks at its queue.
    pub fn clear(&self) {
        let mut counter = [0; 8];
        while rustix::io::read(&*self.0, &mut counter) == Err(Errno::INTR) {}
    }

    /// Sleeps until woken or until the time is over.
    pub fn wait(&self, timeout: std::time::Duration) {
        let timeout = rustix::time::Timespec {
            tv_sec: timeout.as_secs() as i64,
            tv_nsec: i64::from(timeout.subsec_nanos()),
        };
        let mut fds = [rustix::event::PollFd::new(&*self.0, rustix::event::PollFlags::IN)];
        // A signal or a time-out only makes the caller look early.
        let _ = rustix::event::poll(&mut fds, Some(&timeout));
        self.clear();
    }
}

impl AsFd for Wake {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
