//! Run to summary: the figures, the thresholds' outcomes, and the verdict.
//!
//! It is a pure function of what was recorded; it draws nothing and writes nothing.

use std::collections::BTreeMap;

use record::{
    Connections, Event, EventKind, Handshakes, Lag, Latencies, Run, SUMMARY_SCHEMA, Summary, Threshold,
    ThresholdResult, Verdict, name,
};

use crate::ledger::Ledger;
use crate::quantity::grouped;
use crate::{climb, cost, replay, series};

/// A generator whose 99th percentile of lag is above this did not drive the load that was planned: the run is
/// invalid. Milliseconds.
pub const LAG_P99_LIMIT_MS: f64 = 1_000.0;
/// Nor did one that carried out more than this share of its arrivals later than its own limit.
pub const LATE_SHARE_LIMIT: f64 = 0.01;

/// What holds for every run that does not say otherwise: a threshold of the scenario on the same figure replaces it.
const IMPLIED: [&str; 4] = [
    "messages.lost == 0",
    "messages.duplicated == 0",
    "messages.corrupted == 0",
    "messages.misordered == 0",
];
/// What holds, too, for a run whose swarm watched for it.
const IMPLIED_IF_WATCHED: &str = "messages.ticks_missing == 0";

/// The summary of a run.
///
/// Percentiles come from merged histograms only, the ledger from the last sample. The verdict is *invalid* where the
/// testbed fell short, else *fail* where a threshold failed, else *pass*; a dry run passes without being judged.
#[must_use]
pub fn summarise(run: &Run) -> Summary {
    summarise_with(run, &[])
}

/// How long taking the run down took, where its events say so.
fn teardown_s(run: &Run) -> Option<f64> {
    let at = |name: &str| {
        let of = |event: &&Event| event.kind == EventKind::Note && event.name == name;
        run.events.iter().find(of).map(|event| event.t_ms)
    };
    let (from_ms, to_ms) = (at(record::CLOSING)?, at(record::CLOSED)?);
    Some(to_ms.saturating_sub(from_ms) as f64 / 1e3)
}

pub(crate) fn summarise_with(run: &Run, extra: &[Threshold]) -> Summary {
    let interrupted = run
        .events
        .iter()
        .any(|event| event.kind == EventKind::Interrupted);
    let ledger = Ledger::of(run, interrupted);
    let (lag, lag_reasons) = lag(run);
    let mut summary = Summary {
        schema: SUMMARY_SCHEMA.to_owned(),
        scenario: run.manifest.scenario.clone(),
        seed: run.manifest.seed,
        verdict: Verdict::Pass,
        invalid_because: Vec::new(),
        interrupted,
        duration_s: series::end_s(run),
        teardown_s: teardown_s(run),
        thresholds: Vec::new(),
        connections: connections(run),
        messages: ledger.messages.clone(),
        latency_ms: latencies(run),
        schedule_lag_ms: lag,
        server: cost::server(run),
        swarm: cost::swarm(run),
        steps: climb::steps(run),
        handshakes: handshakes(run),
        failures: by_kind(
            run,
            name::swarm::CONNECT_FAILURES_BY_KIND,
            &name::swarm::CONNECT_FAILURE_KINDS,
        ),
        misfits: by_kind(run, name::swarm::MISFITS, &name::swarm::MISFIT_KINDS),
        storm: run.storm.clone(),
        replay: replay::summary(run),
        host: run.manifest.host.clone(),
    };
    if run.manifest.dry_run {
        return summary;
    }

    let mut reasons = shortcomings(run, &summary);
    reasons.extend(ledger.mismatches());
    reasons.extend(lag_reasons);
    reasons.extend(run.replay.iter().flat_map(replay::shortcomings));
    if !interrupted && !ledger.restarted {
        reasons.extend(replay::disagreement(run));
    }
    reasons.extend(climb::disagreements(run, &summary.steps));
    let thresholds = thresholds(run, extra, &summary, &mut reasons);
    summary.thresholds = thresholds
        .iter()
        .map(|threshold| threshold.outcome(&summary))
        .collect();
    summary.verdict = if !reasons.is_empty() {
        Verdict::Invalid
    } else if summary.thresholds.iter().any(|threshold| !threshold.pass) {
        Verdict::Fail
    } else {
        Verdict::Pass
    };
    summary.invalid_because = reasons;
    summary
}

fn connections(run: &Run) -> Connections {
    let total = |name: &str| series::total(run, name).unwrap_or(0);
    let (open, begun, failed) = match series::is_replay_alone(run) {
        true => (
            name::replay::OPEN,
            name::replay::OPENED,
            total(name::replay::FAILED),
        ),
        false => (
            name::swarm::ONLINE,
            name::swarm::LOGINS,
            total(name::swarm::CONNECT_FAILURES) + total(name::swarm::LOGIN_FAILURES),
        ),
    };
    Connections {
        target: run.plan.connections.iter().copied().max().unwrap_or(0),
        peak: series::peak(run, open).map_or(0, |peak| peak.max(0.0).round() as u64),
        failed,
        per_second_peak: series::rate(run, begun)
            .into_iter()
            .map(|(_, rate)| rate.round() as u64)
            .max()
            .unwrap_or(0),
    }
}

