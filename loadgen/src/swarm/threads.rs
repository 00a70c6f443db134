//! The shards' threads: started together, or not at all.
//!
//! It knows what may and may not happen on a thread with a descriptor table of its own: everything such a thread needs
//! is made before it parts, and it gives nothing back but figures.

use std::sync::Arc;
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use reactor::{Parting, QueueReceiver, ShardError, ShardStats, Sources, Wake};

use super::carrier::{Carriage, Meter};
use super::deal::Deal;
use super::{SwarmError, SwarmOptions};
use crate::job::{RegisterJob, UploadDone, UploadJob};
use crate::shard::{Common, Dealing, Errands, Own, Shard};
use crate::tally::Board;
use crate::upload::HttpQueue;

/// How often the clerk takes in last batches while shards end.
const ENDING_POLL: Duration = Duration::from_millis(5);

/// The running shards.
pub(super) struct Threads {
    shards: Vec<JoinHandle<Result<(), ShardError>>>,
    pub(super) loops: Vec<Arc<ShardStats>>,
    pub(super) meters: Vec<Arc<Meter>>,
}

impl Errands for HttpQueue {
    fn upload(&self, job: UploadJob) -> bool {
        HttpQueue::upload(self, job).is_ok()
    }

    fn register(&self, job: RegisterJob) -> bool {
        HttpQueue::register(self, job).is_ok()
    }
}

impl Threads {
    /// Starts them all, and waits until each has its transport.
    pub(super) fn start(
        options: &SwarmOptions,
        deal: &Deal,
        common: Common,
        boards: &[Arc<Board>],
        wakes: &[Wake],
        clerk: Wake,
    ) -> Result<Self, SwarmError> {
        let control = Arc::clone(&common.control);
        let mut keep = wakes.to_vec();
        keep.push(clerk);
        let (ready, readiness) = mpsc::channel();
        let mut threads = Self {
            shards: Vec::new(),
            loops: Vec::new(),
            meters: Vec::new(),
        };
        let dealing = Dealing {
            cells: options.plan.cells(),
            shards: deal.shards,
        };
        let uploads = options.returns.open(wakes, dealing);
        let mut failed = None;
        for (shard, (uploads, wake)) in (0..).zip(uploads.into_iter().zip(wakes)) {
            let own = own(options, dealing, shard, uploads, &boards[shard as usize]);
            let stats = Arc::new(ShardStats::default());
            threads.loops.push(Arc::clone(&stats));
            let carriage = carriage(options, deal, shard);
            threads.meters.push(Arc::clone(&carriage.meter));
            let body = body(
                options,
                carriage,
                common.clone(),
                own,
                wake.clone(),
                stats,
                ready.clone(),
            );
            let parting = deal.parted.then(|| Parting { keep: keep.clone() });
            match reactor::spawn(format!("swarm-{shard}"), parting, body) {
                Ok(handle) => threads.shards.push(handle),
                Err(error) => {
                    failed = Some(error);
                    break;
                }
            }
        }
        drop(ready);
        // A shard that fails before it is ready drops its sender: then fewer than all report.
        let up = readiness.iter().count();
        if failed.is_none() && up == threads.shards.len() {
            return Ok(threads);
        }
        control.end();
        wakes.iter().for_each(Wake::wake);
        threads.shards.into_iter().try_for_each(end_of)?;
        Err(failed.map_or(SwarmError::Panicked, SwarmError::Io))
    }

    /// Whether a shard ended, which none does by itself.
    pub(super) fn is_broken(&self) -> bool {
        self.shards.iter().any(JoinHandle::is_finished)
    }

    /// Waits until all have handed in; `meanwhile` makes room for their last batches. They may still be closing their
    /// connections then: nobody need wait for that.
    pub(super) fn hand_in(
        self,
        boards: &[Arc<Board>],
        mut meanwhile: impl FnMut(),
    ) -> Result<(), SwarmError> {
        let mut first = Ok(());
        for (shard, board) in self.shards.into_iter().zip(boards) {
            while !board.has_handed_in() && !shard.is_finished() {
                meanwhile();
                std::thread::sleep(ENDING_POLL);
            }
            if !board.has_handed_in() {
                first = first.and(end_of(shard));
            }
        }
        first
    }
}

fn end_of(shard: JoinHandle<Result<(), ShardError>>) -> Result<(), SwarmError> {
    shard
        .join()
        .map_err(|_| SwarmError::Panicked)
        .and_then(|ended| Ok(ended?))
}

/// What is a shard's own.
fn own(
    options: &SwarmOptions,
    dealing: Dealing,
    shard: u32,
    uploads: QueueReceiver<UploadDone>,
    board: &Arc<Board>,
) -> Own {
    Own {
        shard,
        dealing,
        schedule: Box::new(options.plan.actions(dealing.cells(shard))),
        seed: options.plan.scenario().seed,
        errands: options
            .http
            .clone()
            .map(|queue| Box::new(queue) as Box<dyn Errands>),
        uploads,
        board: Arc::clone(board),
    }
}

/// What carries a shard's bytes.
fn carriage(options: &SwarmOptions, deal: &Deal, shard: u32) -> Carriage {
    Carriage {
        carrier: options.carrier,
        tls: options.tls.clone(),
        ways: Vec::new(),
        sources: Sources::new(deal.sources(shard, std::process::id())),
        shard,
        shards: deal.shards,
        connecting_max: options.connecting_max,
        meter: Arc::default(),
    }
}

/// What a shard's thread does.
fn body(
    options: &SwarmOptions,
    carriage: Carriage,
    common: Common,
    own: Own,
    wake: Wake,
    stats: Arc<ShardStats>,
    ready: mpsc::Sender<()>,
) -> impl FnOnce() -> Result<(), ShardError> + Send + 'static {
    let clock = options.clock;
    move || {
        let looping = reactor::Shard::new(clock, wake.clone(), stats).spaced(crate::shard::GRID_US);
        let say_so = move || {
            let _ = ready.send(());
        };
        carriage.run(&looping, &wake, say_so, Shard::new(common, own))
    }
}
