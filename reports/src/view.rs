//! What a page and a comment both say of a run: the verdict in words, the key figures, the ledger, the thresholds.
//!
//! It knows words and figures; it knows neither HTML nor Markdown.

mod beside;
mod carriage;
mod climb;
mod key;
mod replay;
mod table;

use record::{Run, Summary, Threshold, ThresholdResult, Verdict};

use crate::quantity::{Unit, clock, grouped, short, trimmed};
use crate::series;

pub(crate) use beside::{named as figure_name, unit as figure_unit};
pub(crate) use climb::{Climb, headline as climb_headline};
pub(crate) use key::Tile;
pub(crate) use replay::ReplayView;
pub(crate) use table::{LedgerRow, Wait, cells};

/// A run in words and figures.
#[derive(Debug)]
pub(crate) struct View {
    /// `pass`, `fail`, `invalid` or `plan`.
    pub(crate) class: &'static str,
    /// One word.
    pub(crate) word: &'static str,
    /// One sentence.
    pub(crate) headline: String,
    /// Why, a sentence each.
    pub(crate) reasons: Vec<String>,
    /// When the run was stopped before its end.
    pub(crate) interrupted: Option<String>,
    pub(crate) duration: String,
    /// How long taking it down took, where that is known.
    pub(crate) teardown: Option<String>,
    pub(crate) tiles: Vec<Tile>,
    pub(crate) ledger: Vec<LedgerRow>,
    pub(crate) ledger_notes: Vec<String>,
    pub(crate) waits: Vec<Wait>,
    pub(crate) thresholds: Vec<Outcome>,
    /// How the clients travelled, and what they met.
    pub(crate) carriage: Vec<carriage::Row>,
    /// Populations beside the people whom they were fitted to.
    pub(crate) beside: Vec<beside::Row>,
    /// Where the run was one.
    pub(crate) climb: Option<Climb>,
    /// Whether there was a swarm, and so a ledger of copies.
    pub(crate) has_swarm: bool,
    /// Where something was replayed.
    pub(crate) replay: Option<ReplayView>,
}

/// A threshold's outcome.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) expr: String,
    pub(crate) value: String,
    pub(crate) measured: bool,
    pub(crate) pass: bool,
}

impl View {
    pub(crate) fn of(run: &Run, summary: &Summary) -> Self {
        let thresholds: Vec<Outcome> = summary.thresholds.iter().map(Outcome::of).collect();
        let failed: Vec<&Outcome> = thresholds.iter().filter(|outcome| !outcome.pass).collect();
        let (class, word, headline, reasons) = if series::is_inspection(run) {
            let headline = "This is what the capture holds: nothing was driven.".to_owned();
            ("plan", "Inspected", headline, Vec::new())
        } else if run.manifest.dry_run {
            let headline = "This is a plan: nothing was started, and nothing was measured.".to_owned();
            ("plan", "Planned", headline, Vec::new())
        } else {
            match summary.verdict {
                Verdict::Pass => {
                    let headline = match thresholds.len() {
                        1 => "The one threshold held.".to_owned(),
                        count => format!("All {count} thresholds held."),
                    };
                    ("pass", "Passed", headline, Vec::new())
                }
                Verdict::Fail => {
                    let headline = format!("{} of {} thresholds failed.", failed.len(), thresholds.len());
                    let reason = |outcome: &&Outcome| format!("{}: {}", outcome.expr, outcome.told());
                    ("fail", "Failed", headline, failed.iter().map(reason).collect())
                }
                Verdict::Invalid => {
                    let headline =
                        "The testbed fell short, so this run says nothing about the server.".to_owned();
                    ("invalid", "Invalid", headline, summary.invalid_because.clone())
                }
            }
        };
        Self {
            class,
            word,
            headline,
            reasons,
            interrupted: summary.interrupted.then(|| clock(summary.duration_s)),
            duration: clock(summary.duration_s),
            teardown: summary.teardown_s.map(|seconds| short(seconds * 1e3, Unit::Time)),
            tiles: if series::is_inspection(run) {
                key::of_capture(run)
            } else if run.manifest.dry_run {
                key::of_plan(run)
            } else {
                match &summary.replay {
                    Some(figures) if series::is_replay_alone(run) => replay::tiles(figures, summary),
                    Some(figures) => key::of_run(run, summary)
                        .into_iter()
                        .chain(replay::tiles_beside(figures))
                        .collect(),
                    None => key::of_run(run, summary),
                }
            },
            has_swarm: !series::is_replay_alone(run),
            ledger: table::ledger(&summary.messages),
            ledger_notes: table::ledger_notes(run, summary),
            waits: table::waits(&summary.latency_ms),
            thresholds,
            carriage: carriage::rows(run, summary),
            beside: beside::rows(run),
            climb: Climb::of(run, summary),
            replay: ReplayView::of(run, summary),
        }
    }
}

impl Outcome {
    /// What was measured, in words.
    pub(crate) fn told(&self) -> String {
        if self.measured {
            format!("measured {}", self.value)
        } else {
            "nothing was measured".to_owned()
        }
    }

    fn of(result: &ThresholdResult) -> Self {
        let unit = result
            .expr
            .parse::<Threshold>()
            .map_or("", |threshold| threshold.unit());
        let value = match (result.value, unit) {
            (None, _) => "not measured".to_owned(),
            (Some(value), "") if value.fract() == 0.0 && value >= 0.0 => grouped(value as u64),
            (Some(value), "B") => short(value, Unit::Bytes),
            (Some(value), unit @ ("k" | "M" | "")) => format!("{}{unit}", trimmed(value, 3)),
            (Some(value), unit) => format!("{} {unit}", trimmed(value, 3)),
        };
        Self {
            expr: result.expr.clone(),
            value,
            measured: result.value.is_some(),
            pass: result.pass,
        }
    }
}
