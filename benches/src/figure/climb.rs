//! What a climb over packets must reach: log-ins a second, TLS handshakes a second beside rustls' own on as many CPUs, and
//! messages a second beside kernel sockets at both ends.
//!
//! It knows command lines and what to read off a run folder; every figure is that of a `teem run climb` in a lab of its own.

mod handshakes;
mod messages;

use std::time::Duration;

use anyhow::Context as _;
use record::{Run, Sample, name::swarm};

use super::progress;
use crate::outcome::{Outcome, Verdict, median};
use crate::reference;
use crate::subject::Bench;
use crate::table::{count, percent};

const LOGINS_TARGET: f64 = 40_000.0;
/// Of what rustls alone makes.
const HANDSHAKES_TARGET: f64 = 0.8;
/// Of all that connect, from and to where their speed is taken: neither the first rush nor the stragglers.
const FROM_SHARE: f64 = 0.1;
const TO_SHARE: f64 = 0.9;
/// One of the three.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Part {
    Logins,
    Handshakes,
    Messages,
}

/// How they are measured.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    /// Which of them.
    #[arg(
        long,
        value_delimiter = ',',
        value_enum,
        default_value = "logins,handshakes,messages"
    )]
    only: Vec<Part>,
    /// Connections that log in, in the clear.
    #[arg(long, default_value_t = 600_000)]
    logins: u64,
    /// How many of them a second are planned.
    #[arg(long, default_value_t = 45_000)]
    login_speed: u64,
    /// Connections that shake hands in full.
    #[arg(long, default_value_t = 120_000)]
    handshakes: u64,
    /// How many of them a second are planned.
    #[arg(long, default_value_t = 9_000)]
    handshake_speed: u64,
    /// How long rustls shakes hands with itself, before each run and after it, seconds.
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
    /// Connections that send and receive.
    #[arg(long, default_value_t = 200_000)]
    connections: u64,
    /// Messages a second that both transports are offered, more than either carries.
    #[arg(long, default_value_t = 45_000)]
    offered: u64,
    /// How often handshakes and messages are measured, in turns with what they are compared with: medians count.
    #[arg(long, default_value_t = 5)]
    rounds: u32,
}

/// Measures, prints and judges.
///
/// # Errors
/// A run failed for another reason than its verdict.
pub(crate) fn measure(bench: &Bench, options: &Options, outcome: &mut Outcome) -> anyhow::Result<()> {
    // Most often the privilege for a lab is missing.
    if let Err(why) = can(bench) {
        outcome.notes.push(format!("the climb was left out: {why:#}"));
        return Ok(());
    }
    for part in &options.only {
        match part {
            Part::Logins => logins(bench, options, outcome)?,
            Part::Handshakes => handshakes(bench, options, outcome)?,
            Part::Messages => messages::measure(bench, options, outcome)?,
        }
    }
    Ok(())
}

/// Whether a climb over packets can be made here at all.
fn can(bench: &Bench) -> anyhow::Result<()> {
    let mut arguments = arguments(100, 100, "packet", true);
    arguments.extend(["--hold".to_owned(), "1".to_owned()]);
    reference::climb(bench, &arguments).map(drop)
}

/// A climb of one step, in a lab.
fn arguments(connections: u64, speed: u64, transport: &str, plain: bool) -> Vec<String> {
    let (connections, speed) = (connections.to_string(), speed.to_string());
    let mut words = vec!["--connections", &connections, "--steps", &connections];
    words.extend(["--connects", &speed, "--transport", transport, "--lab", "always"]);
    words.extend(plain.then_some("--plain"));
    words.into_iter().map(str::to_owned).collect()
}

/// What a counter grew by a second, between a tenth and nine tenths of what it came to.
fn speed(run: &Run, counter: &str) -> Option<f64> {
    let of = |sample: &Sample| sample.counters.get(counter).copied().unwrap_or(0) as f64;
    let all = run.samples.iter().map(of).fold(0.0, f64::max);
    let first = |share: f64| run.samples.iter().find(|sample| of(sample) >= share * all);
    let (from, to) = (first(FROM_SHARE)?, first(TO_SHARE)?);
    let seconds = to.t_ms.saturating_sub(from.t_ms) as f64 / 1e3;
    (seconds > 0.0).then(|| (of(to) - of(from)) / seconds)
}

fn logins(bench: &Bench, options: &Options, outcome: &mut Outcome) -> anyhow::Result<()> {
    progress(&format!(
        "climb: {} log in over packets, {} a second",
        count(options.logins as f64),
        count(options.login_speed as f64)
    ));
    let mut arguments = arguments(options.logins, options.login_speed, "packet", true);
    arguments.extend(["--hold".to_owned(), "10".to_owned()]);
    let (run, summary) = reference::climb(bench, &arguments)?;
    let reached = speed(&run, swarm::LOGINS);
    if let Some(reached) = reached {
        outcome.figure("packet_logins_per_second", reached, "/s");
    }
    outcome.verdicts.push(Verdict {
        figure: format!(
            "plain log-ins a second over packets, {} failed",
            summary.connections.failed
        ),
        target: format!("at least {}", count(LOGINS_TARGET)),
        measured: reached.map_or_else(|| "-".to_owned(), count),
        ratio: None,
        reached: reached.map(|reached| reached >= LOGINS_TARGET),
    });
    Ok(())
}

fn handshakes(bench: &Bench, options: &Options, outcome: &mut Outcome) -> anyhow::Result<()> {
    let mut rounds = Vec::new();
    for round in 1..=options.rounds {
        let shaken = shaken(bench, options)?;
        progress(&format!(
            "climb, round {round} of {}: {} handshakes/s over packets, rustls alone {}",
            options.rounds,
            count(shaken.over_packets),
            count(shaken.alone)
        ));
        rounds.push(shaken);
    }
    let middle = |of: fn(&Shaken) -> f64| median(rounds.iter().map(of));
    let (reached, alone) = (middle(|round| round.over_packets), middle(|round| round.alone));
    let ratio = middle(|round| round.over_packets / round.alone);
    for (name, value) in [
        ("rustls_handshakes_per_second", alone),
        ("packet_handshakes_per_second", reached),
    ] {
        if let Some(value) = value {
            outcome.figure(name, value, "/s");
        }
    }
    let show = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), count);
    outcome.verdicts.push(Verdict {
        figure: "full TLS handshakes a second over packets (ratio: rustls alone on as many CPUs)".to_owned(),
        target: format!("at least {} of {}", percent(HANDSHAKES_TARGET), show(alone)),
        measured: show(reached),
        ratio,
        reached: ratio.map(|ratio| ratio >= HANDSHAKES_TARGET),
    });
    Ok(())
}

/// Handshakes a second in a round.
struct Shaken {
    alone: f64,
    over_packets: f64,
}

fn shaken(bench: &Bench, options: &Options) -> anyhow::Result<Shaken> {
    let alone = || handshakes::alone(Duration::from_secs_f64(options.seconds));
    let before = alone()?;
    let mut arguments = arguments(options.handshakes, options.handshake_speed, "packet", false);
    arguments.extend(["--hold".to_owned(), "5".to_owned()]);
    let (run, _) = reference::climb(bench, &arguments)?;
    Ok(Shaken {
        // The host's clock moves: what was so before and after was so meanwhile, as nearly as can be told.
        alone: (before + alone()?) / 2.0,
        over_packets: speed(&run, swarm::TLS_HANDSHAKES).context("too few connections to take a speed of")?,
    })
}
