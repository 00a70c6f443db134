//! Axes: a range, a scale, and round ticks with readable labels.
//!
//! It knows numbers; pixels are the layout's business.

use super::{Panel, Scale, X};
use crate::quantity::{Unit, clock, tick, trimmed};

const DAY_S: f64 = 86_400.0;

/// A range with ticks.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Axis {
    low: f64,
    high: f64,
    log: bool,
    pub(crate) ticks: Vec<Tick>,
}

/// A tick.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Tick {
    pub(crate) at: f64,
    pub(crate) label: String,
}

impl Axis {
    /// Where a value is, from 0 at the low end to 1 at the high end; outside, it is held to the nearer end.
    pub(crate) fn place(&self, value: f64) -> f64 {
        let share = if self.log {
            (value.max(self.low) / self.low).ln() / (self.high / self.low).ln()
        } else {
            (value - self.low) / (self.high - self.low)
        };
        share.clamp(0.0, 1.0)
    }

    /// The axis from left to right.
    pub(crate) fn across(x: X) -> Self {
        match x {
            X::Time(end_s) => Self::time(end_s.max(1.0)),
            X::Recorded(end_s) if is_brief(end_s) => Self::brief(end_s.max(0.001)),
            X::Recorded(end_s) if is_long(end_s) => Self::days(end_s),
            X::Recorded(end_s) => Self::time(end_s),
            X::Percentile(most) => Self::percentile(most),
            X::Count(from, to) => {
                let step = round_step((to - from) / 6.0).max(1.0);
                let ticks = multiples(from, to, step);
                let label = |at: f64| tick(at, Unit::Count, to);
                Self {
                    low: from,
                    high: to,
                    log: false,
                    ticks: labelled(ticks, label),
                }
            }
        }
    }

    /// The axis of a panel's values.
    pub(crate) fn up(panel: &Panel) -> Self {
        let top = top(panel);
        match panel.scale {
            Scale::Whole => Self {
                low: 0.0,
                high: 100.0,
                log: false,
                ticks: labelled(vec![0.0, 25.0, 50.0, 75.0, 100.0], |at| {
                    format!("{} %", trimmed(at, 0))
                }),
            },
            Scale::Linear => Self::linear(top, panel),
            Scale::Log => Self::decades(panel, top),
        }
    }

    fn linear(top: f64, panel: &Panel) -> Self {
        // Half a thing does not exist.
        let least = if panel.unit == Unit::Count { 1.0 } else { 0.0 };
        let wanted = if panel.height < 150.0 { 3.0 } else { 5.0 };
        let step = round_step(top * 1.02 / wanted).max(least);
        let high = (top * 1.02 / step).ceil() * step;
        let ticks = multiples(0.0, high, step);
        Self {
            low: 0.0,
            high,
            log: false,
            ticks: labelled(ticks, |at| tick(at, panel.unit, high)),
        }
    }

    fn decades(panel: &Panel, top: f64) -> Self {
        let points = panel.lines.iter().flat_map(|line| &line.points);
        let bottom = points
            .map(|(_, value)| *value)
            .filter(|value| *value > 0.0)
            .fold(f64::INFINITY, f64::min)
            .min(top);
        let low = 10f64.powf(bottom.log10().floor());
        let high = 10f64.powf(top.log10().ceil()).max(low * 10.0);
        let decades = (high / low).log10().round() as i32;
        let steps: &[f64] = if decades <= 2 { &[1.0, 2.0, 5.0] } else { &[1.0] };
        let mut ticks: Vec<f64> = (0..=decades)
            .flat_map(|decade| steps.iter().map(move |step| low * 10f64.powi(decade) * step))
            .filter(|at| *at <= high * 1.001)
            .collect();
        if decades > 6 {
            ticks = ticks.into_iter().step_by(2).collect();
        }
        Self {
            low,
            high,
            log: true,
            ticks: labelled(ticks, |at| tick(at, panel.unit, at)),
        }
    }

