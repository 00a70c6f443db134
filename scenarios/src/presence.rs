//! Who is online when, as a pure function of the user and the instant.
//!
//! It plans connects, breaks, cuts and returns; it does not know messages. Since nothing is stored a user, any cell can
//! ask about any user.

mod breaks;
mod cut;
mod settled;

use crate::action::What;
use crate::misfit::MisfitSettings;
use crate::people::{Band, People, Role, RoleKind};
use crate::permutation::Permutation;
use crate::random::{Keyed, Purpose, Stream, normal_from, unit_from};
use crate::scenario::{Places, PopulationGroup, Scenario};
use crate::shock::Shock;
use crate::timeline::Timeline;
use breaks::Breaks;
pub(crate) use cut::Cut;
pub(crate) use settled::LeftByBreaks;

/// A user sends or receives nothing directed within this time of his own connect or planned leaving, so that the
/// plan does not count on a log-in in flight; the run's clock.
pub(crate) const GRACE_US: u64 = 1_000_000;
/// The shortest stay and the shortest break on the run's clock, however far time is compressed: a log-in and a
/// log-out must fit into it.
const SHORTEST_STAY_US: u64 = 3 * GRACE_US;

/// A time online.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Session {
    pub(crate) from_us: u64,
    /// When the user leaves by plan; `u64::MAX` if he does not.
    pub(crate) until_us: u64,
}

impl Session {
    /// Whether messages can be planned at that instant.
    pub(crate) fn is_settled(&self, at_us: u64) -> bool {
        self.from_us.saturating_add(GRACE_US) <= at_us && at_us.saturating_add(GRACE_US) <= self.until_us
    }
}

/// The plan of everybody's presence.
#[derive(Clone, Debug)]
pub(crate) struct Presence {
    pub(crate) people: People,
    pub(crate) timeline: Timeline,
    pub(crate) cuts: Vec<Cut>,
    /// Floods, the last first.
    pub(crate) floods: Vec<(u64, What)>,
    pub(crate) returning: u32,
    leaving: u32,
    connect_order: Permutation,
    return_order: Permutation,
    breaks: Keyed,
    population: Vec<PopulationGroup>,
}

impl Presence {
    pub(crate) fn new(scenario: &Scenario, people: People, timeline: Timeline) -> Self {
        let seed = scenario.seed;
        let order = |purpose, n| Permutation::new(n, Stream::new(seed, purpose, 0).bits());
        let returning = if timeline.drains() {
            libm::round(f64::from(people.away) * scenario.drain.returns.0) as u32
        } else {
            0
        };
        let cuts = (0u32..)
            .zip(&scenario.shock)
            .filter_map(|(place, shock)| match shock {
                Shock::Earthquake(quake) => Cut::new(quake, scenario, &timeline, place),
                Shock::Football(_) => None,
            });
        let misfits = (0u32..)
            .zip(&scenario.misfit)
            .filter_map(|(place, misfits)| Cut::misfits(misfits, scenario, &timeline, place));
        let cuts: Vec<Cut> = cuts.chain(misfits).collect();
        Self {
            leaving: leaving(scenario, &people, returning, &cuts),
            cuts,
            floods: floods(scenario, &timeline),
            returning,
            connect_order: order(Purpose::ConnectOrder, people.online),
            return_order: order(Purpose::ReturnOrder, people.away),
            breaks: Keyed::new(seed, Purpose::Breaks, 0),
            population: scenario.population.clone(),
            people,
            timeline,
        }
    }

    /// The user's time online that contains the instant, if any.
    pub(crate) fn session(&self, user: u32, at_us: u64) -> Option<Session> {
        self.session_as(user, self.people.role(user), at_us, None)
    }

    /// As [`Self::session`], with the role known, and without the effect of one cut.
    pub(crate) fn session_as(
        &self,
        user: u32,
        role: Role,
        at_us: u64,
        but: Option<usize>,
    ) -> Option<Session> {
        let whole = match role.kind {
            RoleKind::Away { number } => Session {
                from_us: self.return_us(number)?,
                until_us: u64::MAX,
            },
            RoleKind::Online { number, breaks } => {
                let from_us = self.connect_us(number);
                if from_us > at_us {
                    return None;
                }
                let exempt = self.is_ever_cut(user, role.band);
                if breaks
                    && !exempt
                    && let Some(breaks) = self.breaks(user, role.band)
                {
                    breaks.session(from_us, at_us)?
                } else {
                    let until_us = if exempt { None } else { self.leave_us(number) };
                    Session {
                        from_us,
                        until_us: until_us.unwrap_or(u64::MAX),
                    }
                }
            }
        };
        let inside = whole.from_us <= at_us && at_us < whole.until_us;
        if !inside || self.cuts.is_empty() {
            return inside.then_some(whole);
        }
        self.after_cuts(user, role, whole, at_us, but)
    }

    /// Takes the cuts out of a time online. A cut comes unannounced: it shortens nothing before it.
    fn after_cuts(
        &self,
        user: u32,
        role: Role,
        whole: Session,
        at_us: u64,
        but: Option<usize>,
    ) -> Option<Session> {
        let mut session = whole;
        for (index, cut) in self.cuts.iter().enumerate() {
            if but == Some(index) || !cut.takes_off() || !cut.strikes(user, role) {
                continue;
            }
            let cut_us = cut.instant_us(user);
            if whole.from_us <= cut_us && cut_us <= at_us {
                if at_us < cut.back_us {
                    return None;
                }
                session.from_us = session.from_us.max(cut.back_us);
            }
        }
        Some(session)
    }

