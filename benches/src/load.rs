//! The load driver: logs clients in, keeps messages in flight between random pairs of them, checks every delivery.
//!
//! It drives any [`Protocol`] alike, so that two servers meet the same load: the same pairs, bodies and counts. It does
//! not know whose server it drives.

mod tally;

use std::collections::VecDeque;
use std::net::{SocketAddr, SocketAddrV4};
use std::sync::Arc;

use anyhow::bail;
use reactor::{
    App, Clock, Close, Closed, Id, Kernel, KernelOptions, Link, Origin, Shard, ShardStats, Taken, Wake,
};
use record::Histogram;

use crate::draw::Draw;
use crate::flight::{FLIGHTS_MAX, Faults};
use crate::process::{Family, pinned, thread_cpu_us};
use crate::protocol::Protocol;
use crate::source::sources;
use tally::Tally;

/// Log-ins under way at once: fewer than a listener's queue holds.
const OPENING_MAX: u32 = 256;
/// How long log-ins, and then a level's last answers, may take.
const LOGIN_LIMIT_US: u64 = 180_000_000;
const DRAIN_LIMIT_US: u64 = 30_000_000;
/// The driver looks at its stage this often.
const TURN_US: u64 = 5_000;

/// How messages follow each other.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Pace {
    /// Closed loop: as many in flight at all times. Latency counts from the send.
    InFlight(u32),
    /// Open loop: Poisson arrivals, as many a second in the mean. Latency counts from the planned instant.
    PerSecond(f64),
}

/// A stretch of load.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Level {
    /// How messages follow each other.
    pub(crate) pace: Pace,
    /// Before anything is measured, microseconds.
    pub(crate) warm_up_us: u64,
    /// Measured, microseconds.
    pub(crate) measure_us: u64,
}

/// What a level came to.
#[derive(Clone, Debug)]
pub(crate) struct Measured {
    /// Length of the measured stretch, microseconds.
    pub(crate) wall_us: u64,
    /// Messages delivered in it.
    pub(crate) delivered: u64,
    /// The server's CPU time in it, microseconds.
    pub(crate) server_cpu_us: u64,
    /// The driver's.
    pub(crate) driver_cpu_us: u64,
    /// From send, or planned instant, to arrival.
    pub(crate) latency: Histogram,
}

/// What a run came to.
#[derive(Clone, Debug)]
pub(crate) struct Report {
    /// Its levels.
    pub(crate) levels: Vec<Measured>,
    /// Growth of the server's anonymous memory by the log-ins, bytes.
    pub(crate) login_growth_bytes: u64,
    /// What was wrong: nothing, or the run counts for nothing.
    pub(crate) faults: Faults,
}

/// What to do.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// Where the server listens.
    pub(crate) to: SocketAddrV4,
    /// Clients, all logged in and all senders and recipients.
    pub(crate) connections: u32,
    /// One after the other, over the same connections.
    pub(crate) levels: Vec<Level>,
    /// Of the pairs and gaps.
    pub(crate) seed: u64,
    /// The server's processes.
    pub(crate) server: Family,
    /// The processor to run on.
    pub(crate) cpu: Option<usize>,
}

/// Carries a plan out, on a thread of its own.
///
/// # Errors
/// The server refused or broke off, or a message was lost, doubled, torn or delivered to somebody else.
pub(crate) fn run<P>(protocol: P, plan: Plan) -> anyhow::Result<Report>
where
    P: Protocol + Send + 'static,
    P::Session: Send,
{
    if plan.connections < 2 {
        bail!("a message needs two connections");
    }
    let limit = reactor::raise_nofile()?;
    if u64::from(plan.connections) + 64 > limit {
        bail!(
            "{} connections need as many descriptors, and the limit is {limit}",
            plan.connections
        );
    }
    let thread = std::thread::Builder::new().name("load".to_owned());
    let thread = thread.spawn(move || pinned(plan.cpu, || drive(protocol, plan.clone())))?;
    match thread.join() {
        Ok(result) => result,
        Err(_) => bail!("the load driver panicked"),
    }
}

