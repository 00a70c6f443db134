//! The plots of a run, in the order in which they are read.
//!
//! It knows which figures belong together; how they are drawn is the chart's business. A figure that was not measured,
//! or was zero throughout, is left out with a note rather than drawn empty.

mod beside;
mod capture;
mod host;
mod latency;
mod memory;
mod queue;
mod reference;
mod replay;
mod traffic;

use record::Run;

use crate::Error;
use crate::chart::{Line, Plot};
use crate::face::Face;
use crate::mark::Marks;
use crate::painter;
use crate::series::{is_inspection, is_replay_alone};

/// Heights of a panel that stands alone, of the first of several, and of the others.
const ALONE: f64 = 270.0;
const FIRST: f64 = 200.0;
const OTHER: f64 = 110.0;

/// Those of a run with a swarm.
const OF_SWARM: [fn(&Run) -> Plot; 11] = [
    traffic::connections,
    traffic::messages,
    latency::over_time,
    latency::by_percentile,
    host::cpu,
    memory::by_layer,
    memory::per_connection,
    queue::depths,
    latency::schedule_lag,
    host::network,
    traffic::logins,
];
/// Those of a replay, alone or beside a swarm.
const OF_REPLAY: [fn(&Run) -> Plot; 5] = [
    replay::sends,
    replay::lateness,
    replay::answers_over_time,
    replay::answers_by_percentile,
    replay::comparison,
];

/// All plots of a run.
#[derive(Debug)]
pub(crate) struct Plots {
    pub(crate) drawn: Vec<Plot>,
    pub(crate) left_out: Vec<LeftOut>,
    pub(crate) marks: Marks,
}

/// A plot that is not drawn.
#[derive(Debug)]
pub(crate) struct LeftOut {
    pub(crate) title: &'static str,
    pub(crate) why: Why,
}

/// Why a plot is not drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    NotMeasured,
    ZeroThroughout,
}

/// A drawn plot.
#[derive(Debug)]
pub(crate) struct Picture {
    pub(crate) id: &'static str,
    pub(crate) svg: String,
    pub(crate) png: Vec<u8>,
}

impl Plots {
    pub(crate) fn of(run: &Run) -> Self {
        let mut makers = Vec::<fn(&Run) -> Plot>::new();
        if is_inspection(run) {
            makers.push(capture::shape);
        } else if run.manifest.dry_run {
            makers.extend([
                traffic::planned_connections as fn(&Run) -> Plot,
                traffic::planned_messages,
            ]);
            if !run.plan.replay_sends.is_empty() {
                makers.push(replay::planned);
            }
        } else if is_replay_alone(run) {
            makers.extend(OF_REPLAY);
            makers.extend([host::cpu as fn(&Run) -> Plot, host::network]);
        } else {
            makers.extend(OF_SWARM);
            makers.extend(OF_REPLAY.iter().filter(|_| run.replay.is_some()));
        }
        if !run.plan.beside.is_empty() {
            makers.push(beside::people);
        }
        let mut plots = Self {
            drawn: Vec::new(),
            left_out: Vec::new(),
            marks: Marks::of(run),
        };
        for plot in makers.iter().map(|maker| maker(run)) {
            match without_empty_panels(plot) {
                Ok(plot) => plots.drawn.push(plot),
                Err(left_out) => plots.left_out.push(left_out),
            }
        }
        plots
    }
}

impl Picture {
    pub(crate) fn of(plot: &Plot, marks: &Marks) -> Result<Self, Error> {
        let face = Face::new();
        let scene = plot.scene(marks, &face);
        let wrong = |what| Error::Plot { plot: plot.id, what };
        let svg = painter::svg(&scene, &face, plot.title).map_err(wrong)?;
        Ok(Self {
            id: plot.id,
            svg,
            png: painter::png(&scene, &face).map_err(wrong)?,
        })
    }
}

/// Takes out what has nothing to show, and says so.
fn without_empty_panels(mut plot: Plot) -> Result<Plot, LeftOut> {
    let mut missing = Vec::new();
    let mut idle = Vec::new();
    let measured = plot.panels.iter().any(|panel| !panel.is_empty());
    plot.panels.retain_mut(|panel| {
        let name = if panel.title.is_empty() {
            plot.title
        } else {
            panel.title
        };
        if panel.is_empty() {
            missing.push(format!("{name}: not measured."));
        } else if panel.is_zero() {
            missing.push(format!("{name}: zero throughout."));
        } else {
            let zero = |line: &Line| line.points.iter().all(|(_, value)| *value == 0.0);
            idle.extend(
                panel
                    .lines
                    .iter()
                    .filter(|line| zero(line))
                    .map(|line| line.name.clone()),
            );
            panel.lines.retain(|line| !zero(line));
            return true;
        }
        false
    });
    if plot.panels.is_empty() {
        let why = if measured {
            Why::ZeroThroughout
        } else {
            Why::NotMeasured
        };
        return Err(LeftOut {
            title: plot.title,
            why,
        });
    }
    if !idle.is_empty() {
        plot.notes
            .push(format!("Zero throughout, so not drawn: {}.", idle.join(", ")));
    }
    plot.notes.extend(missing);
    Ok(plot)
}

