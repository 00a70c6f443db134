//! `teem gate`: a run judged again, for CI.

use anyhow::{Context as _, Result};
use record::{Summary, Threshold};

use crate::cli::GateArgs;
use crate::exit::Outcome;
use crate::progress;

/// Judges.
pub(crate) fn gate(args: &GateArgs) -> Result<Outcome> {
    let mut thresholds = Vec::new();
    if let Some(path) = &args.thresholds {
        let text =
            std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        for (index, line) in text.lines().enumerate() {
            let expr = line.split('#').next().unwrap_or_default().trim();
            if !expr.is_empty() {
                let place = || format!("{}:{}", path.display(), index + 1);
                thresholds.push(expr.parse::<Threshold>().with_context(place)?);
            }
        }
    }
    for expr in &args.threshold {
        thresholds.push(expr.parse().with_context(|| format!("--threshold `{expr}`"))?);
    }
    let summary = reports::judge(&args.run, &thresholds)?;
    if args.json {
        outln!("{}", serde_json::to_string_pretty(&summary)?);
    } else {
        print_verdict(&summary);
    }
    Ok(summary.verdict.into())
}

/// The verdict and what it rests on, for a terminal.
pub(crate) fn print_verdict(summary: &Summary) {
    let out = std::io::stdout;
    for threshold in &summary.thresholds {
        let (mark, colour) = if threshold.pass {
            ("pass", progress::GREEN)
        } else {
            ("FAIL", progress::RED)
        };
        let value = threshold
            .value
            .map_or("nothing measured".to_owned(), |value| format!("{value:.6}"));
        let value = if value.contains('.') {
            value.trim_end_matches('0').trim_end_matches('.')
        } else {
            &value
        };
        outln!(
            "  {}  {:<40} {value}",
            progress::paint(mark, colour, out()),
            threshold.expr
        );
    }
    if let Some(climbed) = reports::climbed(summary) {
        outln!(
            "  {}  {climbed}",
            progress::paint("climb", progress::GREEN, out())
        );
    }
    for why in &summary.invalid_because {
        outln!("  {}  {why}", progress::paint("invalid", progress::YELLOW, out()));
    }
    let (word, colour) = match summary.verdict {
        record::Verdict::Pass => ("PASS", progress::GREEN),
        record::Verdict::Fail => ("FAIL", progress::RED),
        record::Verdict::Invalid => ("INVALID", progress::YELLOW),
    };
    let stopped = if summary.interrupted { " (interrupted)" } else { "" };
    outln!("{}{stopped}", progress::paint(word, colour, out()));
}
