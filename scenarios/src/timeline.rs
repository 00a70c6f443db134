//! The run's clock: phases in microseconds since the run began, and where the scenario's clock stands.
//!
//! It knows when; it does not know who.

use crate::day::DAY_US;
use crate::scenario::{PhaseKind, Scenario};
use crate::unit::TimeOfDay;

/// The part of a drain phase in which people return: some quiet before it, time to deliver after it.
const RETURN_FROM: f64 = 0.1;
const RETURN_UNTIL: f64 = 0.7;

/// A phase on the run's clock.
#[derive(Clone, Debug)]
pub(crate) struct PhaseWindow {
    pub(crate) kind: PhaseKind,
    pub(crate) name: String,
    pub(crate) from_us: u64,
    pub(crate) until_us: u64,
    pub(crate) load: f64,
    /// The share of the connections at its start and at its end.
    pub(crate) connected: [f64; 2],
}

/// All phases, and both clocks.
#[derive(Clone, Debug)]
pub(crate) struct Timeline {
    pub(crate) phases: Vec<PhaseWindow>,
    pub(crate) end_us: u64,
    /// When the last ramp is over.
    pub(crate) settled_us: u64,
    /// When the drain begins, or the end.
    pub(crate) drain_us: u64,
    scale: f64,
    start_us: u64,
}

impl Timeline {
    pub(crate) fn new(scenario: &Scenario) -> Self {
        let scale = scenario.clock.time_scale;
        let mut phases = Vec::with_capacity(scenario.phase.len());
        let (mut scenario_us, mut connected) = (0u64, 0.0);
        for phase in &scenario.phase {
            let from = scenario_us;
            scenario_us += phase.duration.0;
            let before = connected;
            connected = phase.to.map_or(connected, |to| to.0);
            phases.push(PhaseWindow {
                kind: phase.kind,
                name: phase.name.clone(),
                from_us: (from as f64 / scale) as u64,
                until_us: (scenario_us as f64 / scale) as u64,
                load: phase.load.0,
                connected: [before, connected],
            });
        }
        let end_us = phases.last().map_or(0, |phase| phase.until_us);
        let of_kind = |kind| {
            phases
                .iter()
                .filter(move |phase: &&PhaseWindow| phase.kind == kind)
        };
        Self {
            settled_us: of_kind(PhaseKind::Ramp)
                .map(|phase| phase.until_us)
                .max()
                .unwrap_or(0),
            drain_us: of_kind(PhaseKind::Drain)
                .map(|phase| phase.from_us)
                .next()
                .unwrap_or(end_us),
            end_us,
            scale,
            start_us: scenario.clock.start.0,
            phases,
        }
    }

    /// A duration of the scenario's clock on the run's.
    pub(crate) fn run_us(&self, scenario_us: u64) -> u64 {
        (scenario_us as f64 / self.scale) as u64
    }

    /// A duration of the run's clock on the scenario's.
    pub(crate) fn scenario_us(&self, run_us: f64) -> f64 {
        run_us * self.scale
    }

    /// Microseconds since the first midnight, UTC, of the scenario's clock.
    pub(crate) fn utc_us(&self, run_us: f64) -> u64 {
        self.start_us + self.scenario_us(run_us) as u64
    }

    /// Scenario's microseconds from the start of the schedule to the next such time of day.
    pub(crate) fn until_time_of_day(&self, at: TimeOfDay) -> u64 {
        (at.0 + DAY_US - self.start_us) % DAY_US
    }

    pub(crate) fn phase_at(&self, run_us: f64) -> Option<&PhaseWindow> {
        self.phases.iter().find(|phase| run_us < phase.until_us as f64)
    }

    /// The share of the connections that the ramps have reached.
    pub(crate) fn connected(&self, run_us: f64) -> f64 {
        if run_us < 0.0 {
            return 0.0;
        }
        self.phase_at(run_us).map_or_else(
            || self.phases.last().map_or(0.0, |phase| phase.connected[1]),
            |phase| {
                let [before, after] = phase.connected;
                let part = (run_us - phase.from_us as f64) / (phase.until_us - phase.from_us).max(1) as f64;
                before + (after - before) * part.clamp(0.0, 1.0)
            },
        )
    }

    /// When the ramps reach that share; `u64::MAX` if never.
    pub(crate) fn connect_us(&self, share: f64) -> u64 {
        for phase in &self.phases {
            let [before, after] = phase.connected;
            if phase.kind == PhaseKind::Ramp && share <= after {
                let part = (share - before) / (after - before);
                return phase.from_us + ((phase.until_us - phase.from_us) as f64 * part) as u64;
            }
        }
        u64::MAX
    }

    /// An instant in the part of the drain in which people return, by its quantile.
    pub(crate) fn return_us(&self, quantile: f64) -> u64 {
        let part = RETURN_FROM + (RETURN_UNTIL - RETURN_FROM) * quantile;
        self.drain_us + ((self.end_us - self.drain_us) as f64 * part) as u64
    }

    pub(crate) fn drains(&self) -> bool {
        self.drain_us < self.end_us
    }
}
