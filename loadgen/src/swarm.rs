//! The swarm as a whole: its threads, their descriptors and addresses, and the figures they show.
//!
//! It does not know the protocol. It is to be started from a thread on the process's own descriptor table, before that
//! table has grown past [`PART_FLOOR`](reactor::PART_FLOOR) numbers.

mod carrier;
mod deal;
mod figures;
mod returns;
mod threads;

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use reactor::{Clock, Queue, ShardError, ShardStats, Wake};
use record::Sample;
use scenarios::Plan;
use wire::chat::Code;
use wire::tls::ClientTls;

use crate::Population;
use crate::clerk::{Books, Clerk, Course};
use crate::control::{Control, Leaving};
use crate::ledger::{Figures, Ledger};
use crate::presence::Presence;
use crate::shard::{Common, Limits};
use crate::tally::Board;
use crate::upload::HttpQueue;

pub use carrier::{Carriage, Carried, Carrier, Meter, Reading};
pub use deal::{Deal, Needs};
pub use returns::Returns;
use threads::Threads;

/// Events and measurements that may wait for the clerk.
const CLERK_CAPACITY: usize = 1 << 18;

/// What a swarm is to do.
#[derive(Clone)]
pub struct SwarmOptions {
    /// The server's chat addresses; users spread over them.
    pub targets: Vec<SocketAddr>,
    /// What to do.
    pub plan: Plan,
    /// Who does it; as many users as the plan has.
    pub population: Population,
    /// The clock that all instants of the run are on.
    pub clock: Clock,
    /// Does uploads and registrations; without it they count as unsent.
    pub http: Option<HttpQueue>,
    /// Takes its answers: the same that the HTTP side was given.
    pub returns: Returns,
    /// What carries the clients' bytes.
    pub carrier: Carrier,
    /// TLS, and whom it trusts; without it connections are in the clear.
    pub tls: Option<ClientTls>,
    /// How many shards; as many as descriptors and cores want, if it is not given.
    pub shards: Option<u32>,
    /// Whether to connect from addresses of 127.77.0.0/16, which lifts the limit of 28,232 ports a target; where it is
    /// not given, it is done if all targets are on this host's loopback.
    pub own_addresses: Option<bool>,
    /// Whether each shard has a descriptor table of its own; where it is not given, that is done if `RLIMIT_NOFILE` is
    /// too low for the plan.
    pub own_tables: Option<bool>,
    /// An action later than this is counted as late.
    pub lag_limit: Duration,
    /// Connections a shard may have on their way to a welcome.
    pub connecting_max: u32,
    /// How long one may take to its welcome.
    pub welcome_timeout: Duration,
    /// The pause before a first reconnect, and the longest one.
    pub backoff: (Duration, Duration),
    /// How it leaves.
    pub leaving: Leaving,
}

impl SwarmOptions {
    /// The usual options.
    #[must_use]
    pub fn new(targets: Vec<SocketAddr>, plan: Plan, population: Population, clock: Clock) -> Self {
        Self {
            targets,
            plan,
            population,
            clock,
            http: None,
            returns: Returns::default(),
            carrier: Carrier::Kernel,
            tls: None,
            shards: None,
            own_addresses: None,
            own_tables: None,
            lag_limit: Duration::from_millis(100),
            connecting_max: 2_000,
            welcome_timeout: Duration::from_secs(30),
            backoff: (Duration::from_millis(500), Duration::from_secs(30)),
            leaving: Leaving::default(),
        }
    }
}

/// A swarm could not start, or broke.
#[derive(Debug, thiserror::Error)]
pub enum SwarmError {
    /// Nothing to connect to.
    #[error("the swarm has no target")]
    NoTarget,
    /// The plan and the population differ.
    #[error("the plan has {plan} users, the population {population}")]
    Users {
        /// The plan's.
        plan: u64,
        /// The population's.
        population: u32,
    },
    /// Too few descriptors, even spread over the most shards there can be.
    #[error(
        "{connections} connections need more descriptors than {most} shards of {each} have: raise RLIMIT_NOFILE \
         (ulimit -Hn)"
    )]
    Descriptors {
        /// The plan's.
        connections: u64,
        /// Shards at most.
        most: u32,
        /// Connections a shard can hold.
        each: u64,
    },
    /// The system has no descriptor or thread to give.
    #[error("the swarm cannot start: {0}")]
    Io(#[from] std::io::Error),
    /// A shard could not start, or its loop broke.
    #[error(transparent)]
    Shard(#[from] ShardError),
    /// A thread panicked.
    #[error("a thread of the swarm panicked")]
    Panicked,
}

/// How a run ended.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The ledger, final.
    pub ledger: Figures,
    /// Copies refused, by code.
    pub refusals: Vec<(Code, u64)>,
    /// Whether every copy was answered and nothing was under way when the connections were closed.
    pub settled: bool,
}

/// A running swarm.
#[derive(Debug)]
pub struct Swarm {
    control: Arc<Control>,
    begin_us: u64,
    wakes: Arc<[Wake]>,
    boards: Arc<[Arc<Board>]>,
    loops: Vec<Arc<ShardStats>>,
    meters: Vec<Arc<Meter>>,
    books: Arc<Books>,
    clerk: JoinHandle<Result<bool, SwarmError>>,
}

