//! What is driven, at whom and how: settled before the first connect, shared by all shards.
//!
//! It knows a recording and addresses; it opens nothing.

mod curve;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

use super::cast::{Clones, Score, Starts};
use super::picked::Picked;
use super::schedule::Schedule;
use super::{Destination, DriveError, DriveOptions};
use crate::{Recording, Rules, Side, Speed, TurnKind};

use curve::Curve;

const DAY_S: f64 = 86_400.0;
/// The longest replay, seconds: what takes longer is a clock that jumped, or a mistake.
const LENGTH_MAX_S: f64 = 31.0 * DAY_S;

/// The most shards.
const SHARDS_MAX: u32 = 256;

/// What a turn waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Its recorded time alone: open-loop.
    Timed,
    /// The answer that came before it in the recording, and then as long as its client thought: closed-loop.
    Causal,
}

impl Order {
    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Timed => "timed",
            Self::Causal => "causal",
        }
    }
}

/// What is driven.
#[derive(Debug)]
pub(super) struct Program {
    pub(super) recording: Arc<Recording>,
    pub(super) rules: Arc<Rules>,
    pub(super) seed: u64,
    pub(super) order: Order,
    connect_speed: Speed,
    think_speed: Speed,
    clones: Clones,
    score: Arc<Score>,
    /// The picked sessions, in the order of their beginnings: place in the recording, sends, target.
    chosen: Vec<Chosen>,
    /// Connections on their way a shard.
    pub(super) connecting_max: u32,
    /// Sessions at once, over all shards.
    at_once: Option<u32>,
    pub(super) patience_ns: u64,
    pub(super) lateness_limit_ns: u64,
    shards: u32,
}

#[derive(Clone, Copy, Debug)]
struct Chosen {
    index: u32,
    sends: u32,
    target: Destination,
}

/// What a replay will do, counted beforehand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Planned {
    /// Sessions, clones and loops included.
    pub sessions: u64,
    /// Sends.
    pub sends: u64,
    /// Sessions open at once, at the most.
    pub open_at_once: u64,
    /// Bytes that the picked sessions' clients and servers said in the recording, once.
    pub client_bytes: u64,
    /// See above.
    pub server_bytes: u64,
    /// Bytes that the recording lacks of the picked sessions' servers.
    pub server_gap_bytes: u64,
    /// How long it takes, nanoseconds, at the given speeds and without a target that keeps it waiting; 0 at the highest.
    pub length_ns: u64,
    /// Sends in each second of the replay; empty at the highest speed.
    pub sends_a_second: Vec<u64>,
    /// Sessions open at the end of each second.
    pub open_a_second: Vec<u64>,
}

impl Program {
    pub(super) fn new(options: &DriveOptions, picked: &Picked, shards: u32) -> Result<Self, DriveError> {
        let recording = Arc::clone(&options.recording);
        let chosen = choose(&recording, picked, &options.targets)?;
        let opened = |chosen: &Chosen| recording.sessions()[chosen.index as usize].opened_ns;
        let first_ns = chosen.first().map_or(0, opened);
        let last_ns = chosen
            .iter()
            .map(|chosen| recording.sessions()[chosen.index as usize].closed_ns)
            .max()
            .unwrap_or(0);
        let score = Score {
            opened_ns: chosen.iter().map(|chosen| opened(chosen) - first_ns).collect(),
            period_ns: last_ns.saturating_sub(first_ns).saturating_add(1),
        };
        let is_fast = options.think_speed == Speed::Max;
        Ok(Self {
            rules: Arc::clone(&options.rules),
            seed: options.seed,
            order: if is_fast { Order::Causal } else { options.order },
            connect_speed: options.connect_speed,
            think_speed: options.think_speed,
            clones: options.clones,
            score: Arc::new(score),
            chosen,
            connecting_max: options.connecting_max.max(1),
            at_once: options.at_once.map(|at_once| at_once.max(1)),
            patience_ns: options.patience.as_nanos() as u64,
            lateness_limit_ns: options.lateness_limit.as_nanos() as u64,
            shards,
            recording,
        })
    }

    /// A session's place in the recording, and its sends.
    pub(super) fn chosen(&self, place: u32) -> (u32, u32) {
        let chosen = self.chosen[place as usize];
        (chosen.index, chosen.sends)
    }

    /// Where a session goes.
    pub(super) fn target(&self, place: u32) -> Destination {
        self.chosen[place as usize].target
    }

    /// Sessions at once of a shard: all shards' are as many as may be. There are no more shards than that ([`shards_max`]), or a shard
    /// without any would never end.
    pub(super) fn at_once(&self, shard: u32) -> u32 {
        self.at_once.map_or(u32::MAX, |at_once| {
            at_once / self.shards + u32::from(shard < at_once % self.shards)
        })
    }

    /// A shard's schedule, beginning at an instant of the clock.
    pub(super) fn schedule(&self, begin_ns: u64, shard: u32) -> Schedule {
        let starts = Starts::new(Arc::clone(&self.score), self.clones, shard, self.shards);
        Schedule::new(starts, begin_ns, self.connect_speed, self.think_speed)
    }

