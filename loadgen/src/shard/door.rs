//! Coming and going: connects, log-ins that take too long, cuts, and reconnects after a pause that grows.
//!
//! What it keeps is bounded by those who are on their way: a user who is online or away costs nothing here.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use hashbrown::HashMap;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use reactor::{Close, Closed, Id, Link};
use wire::chat::Phase;

use super::Shard;
use super::user::Standing;
use crate::ledger::Event;
use crate::tally::Count;
use crate::timing::{Metric, Timing};

/// Those on their way in.
#[derive(Debug)]
pub(super) struct Door {
    /// When each who is connecting or logging in was meant to begin.
    on_the_way: HashMap<u32, u64>,
    /// The same in the order of beginning, with the instant when patience ends.
    patience: VecDeque<(u64, u32, Id)>,
    /// Those who must wait until fewer are on their way, with their intended instants.
    queued: VecDeque<(u64, u32)>,
    /// Those who pause, by the instant of the next try.
    pausing: BinaryHeap<Reverse<(u64, u32)>>,
    rng: ChaCha8Rng,
}

impl Door {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            on_the_way: HashMap::new(),
            patience: VecDeque::new(),
            queued: VecDeque::new(),
            pausing: BinaryHeap::new(),
            rng: ChaCha8Rng::seed_from_u64(seed),
        }
    }

    pub(super) fn is_idle(&self) -> bool {
        self.on_the_way.is_empty() && self.queued.is_empty() && self.pausing.is_empty()
    }

    /// When something here is due by itself.
    pub(super) fn due_us(&self) -> u64 {
        let patience_us = self.patience.front().map_or(u64::MAX, |(at_us, ..)| *at_us);
        let pause_us = self.pausing.peek().map_or(u64::MAX, |Reverse((at_us, _))| *at_us);
        patience_us.min(pause_us)
    }

    /// Between half of a pause and the whole, so that those who were cut together come back apart.
    fn jitter(&mut self, pause_us: u64) -> u64 {
        self.rng.random_range(pause_us / 2..=pause_us)
    }
}

impl Shard {
    /// A user connects by plan.
    pub(super) fn connect<L: Link>(&mut self, link: &mut L, user: u32, intended_us: u64, now_us: u64) {
        let state = self.users.user_mut(user);
        state.set_leaving(false);
        if matches!(state.standing, Standing::Away | Standing::Backoff) {
            self.enter(link, user, intended_us, now_us);
        }
    }

    /// Connects now, or as soon as fewer are on their way.
    fn enter<L: Link>(&mut self, link: &mut L, user: u32, intended_us: u64, now_us: u64) {
        if self.door.on_the_way.len() >= self.limits.connecting as usize {
            self.users.user_mut(user).standing = Standing::Queued;
            self.door.queued.push_back((intended_us, user));
            return;
        }
        if self.users.user(user).attempts == 0 {
            // A retry is not planned: only first tries can be late.
            self.lag(intended_us, now_us);
        }
        let target = self.targets[user as usize % self.targets.len()];
        self.tally.add(Count::Connects, 1);
        match link.connect(target) {
            Ok(id) => {
                self.users.connect(user, id);
                let state = self.users.user_mut(user);
                state.standing = Standing::Connecting;
                state.begin_session();
                self.door.on_the_way.insert(user, intended_us);
                self.door
                    .patience
                    .push_back((now_us + self.limits.welcome_us, user, id));
            }
            Err(why) => {
                self.tally.add(Count::ConnectFailures, 1);
                self.tally.add(Count::of_failure(why), 1);
                self.pause(user, 0, now_us);
                // This host had no port or descriptor to give: no reason to be shy of the server.
                self.users.user_mut(user).attempts = 1;
            }
        }
    }

    /// A connection is open; *hello* follows.
    pub(super) fn connected(&mut self, user: u32, now_us: u64) {
        self.users.user_mut(user).standing = Standing::Open;
        self.tally.add(Count::Connected, 1);
        if let Some(intended_us) = self.door.on_the_way.get(&user) {
            self.report
                .timing(Timing::since(Metric::Connect, *intended_us, now_us));
        }
    }

    /// The server welcomed a user.
    pub(super) fn welcomed(&mut self, user: u32, now_us: u64) {
        self.users.user_mut(user).attempts = 0;
        self.tally.add(Count::Logins, 1);
        self.tally.add(Count::Online, 1);
        if let Some(intended_us) = self.door.on_the_way.remove(&user) {
            self.report
                .timing(Timing::since(Metric::Login, intended_us, now_us));
        }
        self.presence.arrive(user, (now_us / 1_000) as u32);
        self.report.event(Event::Online { user });
    }

    /// A connection ended though nobody here asked for it.
    pub(super) fn lost(&mut self, user: u32, why: Closed, now_us: u64) {
        self.failed(user, Count::of_failure(why));
        self.forget(user, true);
        self.pause(user, 0, now_us);
    }

