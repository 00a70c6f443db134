//! Misfits: users who do by plan what a peer should not, and when they behave again.
//!
//! It does not know how a transport does it, nor who is chosen. What it keeps is bounded by those whose time is not up.

use std::collections::BTreeMap;

use reactor::{Close, Id, Link, Misfit as Mischief};
use scenarios::Misfit;

use super::Shard;
use super::user::Standing;
use crate::tally::Count;

/// Misfits under way, by the instant of their end.
#[derive(Debug, Default)]
pub(super) struct Misfits {
    endings: BTreeMap<(u64, u32), (Id, Ending)>,
    /// Tells apart what ends at one instant.
    next: u32,
}

/// What is to be done when a misfit's time is up.
#[derive(Clone, Copy, Debug)]
enum Ending {
    Behave(Mischief),
    /// A half-open connection is nobody's.
    Close,
}

impl Misfits {
    fn until(&mut self, until_us: u64, id: Id, ending: Ending) {
        self.endings.insert((until_us, self.next), (id, ending));
        self.next = self.next.wrapping_add(1);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.endings.is_empty()
    }

    pub(super) fn due_us(&self) -> u64 {
        self.endings
            .first_key_value()
            .map_or(u64::MAX, |((until_us, _), _)| *until_us)
    }
}

impl Shard {
    /// Makes a user a misfit until an instant. Returns whether he is one: he must be connected.
    pub(super) fn misbehave<L: Link>(
        &mut self,
        link: &mut L,
        user: u32,
        how: Misfit,
        until_us: u64,
        now_us: u64,
    ) -> bool {
        let done = match how {
            Misfit::HalfOpen => self.open_half(link, user, until_us),
            Misfit::Vanishing => self.vanish(link, user, until_us, now_us),
            Misfit::Rebinding => self.make(link, user, Mischief::Rebind, None),
            Misfit::ZeroWindow => {
                let ending = (until_us, Mischief::HoldWindow(false));
                self.make(link, user, Mischief::HoldWindow(true), Some(ending))
            }
            Misfit::SlowReader { bytes_a_second } => {
                let ending = (until_us, Mischief::ReadSlowly(0));
                self.make(link, user, Mischief::ReadSlowly(bytes_a_second), Some(ending))
            }
        };
        if done {
            self.tally.add(Count::of_misfit(how), 1);
        }
        done
    }

    /// Floods the first target. Returns whether the transport does.
    pub(super) fn flood<L: Link>(&mut self, link: &mut L, syns_a_second: u32, lasting_us: u64) -> bool {
        let total = u64::from(syns_a_second) * lasting_us / 1_000_000;
        link.syn_flood(self.targets[0], syns_a_second, total)
    }

    /// Ends what is due: windows open, readers read on, half-open connections are forgotten.
    pub(super) fn reform<L: Link>(&mut self, link: &mut L, now_us: u64) {
        while self.misfits.due_us() <= now_us {
            let Some((_, (id, ending))) = self.misfits.endings.pop_first() else {
                break;
            };
            match ending {
                // The connection may be over, cut off by a server that waited no longer: then it behaves anyway.
                Ending::Behave(how) => {
                    link.misbehave(id, how);
                }
                Ending::Close => link.close(id, Close::Reset),
            }
        }
    }

    /// Forgets those that are nobody's, at the end.
    pub(super) fn close_half_open<L: Link>(&mut self, link: &mut L) {
        for (id, ending) in std::mem::take(&mut self.misfits.endings).into_values() {
            if matches!(ending, Ending::Close) {
                link.close(id, Close::Reset);
            }
        }
    }

    fn make<L: Link>(
        &mut self,
        link: &mut L,
        user: u32,
        how: Mischief,
        ending: Option<(u64, Mischief)>,
    ) -> bool {
        let Some(id) = self
            .users
            .conn(user)
            .filter(|_| self.users.user(user).is_online())
        else {
            return false;
        };
        let done = link.misbehave(id, how);
        if let Some((until_us, how)) = ending.filter(|_| done) {
            self.misfits.until(until_us, id, Ending::Behave(how));
        }
        done
    }

    fn open_half<L: Link>(&mut self, link: &mut L, user: u32, until_us: u64) -> bool {
        let target = self.targets[user as usize % self.targets.len()];
        let opened = link.half_open(target);
        if let Ok(id) = opened {
            self.misfits.until(until_us, id, Ending::Close);
        }
        opened.is_ok()
    }

    /// What he had in flight stays so, and is sent again if he comes back.
    fn vanish<L: Link>(&mut self, link: &mut L, user: u32, until_us: u64, now_us: u64) -> bool {
        let is_there = matches!(
            self.users.user(user).standing,
            Standing::Connecting | Standing::Open
        );
        let Some(id) = self.users.conn(user).filter(|_| is_there) else {
            return false;
        };
        if !link.misbehave(id, Mischief::Vanish) {
            return false;
        }
        self.forget(user, false);
        if until_us < u64::MAX {
            self.pause(user, until_us, now_us);
        }
        true
    }
}