fn drive<P: Protocol>(protocol: P, plan: Plan) -> anyhow::Result<Report> {
    let wake = Wake::new()?;
    let mut kernel = Kernel::new(None, sources(), KernelOptions::default(), &wake)?;
    let clock = Clock::start();
    let shard = Shard::new(clock, wake, Arc::new(ShardStats::default()));
    let idle_bytes = plan.server.rss_anon_bytes();
    let mut load = Load {
        tally: Tally::new(protocol.answers(), clock),
        sessions: Vec::new(),
        ids: Vec::new(),
        draw: Draw::new(plan.seed),
        levels: plan.levels.iter().copied().collect(),
        stage: Stage::LoggingIn {
            until_us: LOGIN_LIMIT_US,
        },
        measured: Vec::new(),
        idle_bytes,
        login_growth_bytes: 0,
        fault: None,
        out: Vec::new(),
        protocol,
        plan,
    };
    shard.run(&mut kernel, &mut load)?;
    for &id in &load.ids {
        // By RST: nothing of this run shall wait in the kernel while the next one is measured.
        kernel.close(id, Close::Reset);
    }
    let faults = load.tally.flights.faults(true);
    if let Some(fault) = load.fault {
        bail!("{fault} ({faults:?})");
    }
    if !faults.none() {
        bail!("the server did not deliver each message once, whole and to its recipient: {faults:?}");
    }
    Ok(Report {
        levels: load.measured,
        login_growth_bytes: load.login_growth_bytes,
        faults,
    })
}

#[derive(Clone, Copy, Debug)]
enum Stage {
    LoggingIn {
        until_us: u64,
    },
    Warming {
        level: Level,
        until_us: u64,
    },
    Measuring {
        level: Level,
        from: Reading,
        until_us: u64,
    },
    Draining {
        until_us: u64,
    },
}

/// Both ends' cost so far.
#[derive(Clone, Copy, Debug)]
struct Reading {
    at_us: u64,
    delivered: u64,
    server_cpu_us: u64,
    driver_cpu_us: u64,
}

struct Load<P: Protocol> {
    protocol: P,
    plan: Plan,
    /// By client; a client's place is its connection's, because none is ever replaced.
    sessions: Vec<P::Session>,
    ids: Vec<Id>,
    tally: Tally,
    draw: Draw,
    levels: VecDeque<Level>,
    stage: Stage,
    measured: Vec<Measured>,
    idle_bytes: u64,
    login_growth_bytes: u64,
    fault: Option<String>,
    out: Vec<u8>,
}

impl<P: Protocol> Load<P> {
    fn read_meters(&mut self) -> Reading {
        let server_cpu_us = self.plan.server.cpu_us().unwrap_or_else(|error| {
            self.fault = Some(error.to_string());
            0
        });
        Reading {
            at_us: self.tally.clock.now_us(),
            delivered: self.tally.delivered,
            server_cpu_us,
            driver_cpu_us: thread_cpu_us(),
        }
    }

    fn step<L: Link>(&mut self, link: &mut L, now_us: u64) -> Option<u64> {
        match self.stage {
            Stage::LoggingIn { until_us } => {
                self.connect(link);
                if self.tally.ready == self.plan.connections {
                    self.login_growth_bytes =
                        self.plan.server.rss_anon_bytes().saturating_sub(self.idle_bytes);
                    return self.next_level(now_us);
                }
                if now_us > until_us {
                    self.fault = Some(format!("only {} clients are logged in", self.tally.ready));
                }
            }
            Stage::Warming { level, until_us } => {
                if now_us >= until_us {
                    let from = self.read_meters();
                    self.tally.latency.clear();
                    let until_us = from.at_us + level.measure_us;
                    self.stage = Stage::Measuring {
                        level,
                        from,
                        until_us,
                    };
                }
            }
            Stage::Measuring { from, until_us, .. } => {
                if now_us >= until_us {
                    self.measure(from);
                    self.stage = Stage::Draining {
                        until_us: now_us + DRAIN_LIMIT_US,
                    };
                }
            }
            Stage::Draining { until_us } => {
                if self.tally.flights.len() == 0 {
                    return self.next_level(now_us);
                }
                if now_us > until_us {
                    self.fault = Some("answers are missing".to_owned());
                }
            }
        }
        Some(now_us + TURN_US)
    }

