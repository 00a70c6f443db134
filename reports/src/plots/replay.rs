//! A replay: sends planned and made, how late they were, answers beside the recorded ones.

use record::{Run, name};

use super::latency::{by_percentile_of, grades};
use super::{ALONE, FIRST, OTHER};
use crate::chart::{Line, Panel, Plot, Scale, X};
use crate::quantity::Unit;
use crate::series::{end_s, gauge, is_replay_alone, rate};
use crate::theme::Ink;

/// What was planned: sends, and sessions open. Beside a swarm the plan's other columns are the swarm's.
fn plans(run: &Run) -> (&[u64], &[u64]) {
    if is_replay_alone(run) {
        (&run.plan.messages, &run.plan.connections)
    } else {
        (&run.plan.replay_sends, &run.plan.replay_sessions)
    }
}

/// A replay beside a swarm, before anything is started.
pub(super) fn planned(run: &Run) -> Plot {
    let end = end_s(run);
    let (sends, open) = plans(run);
    let sends = Panel::new("Sends a second", Unit::PerSecond, Scale::Linear, FIRST)
        .with(Line::plan("planned", crate::series::planned(sends, end)));
    let open = Panel::new("Sessions open", Unit::Count, Scale::Linear, OTHER)
        .with(Line::plan("planned", crate::series::planned(open, end)));
    Plot {
        id: "planned-replay",
        title: "The replay, planned",
        caption: "The recording, at the speed and with the clones that were asked for, where nothing keeps it waiting.",
        x: X::Time(end),
        panels: vec![sends, open],
        notes: Vec::new(),
    }
}

pub(super) fn sends(run: &Run) -> Plot {
    let end = end_s(run);
    let (planned_sends, planned_open) = plans(run);
    let sends = Panel::new("Sends a second", Unit::PerSecond, Scale::Linear, FIRST)
        .with(Line::plan("planned", crate::series::planned(planned_sends, end)))
        .with(Line::solid("made", Ink::Series(0), rate(run, name::replay::SENT)))
        .with(Line::solid(
            "not made",
            Ink::Alarm,
            rate(run, name::replay::UNSENT),
        ));
    let open = Panel::new("Sessions open", Unit::Count, Scale::Linear, OTHER)
        .with(Line::plan("planned", crate::series::planned(planned_open, end)))
        .with(Line::solid(
            "open",
            Ink::Series(2),
            gauge(run, name::replay::OPEN),
        ));
    Plot {
        id: "replay-sends",
        title: "Sends, planned and made",
        caption: "The recording, at the speed and with the clones that were asked for, and what was said: the two lines should \
                  be one. Sessions stay open longer than planned where the target answers slower than it did.",
        x: X::Time(end),
        panels: vec![sends, open],
        notes: Vec::new(),
    }
}

pub(super) fn lateness(run: &Run) -> Plot {
    let end = end_s(run);
    let mut own = grades(
        Panel::new("Late by the driver's own fault", Unit::Time, Scale::Log, FIRST),
        run,
        name::replay::LATENESS,
    );
    if let Some(replay) = run.replay.as_ref().filter(|_| !own.is_empty()) {
        let limit = Line {
            name: "limit".to_owned(),
            ink: Ink::Alarm,
            width: 1.0,
            dashed: true,
            points: vec![(0.0, replay.lateness_limit_ms), (end, replay.lateness_limit_ms)],
        };
        own = own.with(limit);
    }
    let held = grades(
        Panel::new("Held back by the target", Unit::Time, Scale::Log, OTHER),
        run,
        name::replay::HELD,
    );
    Plot {
        id: "replay-lateness",
        title: "Lateness of the sends",
        caption: "From the instant at which a send was due, and could be made, to its being made: it should stay far below the \
                  latencies measured. What waited for a connection or for an answer is the target's, and shown apart.",
        x: X::Time(end),
        panels: vec![own, held],
        notes: Vec::new(),
    }
}

pub(super) fn answers_over_time(run: &Run) -> Plot {
    let now = grades(
        Panel::new("Now", Unit::Time, Scale::Log, FIRST),
        run,
        name::replay::ANSWER,
    );
    let recorded = grades(
        Panel::new("In the recording, the same sends", Unit::Time, Scale::Log, FIRST),
        run,
        name::replay::RECORDED_ANSWER,
    );
    Plot {
        id: "replay-answers",
        title: "Latency of the answers, now and recorded",
        caption: "From a send's instant to the first byte of its answer. Under the same load, a build that got slower lifts the \
                  upper panel over the lower.",
        x: X::Time(end_s(run)),
        panels: vec![now, recorded],
        notes: Vec::new(),
    }
}

pub(super) fn answers_by_percentile(run: &Run) -> Plot {
    let waits = [
        ("now", name::replay::ANSWER, 0),
        ("recorded", name::replay::RECORDED_ANSWER, 1),
        ("connect, now", name::replay::CONNECT, 2),
    ];
    let (panel, most) = by_percentile_of(run, &waits, ALONE);
    Plot {
        id: "replay-percentiles",
        title: "Latency by percentile, now and recorded",
        caption: "Each line reads “this share of all waits was shorter than that”: where the line of now lies above that of the \
                  recording, the target is slower for that share.",
        x: X::Percentile(most),
        panels: vec![panel],
        notes: Vec::new(),
    }
}

pub(super) fn comparison(run: &Run) -> Plot {
    let line = |name: &str, ink, counter| Line::solid(name, ink, rate(run, counter));
    let same = Panel::new("As recorded", Unit::PerSecond, Scale::Linear, FIRST)
        .with(line("identical", Ink::Series(0), name::replay::IDENTICAL))
        .with(line(
            "equal but for what may differ",
            Ink::Series(2),
            name::replay::MASKED,
        ));
    let other = Panel::new("Not as recorded", Unit::PerSecond, Scale::Linear, OTHER)
        .with(line("different", Ink::Alarm, name::replay::DIFFERENT))
        .with(line("missing", Ink::Series(1), name::replay::MISSING))
        .with(line("extra", Ink::Series(3), name::replay::EXTRA));
    Plot {
        id: "replay-comparison",
        title: "Answers beside the recorded ones",
        caption: "Answers of sessions as these end, by what they are beside the recorded ones; the first differences are listed \
                  below.",
        x: X::Time(end_s(run)),
        panels: vec![same, other],
        notes: Vec::new(),
    }
}