#[cfg(test)]
pub(crate) mod tests {
    use record::{Event, EventKind};

    use super::*;
    use crate::chart::{Panel, Scale, X};
    use crate::quantity::Unit;
    use crate::theme::Ink;

    fn event(t_ms: u64, kind: EventKind, name: &str) -> Event {
        Event {
            t_ms,
            kind,
            name: name.to_owned(),
            detail: String::new(),
        }
    }

    /// Two boxes share more than an edge.
    fn overlap(left: (f64, f64, f64, f64), right: (f64, f64, f64, f64)) -> bool {
        left.0 < right.2 - 0.5 && right.0 < left.2 - 0.5 && left.1 < right.3 - 0.5 && right.1 < left.3 - 0.5
    }

    #[test]
    fn no_text_covers_another_however_crowded_the_marks() {
        let face = Face::new();
        for spacing_ms in [200, 1_000, 3_000, 7_500] {
            let marks = (0..30)
                .map(|index| {
                    event(
                        index * spacing_ms + 40_000,
                        EventKind::Shock,
                        ["goal", "kick-off", "whistle"][index as usize % 3],
                    )
                })
                .chain([event(119_500, EventKind::Fault, "server killed")]);
            let phases = [
                (0, "ramp"),
                (30_000, "hold"),
                (32_000, "an unusually long name"),
                (100_000, "drain"),
            ]
            .map(|(t_ms, name)| event(t_ms, EventKind::Phase, name));
            let mut run = bare_run();
            run.events = phases.into_iter().chain(marks).collect();
            run.plan.connections = vec![5; 120];
            let points: Vec<(f64, f64)> = (0..120)
                .map(|second| (f64::from(second), f64::from(second)))
                .collect();
            let lines = (0..14).map(|index| {
                Line::solid(
                    format!("a line's name {index}"),
                    Ink::Series(index),
                    points.clone(),
                )
            });
            let panel = lines.fold(
                Panel::new("Panel", Unit::Bytes, Scale::Linear, OTHER),
                Panel::with,
            );
            let plot = Plot {
                id: "crowded",
                title: "Crowded",
                caption: "",
                x: X::Time(120.0),
                panels: vec![panel.clone(), panel],
                notes: vec!["A note.".to_owned()],
            };
            let scene = plot.scene(&Marks::of(&run), &face);
            let boxes = scene.text_boxes(&face);
            for (index, &(left, top, right, bottom, text)) in boxes.iter().enumerate() {
                assert!(
                    left >= 0.0 && right <= scene.width && top >= 0.0 && bottom <= scene.height,
                    "{text} runs off"
                );
                for &(other_left, other_top, other_right, other_bottom, other) in &boxes[index + 1..] {
                    let other_box = (other_left, other_top, other_right, other_bottom);
                    assert!(
                        !overlap((left, top, right, bottom), other_box),
                        "{spacing_ms}: {text:?} and {other:?}"
                    );
                }
            }
        }
    }

    pub(crate) fn bare_run() -> Run {
        Run {
            manifest: record::Manifest {
                schema: record::MANIFEST_SCHEMA.into(),
                version: "0.1.0".into(),
                command: Vec::new(),
                scenario: "test".into(),
                title: String::new(),
                resolved: String::new(),
                seed: 1,
                started_unix_ms: 0,
                dry_run: false,
                target: String::new(),
                durability: None,
                transport: record::Transport::default(),
                encryption: false,
                steps: Vec::new(),
                thresholds: Vec::new(),
                host: record::HostFacts::default(),
                limits: record::Limits::default(),
            },
            plan: record::PlanCurve::default(),
            samples: Vec::new(),
            events: Vec::new(),
            storm: None,
            replay: None,
        }
    }

    #[test]
    fn a_run_without_samples_draws_only_its_plan() {
        let mut run = bare_run();
        assert_eq!(Plots::of(&run).drawn.len(), 0);
        assert_eq!(Plots::of(&run).left_out.len(), 11);
        run.plan.connections = vec![10, 20];
        let plots = Plots::of(&run);
        assert_eq!(
            plots.drawn.iter().map(|plot| plot.id).collect::<Vec<_>>(),
            ["connections"]
        );
        assert!(
            plots
                .left_out
                .iter()
                .all(|left_out| left_out.why == Why::NotMeasured)
        );
    }
}
