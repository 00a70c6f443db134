//! The swarm's HTTP side: media uploads and registrations, on the plan's schedule.
//!
//! It does not know the plan or the connections: jobs come by a bounded queue, outcomes go back by [`Outcomes`].
//!
//! It is open-loop. A job has an intended instant; its latency counts from there, whatever it had to wait for. Each
//! of the two lanes, uploads and registrations, does a limited number of jobs at once; what comes beyond waits its
//! turn, is late, is counted as such, and is done all the same. Only what comes when a lane's queue is full goes back
//! to its sender, counted too.

mod api;
mod failure;
mod figures;
mod lane;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc as sync_mpsc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use reactor::Clock;
use record::Sample;
use tokio::sync::mpsc;

use crate::pins::Pins;
use crate::{RegisterDone, RegisterJob, UploadDone, UploadJob};

pub use api::{Api, ClientError, Registered};
pub(crate) use api::{bearer, link, registered};
pub use failure::{Failure, FailureKind};
use figures::Tally;
pub use figures::{
    FailureCounts, HTTP_DEPTH, HTTP_REFUSED, HttpFigures, REGISTRATION, UPLOADS_VERIFIED, VERIFY_FAILURES,
};
use lane::Lane;

/// How often the thread that carries jobs over looks whether it is wanted any longer.
const CARRY_POLL: Duration = Duration::from_millis(100);

/// How the HTTP side works.
#[derive(Clone, Debug)]
pub struct HttpSettings {
    /// The server's media port.
    pub server: SocketAddr,
    /// Seed of the files' contents and of the choice which to verify.
    pub seed: u64,
    /// Jobs a lane does at once.
    pub concurrency: usize,
    /// Jobs a lane takes, those under way among them.
    pub capacity: usize,
    /// How long a call may take.
    pub timeout: Duration,
    /// How long a PIN may take to arrive.
    pub pin_timeout: Duration,
    /// A job begun more than this after its intended instant is late.
    pub late_us: u64,
    /// Share of the uploads that are downloaded again and compared, 0 to 1. Which ones depends on the seed alone.
    pub verify_share: f64,
}

/// Takes outcomes back to the shards. Called on the HTTP side's threads; must not block.
pub trait Outcomes: Send + Sync + 'static {
    /// An upload ended. Returns whether there was room for it.
    fn uploaded(&self, done: UploadDone) -> bool;
    /// A registration ended. Returns whether there was room for it.
    fn registered(&self, done: RegisterDone) -> bool;
}

/// The shards' end of the queue.
///
/// Safe on a thread with a descriptor table of its own: it hands over by memory and futex, and never touches tokio,
/// whose wakers write to descriptors of main's table.
#[derive(Clone, Debug)]
pub struct HttpQueue {
    jobs: sync_mpsc::Sender<Job>,
    depths: Arc<Depths>,
}

/// The running HTTP side.
pub struct HttpService {
    shared: Arc<Shared>,
    depths: Arc<Depths>,
    carrier: thread::JoinHandle<()>,
    lanes: [tokio::task::JoinHandle<()>; 2],
    stop: Arc<AtomicUsize>,
}

/// The HTTP side could not be started.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// No HTTP client.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// No thread.
    #[error("cannot start the thread that carries HTTP jobs: {0}")]
    Thread(#[from] std::io::Error),
}

#[derive(Debug)]
enum Job {
    Upload(UploadJob),
    Register(RegisterJob),
}

/// Jobs taken and not done, a lane, and what was refused: the bound of the queues between.
#[derive(Debug)]
struct Depths {
    capacity: usize,
    uploads: AtomicUsize,
    registrations: AtomicUsize,
    refused: AtomicU64,
}

/// What the lanes share.
struct Shared {
    settings: HttpSettings,
    clock: Clock,
    api: Api,
    pins: Pins,
    outcomes: Box<dyn Outcomes>,
    tally: Mutex<Tally>,
}

impl HttpQueue {
    /// Hands over an upload at its intended instant, or not long before.
    ///
    /// # Errors
    /// The lane is full, or the service is gone; the job comes back.
    pub fn upload(&self, job: UploadJob) -> Result<(), UploadJob> {
        if !self.depths.enter(&self.depths.uploads) {
            return Err(job);
        }
        self.jobs.send(Job::Upload(job)).map_err(|_| job)
    }

    /// Hands over a registration at its intended instant, or not long before.
    ///
    /// # Errors
    /// The lane is full, or the service is gone; the job comes back.
    pub fn register(&self, job: RegisterJob) -> Result<(), RegisterJob> {
        if !self.depths.enter(&self.depths.registrations) {
            return Err(job);
        }
        self.jobs.send(Job::Register(job)).map_err(|_| job)
    }
}

impl Depths {
    fn enter(&self, depth: &AtomicUsize) -> bool {
        let entered = depth.fetch_add(1, Ordering::AcqRel) < self.capacity;
        if !entered {
            depth.fetch_sub(1, Ordering::AcqRel);
            self.refused.fetch_add(1, Ordering::Relaxed);
        }
        entered
    }
}

