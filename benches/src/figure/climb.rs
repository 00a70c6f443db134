//! What a climb over packets must reach: log-ins a second, TLS handshakes a second beside rustls' own on as many CPUs, and
//! messages a second beside kernel sockets at both ends.
//!
//! It knows command lines and what to read off a run folder; every figure is that of a `teem run climb` in a lab of its own.

mod handshakes;

use std::time::Duration;

use anyhow::Context as _;
use record::{Run, Sample, Verdict as Judged, name::swarm};

use super::progress;
use crate::outcome::{Outcome, Verdict};
use crate::reference;
use crate::subject::Bench;
use crate::table::{Table, count, percent};

const LOGINS_TARGET: f64 = 40_000.0;
/// Of what rustls alone makes.
const HANDSHAKES_TARGET: f64 = 0.8;
/// Packets over kernel sockets.
const MESSAGES_TARGET: f64 = 1.5;
/// Of all that connect, from and to where their speed is taken: neither the first rush nor the stragglers.
const FROM_SHARE: f64 = 0.1;
const TO_SHARE: f64 = 0.9;
/// The first step from a rate that was held to a higher one, and from one that was not to a lower one.
const STRIDE: f64 = 1.4;
/// What does not count of a hold, at either end, seconds: the load begins, and what waited is delivered.
const EDGE_S: f64 = 2.0;
/// A rate that was held is the most where one that is so much higher was not.
const CLOSE: f64 = 1.06;

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
    #[arg(long, default_value_t = 300_000)]
    handshakes: u64,
    /// How many of them a second are planned.
    #[arg(long, default_value_t = 9_000)]
    handshake_speed: u64,
    /// How long rustls shakes hands with itself, before the run and after it, seconds.
    #[arg(long, default_value_t = 10.0)]
    seconds: f64,
    /// Connections that send and receive.
    #[arg(long, default_value_t = 200_000)]
    connections: u64,
    /// Messages a second that both transports are offered, more than either carries.
    #[arg(long, default_value_t = 45_000)]
    offered: u64,
    /// Messages a second that kernel sockets are tried with first, for the most that pass.
    #[arg(long, default_value_t = 28_000)]
    kernel_rate: u64,
    /// The same of packets.
    #[arg(long, default_value_t = 41_000)]
    packet_rate: u64,
    /// Rates tried a transport at most, between the highest that was held and the lowest that was not.
    #[arg(long, default_value_t = 8)]
    rungs: u32,
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
            Part::Messages => messages(bench, options, outcome)?,
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
    let alone = || handshakes::alone(Duration::from_secs_f64(options.seconds));
    progress("climb: rustls shakes hands with itself, in memory, on every CPU");
    let before = alone()?;
    progress(&format!(
        "climb: {} shake hands over packets, {} a second",
        count(options.handshakes as f64),
        count(options.handshake_speed as f64)
    ));
    let mut arguments = arguments(options.handshakes, options.handshake_speed, "packet", false);
    arguments.extend(["--hold".to_owned(), "10".to_owned()]);
    let (run, _) = reference::climb(bench, &arguments)?;
    // The host's clock moves: what was so before and after was so meanwhile, as nearly as can be told.
    let alone = (before + alone()?) / 2.0;
    let reached = speed(&run, swarm::TLS_HANDSHAKES);
    outcome.figure("rustls_handshakes_per_second", alone, "/s");
    if let Some(reached) = reached {
        outcome.figure("packet_handshakes_per_second", reached, "/s");
    }
    let ratio = reached.map(|reached| reached / alone);
    outcome.verdicts.push(Verdict {
        figure: "full TLS handshakes a second over packets (ratio: rustls alone on as many CPUs)".to_owned(),
        target: format!("at least {} of {}", percent(HANDSHAKES_TARGET), count(alone)),
        measured: reached.map_or_else(|| "-".to_owned(), count),
        ratio,
        reached: ratio.map(|ratio| ratio >= HANDSHAKES_TARGET),
    });
    Ok(())
}

/// The highest rate at which a transport passed.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Held {
    per_second: f64,
    busy: f64,
    /// Whether a higher one did not pass.
    is_most: bool,
}

/// Rates in turn, each between the highest that was held and the lowest that was not.
#[derive(Default)]
struct Ladder {
    held: Option<Held>,
    /// The rate of what was held, and the lowest that was not.
    low: Option<f64>,
    high: Option<f64>,
}

impl Ladder {
    /// Takes what came of a rate.
    fn climb(&mut self, rate: f64, passed: Option<Held>) {
        match passed {
            Some(held) => {
                self.held = Some(held);
                self.low = Some(rate);
            }
            None => self.high = Some(rate),
        }
    }

    /// The rate to try next; nothing once the most is found.
    fn next(&self, first: f64) -> Option<f64> {
        match (self.low, self.high) {
            (None, None) => Some(first),
            (Some(low), None) => Some(low * STRIDE),
            (None, Some(high)) => Some(high / STRIDE),
            (Some(low), Some(high)) => (high > low * CLOSE).then(|| (low * high).sqrt()),
        }
    }

    /// The best, and whether it is the most.
    fn held(&self, first: f64) -> Option<Held> {
        let is_most = self.next(first).is_none();
        self.held.map(|held| Held { is_most, ..held })
    }
}

