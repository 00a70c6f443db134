//! Latencies from the intended instant, over time and by percentile, and the generator's own lag.

use record::{Percentiles, Run, name};

use super::{ALONE, FIRST, OTHER};
use crate::chart::{Line, Panel, Plot, Scale, X};
use crate::figures::LAG_P99_LIMIT_MS;
use crate::quantity::Unit;
use crate::series::{Points, end_s, merged, percentiles, rate};
use crate::theme::Ink;

/// Points of a percentile curve in a factor of ten.
const CURVE_STEPS: i32 = 24;

pub(super) fn over_time(run: &Run) -> Plot {
    Plot {
        id: "delivery-latency",
        title: "Delivery latency over time",
        caption: "From the instant a message should have been sent to its arrival: watch how far each shock lifts the \
                  99th percentile, and how soon it settles.",
        x: X::Time(end_s(run)),
        panels: vec![grades(
            Panel::new("", Unit::Time, Scale::Log, ALONE),
            run,
            name::latency::DELIVERY,
        )],
        notes: Vec::new(),
    }
}

pub(super) fn by_percentile(run: &Run) -> Plot {
    let waits = [
        ("log-in", name::latency::LOGIN, 1),
        ("second tick", name::latency::TICK, 5),
        ("delivery", name::latency::DELIVERY, 0),
        ("accepted", name::latency::ACCEPTED, 2),
    ];
    let (panel, most) = by_percentile_of(run, &waits, ALONE);
    Plot {
        id: "latency-percentiles",
        title: "Latency by percentile",
        caption: "Each line reads “this share of all waits was shorter than that”: a line that bends up sharply to the \
                  right has a few very slow cases that an average would hide.",
        x: X::Percentile(most),
        panels: vec![panel],
        notes: Vec::new(),
    }
}

/// Curves by percentile, and how far they reach: name, histogram, kind.
pub(super) fn by_percentile_of(run: &Run, waits: &[(&str, &str, usize)], height: f64) -> (Panel, f64) {
    let mut panel = Panel::new("", Unit::Time, Scale::Log, height);
    let mut most: f64 = 100.0;
    for &(wait, histogram, kind) in waits {
        let merged = merged(run, histogram);
        let count = merged.count() as f64;
        most = most.max(count.min(1e6));
        let mut points = Points::new();
        let mut step = 0;
        while merged.count() > 0 {
            let x = 10f64.powf(f64::from(step) / f64::from(CURVE_STEPS));
            let x_held = x.min(count).min(1e6);
            points.push((x_held, merged.quantile_us(1.0 - 1.0 / x_held) as f64 / 1_000.0));
            step += 1;
            if x >= count || x >= 1e6 {
                break;
            }
        }
        panel = panel.with(Line::solid(wait, Ink::Series(kind), points));
    }
    (panel, most)
}

pub(super) fn schedule_lag(run: &Run) -> Plot {
    let end = end_s(run);
    let mut lag = grades(
        Panel::new("", Unit::Time, Scale::Log, FIRST),
        run,
        name::latency::SCHEDULE_LAG,
    );
    if !lag.is_empty() {
        let points = vec![(0.0, LAG_P99_LIMIT_MS), (end, LAG_P99_LIMIT_MS)];
        let limit = Line {
            name: "limit of the run's p99".to_owned(),
            ink: Ink::Alarm,
            width: 1.0,
            dashed: true,
            points,
        };
        lag = lag.with(limit);
    }
    let missed = Panel::new("Late or unsent", Unit::PerSecond, Scale::Linear, OTHER)
        .with(Line::solid(
            "late",
            Ink::Series(1),
            rate(run, name::swarm::ARRIVALS_LATE),
        ))
        .with(Line::solid(
            "unsent, the user not being connected",
            Ink::Series(0),
            rate(run, name::swarm::ARRIVALS_UNSENT),
        ));
    Plot {
        id: "schedule-lag",
        title: "Schedule lag of the generator",
        caption: "How late the generator itself was: it should stay far below the latencies above, or those are partly \
                  its own.",
        x: X::Time(end),
        panels: vec![lag, missed],
        notes: Vec::new(),
    }
}

/// The median, the 99th percentile and the worst, faint to strong.
pub(super) fn grades(panel: Panel, run: &Run, histogram: &str) -> Panel {
    let seconds = percentiles(run, histogram);
    let line = |name: &str, grade: usize, width: f64, of: fn(&Percentiles) -> f64| Line {
        width,
        ..Line::solid(
            name,
            Ink::Grade(grade),
            seconds.iter().map(|(at, p)| (*at, of(p))).collect(),
        )
    };
    panel
        .with(line("worst", 2, 1.25, |p| p.max))
        .with(line("99th percentile", 1, 2.0, |p| p.p99))
        .with(line("median", 0, 2.0, |p| p.p50))
}