    /// The same by the shard's own doing: patience ran out, or the server broke the protocol, said *bye*, or takes nothing
    /// more.
    pub(super) fn give_up<L: Link>(&mut self, link: &mut L, user: u32, why: Count, now_us: u64) {
        if let Some(id) = self.users.conn(user) {
            link.close(id, Close::Reset);
        }
        self.failed(user, why);
        self.forget(user, true);
        self.pause(user, 0, now_us);
    }

    /// Counts the kind of an end that came before the welcome.
    fn failed(&mut self, user: u32, why: Count) {
        if self.presence.since_ms(user) == 0 {
            self.tally.add(why, 1);
        }
    }

    /// The server refused a user's key for good.
    pub(super) fn bar<L: Link>(&mut self, link: &mut L, user: u32) {
        if let Some(id) = self.users.conn(user) {
            link.close(id, Close::Reset);
        }
        self.failed(user, Count::Protocol);
        self.forget(user, true);
        self.users.user_mut(user).standing = Standing::Barred;
    }

    /// A user's network fails by plan: the connection is reset, and he is back at the given instant at the earliest.
    pub(super) fn cut<L: Link>(&mut self, link: &mut L, user: u32, until_us: u64, now_us: u64) {
        match self.users.user(user).standing {
            Standing::Away | Standing::Barred => return,
            Standing::Queued | Standing::Backoff => {}
            Standing::Connecting | Standing::Open => {
                if let Some(id) = self.users.conn(user) {
                    link.close(id, Close::Reset);
                }
                self.forget(user, false);
            }
        }
        self.pause(user, until_us, now_us);
    }

    /// A user goes away by plan, once his sends are answered.
    pub(super) fn disconnect<L: Link>(&mut self, link: &mut L, user: u32) {
        let state = self.users.user_mut(user);
        if state.in_flight > 0 {
            state.set_leaving(true);
            return;
        }
        state.set_leaving(false);
        if matches!(state.standing, Standing::Connecting | Standing::Open) {
            if let Some(id) = self.users.conn(user) {
                link.close(id, Close::Graceful);
            }
            self.forget(user, false);
        }
        let state = self.users.user_mut(user);
        if state.standing != Standing::Barred {
            state.standing = Standing::Away;
        }
    }

    /// Ends a session in the books. An end that was not asked for counts as what it interrupted.
    pub(super) fn forget(&mut self, user: u32, unasked: bool) {
        self.users.disconnect(user);
        self.door.on_the_way.remove(&user);
        let state = self.users.user_mut(user);
        let interrupted = match state.standing {
            Standing::Connecting => Count::ConnectFailures,
            // The client may be over already: who is present was online.
            _ if self.presence.since_ms(user) != 0 => Count::Cuts,
            _ => Count::LoginFailures,
        };
        state.standing = Standing::Away;
        if unasked {
            self.tally.add(interrupted, 1);
        }
        if self.presence.since_ms(user) != 0 {
            self.tally.sub(Count::Online, 1);
            self.presence.leave(user);
            self.report.event(Event::Offline { user });
        }
    }

    /// Waits before the next try: longer each time, and not before the given instant.
    pub(super) fn pause(&mut self, user: u32, not_before_us: u64, now_us: u64) {
        let state = self.users.user_mut(user);
        state.standing = Standing::Backoff;
        let doublings = u32::from(state.attempts).min(20);
        state.attempts = state.attempts.saturating_add(1);
        let pause_us = (self.limits.backoff_us << doublings).min(self.limits.backoff_max_us);
        let at_us = now_us.max(not_before_us) + self.door.jitter(pause_us);
        self.door.pausing.push(Reverse((at_us, user)));
    }

    /// Lets in whose turn it is, and gives up on those who take too long.
    pub(super) fn admit<L: Link>(&mut self, link: &mut L, now_us: u64) {
        while let Some((at_us, user, id)) = self.door.patience.front().copied() {
            let waits =
                self.users.at(id) == Some(user) && self.users.user(user).client.phase() != Phase::Online;
            if waits && at_us > now_us {
                break;
            }
            self.door.patience.pop_front();
            if waits {
                self.give_up(link, user, Count::TimedOut, now_us);
            }
        }
        while let Some(Reverse((at_us, user))) = self.door.pausing.peek().copied() {
            if at_us > now_us {
                break;
            }
            self.door.pausing.pop();
            // He may have gone away by plan meanwhile, or come back and been cut again: then a later entry is his.
            if self.users.user(user).standing == Standing::Backoff {
                self.tally.add(Count::Reconnects, 1);
                self.enter(link, user, at_us, now_us);
            }
        }
        while self.door.on_the_way.len() < self.limits.connecting as usize {
            let Some((intended_us, user)) = self.door.queued.pop_front() else {
                break;
            };
            if self.users.user(user).standing == Standing::Queued {
                self.enter(link, user, intended_us, now_us);
            }
        }
    }

    /// Records how late something planned is carried out.
    pub(super) fn lag(&mut self, intended_us: u64, now_us: u64) {
        self.report
            .timing(Timing::since(Metric::ScheduleLag, intended_us, now_us));
        if now_us.saturating_sub(intended_us) > self.limits.lag_us {
            self.tally.add(Count::ArrivalsLate, 1);
        }
    }
}