    fn time(end_s: f64) -> Self {
        const STEPS: [f64; 15] = [
            1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1_800.0, 3_600.0, 7_200.0,
            21_600.0,
        ];
        let step = STEPS
            .into_iter()
            .find(|step| end_s / step <= 12.0)
            .unwrap_or((end_s / 10.0).ceil());
        Self {
            low: 0.0,
            high: end_s,
            log: false,
            ticks: labelled(multiples(0.0, end_s, step), clock),
        }
    }

    /// Seconds and parts of them.
    fn brief(end_s: f64) -> Self {
        let step = round_step(end_s / 10.0);
        let decimals = (-step.log10().floor()).max(0.0) as usize + 1;
        Self {
            low: 0.0,
            high: end_s,
            log: false,
            ticks: labelled(multiples(0.0, end_s, step), |at| trimmed(at, decimals)),
        }
    }

    /// Days and parts of them.
    fn days(end_s: f64) -> Self {
        let step = round_step(end_s / DAY_S / 10.0);
        let ticks = multiples(0.0, end_s / DAY_S, step).into_iter();
        let ticks = ticks.map(|day| Tick {
            at: day * DAY_S,
            label: trimmed(day, 2),
        });
        Self {
            low: 0.0,
            high: end_s,
            log: false,
            ticks: ticks.collect(),
        }
    }

    fn percentile(most: f64) -> Self {
        let high = 10f64.powf(most.max(100.0).log10().ceil());
        let mut ticks = vec![
            Tick {
                at: 1.0,
                label: "0 %".to_owned(),
            },
            Tick {
                at: 2.0,
                label: "50 %".to_owned(),
            },
        ];
        for nines in 1..=high.log10().round() as usize {
            let label = format!(
                "{} %",
                trimmed(100.0 - 100.0 / 10f64.powi(nines as i32), nines.saturating_sub(2))
            );
            ticks.push(Tick {
                at: 10f64.powi(nines as i32),
                label,
            });
        }
        Self {
            low: 1.0,
            high,
            log: true,
            ticks,
        }
    }
}

/// Whether a capture is over so soon that minutes would say nothing.
pub(super) fn is_brief(end_s: f64) -> bool {
    end_s < 12.0
}

/// Whether a capture lasts so long that minutes are noise, and hours run off the picture.
pub(super) fn is_long(end_s: f64) -> bool {
    end_s > 3.0 * DAY_S
}

/// The highest value of a panel, its stack included; never zero.
fn top(panel: &Panel) -> f64 {
    let lines = panel
        .lines
        .iter()
        .flat_map(|line| &line.points)
        .map(|(_, value)| *value);
    let count = panel.bands.first().map_or(0, |band| band.points.len());
    let stack = (0..count).map(|index| panel.bands.iter().map(|band| band.points[index].1).sum());
    let top = lines
        .chain(stack)
        .filter(|value: &f64| value.is_finite())
        .fold(0.0, f64::max);
    if top > 0.0 { top } else { 1.0 }
}

/// 1, 2, 2.5 or 5 times a power of ten: the first not below.
fn round_step(wanted: f64) -> f64 {
    let power = 10f64.powf(wanted.log10().floor());
    let steps = [1.0, 2.0, 2.5, 5.0, 10.0];
    steps
        .into_iter()
        .map(|step| step * power)
        .find(|step| *step >= wanted * 0.999)
        .unwrap_or(power * 10.0)
}

fn multiples(from: f64, to: f64, step: f64) -> Vec<f64> {
    let first = (from / step).ceil() as i64;
    let last = (to / step + 1e-6).floor() as i64;
    (first..=last).map(|index| index as f64 * step).collect()
}

