//! The store's second thread: it makes, syncs and removes files, so that the office need not wait.
//!
//! It refuses to decide anything: each job is one call on the disk, each answer its result.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::thread::JoinHandle;

use super::disk::{Disk, DiskFile};

/// Jobs that may wait at once; the store never asks for more than a few.
const JOBS_MAX: usize = 64;

/// Something to do with a file.
pub(super) enum Job {
    /// Make a file of so many zeros.
    Prepare { name: String, bytes: u64 },
    /// Bring what was written to stable storage.
    Sync { what: Syncing, file: Arc<dyn DiskFile> },
    /// Remove a file.
    Remove { name: String },
}

/// What a sync is for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Syncing {
    /// The segment's records, up to an offset.
    Records { order: u64, through: usize },
    /// Bodies of the segment that were overwritten.
    Erasure { order: u64 },
}

/// What came of a job.
pub(super) enum Done {
    Prepared {
        name: String,
        result: io::Result<Arc<dyn DiskFile>>,
    },
    Synced {
        what: Syncing,
        result: io::Result<()>,
    },
    Removed {
        name: String,
        result: io::Result<()>,
    },
}

/// The thread, or its stand-in for simulations, which does each job at once.
pub(super) enum Keeper {
    Thread {
        jobs: Option<SyncSender<Job>>,
        done: Receiver<Done>,
        handle: Option<JoinHandle<()>>,
        waiting: usize,
    },
    #[cfg(test)]
    Inline {
        disk: Arc<dyn Disk>,
        done: std::collections::VecDeque<Done>,
    },
}

impl Keeper {
    /// Starts the thread.
    pub(super) fn start(disk: Arc<dyn Disk>) -> io::Result<Self> {
        let (jobs, inbox) = sync_channel::<Job>(JOBS_MAX);
        let (outbox, done) = sync_channel(JOBS_MAX);
        let handle = std::thread::Builder::new()
            .name("store-keeper".into())
            .spawn(move || {
                for job in inbox {
                    if outbox.send(perform(&*disk, job)).is_err() {
                        break;
                    }
                }
            })?;
        Ok(Self::Thread {
            jobs: Some(jobs),
            done,
            handle: Some(handle),
            waiting: 0,
        })
    }

    /// A keeper without a thread.
    #[cfg(test)]
    pub(super) fn inline(disk: Arc<dyn Disk>) -> Self {
        Self::Inline {
            disk,
            done: std::collections::VecDeque::new(),
        }
    }

    /// Hands a job over; false when too many wait, and the job is to be asked for again later.
    pub(super) fn submit(&mut self, job: Job) -> bool {
        match self {
            Self::Thread {
                jobs: Some(jobs),
                waiting,
                ..
            } => {
                let taken = *waiting < JOBS_MAX && jobs.try_send(job).is_ok();
                *waiting += usize::from(taken);
                taken
            }
            Self::Thread { .. } => false,
            #[cfg(test)]
            Self::Inline { disk, done } => {
                done.push_back(perform(&**disk, job));
                true
            }
        }
    }

    /// The next answer that is there.
    pub(super) fn poll(&mut self) -> Option<Done> {
        match self {
            Self::Thread { done, waiting, .. } => match done.try_recv() {
                Ok(answer) => {
                    *waiting -= 1;
                    Some(answer)
                }
                Err(TryRecvError::Empty) => None,
                Err(TryRecvError::Disconnected) => {
                    *waiting = 0;
                    None
                }
            },
            #[cfg(test)]
            Self::Inline { done, .. } => done.pop_front(),
        }
    }

    /// The next answer, waited for; `None` when no job is under way.
    pub(super) fn wait(&mut self) -> Option<Done> {
        match self {
            Self::Thread { waiting: 0, .. } => None,
            Self::Thread { done, waiting, .. } => match done.recv() {
                Ok(answer) => {
                    *waiting -= 1;
                    Some(answer)
                }
                Err(_) => {
                    *waiting = 0;
                    None
                }
            },
            #[cfg(test)]
            Self::Inline { done, .. } => done.pop_front(),
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        #[cfg_attr(not(test), allow(irrefutable_let_patterns))]
        if let Self::Thread { jobs, handle, .. } = self {
            drop(jobs.take());
            // The channel of answers holds all that may be under way, so the thread never blocks on it and ends.
            if let Some(handle) = handle.take() {
                let _ = handle.join();
            }
        }
    }
}

fn perform(disk: &dyn Disk, job: Job) -> Done {
    match job {
        Job::Prepare { name, bytes } => {
            let result = disk.create(&name, bytes);
            Done::Prepared { name, result }
        }
        Job::Sync { what, file } => Done::Synced {
            what,
            result: file.sync_data(),
        },
        Job::Remove { name } => {
            let result = match disk.remove(&name) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
                result => result,
            };
            Done::Removed { name, result }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::disk::RealDisk;
    use super::*;

    #[test]
    fn the_thread_makes_syncs_and_removes() {
        let directory = tempfile::tempdir().unwrap();
        let disk = Arc::new(RealDisk::open(directory.path().into()).unwrap());
        let mut keeper = Keeper::start(disk.clone()).unwrap();
        assert!(keeper.submit(Job::Prepare {
            name: "a".into(),
            bytes: 10
        }));
        let Some(Done::Prepared { result: Ok(file), .. }) = keeper.wait() else {
            panic!("no file");
        };
        let what = Syncing::Erasure { order: 1 };
        assert!(keeper.submit(Job::Sync { what, file }));
        assert!(keeper.submit(Job::Remove { name: "a".into() }));
        assert!(keeper.submit(Job::Remove { name: "a".into() }));
        assert!(matches!(keeper.wait(), Some(Done::Synced { result: Ok(()), .. })));
        for _ in 0..2 {
            assert!(matches!(
                keeper.wait(),
                Some(Done::Removed { result: Ok(()), .. })
            ));
        }
        assert!(keeper.wait().is_none());
        assert!(disk.list().unwrap().is_empty());
    }
}
