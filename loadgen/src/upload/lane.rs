//! A lane: jobs of one kind, so many at once, each timed from its intended instant.
//!
//! It does not know where jobs come from.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use sha2::{Digest as _, Sha256};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;

use super::{Depths, Failure, FailureKind, Shared};
use crate::{RegisterDone, RegisterJob, UploadDone, UploadJob};

/// Something a lane does.
pub(super) trait Work: Send + 'static {
    /// When it was meant to begin.
    fn intended_us(&self) -> u64;
    /// Does it, counts how it ended, and returns the outcome.
    fn run(self, shared: &Shared) -> impl Future<Output = ()> + Send;
    /// Leaves the lane's count of jobs.
    fn leave(depths: &Depths);
}

/// Does jobs, at most so many at once.
pub(super) struct Lane {
    shared: Arc<Shared>,
    depths: Arc<Depths>,
    room: Arc<Semaphore>,
}

impl Lane {
    pub(super) fn new(shared: Arc<Shared>, depths: Arc<Depths>) -> Self {
        let room = Arc::new(Semaphore::new(shared.settings.concurrency.max(1)));
        Self { shared, depths, room }
    }

    /// Runs until the queue's senders are gone and all jobs are done. Dropped, it ends the jobs too.
    pub(super) async fn run<W: Work>(self, mut queue: mpsc::UnboundedReceiver<W>) {
        let mut running = JoinSet::new();
        while let Some(job) = queue.recv().await {
            let Ok(permit) = Arc::clone(&self.room).acquire_owned().await else {
                return;
            };
            let (shared, depths) = (Arc::clone(&self.shared), Arc::clone(&self.depths));
            running.spawn(async move {
                begin(&shared, job.intended_us()).await;
                job.run(&shared).await;
                W::leave(&depths);
                drop(permit);
            });
            // What ended is let go of, so that the set is no larger than the lane is wide.
            while running.try_join_next().is_some() {}
        }
        while running.join_next().await.is_some() {}
    }
}

/// Waits for the intended instant if it is still to come, and counts how late the job begins.
async fn begin(shared: &Shared, intended_us: u64) {
    if intended_us > shared.clock.now_us() {
        tokio::time::sleep_until(shared.clock.instant(intended_us).into()).await;
    }
    let lag_us = shared.clock.now_us().saturating_sub(intended_us);
    let mut tally = shared.tally();
    tally.lag.record(lag_us);
    tally.figures.late += u64::from(lag_us > shared.settings.late_us);
}

impl Work for UploadJob {
    fn intended_us(&self) -> u64 {
        self.intended_us
    }

    async fn run(self, shared: &Shared) {
        let File { body, verified } = File::of(&self, shared);
        let hash: Option<[u8; 32]> = verified.then(|| Sha256::digest(&body).into());
        let bytes = body.len();
        let uploaded = shared.api.upload(self.number, &self.token, body).await;
        let finished_us = shared.clock.now_us();
        let returned = shared.outcomes.uploaded(UploadDone {
            user: self.user,
            to: self.to,
            intended_us: self.intended_us,
            finished_us,
            link: uploaded
                .as_deref()
                .map(Into::into)
                .map_err(|&failure| failure.into()),
        });
        {
            let mut tally = shared.tally();
            tally.figures.unreturned += u64::from(!returned);
            match &uploaded {
                Ok(_) => {
                    tally.figures.uploads += 1;
                    tally.figures.upload_bytes += bytes as u64;
                    tally.upload.record(finished_us.saturating_sub(self.intended_us));
                }
                Err(failure) => tally.figures.upload_failures.count(failure.kind),
            }
        }
        if let (Ok(link), Some(hash)) = (uploaded, hash) {
            verify(&self, shared, &link, bytes, hash).await;
        }
    }

    fn leave(depths: &Depths) {
        depths.uploads.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Downloads an upload again and compares. It is outside the upload's latency, and inside the lane's width.
async fn verify(job: &UploadJob, shared: &Shared, link: &str, bytes: usize, hash: [u8; 32]) {
    let outcome = match shared.api.download(job.number, &job.token, link, bytes).await {
        Ok(found) if found == hash => Ok(()),
        Ok(_) => Err(FailureKind::Corrupted),
        Err(failure) => Err(failure.kind),
    };
    let mut tally = shared.tally();
    tally.figures.verified += 1;
    if let Err(kind) = outcome {
        tally.figures.verify_failures.count(kind);
    }
}

impl Work for RegisterJob {
    fn intended_us(&self) -> u64 {
        self.intended_us
    }

    async fn run(self, shared: &Shared) {
        let key = register(&self, shared).await;
        let finished_us = shared.clock.now_us();
        let returned = shared.outcomes.registered(RegisterDone {
            user: self.user,
            intended_us: self.intended_us,
            finished_us,
            key: key
                .as_ref()
                .map(|registered| registered.key)
                .map_err(|&failure| failure.into()),
        });
        let mut tally = shared.tally();
        tally.figures.unreturned += u64::from(!returned);
        match key {
            Ok(_) => {
                tally.figures.registrations += 1;
                tally
                    .registration
                    .record(finished_us.saturating_sub(self.intended_us));
            }
            Err(failure) => tally.figures.registration_failures.count(failure.kind),
        }
    }

    fn leave(depths: &Depths) {
        depths.registrations.fetch_sub(1, Ordering::AcqRel);
    }
}

async fn register(job: &RegisterJob, shared: &Shared) -> Result<super::Registered, Failure> {
    shared.pins.forget(job.number);
    shared.api.register(job.number).await?;
    let pin = shared.pins.wait(job.number, shared.settings.pin_timeout).await;
    let pin = pin.map_err(|_| Failure::from(FailureKind::NoPin))?;
    shared.api.prove(job.number, &pin).await
}

/// A file's content and whether it is verified: a function of the seed, the user and the intended instant.
struct File {
    body: Vec<u8>,
    verified: bool,
}

impl File {
    fn of(job: &UploadJob, shared: &Shared) -> Self {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&shared.settings.seed.to_le_bytes());
        key[8..16].copy_from_slice(&job.intended_us.to_le_bytes());
        key[16..20].copy_from_slice(&job.user.to_le_bytes());
        let mut random = ChaCha8Rng::from_seed(key);
        // 2^32 values: a share is kept to within a quarter of a billionth.
        let verified = f64::from(random.next_u32()) < shared.settings.verify_share * 4_294_967_296.0;
        let mut body = vec![0; job.bytes as usize];
        random.fill_bytes(&mut body);
        Self { body, verified }
    }
}
