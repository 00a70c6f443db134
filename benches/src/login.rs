//! A storm of log-ins: connect, log in, and either hold the connection or, once enough are held, reset the oldest.
//!
//! It does not know whose server it meets.

mod worker;

use std::net::SocketAddrV4;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::bail;
use reactor::{Parting, ShardError, Wake, spawn};

use crate::process::{Family, process_cpu_us};
use crate::protocol::Protocol;
use worker::{OPENING_MAX, Thread};

/// Connections that one descriptor table holds.
pub(crate) const TABLE_MAX: u32 = 18_000;
/// How long all log-ins of a held storm may take.
const HOLD_LIMIT: Duration = Duration::from_secs(300);
const POLL: Duration = Duration::from_millis(2);

/// What kind of storm.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Course {
    /// For so long after the warm-up; each thread holds `hold` connections and resets its oldest for each new one.
    Churn {
        /// Before counting.
        warm_up: Duration,
        /// Counted.
        measure: Duration,
        /// Held by each thread.
        hold: u32,
    },
    /// Until all threads together hold so many, each in a descriptor table of its own.
    Hold {
        /// In all.
        connections: u32,
    },
}

/// A storm.
#[derive(Clone, Debug)]
pub(crate) struct Storm {
    /// Where the server listens.
    pub(crate) to: SocketAddrV4,
    /// Its course.
    pub(crate) course: Course,
    /// Threads that connect, in a churn; a held storm takes as many as its tables need.
    pub(crate) threads: u32,
    /// The server's processes.
    pub(crate) server: Family,
}

/// What a storm came to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stormed {
    /// Log-ins counted.
    pub(crate) logins: u64,
    /// Length of the counted stretch.
    pub(crate) wall: Duration,
    /// The server's CPU time in it, microseconds.
    pub(crate) server_cpu_us: u64,
    /// The driver's.
    pub(crate) driver_cpu_us: u64,
    /// Growth of the server's anonymous memory, bytes; of meaning where connections were held.
    pub(crate) growth_bytes: u64,
}

/// What the threads and the one that waits for them share.
#[derive(Debug, Default)]
struct Shared {
    logins: AtomicU64,
    stop: AtomicBool,
}

type Worker = JoinHandle<Result<Option<String>, ShardError>>;

/// Drives a storm.
///
/// # Errors
/// A connect or a log-in failed.
pub(crate) fn run<P>(protocol: &P, storm: &Storm) -> anyhow::Result<Stormed>
where
    P: Protocol + Clone + Send + 'static,
{
    reactor::raise_nofile()?;
    let (threads, hold, parted) = match storm.course {
        Course::Churn { hold, .. } => (storm.threads, hold, false),
        Course::Hold { connections } => {
            let threads = connections.div_ceil(TABLE_MAX);
            (threads, connections.div_ceil(threads), true)
        }
    };
    if !parted && threads * (hold + OPENING_MAX as u32) > TABLE_MAX {
        bail!("{threads} threads of {hold} connections are more than one descriptor table's {TABLE_MAX}");
    }
    let shared = Arc::new(Shared::default());
    let growth_from = storm.server.rss_anon_bytes();
    // All wakers are made before any thread parts from the table they are in.
    let wakes = (0..threads).map(|_| Wake::new()).collect::<Result<Vec<_>, _>>()?;
    let (over, is_over) = mpsc::channel();
    let mut workers: Vec<Worker> = Vec::new();
    let begun = (Instant::now(), storm.server.cpu_us()?, process_cpu_us());
    for (index, wake) in (0..threads).zip(&wakes) {
        let thread = Thread {
            index,
            hold,
            keep: parted,
            to: storm.to,
            wake: wake.clone(),
            shared: Arc::clone(&shared),
            over: over.clone(),
        };
        let parting = parted.then(|| Parting { keep: wakes.clone() });
        let protocol = protocol.clone();
        workers.push(spawn(format!("storm-{index}"), parting, move || {
            thread.run(protocol)
        })?);
    }
    drop(over);
    let counted = count(storm, &shared, u64::from(threads * hold), begun, &is_over);
    let growth_bytes = storm.server.rss_anon_bytes().saturating_sub(growth_from);
    shared.stop.store(true, Ordering::Relaxed);
    wakes.iter().for_each(Wake::wake);
    // All are waited for before any is judged: they share the wakers.
    let ended: Vec<_> = workers.into_iter().map(JoinHandle::join).collect();
    for end in ended {
        match end {
            Ok(Ok(None)) => {}
            Ok(Ok(Some(fault))) => bail!("{fault}"),
            Ok(Err(error)) => return Err(error.into()),
            Err(_) => bail!("a storm's thread panicked"),
        }
    }
    Ok(Stormed {
        growth_bytes,
        ..counted?
    })
}

/// Waits for the storm's course and counts; a thread that ends early ends the wait, and says why when joined.
fn count(
    storm: &Storm,
    shared: &Shared,
    all: u64,
    begun: (Instant, u64, u64),
    is_over: &mpsc::Receiver<()>,
) -> anyhow::Result<Stormed> {
    let logins = || shared.logins.load(Ordering::Relaxed);
    let early = |wait: Duration| is_over.recv_timeout(wait) != Err(mpsc::RecvTimeoutError::Timeout);
    let (mut from, mut before) = (begun, 0);
    match storm.course {
        Course::Churn { warm_up, measure, .. } => {
            if early(warm_up) {
                bail!("a thread ended early");
            }
            (from, before) = (
                (Instant::now(), storm.server.cpu_us()?, process_cpu_us()),
                logins(),
            );
            if early(measure) {
                bail!("a thread ended early");
            }
        }
        Course::Hold { .. } => {
            while logins() < all {
                if early(POLL) {
                    bail!("a thread ended early");
                }
                if begun.0.elapsed() > HOLD_LIMIT {
                    bail!("only {} of {all} are logged in", logins());
                }
            }
        }
    }
    Ok(Stormed {
        logins: logins() - before,
        wall: from.0.elapsed(),
        server_cpu_us: storm.server.cpu_us()?.saturating_sub(from.1),
        driver_cpu_us: process_cpu_us().saturating_sub(from.2),
        growth_bytes: 0,
    })
}

#[cfg(test)]
mod tests {
    use wire::chat::Secret;

    use super::*;
    use crate::child::free_address;
    use crate::protocol::{Chat, Names};

    fn over_a_floor(course: Course) -> Stormed {
        let to = free_address().unwrap();
        // It ends with the process.
        std::thread::spawn(move || crate::floor::serve(to, false));
        while std::net::TcpStream::connect(to).is_err() {
            std::thread::yield_now();
        }
        let chat = Chat {
            names: Names {
                base: crate::floor::BASE,
                secret: Secret::new(b"any"),
            },
            ticks: false,
        };
        let storm = Storm {
            to,
            course,
            threads: 2,
            server: Family::of(std::process::id()),
        };
        run(&chat, &storm).unwrap()
    }

    #[test]
    fn a_churn_goes_on_beyond_what_it_holds() {
        let stormed = over_a_floor(Course::Churn {
            warm_up: Duration::from_millis(1),
            measure: Duration::from_millis(300),
            hold: 10,
        });
        assert!(stormed.logins > 0, "{stormed:?}");
    }

    #[test]
    fn a_held_storm_ends_when_all_are_in() {
        let stormed = over_a_floor(Course::Hold { connections: 500 });
        assert_eq!(stormed.logins, 500);
    }
}