    /// When the online user of that number connects first; `u64::MAX` if no ramp reaches him.
    pub(crate) fn connect_us(&self, number: u32) -> u64 {
        self.connect_us_by_rank(self.rank(number))
    }

    /// The place of an online user in the order of connects.
    pub(crate) fn rank(&self, number: u32) -> u32 {
        self.connect_order.forward(number)
    }

    /// The online user at a place in the order of connects.
    pub(crate) fn by_rank(&self, rank: u32) -> u32 {
        self.connect_order.inverse(rank)
    }

    pub(crate) fn connect_us_by_rank(&self, rank: u32) -> u64 {
        self.timeline
            .connect_us((f64::from(rank) + 0.5) / f64::from(self.people.online.max(1)))
    }

    /// How many have connected by then, breaks and cuts aside.
    pub(crate) fn connected(&self, at_us: u64) -> u32 {
        let share = self.timeline.connected(at_us as f64);
        libm::floor(share * f64::from(self.people.online) + 0.5).min(f64::from(self.people.online)) as u32
    }

    /// When the away user of that number returns, if ever.
    pub(crate) fn return_us(&self, number: u32) -> Option<u64> {
        let rank = self.return_order.forward(number);
        (rank < self.returning).then(|| {
            self.timeline
                .return_us((f64::from(rank) + 0.5) / f64::from(self.returning))
        })
    }

    /// When an online user makes place for one who returns, if ever; the first to come are the first to go.
    pub(crate) fn leave_us(&self, number: u32) -> Option<u64> {
        let rank = self.rank(number);
        (rank < self.leaving)
            .then(|| {
                self.timeline
                    .return_us((f64::from(rank) + 0.5) / f64::from(self.leaving))
            })
            .filter(|at_us| self.connect_us_by_rank(rank) < *at_us)
    }

    /// Whether nobody who connected ever leaves or comes back: no breaks, no cuts, no returns.
    pub(crate) fn only_connects(&self) -> bool {
        let breaks = self.people.bands.iter().any(|band| band.breakers > 0);
        !breaks && self.cuts.is_empty() && self.returning == 0
    }

    /// Whether any cut will strike; such people take no breaks and stay through the drain, so that a cut's share is
    /// met exactly.
    pub(crate) fn is_ever_cut(&self, user: u32, band: usize) -> bool {
        self.cuts.iter().any(|cut| cut.chooses(user, band))
    }

    /// The share of a population that cuts leave at an instant.
    pub(crate) fn left_by_cuts(&self, band: usize, at_us: f64) -> f64 {
        self.cuts.iter().map(|cut| 1.0 - cut.gone(band, at_us)).product()
    }

    /// Whether a user reads at an instant what he is sent, as far as the plan knows.
    pub(crate) fn reads(&self, user: u32, at_us: u64) -> bool {
        !self.cuts.iter().any(|cut| cut.holds_up(user, at_us))
    }

    /// The next change by a break from an instant on: when, and whether it is the leaving.
    pub(crate) fn next_break(&self, user: u32, role: Role, from_us: u64) -> Option<(u64, bool)> {
        if self.is_ever_cut(user, role.band) {
            return None;
        }
        self.breaks(user, role.band)?.next_change(from_us)
    }

    fn breaks(&self, user: u32, band: usize) -> Option<Breaks> {
        let group = self.population.get(band)?;
        let draw = |n: u64| unit_from(self.breaks.bits(u64::from(user) << 3 | n));
        let run_us = |us: u64| self.timeline.run_us(us).max(SHORTEST_STAY_US);
        let online_us = run_us(group.online_for.at(normal_from(draw(0), draw(1))));
        let away_us = run_us(group.away_for.at(normal_from(draw(2), draw(3))));
        let first_us = self.timeline.settled_us + GRACE_US + (online_us as f64 * draw(4)) as u64;
        let period_us = online_us + away_us;
        let open_us = self.timeline.drain_us.checked_sub(first_us + 1)?;
        let back_by_us = if self.timeline.drains() {
            self.timeline.return_us(draw(5))
        } else {
            u64::MAX
        };
        Some(Breaks {
            first_us,
            away_us,
            period_us,
            last: open_us / period_us,
            back_by_us,
        })
    }
}

fn floods(scenario: &Scenario, timeline: &Timeline) -> Vec<(u64, What)> {
    let flood = |misfits: &MisfitSettings| {
        let what = What::Flood {
            syns_a_second: misfits.rate?.per_second as u32,
            lasting_us: timeline.run_us(misfits.lasting?.0),
        };
        Some((timeline.run_us(misfits.at.0), what))
    };
    let mut floods: Vec<_> = scenario.misfit.iter().filter_map(flood).collect();
    floods.sort_unstable_by(|a, b| b.cmp(a));
    floods
}

/// How many of the first to connect are asked to leave so that as many as return do so: those who take breaks and
/// those whom a cut strikes are asked in vain.
fn leaving(scenario: &Scenario, people: &People, returning: u32, cuts: &[Cut]) -> u32 {
    if scenario.drain.places == Places::Add || people.online == 0 {
        return 0;
    }
    let willing = |(index, band): (usize, &Band)| {
        let spared: f64 = cuts.iter().map(|cut| cut.spares(index)).product();
        f64::from(band.online - band.breakers) * spared
    };
    let willing = people.bands.iter().enumerate().map(willing).sum::<f64>() / f64::from(people.online);
    libm::round(f64::from(returning) / willing.max(1e-9)).min(f64::from(people.online)) as u32
}

impl Band {
    /// The numbers of its online people.
    pub(crate) fn online_numbers(&self) -> std::ops::Range<u32> {
        self.first_online..self.first_online + self.online
    }
}
