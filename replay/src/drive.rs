//! The driver: recorded clients say again, to a target, what they said, when they said it.
//!
//! It knows recordings, connections and instants, and no protocol: what must differ is the rewriter's business, what comes
//! back the comparison's. It is to be started from a thread on the process's own descriptor table.
//!
//! A shard is one thread with a transport of its own, like the swarm's; one is enough for 50,000 sends a second. A driven
//! session costs, beside its connection, 96 B and its rewriter, comparison and open questions for as long as it lasts, and
//! nothing before and after: clones and loops are cursors.

mod cast;
mod cause;
mod control;
mod driver;
mod error;
mod options;
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

use std::sync::Arc;
use std::thread::JoinHandle;

use loadgen::{Carrier, Deal, Meter, Needs};
use reactor::{ShardError, ShardStats, Wake};

use crate::fidelity::Rhythm;
use crate::{Rules, Speed};

pub use cast::Clones;
pub use cause::{Cause, Failure};
pub use error::{DriveError, LeftOver};
pub use options::{Destination, DriveOptions, OnFailure};
pub use picked::Picked;
pub use program::{Order, Planned};
pub use tally::{Answers, Counts, Differing, Failing, Timings};

use control::Control;
use program::Program;
use tally::Board;

/// How long after the threads are up the first session begins: long enough for all of them to be asleep.
const LEAD_US: u64 = 20_000;

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
    rules: Arc<Rules>,
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
        Ok((Program::new(options, &picked, 1)?.planned()?, picked))
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
            rules: Arc::clone(&program.rules),
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
        // All shards share them.
        figures.tally.early = self.rules.early();
        figures.tally.forgotten = self.rules.forgotten();
        figures.tally.unshared = self.rules.unshared();
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

    /// Takes the first failures since the last call.
    #[must_use]
    pub fn take_failures(&self) -> Vec<Failing> {
        let take = |board: &Arc<Board>| std::mem::take(&mut board.look().failures);
        self.boards.iter().flat_map(take).collect()
    }

    /// The gaps between sends; complete once the replay has ended.
    #[must_use]
    pub fn rhythm(&self) -> Rhythm {
        let mut rhythm = Rhythm::default();
        for board in &self.boards {
            rhythm.merge(&board.look().rhythm);
        }
        rhythm
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
    if options.connect_speed == Speed::Max && options.clones.spread_ns > 0 {
        return Err(DriveError::Spread);
    }
    let mut picked = Picked::of(&options.recording, &options.selection);
    picked.left_out += options.left_out;
    if picked.sessions.is_empty() {
        return Err(DriveError::Nothing(LeftOver::of(&picked)));
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
        cells: program::shards_max(options.at_once),
        limit,
        cores: 1,
        shards: options.shards,
        own_tables: None,
        descriptors: is_kernel,
        targets: own_addresses.then_some(options.targets.len() as u64),
    };
    Ok(Deal::of(&one)?)
}
