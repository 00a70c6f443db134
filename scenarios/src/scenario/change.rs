//! A scenario with something else in it: what flags override, and what follows from that.
//!
//! It knows which keys hang together; it reads no file.

use super::{PhaseKind, PhaseSettings, Scenario, ThresholdSetting};
use crate::error::Error;
use crate::unit::{Count, Span};

impl Scenario {
    /// The same scenario with another target of connections. Rates that are *per connection* follow it.
    #[must_use]
    pub fn with_connections(self, connections: u64) -> Self {
        Self {
            connections: Count(connections),
            ..self
        }
        .expanded()
    }

    /// The same scenario with its connections encrypted or plain: the steps of a climb are made at the speed that
    /// goes with it. Nothing else of a scenario depends on it.
    #[must_use]
    pub fn with_encryption(mut self, encrypted: bool) -> Self {
        if let Some(climb) = &mut self.climb {
            climb.encrypted = encrypted;
        }
        self.expanded()
    }

    /// The same scenario with another speed of a climb's ramps, connections a second, and another length of its last
    /// hold, microseconds on the scenario's clock.
    ///
    /// # Errors
    /// It is no climb, or a figure is 0.
    pub fn with_climb(mut self, connects: Option<f64>, hold_last_us: Option<u64>) -> Result<Self, Error> {
        if connects.is_none() && hold_last_us.is_none() {
            return Ok(self);
        }
        if connects.is_some_and(|speed| speed <= 0.0) || hold_last_us == Some(0) {
            return Err(self.refused("a climb's speed and its last hold are more than 0"));
        }
        let Some(climb) = &mut self.climb else {
            return Err(self.refused("only a climb has a speed and a last hold to choose"));
        };
        if let Some(per_second) = connects {
            climb.connects.per_second = per_second;
            climb.connects_tls.per_second = per_second;
        }
        if let Some(us) = hold_last_us {
            climb.hold_last = Span(us);
        }
        Ok(self.expanded())
    }

    /// The same scenario with other steps of its climb; [`Scenario::connections`] is the last of them all the same.
    ///
    /// # Errors
    /// It is no climb, or the steps do not rise.
    pub fn with_steps(mut self, steps: &[u64]) -> Result<Self, Error> {
        if !steps.is_sorted_by(|one, next| one < next) || steps.contains(&0) {
            return Err(self.refused("the steps of a climb rise from more than 0"));
        }
        let Some(climb) = &mut self.climb else {
            return Err(self.refused("only a climb has steps"));
        };
        climb.steps = steps.iter().copied().map(Count).collect();
        Ok(self.expanded())
    }

    /// The same scenario with another rate of messages, a second.
    ///
    /// # Errors
    /// It has none, they are per connection, or the rate is not positive.
    pub fn with_rate(mut self, per_second: f64) -> Result<Self, Error> {
        let rate = &mut self.messages.rate;
        if rate.per_second <= 0.0 || rate.per_connection || per_second <= 0.0 {
            return Err(
                self.refused("a rate takes the place of one of messages a second, and is more than 0")
            );
        }
        rate.per_second = per_second;
        Ok(self.expanded())
    }

    /// The same scenario with its clock faster or slower: seconds of the scenario's clock in one of the run's.
    #[must_use]
    pub fn with_time_scale(mut self, time_scale: f64) -> Self {
        self.clock.time_scale = time_scale;
        self.expanded()
    }

    /// The same scenario with another seed (its low 63 bits: TOML has no larger integers).
    #[must_use]
    pub fn with_seed(self, seed: u64) -> Self {
        Self {
            seed: seed & (u64::MAX >> 1),
            ..self
        }
    }

    /// The same scenario with one more threshold.
    ///
    /// # Errors
    /// The expression is not a threshold.
    pub fn with_threshold(mut self, expr: &str, abort: bool) -> Result<Self, Error> {
        expr.parse::<record::Threshold>()
            .map_err(|error| self.refused(error.to_string()))?;
        self.thresholds.push(ThresholdSetting {
            expr: expr.to_owned(),
            abort,
        });
        Ok(self)
    }

    /// The same scenario with a schedule of `duration_us` on the run's clock: holds and spikes are stretched or cut
    /// in proportion, ramps and drains stay, shocks keep their time of day.
    ///
    /// # Errors
    /// The ramps and drains alone take as long, or there is no hold.
    pub fn with_duration(mut self, duration_us: u64) -> Result<Self, Error> {
        let wanted_us = (duration_us as f64 * self.clock.time_scale) as u64;
        let stretches = |phase: &PhaseSettings| matches!(phase.kind, PhaseKind::Hold | PhaseKind::Spike);
        let sum = |held: bool, phases: &[PhaseSettings]| -> u64 {
            phases
                .iter()
                .filter(|phase| stretches(phase) == held)
                .map(|phase| phase.duration.0)
                .sum()
        };
        let (fixed_us, held_us) = (sum(false, &self.phase), sum(true, &self.phase));
        if held_us == 0 || wanted_us <= fixed_us {
            let fixed_s = fixed_us as f64 / self.clock.time_scale / 1e6;
            return Err(self.refused(format!(
                "a duration of {} leaves no hold; the ramps and drains alone take {fixed_s:.1} s",
                Span(duration_us)
            )));
        }
        let factor = (wanted_us - fixed_us) as f64 / held_us as f64;
        if let Some(climb) = self.climb.take() {
            self.climb = Some(climb.stretched(factor));
            return Ok(self.expanded());
        }
        for phase in self.phase.iter_mut().filter(|phase| stretches(phase)) {
            phase.duration = Span(((phase.duration.0 as f64 * factor) as u64).max(1));
        }
        Ok(self)
    }

    /// Works a climb out into phases again.
    fn expanded(mut self) -> Self {
        if let Some(climb) = &self.climb {
            let per_connection = self.messages.rate.per_connection;
            self.phase = climb.phases(self.connections.0, self.clock.time_scale, per_connection);
        }
        self
    }
}