fn messages(bench: &Bench, options: &Options, outcome: &mut Outcome) -> anyhow::Result<()> {
    let mut table = Table::new(&[
        "transport",
        "of the same load",
        "most that pass",
        "CPUs busy",
        "found",
    ]);
    let mut figures = Vec::new();
    for (transport, first) in [("kernel", options.kernel_rate), ("packet", options.packet_rate)] {
        let carried = carried(bench, options, transport)?;
        progress(&format!(
            "climb: {} of {} messages/s over {transport}",
            count(carried),
            count(options.offered as f64)
        ));
        let held = most(bench, options, transport, first as f64)?;
        let show = |of: fn(Held) -> String| held.map_or_else(|| "-".to_owned(), of);
        table.row([
            transport.to_owned(),
            count(carried),
            show(|held| count(held.per_second)),
            show(|held| percent(held.busy)),
            show(|held| if held.is_most { "yes" } else { "not reached" }.to_owned()),
        ]);
        outcome.figure(format!("{transport}_messages_carried_per_second"), carried, "/s");
        if let Some(held) = held {
            outcome.figure(format!("{transport}_messages_per_second"), held.per_second, "/s");
        }
        figures.push((carried, held));
    }
    println!(
        "\nMessages a second: delivered where {} are offered, and the most that pass (nothing lost, p99 under a second, arrivals on time); all of \
         {} connections send and receive, both ends on this host.\n",
        count(options.offered as f64),
        count(options.connections as f64)
    );
    println!("{}", table.render());
    let [kernel, packet] = figures[..] else {
        return Ok(());
    };
    // A peer whose most was not found flatters.
    let passed = packet.1.zip(kernel.1.filter(|held| held.is_most));
    let mut verdict = |figure: &str, measured: Option<f64>, ratio: Option<f64>| {
        outcome.verdicts.push(Verdict {
            figure: figure.to_owned(),
            target: format!("at least {MESSAGES_TARGET} x"),
            measured: measured.map_or_else(|| "-".to_owned(), count),
            ratio,
            reached: ratio.map(|ratio| ratio >= MESSAGES_TARGET),
        });
    };
    verdict(
        "messages a second over packets, of the same load (ratio: kernel sockets at both ends)",
        Some(packet.0),
        Some(packet.0 / kernel.0),
    );
    verdict(
        "messages a second over packets, the most that pass (ratio: kernel sockets at both ends)",
        packet.1.map(|held| held.per_second),
        passed.map(|(packet, kernel)| packet.per_second / kernel.per_second),
    );
    Ok(())
}

/// What a transport delivers a second of more than it carries, once the hold has begun and before it ends.
fn carried(bench: &Bench, options: &Options, transport: &str) -> anyhow::Result<f64> {
    let (run, _) = reference::climb(bench, &at(options, transport, options.offered as f64))?;
    let step = run.manifest.steps.last().context("the climb had no step")?;
    let second = |ms: u64| ms as f64 / 1e3;
    let hold = reference::stretch(
        &run,
        second(step.hold_from_ms) + EDGE_S,
        second(step.hold_until_ms) - EDGE_S,
    )?;
    Ok(hold.counted(swarm::COPIES_DELIVERED) / hold.seconds())
}

/// The highest rate that passes.
fn most(bench: &Bench, options: &Options, transport: &str, first: f64) -> anyhow::Result<Option<Held>> {
    let mut ladder = Ladder::default();
    for _ in 0..options.rungs {
        let Some(rate) = ladder.next(first).map(f64::round) else {
            break;
        };
        let passed = at_rate(bench, options, transport, rate)?;
        let word = if passed.is_some() { "held" } else { "not held" };
        progress(&format!(
            "climb: {} messages/s over {transport}: {word}",
            count(rate)
        ));
        ladder.climb(rate, passed);
    }
    Ok(ladder.held(first))
}

/// A climb of one step that holds so many messages a second.
fn at(options: &Options, transport: &str, rate: f64) -> Vec<String> {
    let mut arguments = arguments(options.connections, 15_000, transport, true);
    let rate = rate.to_string();
    arguments.extend(["--rate", &rate, "--hold", "20"].map(str::to_owned));
    arguments
}

fn at_rate(bench: &Bench, options: &Options, transport: &str, rate: f64) -> anyhow::Result<Option<Held>> {
    let (_, summary) = reference::climb(bench, &at(options, transport, rate))?;
    let step = summary.steps.last().filter(|_| summary.verdict == Judged::Pass);
    Ok(step.map(|step| Held {
        per_second: step.messages_per_second,
        busy: step.cpu.busy,
        is_most: false,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HELD: Held = Held {
        per_second: 1.0,
        busy: 0.5,
        is_most: false,
    };

    /// Tries rates from a first on; those tried, and the best, if it is known to be the most.
    fn tried(first: f64, most: f64) -> (Vec<u32>, Option<u32>) {
        let (mut ladder, mut rates) = (Ladder::default(), Vec::new());
        while let Some(rate) = ladder.next(first).filter(|_| rates.len() < 9) {
            rates.push(rate.round() as u32);
            ladder.climb(rate, (rate <= most).then_some(HELD));
        }
        let best = ladder.held(first).filter(|held| held.is_most).and(ladder.low);
        (rates, best.map(|rate| rate.round() as u32))
    }

    #[test]
    fn a_ladder_ends_at_the_highest_rate_that_is_held_from_either_side() {
        assert_eq!(tried(100.0, 110.0), (vec![100, 140, 118, 109, 113], Some(109)));
        assert_eq!(tried(100.0, 95.0), (vec![100, 71, 85, 92, 96], Some(92)));
        assert_eq!(tried(100.0, 40.0).1, Some(40), "from far above");
        assert_eq!(tried(100.0, 1e9).1, None);
        assert_eq!(tried(100.0, 0.0).1, None);
    }
}
