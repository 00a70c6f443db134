//! The planned load second by second, as a run folder and a dry run show it.
//!
//! Connections are counted from the plan's own actions; messages are what the intensity expects.

use record::{Event, EventKind, PlanCurve};

use crate::action::{Misfit, What};
use crate::actions::Actions;
use crate::cell::SourceKind;
use crate::load::{Outgoing, day_mean};
use crate::plan::Plan;
use crate::presence::Cut;
use crate::shock::Shock;

/// The messages of the 24 hours from the start of the schedule as if all connections were up throughout, whatever
/// part of them the run covers.
#[derive(Clone, Debug, PartialEq)]
pub struct DayMessages {
    /// Without any shock.
    pub base: f64,
    /// Caused by each shock, by name.
    pub shocks: Vec<(String, f64)>,
}

impl Plan {
    /// The plan as columns, a row a second of the run's clock.
    ///
    /// Connections take about a microsecond for each that opens or closes, ten nanoseconds where nobody closes.
    #[must_use]
    pub fn curve(&self) -> PlanCurve {
        let seconds = self.duration_us().div_ceil(1_000_000) as usize;
        let load = &self.inner.load;
        let (mut messages, mut copies) = (vec![0.0; seconds], vec![0.0; seconds]);
        for outgoing in load.messages.iter().chain(&load.uploads) {
            self.add_messages(outgoing, &mut messages, &mut copies);
        }
        PlanCurve {
            connections: self.connection_curve(seconds),
            messages: whole_steps(&messages),
            copies: whole_steps(&copies),
            marks: self.marks(),
            beside: self.beside(),
            ..PlanCurve::default()
        }
    }

    /// The day's messages, for the share that a shock has of them.
    #[must_use]
    pub fn day_messages(&self) -> DayMessages {
        let inner = &self.inner;
        let start_us = inner.scenario.clock.start.0;
        let seconds = 86_400.0 / inner.scenario.clock.time_scale;
        let shocks = inner.load.shocks.iter().map(|shock| {
            (
                shock.name.clone(),
                seconds * day_mean(|scenario_us| shock.total_rate(scenario_us)),
            )
        });
        DayMessages {
            base: seconds * day_mean(|scenario_us| inner.load.base.rate(start_us + scenario_us as u64)),
            shocks: shocks.collect(),
        }
    }

    /// Phases, shocks and replays, in time, on the run's clock.
    #[must_use]
    pub fn marks(&self) -> Vec<Event> {
        let presence = &self.inner.presence;
        let timeline = &presence.timeline;
        let event = |at_us: u64, kind, name: &str, detail: String| Event {
            t_ms: at_us / 1000,
            kind,
            name: name.to_owned(),
            detail,
        };
        let mut marks: Vec<Event> = timeline
            .phases
            .iter()
            .map(|phase| event(phase.from_us, EventKind::Phase, &phase.name, String::new()))
            .collect();
        for shock in &self.inner.load.shocks {
            for (at_us, name, detail) in shock.marks() {
                let at_us = timeline.run_us(at_us.max(0.0) as u64);
                if at_us < timeline.end_us {
                    marks.push(event(at_us, EventKind::Shock, name, detail));
                }
            }
        }
        for misfits in &self.inner.scenario.misfit {
            let at_us = timeline.run_us(misfits.at.0);
            marks.push(event(
                at_us,
                EventKind::Fault,
                misfits.kind.name(),
                misfits.detail(),
            ));
        }
        for replay in &self.inner.scenario.replay {
            let at_us = timeline.run_us(replay.at.0);
            marks.push(event(at_us, EventKind::Note, "replay", replay.detail()));
        }
        let is_quake = |cut: &&Cut| matches!(cut.what, What::Cut { .. });
        for cut in presence.cuts.iter().filter(is_quake) {
            let detail = format!("{:.0}% of the region's connections", cut.share * 100.0);
            marks.push(event(cut.from_us, EventKind::Shock, "network cut", detail));
            if cut.until_us < timeline.end_us {
                marks.push(event(
                    cut.until_us,
                    EventKind::Shock,
                    "network back",
                    String::new(),
                ));
            }
        }
        marks.sort_by_key(|mark| mark.t_ms);
        marks
    }

