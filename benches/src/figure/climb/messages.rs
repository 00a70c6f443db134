//! Messages a second over packets and over kernel sockets at both ends: the same load, more than either carries, offered to
//! each in turns.
//!
//! It does not know what limits them. A shared host's processors are a quarter faster in one minute than in the next, so one
//! run of each tells little: the median of the rounds' ratios counts.

use anyhow::Context as _;
use record::name::{process, swarm};

use super::{Options, arguments};
use crate::figure::progress;
use crate::outcome::{Outcome, Verdict, median};
use crate::reference;
use crate::subject::Bench;
use crate::table::{Table, count};

/// Packets over kernel sockets.
const TARGET: f64 = 1.5;
const TRANSPORTS: [&str; 2] = ["kernel", "packet"];
/// What does not count of a hold, at either end, seconds: the load begins, and what waited is delivered.
const EDGE_S: f64 = 2.0;

/// What a transport carried in a round.
#[derive(Clone, Copy, Debug)]
struct Carried {
    per_second: f64,
    /// Both ends' CPU time a message, microseconds.
    cpu_us: f64,
}

/// Measures, prints and judges.
///
/// # Errors
/// A run failed for another reason than its verdict.
pub(super) fn measure(bench: &Bench, options: &Options, outcome: &mut Outcome) -> anyhow::Result<()> {
    let mut rounds = Vec::new();
    for round in 1..=options.rounds {
        let one = |transport| {
            let carried = carried(bench, options, transport)?;
            progress(&format!(
                "climb, round {round} of {}: {} of {} messages/s over {transport}",
                options.rounds,
                count(carried.per_second),
                count(options.offered as f64)
            ));
            anyhow::Ok(carried)
        };
        rounds.push([one(TRANSPORTS[0])?, one(TRANSPORTS[1])?]);
    }
    print(options, &rounds);
    for (nth, transport) in TRANSPORTS.iter().enumerate() {
        if let Some(middle) = median(rounds.iter().map(|round| round[nth].per_second)) {
            outcome.figure(format!("{transport}_messages_carried_per_second"), middle, "/s");
        }
    }
    let ratio = ratio(&rounds);
    let measured = median(rounds.iter().map(|[_, packet]| packet.per_second));
    outcome.verdicts.push(Verdict {
        figure: "messages a second over packets (ratio: kernel sockets at both ends)".to_owned(),
        target: format!("at least {TARGET} x"),
        measured: measured.map_or_else(|| "-".to_owned(), count),
        ratio,
        reached: ratio.map(|ratio| ratio >= TARGET),
    });
    Ok(())
}

/// The median of the rounds' ratios: a round's two runs are neighbours in time.
fn ratio(rounds: &[[Carried; 2]]) -> Option<f64> {
    let of = |[kernel, packet]: &[Carried; 2]| packet.per_second / kernel.per_second;
    median(rounds.iter().map(of))
}

fn print(options: &Options, rounds: &[[Carried; 2]]) {
    println!(
        "\nMessages a second delivered where {} are offered: all of {} connections send and receive, both ends on this host; \
         {} rounds of each in turns.\n",
        count(options.offered as f64),
        count(options.connections as f64),
        rounds.len()
    );
    let mut table = Table::new(&["transport", "median", "lowest", "highest", "CPU us a message"]);
    for (nth, transport) in TRANSPORTS.iter().enumerate() {
        let rates = || rounds.iter().map(|round| round[nth].per_second);
        let cpu_us = median(rounds.iter().map(|round| round[nth].cpu_us));
        table.row([
            (*transport).to_owned(),
            median(rates()).map(count).unwrap_or_default(),
            count(rates().fold(f64::INFINITY, f64::min)),
            count(rates().fold(0.0, f64::max)),
            cpu_us.map(|us| format!("{us:.1}")).unwrap_or_default(),
        ]);
    }
    println!("{}", table.render());
}

/// What a transport delivers a second of more than it carries, once the hold has begun and before it ends.
fn carried(bench: &Bench, options: &Options, transport: &str) -> anyhow::Result<Carried> {
    let mut arguments = arguments(options.connections, 15_000, transport, true);
    let offered = options.offered.to_string();
    arguments.extend(["--rate", &offered, "--hold", "20"].map(str::to_owned));
    let (run, _) = reference::climb(bench, &arguments)?;
    let step = run.manifest.steps.last().context("the climb had no step")?;
    let second = |ms: u64| ms as f64 / 1e3;
    let hold = reference::stretch(
        &run,
        second(step.hold_from_ms) + EDGE_S,
        second(step.hold_until_ms) - EDGE_S,
    )?;
    let delivered = hold.counted(swarm::COPIES_DELIVERED);
    let both = ["server", "swarm"].map(|end| hold.counted(&process::cpu_us(end)));
    Ok(Carried {
        per_second: delivered / hold.seconds(),
        cpu_us: both.iter().sum::<f64>() / delivered,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_on_a_slow_host_is_compared_with_its_own_other_half() {
        let round = |kernel, packet| {
            [kernel, packet].map(|per_second| Carried {
                per_second,
                cpu_us: 0.0,
            })
        };
        // Medians alone would say 20 / 20.
        let rounds = [round(10.0, 15.0), round(20.0, 30.0), round(40.0, 20.0)];
        assert_eq!(ratio(&rounds), Some(1.5));
        assert_eq!(ratio(&[]), None);
    }
}
