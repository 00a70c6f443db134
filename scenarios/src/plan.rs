//! A plan: a scenario worked out, ready to be asked what each user does and when.
//!
//! It is immutable, cheap to clone and to share, and knows no response of any server.

use std::sync::Arc;

use crate::CELLS;
use crate::actions::Actions;
use crate::error::Error;
use crate::group::{GroupBook, Groups};
use crate::load::Load;
use crate::people::{People, RoleKind};
use crate::presence::Presence;
use crate::replay::ReplaySettings;
use crate::resolve::MOST_CONNECTIONS;
use crate::scenario::{PhaseKind, PopulationGroup, Scenario};
use crate::timeline::Timeline;

/// The longest schedule on the run's clock: four weeks, so that a float holds its microseconds exactly.
const LONGEST_US: f64 = 28.0 * 86_400e6;
/// The fewest people online a cell: while people connect, and where a network is cut, a cell's messages are sent by
/// whoever of it is online just then, and in a cell of few there would often be nobody.
const CELL_PEOPLE: u32 = 16;
/// The most messages a plan may expect: beyond it lies a typing error, not a load.
const MOST_MESSAGES: f64 = 1e12;

/// A plan. Clones share it.
#[derive(Clone, Debug)]
pub struct Plan {
    pub(crate) inner: Arc<Inner>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) scenario: Scenario,
    pub(crate) presence: Presence,
    pub(crate) groups: GroupBook,
    pub(crate) load: Load,
    /// How many cells there are.
    pub(crate) cells: u32,
}

/// When the closed-loop storm runs, on the run's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StormWindow {
    /// Its concurrent users.
    pub users: u64,
    /// Its start, microseconds since the run began.
    pub at_us: u64,
    /// Its length in microseconds.
    pub duration_us: u64,
}

/// A step of a climb, on the run's clock: microseconds since the run began.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClimbStep {
    /// Connections at its top.
    pub connections: u64,
    /// When the first of its connects is made.
    pub from_us: u64,
    /// When all are made, and it begins to settle.
    pub settle_us: u64,
    /// When it is held.
    pub hold_us: std::ops::Range<u64>,
}

impl Plan {
    pub(crate) fn new(scenario: &Scenario) -> Result<Self, Error> {
        let scale = scenario.clock.time_scale;
        if !(0.001..=100_000.0).contains(&scale) {
            return Err(scenario.refused(format!("a time scale of {scale} is not from 0.001 to 100000")));
        }
        if !(1..=MOST_CONNECTIONS).contains(&scenario.connections.0) {
            let message = format!(
                "{} connections are not from 1 to {MOST_CONNECTIONS}",
                scenario.connections.0
            );
            return Err(scenario.refused(message));
        }
        let length_us = scenario
            .phase
            .iter()
            .map(|phase| phase.duration.0 as f64)
            .sum::<f64>()
            / scale;
        if !(1e6..=LONGEST_US).contains(&length_us) {
            let message = format!(
                "the schedule lasts {:.3} s; expected 1 s to four weeks",
                length_us / 1e6
            );
            return Err(scenario.refused(message));
        }
        let people = People::new(scenario)
            .ok_or_else(|| scenario.refused("the people online and away are more than 4294967295"))?;
        let presence = Presence::new(scenario, people, Timeline::new(scenario));
        let groups = GroupBook::new(scenario, &presence.people);
        let load = Load::new(scenario, &presence);
        let expected = load.expected_messages();
        if expected > MOST_MESSAGES {
            return Err(scenario.refused(format!("{expected:.0} messages are more than {MOST_MESSAGES:.0}")));
        }
        let cells = (presence.people.online / CELL_PEOPLE).clamp(1, CELLS);
        Ok(Self {
            inner: Arc::new(Inner {
                scenario: scenario.clone(),
                presence,
                groups,
                load,
                cells,
            }),
        })
    }

    /// The scenario it was made from.
    #[must_use]
    pub fn scenario(&self) -> &Scenario {
        &self.inner.scenario
    }

    /// All people, online and away: users are `0..users`.
    #[must_use]
    pub fn users(&self) -> u64 {
        self.inner.presence.people.count().into()
    }

    /// The most connections planned to be open at once, breaks and cuts aside.
    #[must_use]
    pub fn connections(&self) -> u64 {
        let presence = &self.inner.presence;
        presence.connected(presence.timeline.settled_us).into()
    }

    /// The length of the schedule on the run's clock, microseconds; the time to settle comes after it.
    #[must_use]
    pub fn duration_us(&self) -> u64 {
        self.inner.presence.timeline.end_us
    }

    /// How long after the schedule the ledger may take to settle, microseconds.
    #[must_use]
    pub fn settle_us(&self) -> u64 {
        self.inner.scenario.drain.settle.0
    }