impl Swarm {
    /// Starts all threads, and the plan once every shard is up.
    ///
    /// # Errors
    /// The options do not fit together or the host; nothing runs then.
    pub fn start(options: SwarmOptions) -> Result<Self, SwarmError> {
        let population = options.population.users();
        if options.targets.is_empty() {
            return Err(SwarmError::NoTarget);
        }
        if options.plan.users() != u64::from(population) {
            return Err(SwarmError::Users {
                plan: options.plan.users(),
                population,
            });
        }
        let deal = Deal::new(&options)?;
        // Every waker there will ever be is made before the first shard parts from the descriptor table.
        let wakes: Arc<[Wake]> = (0..deal.shards)
            .map(|_| Wake::new())
            .collect::<Result<Vec<_>, _>>()?
            .into();
        let clerk_wake = Wake::new()?;
        let (to_ledger, events) = Queue::new("swarm_events", CLERK_CAPACITY, clerk_wake.clone());
        let (to_histograms, timings) = Queue::new("swarm_timings", CLERK_CAPACITY, clerk_wake.clone());
        let boards: Arc<[Arc<Board>]> = (0..deal.shards)
            .map(|_| Arc::default())
            .collect::<Vec<_>>()
            .into();
        let control = Arc::new(Control::new(options.leaving));
        let books = Arc::new(Books::default());
        let common = Common {
            population: Arc::new(options.population.clone()),
            members: Arc::new(options.plan.clone()),
            presence: Arc::new(Presence::new(population)),
            control: Arc::clone(&control),
            targets: options.targets.clone().into(),
            limits: limits(&options),
            to_ledger,
            to_histograms,
        };
        let clerk = Clerk {
            clock: options.clock,
            control: Arc::clone(&control),
            course: Course {
                duration_us: options.plan.duration_us(),
                settle_us: options.plan.settle_us(),
            },
            members: Arc::clone(&common.members),
            ledger: Ledger::new(population),
            events,
            timings,
            boards: Arc::clone(&boards),
            books: Arc::clone(&books),
            calm_since_us: None,
        };
        let threads = Threads::start(&options, &deal, common, &boards, &wakes, clerk_wake)?;
        let begin_us = options.clock.now_us();
        control.begin(begin_us);
        wakes.iter().for_each(Wake::wake);
        let (loops, meters) = (threads.loops.clone(), threads.meters.clone());
        let clerk = keep_books(clerk, threads, Arc::clone(&wakes))?;
        Ok(Self {
            control,
            begin_us,
            wakes,
            boards,
            loops,
            meters,
            books,
            clerk,
        })
    }

    /// When the plan began, microseconds on the run's clock.
    #[must_use]
    pub fn begin_us(&self) -> u64 {
        self.begin_us
    }

    /// The ledger so far.
    #[must_use]
    pub fn ledger(&self) -> Figures {
        self.books.figures()
    }

    /// Adds the swarm's counters, gauges and histograms to a sample. Meant for once a second: histograms are those of
    /// the time since the last call.
    pub fn sample(&self, sample: &mut Sample) {
        figures::counters_and_gauges(&self.boards, &self.loops, &self.books.figures(), sample);
        figures::carriage(&self.meters, sample);
        self.books.move_timings_into(sample);
    }

    /// Ends the run now: shards hand in what they know and close their connections. Does not wait.
    pub fn stop(&self) {
        self.control.end();
        self.wakes.iter().for_each(Wake::wake);
    }

    /// Whether the run is over and its books are closed.
    #[must_use]
    pub fn finished(&self) -> bool {
        self.clerk.is_finished()
    }

    /// Waits for the end of the run, and adds what was not sampled yet to a last sample. The shards' threads may still
    /// be closing connections when it returns; they hold nothing that matters any more.
    ///
    /// # Errors
    /// A shard's loop broke, or a thread panicked; the sample is filled all the same.
    pub fn join(self, last: &mut Sample) -> Result<Outcome, SwarmError> {
        let settled = self.clerk.join();
        let ledger = self.books.figures();
        figures::counters_and_gauges(&self.boards, &self.loops, &ledger, last);
        figures::carriage(&self.meters, last);
        self.books.move_timings_into(last);
        let settled = settled.map_err(|_| SwarmError::Panicked)??;
        Ok(Outcome {
            ledger,
            refusals: self.books.refusals(),
            settled,
        })
    }
}

fn limits(options: &SwarmOptions) -> Limits {
    let us = |duration: Duration| duration.as_micros() as u64;
    Limits {
        lag_us: us(options.lag_limit),
        connecting: options.connecting_max.max(1),
        welcome_us: us(options.welcome_timeout),
        backoff_us: us(options.backoff.0),
        backoff_max_us: us(options.backoff.1),
        ping_every_us: options.plan.ping_every_us(),
    }
}

/// Starts the clerk's thread. It ends once all shards have handed in.
fn keep_books(
    mut clerk: Clerk,
    threads: Threads,
    wakes: Arc<[Wake]>,
) -> std::io::Result<JoinHandle<Result<bool, SwarmError>>> {
    std::thread::Builder::new()
        .name("swarm-clerk".to_owned())
        .spawn(move || {
            let settled = clerk.run(|| threads.is_broken(), || wakes.iter().for_each(Wake::wake));
            let boards = Arc::clone(&clerk.boards);
            let handed_in = threads.hand_in(&boards, || clerk.take_in());
            clerk.take_in();
            handed_in.map(|()| settled.0)
        })
}

#[cfg(test)]
mod tests;