    fn add_messages(&self, outgoing: &Outgoing, messages: &mut [f64], copies: &mut [f64]) {
        let Outgoing { intensity, parts, .. } = outgoing;
        let to_members = f64::from(self.inner.groups.size) - 1.0;
        for bucket in 0..intensity.expected.len() - 1 {
            let expected = intensity.expected[bucket + 1] - intensity.expected[bucket];
            let a_message: f64 = intensity
                .shares(bucket)
                .zip(parts)
                .map(|(share, part)| share * (1.0 - part.to_groups + part.to_groups * to_members))
                .sum();
            // A bucket may lie across the end of a second.
            let from = bucket as f64 * intensity.bucket_us / 1e6;
            let until = (bucket as f64 + 1.0) * intensity.bucket_us / 1e6;
            let mut at = from;
            while at < until - 1e-9 {
                let second = (at + 1e-9) as usize;
                let next = (second as f64 + 1.0).min(until);
                let part = expected * (next - at) / (until - from);
                if let (Some(messages), Some(copies)) = (messages.get_mut(second), copies.get_mut(second)) {
                    *messages += part;
                    *copies += part * a_message;
                }
                at = next;
            }
        }
    }

    fn connection_curve(&self, seconds: usize) -> Vec<u64> {
        let mut changes = vec![0i64; seconds + 1];
        let second = |at_us: u64| ((at_us / 1_000_000) as usize).min(seconds);
        let presence = &self.inner.presence;
        if presence.only_connects() {
            // Nobody ever leaves: the ranks are enough, which is a hundred times as fast.
            for rank in 0..presence.people.online {
                let at_us = presence.connect_us_by_rank(rank);
                if at_us < self.duration_us() {
                    changes[second(at_us)] += 1;
                }
            }
            return running_sums(&changes[..seconds]);
        }
        // Cell by cell, so that only one is held at a time.
        for cell in 0..self.cells() {
            for action in Actions::of_sources(self, std::iter::once(cell), &SourceKind::PRESENCE) {
                match action.what {
                    What::Connect => changes[second(action.at_us)] += 1,
                    What::Disconnect => changes[second(action.at_us)] -= 1,
                    What::Cut { until_us }
                    | What::Misbehave {
                        how: Misfit::Vanishing,
                        until_us,
                    } => {
                        changes[second(action.at_us)] -= 1;
                        // The reconnects are the driver's; the plan counts on them by then.
                        let cut = self
                            .inner
                            .presence
                            .cuts
                            .iter()
                            .find(|cut| cut.takes_off() && cut.until_us == until_us);
                        changes[second(cut.map_or(until_us, |cut| cut.back_us))] += 1;
                    }
                    _ => {}
                }
            }
        }
        running_sums(&changes[..seconds])
    }

    /// Whether a shock of the scenario cuts connections.
    #[must_use]
    pub fn cuts_connections(&self) -> bool {
        self.inner
            .scenario
            .shock
            .iter()
            .any(|shock| matches!(shock, Shock::Earthquake(quake) if quake.cut.0 > 0.0))
    }
}

fn running_sums(changes: &[i64]) -> Vec<u64> {
    let mut open = 0i64;
    changes
        .iter()
        .map(|change| {
            open += change;
            open.max(0) as u64
        })
        .collect()
}

/// Rounds so that every running sum is right to one half.
fn whole_steps(values: &[f64]) -> Vec<u64> {
    let (mut exact, mut given) = (0.0, 0.0);
    values
        .iter()
        .map(|value| {
            exact += value;
            let step = libm::round(exact - given).max(0.0);
            given += step;
            step as u64
        })
        .collect()
}
