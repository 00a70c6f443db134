//! A climb: steps of connections, and the phases they amount to.
//!
//! It knows counts, speeds and lengths; it does not know what is measured at a step.

use serde::Serialize;

use crate::scenario::{PhaseKind, PhaseSettings};
use crate::unit::{Count, Factor, Rate, Share, Span};

/// The table `[climb]`, which stands in for the phases.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ClimbSettings {
    /// Connections at each step, rising. Those above the scenario's target fall away, and the target itself is always
    /// the last.
    pub steps: Vec<Count>,
    /// How fast connections are made; the run's clock.
    pub connects: Rate,
    /// As `connects`, where connections are encrypted.
    pub connects_tls: Rate,
    /// Whether they are.
    pub encrypted: bool,
    /// After a ramp, before anything is judged; the scenario's clock.
    pub settle: Span,
    /// How long a step is held; the scenario's clock.
    pub hold: Span,
    /// How long the last is.
    pub hold_last: Span,
    /// Message load while connections are made and settle, of the load in a hold.
    pub ramp_load: Share,
}

impl ClimbSettings {
    /// The steps of a climb to that many connections.
    pub(crate) fn steps_to(&self, connections: u64) -> Vec<u64> {
        let below = self
            .steps
            .iter()
            .map(|step| step.0)
            .take_while(|step| *step < connections);
        below.chain(std::iter::once(connections)).collect()
    }

    /// A ramp, a time to settle and a hold for each step.
    ///
    /// Load follows the connections, so that an absolute rate would come in full at the top only; `per_connection` says
    /// that it is meant so. Else each hold gets the rate in full.
    pub(crate) fn phases(
        &self,
        connections: u64,
        time_scale: f64,
        per_connection: bool,
    ) -> Vec<PhaseSettings> {
        let speed = if self.encrypted {
            self.connects_tls
        } else {
            self.connects
        };
        let steps = self.steps_to(connections);
        let last = steps.len().saturating_sub(1);
        let mut below = 0;
        let mut phases = Vec::with_capacity(3 * steps.len());
        for (index, step) in steps.into_iter().enumerate() {
            let share = step as f64 / connections as f64;
            let full = if per_connection { 1.0 } else { 1.0 / share };
            let ramp_us = (step - below) as f64 / speed.per_second * time_scale * 1e6;
            let phase = |kind, name: String, duration: Span, to, load| PhaseSettings {
                kind,
                name,
                duration,
                to,
                load: Factor(load),
            };
            let (little, step) = (full * self.ramp_load.0, Count(step));
            let ramp = Span((ramp_us as u64).max(1));
            phases.push(phase(
                PhaseKind::Ramp,
                format!("to {step}"),
                ramp,
                Some(Share(share)),
                little,
            ));
            if self.settle.0 > 0 {
                phases.push(phase(
                    PhaseKind::Hold,
                    format!("settle at {step}"),
                    self.settle,
                    None,
                    little,
                ));
            }
            let hold = if index == last { self.hold_last } else { self.hold };
            phases.push(phase(PhaseKind::Hold, format!("hold {step}"), hold, None, full));
            below = step.0;
        }
        phases
    }

    /// Stretches what stretches: the time to settle and the holds.
    pub(crate) fn stretched(mut self, factor: f64) -> Self {
        for span in [&mut self.settle, &mut self.hold, &mut self.hold_last] {
            *span = Span((span.0 as f64 * factor) as u64);
        }
        self.hold = self.hold.max(Span(1));
        self.hold_last = self.hold_last.max(Span(1));
        self
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn climb(steps: &[u64]) -> ClimbSettings {
        let a_second = |per_second| Rate {
            per_second,
            per_connection: false,
        };
        ClimbSettings {
            steps: steps.iter().copied().map(Count).collect(),
            connects: a_second(30_000.0),
            connects_tls: a_second(6_000.0),
            encrypted: false,
            settle: Span(10_000_000),
            hold: Span(30_000_000),
            hold_last: Span(120_000_000),
            ramp_load: Share(0.1),
        }
    }

    #[test]
    fn steps_above_the_target_fall_away_and_the_target_is_the_last() {
        let climb = climb(&[200_000, 425_000, 1_000_000]);
        assert_eq!(
            climb.steps_to(3_000_000),
            [200_000, 425_000, 1_000_000, 3_000_000]
        );
        assert_eq!(climb.steps_to(1_000_000), [200_000, 425_000, 1_000_000]);
        assert_eq!(climb.steps_to(300_000), [200_000, 300_000]);
        assert_eq!(climb.steps_to(20_000), [20_000]);
    }

    #[test]
    fn a_step_is_a_ramp_at_the_speed_given_a_time_to_settle_and_a_hold() {
        let mut climb = climb(&[300_000]);
        let names = |phases: &[PhaseSettings]| -> Vec<String> {
            phases
                .iter()
                .map(|phase| format!("{} {}", phase.name, phase.duration))
                .collect()
        };
        assert_eq!(
            names(&climb.phases(2_800_000, 1.0, false)),
            [
                "to 300k 10s",
                "settle at 300k 10s",
                "hold 300k 30s",
                "to 2.8M 83333333us",
                "settle at 2.8M 10s",
                "hold 2.8M 2m"
            ]
        );
        climb.encrypted = true;
        climb.settle = Span(0);
        assert_eq!(
            names(&climb.phases(300_000, 2.0, false)),
            ["to 300k 100s", "hold 300k 2m"]
        );
    }

    proptest! {
        #[test]
        fn an_absolute_rate_comes_in_full_at_every_hold(steps in prop::collection::btree_set(1u64..6_000_000, 1..20), target in 1u64..6_000_000) {
            let steps: Vec<u64> = steps.into_iter().collect();
            let mut reached = 0.0;
            for phase in climb(&steps).phases(target, 1.0, false) {
                prop_assert!(phase.to.is_none_or(|to| to.0 > reached));
                reached = phase.to.map_or(reached, |to| to.0);
                let expected = if phase.name.starts_with("hold") { 1.0 } else { 0.1 };
                prop_assert!((phase.load.0 * reached - expected).abs() < 1e-9);
            }
            prop_assert_eq!(reached, 1.0);
        }
    }
}
