//! A replay in tiles, a ledger and tables.
//!
//! It knows rows and words; whether the ledger adds up was found out before.

mod difference;
mod notes;
mod recording;

use std::collections::BTreeMap;

use record::{Failing, Percentiles, Replay, ReplaySummary, Run, Summary, Undriven};

use super::key::{Tile, tile, wait};
use super::table::{Wait, cells};
use crate::quantity::{Unit, grouped, short};
use difference::Difference;

/// Rows of a list that a page shows; the rest is in `replay.json`.
const ROWS_MAX: usize = 20;

/// What a page says of a replay.
#[derive(Debug)]
pub(crate) struct ReplayView {
    pub(crate) how: String,
    pub(crate) rows: Vec<Row>,
    pub(crate) waits: Vec<Wait>,
    pub(crate) differences: Vec<Difference>,
    pub(crate) failures: Vec<Failing>,
    pub(crate) undriven: Vec<Undriven>,
    pub(crate) notes: Vec<String>,
}

/// A row of the ledger.
#[derive(Debug)]
pub(crate) struct Row {
    /// `=`, `+` or nothing.
    pub(crate) sign: &'static str,
    pub(crate) name: String,
    pub(crate) count: String,
    /// A sum, above its parts.
    pub(crate) sum: bool,
    /// It should be 0 and is not.
    pub(crate) wrong: bool,
}

impl ReplayView {
    pub(super) fn of(run: &Run, summary: &Summary) -> Option<Self> {
        let (replay, figures) = (run.replay.as_ref()?, summary.replay.as_ref()?);
        Some(Self {
            how: how(replay),
            rows: rows(figures),
            waits: waits(figures),
            differences: replay
                .differences
                .iter()
                .take(ROWS_MAX)
                .map(Difference::of)
                .collect(),
            failures: replay.failures.iter().take(ROWS_MAX).cloned().collect(),
            undriven: replay.unplayable.iter().take(ROWS_MAX).cloned().collect(),
            notes: notes::of(replay),
        })
    }
}

/// How it was driven, in a sentence.
fn how(replay: &Replay) -> String {
    let speed = if replay.connect_speed == replay.think_speed {
        format!("speed {}", replay.think_speed)
    } else {
        format!(
            "connects at {}, think times at {}",
            replay.connect_speed, replay.think_speed
        )
    };
    let order = match replay.order.as_str() {
        "causal" => "each request after the answer that came before it (closed-loop)",
        _ => "each request at its recorded time (open-loop)",
    };
    let people = match (replay.clones, replay.loops) {
        (1, 1) => String::new(),
        (clones, 1) => format!(", {} clones", grouped(clones)),
        (clones, loops) => format!(", {} clones, {} times each", grouped(clones), grouped(loops)),
    };
    format!("{}: {speed}, {order}{people}.", replay.capture)
}

fn rows(figures: &ReplaySummary) -> Vec<Row> {
    let by = |causes: &BTreeMap<String, u64>, rows: &mut Vec<Row>| {
        rows.extend(causes.iter().map(|(cause, count)| Row {
            wrong: *count > 0,
            ..row("+", &named(cause), *count)
        }));
    };
    let (sessions, sends, answers) = (&figures.sessions, &figures.sends, &figures.answers);
    let mut rows = vec![
        sum("sends planned: turns of clients", sends.planned),
        row("=", "made", sends.sent),
    ];
    by(&sends.unsent_by, &mut rows);
    rows.extend([
        sum("sessions planned", sessions.planned),
        row("=", "driven to their end", sessions.finished),
    ]);
    by(&sessions.failed_by, &mut rows);
    rows.extend([
        sum("answers compared", answers.compared()),
        row("=", "identical", answers.identical),
        row("+", "equal but for what may differ", answers.masked),
    ]);
    for (name, count) in [
        ("different", answers.different),
        ("missing", answers.missing),
        ("extra", answers.extra),
    ] {
        rows.push(Row {
            wrong: count > 0,
            ..row("+", name, count)
        });
    }
    rows.extend(recording::rows(&figures.bytes));
    rows
}

/// A row of the ledger that is as it should be.
fn row(sign: &'static str, name: &str, count: u64) -> Row {
    Row {
        sign,
        name: name.to_owned(),
        count: grouped(count),
        sum: false,
        wrong: false,
    }
}

/// A row above its parts.
fn sum(name: &str, count: u64) -> Row {
    Row {
        sum: true,
        ..row("", name, count)
    }
}

/// A cause as a reader has it.
fn named(cause: &str) -> String {
    cause.replace('_', " ")
}

fn waits(figures: &ReplaySummary) -> Vec<Wait> {
    let held = match figures.sessions.connects_held {
        0 => "held back by the target",
        _ => "held back by the target or by --at-once",
    };
    let rows: [(&str, Percentiles); 6] = [
        ("late by the driver's own fault", figures.lateness_ms),
        (
            "connects late by the driver's own fault",
            figures.connect_lateness_ms,
        ),
        (held, figures.held_ms),
        ("TCP connect", figures.connect_ms),
        ("first byte of an answer, now", figures.answer_ms),
        ("first byte of an answer, recorded", figures.recorded_answer_ms),
    ];
    rows.into_iter()
        .filter(|(_, p)| p.count > 0)
        .map(|(name, p)| Wait {
            name,
            cells: cells(&p),
        })
        .collect()
}

/// The key figures of a replay beside a swarm.
pub(super) fn tiles_beside(figures: &ReplaySummary) -> Vec<Tile> {
    let (sessions, sends, answers) = (&figures.sessions, &figures.sends, &figures.answers);
    vec![
        tile(
            "Replay: sends made",
            grouped(sends.sent),
            format!("of {} planned", grouped(sends.planned)),
        ),
        tile(
            "Replay: sessions driven to their end",
            grouped(sessions.finished),
            format!(
                "of {}; {} failed",
                grouped(sessions.planned),
                grouped(sessions.failed)
            ),
        ),
        tile(
            "Replay: answers not as recorded",
            grouped(answers.different + answers.missing + answers.extra),
            format!("of {}", grouped(answers.compared())),
        ),
    ]
}

/// The key figures.
pub(super) fn tiles(figures: &ReplaySummary, summary: &Summary) -> Vec<Tile> {
    let (sessions, sends, answers) = (&figures.sessions, &figures.sends, &figures.answers);
    let astray = answers.different + answers.missing + answers.extra;
    vec![
        tile(
            "Sends made",
            grouped(sends.sent),
            format!("of {} planned", grouped(sends.planned)),
        ),
        tile(
            "Sessions driven to their end",
            grouped(sessions.finished),
            format!(
                "of {}; {} failed",
                grouped(sessions.planned),
                grouped(sessions.failed)
            ),
        ),
        tile(
            "Open at once",
            grouped(summary.connections.peak),
            format!("of {} planned", grouped(summary.connections.target)),
        ),
        tile(
            "Answers as recorded",
            grouped(answers.identical + answers.masked),
            format!("{} of them but for what may differ", grouped(answers.masked)),
        ),
        tile(
            "Different, missing, extra",
            grouped(astray),
            format!("of {} answers", grouped(answers.compared())),
        ),
        wait("Lateness, 99th percentile", figures.lateness_ms),
        wait("Answer, 99th percentile", figures.answer_ms),
        wait("Recorded answer, 99th percentile", figures.recorded_answer_ms),
        tile(
            "Driver's CPU time",
            match summary.swarm.cpu_seconds {
                0.0 => "–".to_owned(),
                seconds => short(seconds * 1e3, Unit::Time),
            },
            "spins before sends included",
        ),
    ]
}
