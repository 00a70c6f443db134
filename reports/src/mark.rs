//! Phases and shocks: what is marked on every plot that has run time for its axis.
//!
//! It knows events; where a mark is drawn is the chart's business.

use record::{Event, EventKind, Run};

use crate::series;

/// A phase of the scenario.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Phase {
    pub(crate) name: String,
    pub(crate) from_s: f64,
    pub(crate) to_s: f64,
}

/// An instant worth a line.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Mark {
    pub(crate) name: String,
    pub(crate) at_s: f64,
    /// Something broke, or stopped the run.
    pub(crate) alarm: bool,
}

/// All that is marked.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Marks {
    pub(crate) phases: Vec<Phase>,
    pub(crate) marks: Vec<Mark>,
}

impl Marks {
    /// What happened, by the events; where they tell of no phase or no shock, what was planned.
    pub(crate) fn of(run: &Run) -> Self {
        let end_s = series::end_s(run);
        let happened = |kind: EventKind| -> Vec<&Event> {
            let of_kind = |events: &'_ [Event]| events.iter().any(|event| event.kind == kind);
            let events = if of_kind(&run.events) {
                &run.events
            } else {
                &run.plan.marks
            };
            let mut found: Vec<&Event> = events
                .iter()
                .filter(|event| event.kind == kind && seconds(event) <= end_s)
                .collect();
            found.sort_by_key(|event| event.t_ms);
            found
        };
        let starts = happened(EventKind::Phase);
        let phases = starts
            .iter()
            .enumerate()
            .map(|(index, event)| Phase {
                name: event.name.clone(),
                from_s: seconds(event),
                to_s: starts.get(index + 1).map_or(end_s, |next| seconds(next)),
            })
            .filter(|phase| phase.to_s > phase.from_s)
            .collect();
        let kinds = [
            EventKind::Shock,
            EventKind::Knob,
            EventKind::Fault,
            EventKind::Interrupted,
        ];
        let mut marks: Vec<Mark> = kinds
            .into_iter()
            .flat_map(happened)
            .map(|event| Mark {
                name: event.name.clone(),
                at_s: seconds(event),
                alarm: matches!(event.kind, EventKind::Fault | EventKind::Interrupted),
            })
            .collect();
        marks.sort_by(|left, right| left.at_s.total_cmp(&right.at_s));
        Self { phases, marks }
    }
}

fn seconds(event: &Event) -> f64 {
    event.t_ms as f64 / 1_000.0
}