fn handshakes(run: &Run) -> Option<Handshakes> {
    let total = series::total(run, name::swarm::TLS_HANDSHAKES)?;
    let resumed = series::total(run, name::swarm::TLS_RESUMED).unwrap_or(0);
    Some(Handshakes {
        full: total.saturating_sub(resumed),
        resumed,
    })
}

/// What occurred of a counter's kinds.
fn by_kind(run: &Run, prefix: &str, kinds: &[&str]) -> BTreeMap<String, u64> {
    let count = |kind: &&str| {
        let total = series::total(run, &format!("{prefix}{kind}"))?;
        (total > 0).then(|| ((*kind).to_owned(), total))
    };
    kinds.iter().filter_map(count).collect()
}

fn latencies(run: &Run) -> Latencies {
    let of = |name: &str| series::merged(run, name).percentiles_ms();
    Latencies {
        connect: of(name::latency::CONNECT),
        login: of(name::latency::LOGIN),
        accepted: of(name::latency::ACCEPTED),
        delivery: of(name::latency::DELIVERY),
        tick: of(name::latency::TICK),
        upload: of(name::latency::UPLOAD),
    }
}

/// The generator's own lag, and why it makes the run invalid if it does.
fn lag(run: &Run) -> (Lag, Vec<String>) {
    let histogram = series::merged(run, name::latency::SCHEDULE_LAG);
    let percentiles = histogram.percentiles_ms();
    let late = series::total(run, name::swarm::ARRIVALS_LATE).unwrap_or(0);
    let unsent = series::total(run, name::swarm::ARRIVALS_UNSENT).unwrap_or(0);
    let lag = Lag {
        p50: percentiles.p50,
        p99: percentiles.p99,
        max: percentiles.max,
        late,
        unsent,
    };

    let mut reasons = Vec::new();
    if percentiles.p99 > LAG_P99_LIMIT_MS {
        reasons.push(format!(
            "The generator lagged its schedule by {:.1} s at the 99th percentile; {:.0} s is the most that still \
             drives the planned load.",
            percentiles.p99 / 1_000.0,
            LAG_P99_LIMIT_MS / 1_000.0
        ));
    }
    let carried_out = match histogram.count() {
        0 => series::total(run, name::swarm::MESSAGES_SENT).unwrap_or(0),
        count => count,
    };
    if late as f64 > LATE_SHARE_LIMIT * carried_out as f64 {
        reasons.push(format!(
            "The generator carried out {} of {} planned arrivals too late, more than {:.0} %.",
            grouped(late),
            grouped(carried_out),
            LATE_SHARE_LIMIT * 100.0
        ));
    }
    (lag, reasons)
}

/// What the run itself says about its testbed.
fn shortcomings(run: &Run, summary: &Summary) -> Vec<String> {
    let sentence = |event: &Event| match event.detail.as_str() {
        "" => event.name.clone(),
        detail => detail.to_owned(),
    };
    let mut reasons: Vec<String> = run
        .events
        .iter()
        .filter(|event| event.kind == EventKind::Invalid)
        .map(sentence)
        .collect();
    reasons.dedup();
    if run.samples.is_empty() {
        reasons.push("Nothing was sampled.".to_owned());
    } else if !series::is_replay_alone(run)
        && summary.connections.target > 0
        && summary.connections.peak == 0
        && !summary.interrupted
    {
        reasons.push("Not one client ever logged in.".to_owned());
    }
    reasons
}

/// A threshold that may have failed to parse: a folder may be judged by a version that no longer knows a figure.
enum Judge {
    Known(Threshold),
    Unknown(String),
}

impl Judge {
    fn outcome(&self, summary: &Summary) -> ThresholdResult {
        match self {
            Self::Known(threshold) => threshold.judge(summary),
            Self::Unknown(expr) => ThresholdResult {
                expr: expr.clone(),
                value: None,
                pass: false,
            },
        }
    }
}

fn thresholds(run: &Run, extra: &[Threshold], summary: &Summary, reasons: &mut Vec<String>) -> Vec<Judge> {
    let mut judges = Vec::new();
    for expr in &run.manifest.thresholds {
        match expr.parse::<Threshold>() {
            Ok(threshold) => judges.push(Judge::Known(threshold)),
            Err(error) => {
                reasons.push(format!("A threshold of the scenario is not understood: {error}."));
                judges.push(Judge::Unknown(expr.clone()));
            }
        }
    }
    judges.extend(extra.iter().cloned().map(Judge::Known));
    let of_swarm = IMPLIED.iter().filter(|_| !series::is_replay_alone(run));
    let of_replay = replay::IMPLIED.iter().filter(|_| run.replay.is_some());
    let watched = summary.messages.ticks_missing.map(|_| IMPLIED_IF_WATCHED);
    for expr in of_swarm.chain(of_replay).copied().chain(watched) {
        let Ok(implied) = expr.parse::<Threshold>() else {
            continue;
        };
        let named =
            |judge: &Judge| matches!(judge, Judge::Known(threshold) if threshold.path() == implied.path());
        if !judges.iter().any(named) {
            judges.push(Judge::Known(implied));
        }
    }
    judges
}
