//! A shard of the swarm: an application that carries out its part of a plan over any transport.
//!
//! It does not know threads or sockets, and reads no clock: a transport calls it with the time. What it measures it
//! reports; it keeps no history of its own.
//!
//! It is open-loop: an action is carried out at its intended instant or, if the shard is behind, as soon as it can be,
//! with its lag recorded. Only reconnects after a cut, which no plan can know, are the shard's own.

mod act;
mod door;
mod flight;
mod hear;
mod misfit;
mod ping;
mod receipt;
mod report;
mod send;
mod tick;
mod user;

use std::collections::HashMap;
use std::iter::Peekable;
use std::net::SocketAddr;
use std::sync::Arc;

use reactor::{App, Close, Closed, Id, Link, Misfit, Origin, Queue, QueueReceiver, Taken};
use scenarios::Action;

use crate::control::{Control, Leaving};
use crate::job::{RegisterJob, UploadJob};
use crate::ledger::Event;
use crate::members::Members;
use crate::presence::Presence;
use crate::tally::{Board, Tally};
use crate::timing::Timing;
use crate::{Population, UploadDone};

use door::Door;
use flight::Flights;
use misfit::Misfits;
use ping::Pings;
use report::Report;
use tick::Ticks;
pub(crate) use user::Dealing;
use user::Users;

/// Actions carried out a turn at most, so that answers are read in between.
const ACTIONS_A_TURN: usize = 256;
/// Actions are carried out on a grid this fine: falling asleep and waking up costs more than sending, so what is due
/// within one step goes out in one turn. What an action is late by this is in `latency.schedule_lag`, and in every
/// latency, which counts from the planned instant.
pub(crate) const GRID_US: u64 = 500;
/// How often a shard that waits to begin, or for the clerk, looks again.
const LOOK_AGAIN_US: u64 = 1_000;
/// How often a shard that has nothing else to do looks whether ticks are still owed to it: that changes when somebody
/// leaves, of which no other shard is told.
const TICKS_EVERY_US: u64 = 100_000;
/// How often tables give memory back.
const SHRINK_EVERY_US: u64 = 5_000_000;

/// A shard's part of a plan, in time.
pub(crate) type Schedule = Box<dyn Iterator<Item = Action> + Send>;

/// Does what is not done on a connection of the shard's. It answers by the shard's queue of [`UploadDone`].
pub(crate) trait Errands: Send {
    /// Takes an upload over; `false` if there is no room for it.
    fn upload(&self, job: UploadJob) -> bool;
    /// Takes a registration over; `false` if there is no room for it.
    fn register(&self, job: RegisterJob) -> bool;
}

/// Bounds and delays of a shard.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// An action carried out later than this after its instant is counted as late, microseconds.
    pub(crate) lag_us: u64,
    /// Connections that may be on their way to a welcome at once.
    pub(crate) connecting: u32,
    /// How long they may be, microseconds.
    pub(crate) welcome_us: u64,
    /// Pause before the first reconnect; doubled each time.
    pub(crate) backoff_us: u64,
    /// The longest pause before a reconnect.
    pub(crate) backoff_max_us: u64,
    /// How often each connection pings, microseconds.
    pub(crate) ping_every_us: u64,
}

/// What all shards of a run have in common.
#[derive(Clone)]
pub(crate) struct Common {
    pub(crate) population: Arc<Population>,
    pub(crate) members: Arc<dyn Members>,
    pub(crate) presence: Arc<Presence>,
    pub(crate) control: Arc<Control>,
    pub(crate) targets: Arc<[SocketAddr]>,
    pub(crate) limits: Limits,
    pub(crate) to_ledger: Queue<Event>,
    pub(crate) to_histograms: Queue<Timing>,
}

/// What a shard alone has.
pub(crate) struct Own {
    pub(crate) shard: u32,
    pub(crate) dealing: Dealing,
    pub(crate) schedule: Schedule,
    pub(crate) seed: u64,
    pub(crate) errands: Option<Box<dyn Errands>>,
    pub(crate) uploads: QueueReceiver<UploadDone>,
    pub(crate) board: Arc<Board>,
}

/// A shard.
pub(crate) struct Shard {
    population: Arc<Population>,
    members: Arc<dyn Members>,
    presence: Arc<Presence>,
    control: Arc<Control>,
    targets: Arc<[SocketAddr]>,
    limits: Limits,
    board: Arc<Board>,
    errands: Option<Box<dyn Errands>>,
    uploads: QueueReceiver<UploadDone>,
    uploads_under_way: u32,
    schedule: Peekable<Schedule>,
    users: Users,
    door: Door,
    flights: Flights,
    ticks: Ticks,
    pings: Pings,
    misfits: Misfits,
    report: Report,
    tally: Tally,
    /// Groups that the plan has made and the server has not confirmed, by owner: asked for again after a cut.
    groups_open: HashMap<u32, Vec<u32>>,
    /// The next copy's number: the shard's number in the upper bits, so that shards number without asking each other.
    next_copy: u64,
    begin_us: u64,
    shrink_us: u64,
    /// Buffers that all users share: a frame to send, its body, the answers to a batch of frames received.
    out: Vec<u8>,
    body: Vec<u8>,
    answers: Vec<u8>,
}