    /// Counts what will be done.
    ///
    /// # Errors
    /// It would take longer than a month.
    pub(super) fn planned(&self) -> Result<Planned, DriveError> {
        let times = u64::from(self.clones.count) * u64::from(self.clones.loops);
        let mut planned = Planned {
            sessions: self.chosen.len() as u64 * times,
            sends: self
                .chosen
                .iter()
                .map(|chosen| u64::from(chosen.sends))
                .sum::<u64>()
                * times,
            ..Planned::default()
        };
        for session in self
            .chosen
            .iter()
            .map(|chosen| &self.recording.sessions()[chosen.index as usize])
        {
            planned.client_bytes += session.said(Side::Client).bytes;
            planned.server_bytes += session.said(Side::Server).bytes;
            planned.server_gap_bytes += session.said(Side::Server).gap_bytes;
        }
        self.curve(&mut planned)?;
        Ok(planned)
    }

    /// The curves a second: one run-through in cells, laid over itself for each clone and loop.
    fn curve(&self, planned: &mut Planned) -> Result<(), DriveError> {
        let (Some(connect), Some(think)) = (self.connect_speed.factor(), self.think_speed.factor()) else {
            planned.open_at_once = planned.sessions;
            return Ok(());
        };
        let length_s = self.length_s(connect, think);
        if length_s > LENGTH_MAX_S {
            return Err(DriveError::TooLong {
                days: (length_s / DAY_S) as u64,
            });
        }
        let people = u64::from(self.clones.count) * u64::from(self.clones.loops);
        let width_s = curve::width_s(length_s, people);
        let cell = |seconds: f64| (seconds / width_s) as usize;
        let (mut sends, mut open, mut begins) = (Curve::default(), Curve::default(), Curve::default());
        for (chosen, opened_ns) in self.chosen.iter().zip(&self.score.opened_ns) {
            let session = &self.recording.sessions()[chosen.index as usize];
            let begin_s = *opened_ns as f64 / 1e9 / connect;
            let at =
                |at_ns: u64| cell(begin_s + at_ns.saturating_sub(session.opened_ns) as f64 / 1e9 / think);
            for turn in self.recording.turns(chosen.index as usize) {
                if turn.side == Side::Client && matches!(turn.kind, TurnKind::Bytes { .. }) {
                    sends.add(at(turn.at_ns), 1);
                }
            }
            open.add(cell(begin_s), 1);
            open.add(at(session.closed_ns) + 1, -1);
        }
        for turn in 0..self.clones.loops {
            for clone in 0..self.clones.count {
                begins.add(cell(self.offset_s(clone, turn) / connect), 1);
            }
        }
        let (sends, open) = (sends.laid_over(&begins), open.laid_over(&begins).standing());
        let length_s = open.length_s(width_s).max(sends.length_s(width_s));
        let seconds = (length_s - 1e-9).ceil() as usize;
        planned.open_at_once = open.most();
        planned.open_a_second = open.at_ends(width_s, seconds);
        planned.sends_a_second = sends.a_second(width_s, seconds);
        planned.length_ns = (length_s * 1e9) as u64;
        Ok(())
    }

    /// How much later than the first a clone begins one of its loops, seconds of recorded time.
    fn offset_s(&self, clone: u32, turn: u32) -> f64 {
        let share = f64::from(clone) / f64::from(self.clones.count);
        (self.clones.spread_ns as f64 * share + self.score.period_ns as f64 * f64::from(turn)) / 1e9
    }

    /// How long it lasts at these speeds, seconds.
    fn length_s(&self, connect: f64, think: f64) -> f64 {
        let last = self.offset_s(
            self.clones.count.saturating_sub(1),
            self.clones.loops.saturating_sub(1),
        );
        let ends = self.chosen.iter().zip(&self.score.opened_ns);
        let ends = ends.map(|(chosen, opened_ns)| {
            let session = &self.recording.sessions()[chosen.index as usize];
            let turns = self.recording.turns(chosen.index as usize);
            let last_ns = turns.last().map_or(0, |turn| turn.at_ns).max(session.closed_ns);
            let lasts_ns = last_ns.saturating_sub(session.opened_ns);
            *opened_ns as f64 / 1e9 / connect + lasts_ns as f64 / 1e9 / think
        });
        last / connect + ends.fold(0.0, f64::max)
    }
}

/// The most shards for so many sessions at once: each is to have one.
pub(super) fn shards_max(at_once: Option<u32>) -> u32 {
    SHARDS_MAX.min(at_once.unwrap_or(u32::MAX)).max(1)
}

/// Finds each picked session's sends and target.
fn choose(
    recording: &Recording,
    picked: &Picked,
    targets: &HashMap<SocketAddr, Destination>,
) -> Result<Vec<Chosen>, DriveError> {
    let choose = |&index: &u32| {
        let server = recording.sessions()[index as usize].server;
        let target = *targets.get(&server).ok_or(DriveError::NoTarget { server })?;
        let sends = recording
            .turns(index as usize)
            .iter()
            .filter(|turn| turn.side == Side::Client && matches!(turn.kind, TurnKind::Bytes { .. }))
            .count() as u32;
        Ok(Chosen { index, sends, target })
    };
    picked.sessions.iter().map(choose).collect()
}