    /// How often an idle connection pings, microseconds.
    #[must_use]
    pub fn ping_every_us(&self) -> u64 {
        self.inner.scenario.ping_every.0
    }

    /// When connections are up and the first break or drain has not begun: from the end of the last ramp to the start
    /// of the drain, microseconds since the run began.
    #[must_use]
    pub fn hold_us(&self) -> std::ops::Range<u64> {
        let timeline = &self.inner.presence.timeline;
        timeline.settled_us..timeline.drain_us
    }

    /// The steps of a climb, in order; none where the scenario is no climb.
    #[must_use]
    pub fn climb_steps(&self) -> Vec<ClimbStep> {
        let Some(climb) = &self.inner.scenario.climb else {
            return Vec::new();
        };
        let phases = &self.inner.presence.timeline.phases;
        let ramps = phases
            .iter()
            .enumerate()
            .filter(|(_, phase)| phase.kind == PhaseKind::Ramp);
        ramps
            .zip(climb.steps_to(self.inner.scenario.connections.0))
            .map(|((index, ramp), connections)| {
                let held = &phases[index + 1..];
                let until = held
                    .iter()
                    .position(|phase| phase.kind == PhaseKind::Ramp)
                    .unwrap_or(held.len());
                let hold = held[..until].last().unwrap_or(ramp);
                ClimbStep {
                    connections,
                    from_us: ramp.from_us,
                    settle_us: ramp.until_us,
                    hold_us: hold.from_us..hold.until_us,
                }
            })
            .collect()
    }

    /// The closed-loop storm, if there is one.
    #[must_use]
    pub fn storm(&self) -> Option<StormWindow> {
        let run_us = |us| self.inner.presence.timeline.run_us(us);
        self.inner.scenario.storm.map(|storm| StormWindow {
            users: storm.users.0,
            at_us: run_us(storm.at.0),
            duration_us: run_us(storm.duration.0),
        })
    }

    /// When each of the scenario's replays begins, microseconds since the run began.
    #[must_use]
    pub fn replays_at_us(&self) -> Vec<u64> {
        let inner = &self.inner;
        let at_us = |replay: &ReplaySettings| inner.presence.timeline.run_us(replay.at.0);
        inner.scenario.replay.iter().map(at_us).collect()
    }

    /// The cells that users are dealt into, at most [`CELLS`]: user `u` belongs to cell `u % cells`, whatever the number of
    /// threads.
    #[must_use]
    pub fn cells(&self) -> u32 {
        self.inner.cells
    }

    /// What the users of these cells do, in time: an iterator that draws as it goes.
    ///
    /// However the cells are dealt to iterators, the actions of each user and their order are the same. Takes about 5
    /// bytes a user of those cells; those that [`Self::cells`] does not count are left out.
    #[must_use]
    pub fn actions(&self, cells: impl IntoIterator<Item = u32>) -> Actions {
        Actions::new(self, cells.into_iter().filter(|cell| *cell < self.cells()))
    }

    /// The groups people are in.
    #[must_use]
    pub fn groups(&self) -> Groups<'_> {
        Groups {
            book: &self.inner.groups,
            presence: &self.inner.presence,
        }
    }

    /// The population a user belongs to. Users beyond the plan's are put into the first.
    #[must_use]
    pub fn profile(&self, user: u32) -> &PopulationGroup {
        let people = &self.inner.presence.people;
        let band = if user < people.count() {
            people.role(user).band
        } else {
            0
        };
        &self.inner.scenario.population[band]
    }

    /// Whether a user is away from the start; he may return in the drain.
    #[must_use]
    pub fn starts_away(&self, user: u32) -> bool {
        let people = &self.inner.presence.people;
        user < people.count() && matches!(people.role(user).kind, RoleKind::Away { .. })
    }

    /// Whether the plan has a user online at an instant, microseconds since the run began.
    #[must_use]
    pub fn is_online(&self, user: u32, at_us: u64) -> bool {
        let presence = &self.inner.presence;
        user < presence.people.count() && presence.session(user, at_us).is_some()
    }

    /// Whether a user reads at an instant what he is sent, microseconds since the run began; false of a misfit who does
    /// not, or slowly: how long that takes says nothing of a server.
    #[must_use]
    pub fn reads(&self, user: u32, at_us: u64) -> bool {
        self.inner.presence.reads(user, at_us)
    }

    /// Messages expected over the whole schedule, uploads' links included.
    #[must_use]
    pub fn expected_messages(&self) -> f64 {
        let load = &self.inner.load;
        load.expected_messages() + load.expected_uploads()
    }

    /// Registrations expected over the whole schedule.
    #[must_use]
    pub fn expected_registrations(&self) -> f64 {
        self.inner
            .load
            .registrations
            .as_ref()
            .map_or(0.0, crate::intensity::Intensity::total)
    }
}
