//! A descriptor table a thread: how a process holds more sockets than `RLIMIT_NOFILE` where that cannot be raised.
//!
//! A thread may part from its process's table (`unshare(CLONE_FILES)`, unshare(2)) and hold as many descriptors again.
//! It is sharp: a number from the other table names a stranger here, and a write to it succeeds. So a parted thread
//! keeps nothing but the wakers' eventfds, and every other number below [`PART_FLOOR`] is filled with a tombstone, an
//! `O_PATH` descriptor on which every read and write fails with `EBADF`. The main table must stay below that floor.
//!
//! A parted thread must not touch files, logs, DNS, child processes or an async runtime, and must start no thread:
//! it would share the table. Its sockets live in types that cannot leave it.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsFd, AsRawFd, RawFd};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::Wake;

/// Descriptors of the main table stay below this number, a parted table's sockets above it.
pub const PART_FLOOR: RawFd = 1024;

/// What a thread takes along when it parts.
#[derive(Clone, Debug)]
pub struct Parting {
    /// Every waker it will ever use, its own and others'.
    pub keep: Vec<Wake>,
}

/// A thread could not part.
#[derive(Debug, thiserror::Error)]
pub enum PartError {
    /// A step failed.
    #[error("a shard cannot have a descriptor table of its own: {step}: {source}")]
    Step {
        /// Which.
        step: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// The main table has grown too far.
    #[error("descriptor {number} of the main table is above {PART_FLOOR}: close some before shards start")]
    Floor {
        /// The number.
        number: RawFd,
    },
}

/// Raises the soft limit on descriptors to the hard one, and returns it.
///
/// # Errors
/// The system refuses, which it does not on Linux.
pub fn raise_nofile() -> io::Result<u64> {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(
        Resource::Nofile,
        Rlimit {
            current: limit.maximum,
            maximum: limit.maximum,
        },
    )?;
    Ok(limit.maximum.unwrap_or(u64::MAX))
}

/// Parts the calling thread from its process's descriptor table.
///
/// The table that the thread leaves is untouched; owners of its descriptors must not be dropped here.
///
/// # Errors
/// The kernel refuses, or the main table holds a number above the floor.
pub fn part(parting: Parting) -> Result<(), PartError> {
    let mut keep: Vec<RawFd> = parting.keep.iter().map(|wake| wake.as_fd().as_raw_fd()).collect();
    keep.sort_unstable();
    keep.dedup();
    if let Some(&number) = keep.last().filter(|&&number| number >= PART_FLOOR) {
        return Err(PartError::Floor { number });
    }
    // The wakers must outlive the thread: closing one here would free its number for a client's socket.
    std::mem::forget(parting);
    block_signals()?;
    // SAFETY: the thread gets a copy of the table. Owners of descriptors on this thread are the kept wakers only, and
    // those stay open at the same numbers.
    check("unshare", unsafe { libc::unshare(libc::CLONE_FILES) })?;
    let mut first = 0;
    for &number in &keep {
        close_range(first, number)?;
        first = number + 1;
    }
    close_range(first, RawFd::MAX)?;
    fill_below_floor(&keep)
}

/// Signals belong to the main thread's handlers, which write to descriptors of the main table.
fn block_signals() -> Result<(), PartError> {
    // SAFETY: both pointers are valid for the calls; a zeroed sigset_t is one that sigfillset may fill.
    let result = unsafe {
        let mut all: libc::sigset_t = std::mem::zeroed();
        libc::sigfillset(&raw mut all);
        libc::pthread_sigmask(libc::SIG_BLOCK, &raw const all, std::ptr::null_mut())
    };
    if result == 0 {
        Ok(())
    } else {
        Err(PartError::Step {
            step: "pthread_sigmask",
            source: io::Error::from_raw_os_error(result),
        })
    }
}

/// Closes the numbers from `first` up to, not including, `end`.
fn close_range(first: RawFd, end: RawFd) -> Result<(), PartError> {
    if first >= end {
        return Ok(());
    }
    // SAFETY: this thread's table is its own by now, and no owner on this thread has any of these numbers.
    let result = unsafe { libc::syscall(libc::SYS_close_range, first, end - 1, 0) };
    check("close_range", result as i32)
}

fn fill_below_floor(keep: &[RawFd]) -> Result<(), PartError> {
    // SAFETY: a constant, terminated path. The number is the lowest free one, below the floor.
    let tombstone = unsafe { libc::open(c"/".as_ptr(), libc::O_PATH | libc::O_CLOEXEC) };
    check("open", tombstone)?;
    for number in (0..PART_FLOOR).filter(|number| *number != tombstone && !keep.contains(number)) {
        // SAFETY: the number is free in this table: everything but `keep` and the tombstone was closed.
        check("dup3", unsafe { libc::dup3(tombstone, number, libc::O_CLOEXEC) })?;
    }
    Ok(())
}

fn check(step: &'static str, result: i32) -> Result<(), PartError> {
    if result < 0 {
        Err(PartError::Step {
            step,
            source: io::Error::last_os_error(),
        })
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::{BorrowedFd, OwnedFd};
    use std::sync::Barrier;

    use rustix::event::{EventfdFlags, eventfd};

    use super::*;

    /// Held at once over three tables: more than one table may hold where the limit is low.
    const EACH: usize = 2_000;

    #[test]
    fn threads_hold_tables_of_their_own_and_strays_hit_tombstones() {
        let wake = Wake::new().unwrap();
        let stray = eventfd(0, EventfdFlags::NONBLOCK).unwrap();
        let all_hold = Barrier::new(3);
        std::thread::scope(|scope| {
            for _ in 0..3 {
                let (wake, stray, all_hold) = (wake.clone(), stray.as_raw_fd(), &all_hold);
                scope.spawn(move || {
                    part(Parting {
                        keep: vec![wake.clone()],
                    })
                    .unwrap();
                    let held: Vec<OwnedFd> = (0..EACH)
                        .map(|_| eventfd(0, EventfdFlags::NONBLOCK).unwrap())
                        .collect();
                    assert!(held.iter().all(|fd| fd.as_raw_fd() >= PART_FLOOR));
                    // The same numbers are in use in all three tables now.
                    all_hold.wait();
                    // SAFETY: the number is open in this table: a tombstone stands there.
                    let stray = unsafe { BorrowedFd::borrow_raw(stray) };
                    assert_eq!(
                        rustix::io::write(stray, &1u64.to_ne_bytes()).unwrap_err(),
                        rustix::io::Errno::BADF
                    );
                    wake.wake();
                    std::mem::forget(wake);
                });
            }
        });
        let mut counter = [0; 8];
        rustix::io::read(&wake, &mut counter).unwrap();
        assert_eq!(
            u64::from_ne_bytes(counter),
            3,
            "a kept waker reaches the main table"
        );
        assert!(
            rustix::io::read(&stray, &mut counter).is_err(),
            "a stray write reached nobody"
        );
    }
}
