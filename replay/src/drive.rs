//! The driver: recorded clients say again, to a target, what they said, when they said it.
//!
//! It knows recordings, connections and instants, and no protocol: what must differ is the rewriter's business, what comes
//! back the comparison's. It is to be started from a thread on the process's own descriptor table.
//!
//! A shard is one thread with a transport of its own, like the swarm's; one is enough for 50,000 sends a second. A driven
//! session costs, beside its connection, 112 B and its rewriter and comparison for as long as it lasts, and nothing before
//! and after: clones and loops are cursors.

mod cast;
mod control;
mod driver;
mod part;
mod picked;
mod program;
mod schedule;
mod tally;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod threads;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use loadgen::{Carrier, Deal, Meter, Needs};
use reactor::{Clock, ShardError, ShardStats, Wake};
use wire::tls::ClientTls;

use crate::fidelity::Arrivals;
use crate::{Recording, Rules, Selection, Speed};

pub use cast::Clones;
pub use picked::Picked;
pub use program::{Order, Planned};
pub use tally::{Answers, Cause, Counts, Differing, Timings};

use control::Control;
use program::Program;
use tally::Board;

/// How long after the threads are up the first session begins: long enough for all of them to be asleep.
const LEAD_US: u64 = 20_000;
/// The most shards.
const SHARDS_MAX: u32 = 256;

/// What becomes of a replay when a session fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnFailure {
    /// It goes on with the others.
    Continue,
    /// It ends; what was left counts as stopped.
    Stop,
}

/// Where the sessions of a recorded server go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Destination {
    /// The target.
    pub address: SocketAddr,
    /// How it is spoken to: a place in [`DriveOptions::ways`].
    pub way: u16,
}

impl From<SocketAddr> for Destination {
    /// In the first way.
    fn from(address: SocketAddr) -> Self {
        Self { address, way: 0 }
    }
}

/// What a replay is to do.
#[derive(Clone, Debug)]
pub struct DriveOptions {
    /// What was recorded.
    pub recording: Arc<Recording>,
    /// What must differ.
    pub rules: Arc<Rules>,
    /// Which sessions.
    pub selection: Selection,
    /// Where those of each recorded server go.
    pub targets: HashMap<SocketAddr, Destination>,
    /// The clock that all instants are on.
    pub clock: Clock,
    /// How fast sessions begin.
    pub connect_speed: Speed,
    /// How fast their turns come; at the highest, each waits only for the answer before it.
    pub think_speed: Speed,
    /// What a turn waits for.
    pub order: Order,
    /// How often.
    pub clones: Clones,
    /// What values that are made up come from.
    pub seed: u64,
    /// What carries the bytes.
    pub carrier: Carrier,
    /// How targets are spoken to, by [`Destination::way`]: under which TLS, or in the clear. One that is not listed is
    /// spoken to in the clear.
    pub ways: Vec<Option<ClientTls>>,
    /// What a failure leads to.
    pub on_failure: OnFailure,
    /// Sessions at once at most; those above wait, and begin late.
    pub at_once: Option<u32>,
    /// How many shards; one, or as many as descriptors want, if it is not given.
    pub shards: Option<u32>,
    /// A send later than this by the driver's own fault is late.
    pub lateness_limit: Duration,
    /// Connections a shard may have on their way.
    pub connecting_max: u32,
    /// How long an answer, or a value to be learned from one, may take.
    pub patience: Duration,
    /// How many others of this process connect to the target, too: each from source addresses of its own.
    pub neighbours: u32,
}

impl DriveOptions {
    /// The usual options.
    #[must_use]
    pub fn new(recording: Arc<Recording>, targets: HashMap<SocketAddr, Destination>, clock: Clock) -> Self {
        Self {
            recording,
            rules: Arc::new(Rules::default()),
            selection: Selection::default(),
            targets,
            clock,
            connect_speed: Speed::RECORDED,
            think_speed: Speed::RECORDED,
            order: Order::Timed,
            clones: Clones::default(),
            seed: 0,
            carrier: Carrier::Kernel,
            ways: Vec::new(),
            on_failure: OnFailure::Continue,
            at_once: None,
            shards: None,
            lateness_limit: Duration::from_millis(10),
            connecting_max: 2_000,
            patience: Duration::from_secs(5),
            neighbours: 0,
        }
    }
}