    fn connect<L: Link>(&mut self, link: &mut L) {
        while self.ids.len() < self.plan.connections as usize
            && self.ids.len() as u32 - self.tally.ready < OPENING_MAX
        {
            match link.connect(SocketAddr::V4(self.plan.to)) {
                Ok(id) if id.index as usize == self.ids.len() => {
                    self.ids.push(id);
                    self.sessions.push(P::Session::default());
                }
                Ok(_) => return self.fault = Some("a connection took another's place".to_owned()),
                Err(why) => return self.fault = Some(format!("cannot connect: {why}")),
            }
        }
    }

    fn next_level(&mut self, now_us: u64) -> Option<u64> {
        let level = self.levels.pop_front()?;
        self.tally.next_due_us = now_us as f64;
        self.stage = Stage::Warming {
            level,
            until_us: now_us + level.warm_up_us,
        };
        Some(now_us)
    }

    fn measure(&mut self, from: Reading) {
        let to = self.read_meters();
        self.measured.push(Measured {
            wall_us: to.at_us - from.at_us,
            delivered: to.delivered - from.delivered,
            server_cpu_us: to.server_cpu_us.saturating_sub(from.server_cpu_us),
            driver_cpu_us: to.driver_cpu_us - from.driver_cpu_us,
            latency: self.tally.latency.clone(),
        });
    }

    /// Sends what the pace asks for. Returns when it asks for more by itself.
    fn send_due<L: Link>(&mut self, link: &mut L) -> Option<u64> {
        let (Stage::Warming { level, .. } | Stage::Measuring { level, .. }) = self.stage else {
            return None;
        };
        match level.pace {
            Pace::InFlight(count) => {
                while self.tally.flights.len() < count as usize && self.fault.is_none() {
                    let due_us = self.tally.clock.now_us();
                    self.launch(link, due_us);
                }
                None
            }
            Pace::PerSecond(rate) => {
                while self.tally.next_due_us <= self.tally.clock.now_us() as f64 && self.fault.is_none() {
                    self.launch(link, self.tally.next_due_us as u64);
                    self.tally.next_due_us += self.draw.gap_us(rate);
                }
                Some(self.tally.next_due_us as u64)
            }
        }
    }

    fn launch<L: Link>(&mut self, link: &mut L, due_us: u64) {
        let (from, to) = self.draw.pair(self.plan.connections);
        let Some(label) = self.tally.flights.start(from, to, due_us) else {
            self.fault = Some(format!("more than {FLIGHTS_MAX} messages are in flight"));
            return;
        };
        self.out.clear();
        let session = &mut self.sessions[from as usize];
        self.protocol
            .message(session, to, label.number, &label.body(), &mut self.out);
        if let Err(error) = link.send(self.ids[from as usize], &self.out) {
            self.fault = Some(format!("cannot send for client {from}: {error}"));
        }
    }
}

impl<P: Protocol, L: Link> App<L> for Load<P> {
    fn opened(&mut self, link: &mut L, id: Id, _: Origin, _: u64) {
        self.out.clear();
        self.protocol.opened(id.index, &mut self.out);
        if !self.out.is_empty() && link.send(id, &self.out).is_err() {
            self.fault = Some("a connection broke at its beginning".to_owned());
        }
    }

    fn received(&mut self, link: &mut L, id: Id, bytes: &[u8], _: u64) -> Taken {
        self.out.clear();
        let session = &mut self.sessions[id.index as usize];
        let tally = &mut self.tally;
        let result = self
            .protocol
            .received(session, id.index, bytes, &mut self.out, &mut |event| {
                tally.take(id.index, event)
            });
        match result {
            Ok(taken) => {
                if !self.out.is_empty() && link.send(id, &self.out).is_err() {
                    self.fault = Some(format!("cannot answer for client {}", id.index));
                }
                self.send_due(link);
                Taken(taken)
            }
            Err(fault) => {
                self.fault = Some(fault.to_string());
                Taken(bytes.len())
            }
        }
    }

    fn closed(&mut self, _: &mut L, id: Id, why: Closed, _: u64) {
        self.fault = Some(format!("client {}'s connection ended: {why}", id.index));
    }

    fn turn(&mut self, link: &mut L, now_us: u64) -> Option<u64> {
        if self.fault.is_some() {
            return None;
        }
        let next_us = self.step(link, now_us)?;
        let due_us = self.send_due(link);
        Some(due_us.map_or(next_us, |due_us| due_us.min(next_us)))
    }
}

#[cfg(test)]
mod tests;