/// Copies a shard can number.
const COPY_BITS: u32 = 44;

impl Shard {
    pub(crate) fn new(common: Common, own: Own) -> Self {
        let users = common.population.users();
        Self {
            users: Users::new(users, own.shard, own.dealing),
            door: Door::new(own.seed ^ u64::from(own.shard)),
            flights: Flights::default(),
            ticks: Ticks::default(),
            pings: Pings::default(),
            misfits: Misfits::default(),
            report: Report::new(common.to_ledger, common.to_histograms),
            tally: Tally::default(),
            groups_open: HashMap::new(),
            next_copy: u64::from(own.shard) << COPY_BITS,
            begin_us: 0,
            shrink_us: 0,
            out: Vec::new(),
            body: Vec::new(),
            answers: Vec::new(),
            population: common.population,
            members: common.members,
            presence: common.presence,
            control: common.control,
            targets: common.targets,
            limits: common.limits,
            board: own.board,
            errands: own.errands,
            uploads: own.uploads,
            uploads_under_way: 0,
            schedule: own.schedule.peekable(),
        }
    }

    /// Carries out what is due. Returns whether there is more of it.
    fn actions<L: Link>(&mut self, link: &mut L, now_us: u64) -> bool {
        if self.report.is_held_back() {
            return true;
        }
        for _ in 0..ACTIONS_A_TURN {
            let due = |action: &Action| self.begin_us + action.at_us <= now_us;
            let Some(action) = self.schedule.next_if(due) else {
                return false;
            };
            self.act(link, action, now_us);
        }
        true
    }

    /// When the next turn is due at the latest, microseconds on the run's clock.
    fn due_us(&mut self, now_us: u64) -> u64 {
        let action_us = self.schedule.peek().map_or(u64::MAX, |action| {
            (self.begin_us + action.at_us).next_multiple_of(GRID_US)
        });
        let ping_us = self.pings.due_us(self.users.extent(), self.limits.ping_every_us);
        let due_us = action_us
            .min(ping_us)
            .min(self.door.due_us())
            .min(self.misfits.due_us())
            .min(self.shrink_us);
        if !self.report.is_empty() {
            due_us.min(now_us + LOOK_AGAIN_US)
        } else if self.schedule.peek().is_none() && !self.ticks.is_empty() {
            due_us.min(now_us + TICKS_EVERY_US)
        } else {
            due_us
        }
    }

    /// Whether nothing is left that a drain should wait for.
    fn is_idle(&mut self, now_us: u64) -> bool {
        self.schedule.peek().is_none()
            && self.flights.is_empty()
            && self.uploads_under_way == 0
            && self.door.is_idle()
            && self.misfits.is_empty()
            && self.report.is_empty()
            && !self.awaits_tick(now_us)
    }

    /// Hands in the last batches, then leaves.
    fn end<L: Link>(&mut self, link: &mut L, now_us: u64) -> Option<u64> {
        self.end_ticks(now_us);
        self.report.flush();
        self.board.show(&self.tally, true);
        if !self.report.is_empty() {
            return Some(now_us + LOOK_AGAIN_US);
        }
        self.board.hand_in();
        self.close_half_open(link);
        for index in 0..self.users.extent() {
            if let Some((id, _)) = self.users.conn_at(index) {
                let is_silent = self.control.leaving == Leaving::Silent;
                if !(is_silent && link.misbehave(id, Misfit::Vanish)) {
                    link.close(id, Close::Reset);
                }
            }
        }
        None
    }

    fn shrink(&mut self, now_us: u64) {
        if self.shrink_us <= now_us {
            self.shrink_us = now_us + SHRINK_EVERY_US;
            self.flights.shrink();
        }
    }
}

impl<L: Link> App<L> for Shard {
    fn opened(&mut self, link: &mut L, id: Id, origin: Origin, now_us: u64) {
        match self.users.at(id) {
            Some(user) if origin == Origin::Connected => self.connected(user, now_us),
            _ => link.close(id, Close::Reset),
        }
    }

    fn received(&mut self, link: &mut L, id: Id, bytes: &[u8], now_us: u64) -> Taken {
        match self.users.at(id) {
            Some(user) => self.hear(link, id, user, bytes, now_us),
            None => Taken(bytes.len()),
        }
    }

    fn closed(&mut self, _: &mut L, id: Id, why: Closed, now_us: u64) {
        if let Some(user) = self.users.at(id) {
            self.lost(user, why, now_us);
        }
    }

    fn turn(&mut self, link: &mut L, now_us: u64) -> Option<u64> {
        if self.control.is_ending() {
            return self.end(link, now_us);
        }
        let Some(begin_us) = self.control.begin_us() else {
            // Whoever says when it begins also wakes the shard.
            return Some(u64::MAX);
        };
        self.begin_us = begin_us;
        self.uploaded(link, now_us);
        self.admit(link, now_us);
        let more = self.actions(link, now_us);
        self.reform(link, now_us);
        self.ping(link, now_us);
        self.shrink(now_us);
        self.expire_ticks(now_us);
        self.report.flush();
        let idle = self.is_idle(now_us);
        self.board.show(&self.tally, idle);
        Some(if more { now_us } else { self.due_us(now_us) })
    }
}

#[cfg(test)]
pub(crate) mod tests;