fn labelled(ticks: Vec<f64>, label: impl Fn(f64) -> String) -> Vec<Tick> {
    ticks
        .into_iter()
        .map(|at| Tick { at, label: label(at) })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::chart::Line;
    use crate::theme::Ink;

    fn panel(unit: Unit, scale: Scale, values: &[f64]) -> Panel {
        let points = values
            .iter()
            .enumerate()
            .map(|(second, &value)| (second as f64, value))
            .collect();
        Panel::new("", unit, scale, 200.0).with(Line::solid("line", Ink::Series(0), points))
    }

    proptest! {
        #[test]
        fn every_value_has_its_place_between_few_distinct_ticks(
            values in prop::collection::vec(0.0f64..1e12, 1..20),
            small in any::<bool>(),
            log in any::<bool>(),
        ) {
            let values: Vec<f64> = values.into_iter().map(|value| if small { value / 1e11 } else { value }).collect();
            let scale = if log { Scale::Log } else { Scale::Linear };
            let axis = Axis::up(&panel(Unit::Time, scale, &values));
            prop_assert!((2..=16).contains(&axis.ticks.len()), "{:?}", axis);
            prop_assert!(axis.low.is_finite() && axis.high > axis.low);
            let mut labels: Vec<&str> = axis.ticks.iter().map(|tick| tick.label.as_str()).collect();
            labels.dedup();
            prop_assert_eq!(labels.len(), axis.ticks.len(), "{:?}", axis);
            for value in values {
                prop_assert!(value <= axis.high && (0.0..=1.0).contains(&axis.place(value)));
            }
        }

        // A packet in two years is 1.6·10⁻⁸ a second.
        #[test]
        fn small_rates_have_ticks_that_differ_and_fit_beside_their_panel(power in -9.0f64..2.0, bytes in any::<bool>()) {
            let unit = if bytes { Unit::Bytes } else { Unit::PerSecond };
            let axis = Axis::up(&panel(unit, Scale::Linear, &[10f64.powf(power)]));
            let mut labels: Vec<&str> = axis.ticks.iter().map(|tick| tick.label.as_str()).collect();
            prop_assert!(labels.iter().all(|label| label.chars().count() <= 11), "{:?}", labels);
            labels.dedup();
            prop_assert_eq!(labels.len(), axis.ticks.len(), "{:?}", axis);
        }

        #[test]
        fn a_run_of_any_length_has_at_most_a_dozen_times(end_s in 1.0f64..1e6) {
            let axis = Axis::across(X::Time(end_s));
            prop_assert!(axis.ticks.len() <= 13, "{:?}", axis);
        }

        #[test]
        fn a_capture_of_any_length_has_times_that_differ(end_s in prop_oneof![0.001f64..12.0, 12.0..1e6, 1e6..1.8e10]) {
            let axis = Axis::across(X::Recorded(end_s));
            prop_assert!((2..=13).contains(&axis.ticks.len()), "{:?}", axis);
            let mut labels: Vec<&str> = axis.ticks.iter().map(|tick| tick.label.as_str()).collect();
            labels.dedup();
            prop_assert_eq!(labels.len(), axis.ticks.len(), "{:?}", axis);
        }
    }

    #[test]
    fn ticks_are_round() {
        let labels = |axis: Axis| axis.ticks.into_iter().map(|tick| tick.label).collect::<Vec<_>>();
        let counts = Axis::up(&panel(Unit::Count, Scale::Linear, &[200_000.0]));
        assert_eq!(labels(counts), ["0", "50k", "100k", "150k", "200k", "250k"]);
        let few = Axis::up(&panel(Unit::Count, Scale::Linear, &[2.0]));
        assert_eq!(labels(few), ["0", "1", "2", "3"]);
        let times = Axis::up(&panel(Unit::Time, Scale::Log, &[0.4, 900.0]));
        assert_eq!(labels(times), ["100 µs", "1 ms", "10 ms", "100 ms", "1 s"]);
        assert_eq!(
            labels(Axis::across(X::Percentile(5_000.0))),
            ["0 %", "50 %", "90 %", "99 %", "99.9 %", "99.99 %"]
        );
        let years = Axis::across(X::Recorded(5.0 * 365.0 * DAY_S));
        assert_eq!(labels(years)[..3], ["0", "200", "400"]);
        assert_eq!(
            labels(Axis::across(X::Time(120.0)))[..3],
            ["0:00", "0:10", "0:20"]
        );
    }
}