impl HttpService {
    /// Starts the service on the current tokio runtime. Jobs' instants are on `clock`.
    ///
    /// # Errors
    /// No client or no thread could be made.
    ///
    /// # Panics
    /// Outside a tokio runtime, as [`tokio::spawn`] does.
    pub fn start(
        settings: HttpSettings,
        clock: Clock,
        pins: Pins,
        outcomes: impl Outcomes,
    ) -> Result<(Self, HttpQueue), HttpError> {
        let api = Api::new(settings.server, settings.timeout, 2 * settings.concurrency)?;
        let depths = Arc::new(Depths {
            capacity: settings.capacity,
            uploads: AtomicUsize::new(0),
            registrations: AtomicUsize::new(0),
            refused: AtomicU64::new(0),
        });
        let outcomes = Box::new(outcomes);
        let shared = Arc::new(Shared {
            settings,
            clock,
            api,
            pins,
            outcomes,
            tally: Mutex::default(),
        });
        let (jobs, carried) = sync_mpsc::channel();
        // Unbounded in type alone: `Depths` bounds what is in both channels and under way together.
        let (uploads, upload_lane) = mpsc::unbounded_channel();
        let (registrations, registration_lane) = mpsc::unbounded_channel();
        let stop = Arc::new(AtomicUsize::new(0));
        let carrier = thread::Builder::new().name("teem-http-jobs".into()).spawn({
            let stop = Arc::clone(&stop);
            move || carry(&carried, &uploads, &registrations, &stop)
        })?;
        let lanes = [
            tokio::spawn(Lane::new(Arc::clone(&shared), Arc::clone(&depths)).run::<UploadJob>(upload_lane)),
            tokio::spawn(
                Lane::new(Arc::clone(&shared), Arc::clone(&depths)).run::<RegisterJob>(registration_lane),
            ),
        ];
        let queue = HttpQueue {
            jobs,
            depths: Arc::clone(&depths),
        };
        Ok((
            Self {
                shared,
                depths,
                carrier,
                lanes,
                stop,
            },
            queue,
        ))
    }

    /// Adds the counters to a sample's, merges into it the histograms of the time since the last call, and begins
    /// new ones. Meant for once a second.
    pub fn publish(&self, sample: &mut Sample) {
        self.shared.tally().publish(sample);
        let refused = self.depths.refused.load(Ordering::Relaxed);
        let depth =
            self.depths.uploads.load(Ordering::Relaxed) + self.depths.registrations.load(Ordering::Relaxed);
        *sample.counters.entry(HTTP_REFUSED.to_owned()).or_default() += refused;
        sample.gauges.insert(HTTP_DEPTH.to_owned(), depth as f64);
    }

    /// The counters so far.
    #[must_use]
    pub fn figures(&self) -> HttpFigures {
        self.shared.tally().figures.clone()
    }

    /// Takes no more jobs, ends those it has within `limit`, and counts the rest as [`FailureKind::Stopped`]. Returns
    /// the final counters; what [`publish`](Self::publish) had not fetched yet goes into `sample`.
    pub async fn finish(mut self, limit: Duration, sample: &mut Sample) -> HttpFigures {
        self.stop.store(1, Ordering::Release);
        let deadline = Instant::now() + limit;
        for lane in &mut self.lanes {
            // The lanes end once the carrier let go of their senders and their jobs are done.
            if tokio::time::timeout_at(deadline.into(), &mut *lane)
                .await
                .is_err()
            {
                lane.abort();
                let _ = lane.await;
            }
        }
        {
            let mut tally = self.shared.tally();
            for _ in 0..self.depths.uploads.load(Ordering::Acquire) {
                tally.figures.upload_failures.count(FailureKind::Stopped);
            }
            for _ in 0..self.depths.registrations.load(Ordering::Acquire) {
                tally.figures.registration_failures.count(FailureKind::Stopped);
            }
        }
        self.publish(sample);
        self.figures()
    }

    /// Whether everything that makes the service go is still there; if not, jobs are taken and never done.
    #[must_use]
    pub fn alive(&self) -> bool {
        !self.carrier.is_finished() && self.lanes.iter().all(|lane| !lane.is_finished())
    }
}

impl Drop for HttpService {
    fn drop(&mut self) {
        self.stop.store(1, Ordering::Release);
        self.lanes.iter().for_each(tokio::task::JoinHandle::abort);
    }
}

impl Shared {
    fn tally(&self) -> MutexGuard<'_, Tally> {
        // A panic while the lock was held leaves counters that are whole each.
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Carries jobs from the shards' queue to the lanes', on a thread of main's descriptor table.
fn carry(
    carried: &sync_mpsc::Receiver<Job>,
    uploads: &mpsc::UnboundedSender<UploadJob>,
    registrations: &mpsc::UnboundedSender<RegisterJob>,
    stop: &AtomicUsize,
) {
    loop {
        let job = match carried.recv_timeout(CARRY_POLL) {
            Ok(job) => job,
            Err(sync_mpsc::RecvTimeoutError::Timeout) if stop.load(Ordering::Acquire) == 0 => continue,
            Err(_) => return,
        };
        let gone = match job {
            Job::Upload(job) => uploads.send(job).is_err(),
            Job::Register(job) => registrations.send(job).is_err(),
        };
        if gone {
            return;
        }
    }
}

#[cfg(test)]
mod tests;