/// A replay could not start, or broke.
#[derive(Debug, thiserror::Error)]
pub enum DriveError {
    /// Nothing is left to be driven.
    #[error("no session is left to be driven: {unplayable} cannot be, {left_out} were not wanted")]
    Nothing {
        /// Sessions that cannot be driven.
        unplayable: u64,
        /// Sessions that were not wanted.
        left_out: u64,
    },
    /// A recorded server without a target.
    #[error("sessions with the recorded server {server} have no target")]
    NoTarget {
        /// The recorded server.
        server: SocketAddr,
    },
    /// Too few descriptors.
    #[error(transparent)]
    Descriptors(#[from] loadgen::SwarmError),
    /// The system has no descriptor or thread to give.
    #[error("the replay cannot start: {0}")]
    Io(#[from] std::io::Error),
    /// A shard could not start, or its loop broke.
    #[error(transparent)]
    Shard(#[from] ShardError),
    /// A thread panicked.
    #[error("a thread of the replay panicked")]
    Panicked,
}

/// What was counted so far.
#[derive(Clone, Debug, Default)]
pub struct Figures {
    /// Counts, over all shards.
    pub tally: Counts,
    /// Microseconds that the loops spent working, spins included.
    pub busy_us: u64,
    /// The share of its time that the busiest loop worked lately, 0 to 1.
    pub busiest: f64,
    /// What the carriers count.
    pub carriage: Vec<loadgen::Reading>,
}

/// A running replay.
#[derive(Debug)]
pub struct Drive {
    control: Arc<Control>,
    order: Order,
    begin_us: u64,
    planned: Planned,
    picked: Picked,
    wakes: Vec<Wake>,
    boards: Vec<Arc<Board>>,
    loops: Vec<Arc<ShardStats>>,
    meters: Vec<Arc<Meter>>,
    threads: Vec<JoinHandle<Result<(), ShardError>>>,
}

impl Drive {
    /// What a start with these options would drive.
    ///
    /// # Errors
    /// As [`Drive::start`]'s, where they do not fit the recording.
    pub fn plan(options: &DriveOptions) -> Result<(Planned, Picked), DriveError> {
        let picked = picked(options)?;
        Ok((Program::new(options, &picked, 1)?.planned(), picked))
    }

    /// Starts all threads, and the replay once every shard is up.
    ///
    /// # Errors
    /// The options do not fit the recording or the host; nothing runs then.
    pub fn start(options: &DriveOptions) -> Result<Self, DriveError> {
        // Once to learn how many will be open, and so how many shards there are.
        let (planned, picked) = Self::plan(options)?;
        let deal = deal(options, &planned)?;
        let program = Arc::new(Program::new(options, &picked, deal.shards)?);
        let control = Arc::new(Control::new(options.on_failure == OnFailure::Stop));
        let mut drive = Self {
            control: Arc::clone(&control),
            order: program.order,
            begin_us: 0,
            planned,
            picked,
            wakes: (0..deal.shards).map(|_| Wake::new()).collect::<Result<_, _>>()?,
            boards: (0..deal.shards).map(|_| Arc::default()).collect(),
            loops: (0..deal.shards).map(|_| Arc::default()).collect(),
            meters: (0..deal.shards).map(|_| Arc::default()).collect(),
            threads: Vec::new(),
        };
        threads::start(&mut drive, options, &deal, &program)?;
        drive.begin_us = options.clock.now_us() + LEAD_US;
        control.begin(drive.begin_us);
        drive.wakes.iter().for_each(Wake::wake);
        Ok(drive)
    }

    /// When the first session begins, microseconds on the replay's clock.
    #[must_use]
    pub fn begin_us(&self) -> u64 {
        self.begin_us
    }

    /// What turns wait for: at the highest speed, their answers.
    #[must_use]
    pub fn order(&self) -> Order {
        self.order
    }

    /// What will be done.
    #[must_use]
    pub fn planned(&self) -> &Planned {
        &self.planned
    }

    /// Which sessions are driven, and which are not.
    #[must_use]
    pub fn picked(&self) -> &Picked {
        &self.picked
    }

    /// What was counted so far.
    #[must_use]
    pub fn figures(&self) -> Figures {
        let mut figures = Figures {
            busy_us: self.loops.iter().map(|stats| stats.busy_us()).sum(),
            busiest: self.loops.iter().map(|stats| stats.recent()).fold(0.0, f64::max),
            carriage: self.meters.iter().map(|meter| meter.read()).collect(),
            ..Figures::default()
        };
        for board in &self.boards {
            figures.tally.merge(&board.look().tally);
        }
        figures
    }

    /// Takes what was timed since the last call.
    #[must_use]
    pub fn take_timings(&self) -> Timings {
        let mut timings = Timings::default();
        for board in &self.boards {
            board.look().timings.move_into(&mut timings);
        }
        timings
    }

    /// Takes the first differences found since the last call.
    #[must_use]
    pub fn take_differences(&self) -> Vec<Differing> {
        let take = |board: &Arc<Board>| std::mem::take(&mut board.look().differences);
        self.boards.iter().flat_map(take).collect()
    }

    /// The gaps between sends; complete once the replay has ended.
    #[must_use]
    pub fn arrivals(&self) -> Arrivals {
        let mut arrivals = Arrivals::default();
        for board in &self.boards {
            arrivals.merge(&board.look().arrivals);
        }
        arrivals
    }

    /// Goes on at other speeds from now on: of connects, and of think times.
    pub fn change_speeds(&self, connect: Speed, think: Speed) {
        self.control.change_speeds(connect, think);
        self.wakes.iter().for_each(Wake::wake);
    }

    /// Ends the replay now: what is left counts as stopped. Does not wait.
    pub fn stop(&self) {
        self.control.stop();
        self.wakes.iter().for_each(Wake::wake);
    }

    /// Whether all shards have handed in.
    #[must_use]
    pub fn has_finished(&self) -> bool {
        self.threads.iter().all(JoinHandle::is_finished)
    }

    /// Whether a failure stopped it, as was asked for.
    #[must_use]
    pub fn was_stopped_by_failure(&self) -> bool {
        self.control.was_stopped_by_failure()
    }

    /// Waits for the end of the threads. What they counted stays to be read.
    ///
    /// # Errors
    /// A shard's loop broke, or a thread panicked.
    pub fn join(&mut self) -> Result<(), DriveError> {
        for thread in std::mem::take(&mut self.threads) {
            thread.join().map_err(|_| DriveError::Panicked)??;
        }
        if self.boards.iter().all(|board| board.look().is_final) {
            Ok(())
        } else {
            Err(DriveError::Panicked)
        }
    }
}

/// Which sessions are driven: at least one.
fn picked(options: &DriveOptions) -> Result<Picked, DriveError> {
    let picked = Picked::of(&options.recording, &options.selection);
    if picked.sessions.is_empty() {
        return Err(DriveError::Nothing {
            unplayable: picked.unplayable.len() as u64,
            left_out: picked.left_out,
        });
    }
    Ok(picked)
}

/// How many shards there are, and whether each has a descriptor table of its own.
fn deal(options: &DriveOptions, planned: &Planned) -> Result<Deal, DriveError> {
    let at_once = options.at_once.map_or(u64::MAX, u64::from);
    let is_kernel = options.carrier == Carrier::Kernel;
    let own_addresses = options
        .targets
        .values()
        .all(|target| target.address.ip().is_loopback());
    // Sessions that linger for their answers come on top of those that are open by the plan.
    let connections = (planned.open_at_once + planned.open_at_once / 8 + 64).min(at_once);
    let limit = reactor::raise_nofile()?;
    let one = Needs {
        connections,
        cells: SHARDS_MAX,
        limit,
        cores: 1,
        shards: options.shards,
        own_tables: None,
        descriptors: is_kernel,
        targets: own_addresses.then_some(options.targets.len() as u64),
    };
    Ok(Deal::of(&one)?)
}
