//! Delivered messages a CPU-second of the server: every subject under the same load, in turns.

use std::collections::BTreeMap;

use super::{available, progress};
use crate::load::{Level, Pace, Plan, Report};
use crate::outcome::{MessageRow, Outcome, Verdict, median};
use crate::process::Cpus;
use crate::subject::{Bench, Subject};
use crate::table::{Table, count, percent, ratio};

/// What must be reached: against the peers and the floor.
const OVER_MOSQUITTO: f64 = 1.1;
const OVER_EJABBERD: f64 = 5.0;
const OVER_FLOOR: f64 = 0.8;

/// How messages are measured.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    /// Connections, all of them senders and recipients.
    #[arg(long, default_value_t = 18_000)]
    pub(crate) connections: u32,
    /// Messages in flight, one stretch each.
    #[arg(long, value_delimiter = ',', default_value = "64,1024,18000")]
    pub(crate) in_flight: Vec<u32>,
    /// Measured seconds a stretch.
    #[arg(long, default_value_t = 10.0)]
    pub(crate) seconds: f64,
    /// Seconds before each.
    #[arg(long, default_value_t = 2.0)]
    pub(crate) warm_up: f64,
    /// Rounds: each runs every subject once; medians over rounds are compared.
    #[arg(long, default_value_t = 3)]
    pub(crate) rounds: u32,
    /// Which subjects, in this order in each round.
    #[arg(
        long,
        value_delimiter = ',',
        value_parser = Subject::parse,
        default_value = "floor,teem-memory,mosquitto,floor-tick,teem-memory-tick,teem-async-tick,teem-commit-tick,ejabberd,ejabberd-plain"
    )]
    pub(crate) subjects: Vec<Subject>,
}

/// Measures, prints and judges.
///
/// # Errors
/// A subject failed: did not start, broke off, lost or doubled a message.
pub(crate) fn run(bench: &Bench, cpus: Cpus, options: &Options, outcome: &mut Outcome) -> anyhow::Result<()> {
    let subjects = available(bench, &options.subjects, outcome);
    for round in 1..=options.rounds {
        for &subject in &subjects {
            progress(&format!(
                "messages, round {round} of {}: {}",
                options.rounds,
                subject.name()
            ));
            let report = one(bench, cpus, options, subject, round)?;
            outcome.messages.extend(rows(options, subject, round, &report));
        }
    }
    print(&subjects, options, &outcome.messages);
    judge(options, outcome);
    Ok(())
}

fn one(bench: &Bench, cpus: Cpus, options: &Options, subject: Subject, round: u32) -> anyhow::Result<Report> {
    let running = subject.start(bench, u64::from(options.connections), Some(cpus.server))?;
    let level = |&in_flight| Level {
        pace: Pace::InFlight(in_flight),
        warm_up_us: (options.warm_up * 1e6) as u64,
        measure_us: (options.seconds * 1e6) as u64,
    };
    let report = running.load(Plan {
        to: running.address,
        connections: options.connections,
        levels: options.in_flight.iter().map(level).collect(),
        seed: u64::from(round),
        server: running.server.family(),
        cpu: Some(cpus.load),
    })?;
    running.server.stop();
    Ok(report)
}

fn rows<'a>(
    options: &'a Options,
    subject: Subject,
    round: u32,
    report: &'a Report,
) -> impl Iterator<Item = MessageRow> + 'a {
    let levels = options.in_flight.iter().zip(&report.levels);
    levels.map(move |(&in_flight, level)| MessageRow {
        subject: subject.name(),
        round,
        connections: options.connections,
        in_flight,
        delivered: level.delivered,
        wall_s: level.wall_us as f64 / 1e6,
        server_cpu_s: level.server_cpu_us as f64 / 1e6,
        driver_cpu_s: level.driver_cpu_us as f64 / 1e6,
        latency_ms: level.latency.percentiles_ms(),
        memory_per_connection_bytes: report.login_growth_bytes as f64 / f64::from(options.connections),
        faults: report.faults,
    })
}

/// The rounds of one subject at one number in flight.
struct Cell<'a>(Vec<&'a MessageRow>);

impl<'a> Cell<'a> {
    fn of(rows: &'a [MessageRow], subject: &str, in_flight: u32) -> Self {
        let matches = |row: &&MessageRow| row.subject == subject && row.in_flight == in_flight;
        Self(rows.iter().filter(matches).collect())
    }

    fn median(&self, of: impl Fn(&MessageRow) -> f64) -> Option<f64> {
        median(self.0.iter().map(|row| of(row)))
    }

    fn per_cpu_second(&self) -> Option<f64> {
        self.median(MessageRow::per_cpu_second)
    }
}

/// How many times `over` one subject's messages a CPU-second are.
fn over(rows: &[MessageRow], in_flight: u32, subject: &str, peer: &str) -> Option<f64> {
    let of = |subject| Cell::of(rows, subject, in_flight).per_cpu_second();
    Some(of(subject)? / of(peer)?)
}

fn print(subjects: &[Subject], options: &Options, rows: &[MessageRow]) {
    println!(
        "\nDelivered messages a CPU-second of the server: {} connections, all active, bodies of 100 B, medians of {} \
         rounds of {} s.\nServer on one processor, load on another. Times are from send to arrival.\n",
        count(f64::from(options.connections)),
        options.rounds,
        options.seconds,
    );
    for &in_flight in &options.in_flight {
        println!("{} in flight", count(f64::from(in_flight)));
        let mut table = Table::new(&[
            "server",
            "msg/CPU-s",
            "lowest",
            "highest",
            "x floor",
            "x mosquitto",
            "x ejabberd",
            "msg/s",
            "server busy",
            "load busy",
            "p50 ms",
            "p99 ms",
            "max ms",
        ]);
        for subject in subjects {
            let cell = Cell::of(rows, subject.name(), in_flight);
            let show = |value: Option<f64>, digits: usize| {
                value.map_or_else(String::new, |value| format!("{value:.digits$}"))
            };
            let all: Vec<f64> = cell.0.iter().map(|row| row.per_cpu_second()).collect();
            let against = |peer| ratio(over(rows, in_flight, subject.name(), peer));
            table.row([
                subject.name().to_owned(),
                cell.per_cpu_second().map(count).unwrap_or_default(),
                count(all.iter().copied().fold(f64::INFINITY, f64::min)),
                count(all.iter().copied().fold(0.0, f64::max)),
                against(if subject.has_ticks() {
                    "floor-tick"
                } else {
                    "floor"
                }),
                against("mosquitto"),
                against("ejabberd"),
                cell.median(|row| row.delivered as f64 / row.wall_s)
                    .map(count)
                    .unwrap_or_default(),
                cell.median(|row| row.server_cpu_s / row.wall_s)
                    .map(percent)
                    .unwrap_or_default(),
                cell.median(|row| row.driver_cpu_s / row.wall_s)
                    .map(percent)
                    .unwrap_or_default(),
                show(cell.median(|row| row.latency_ms.p50), 2),
                show(cell.median(|row| row.latency_ms.p99), 2),
                show(cell.median(|row| row.latency_ms.max), 1),
            ]);
        }
        println!("{}", table.render());
    }
    println!("server: memory a connection that is logged in, B; what a sender may rely on");
    for subject in subjects {
        let own = rows.iter().filter(|row| row.subject == subject.name());
        let memory = median(own.map(|row| row.memory_per_connection_bytes));
        let memory = memory.map(count).unwrap_or_default();
        println!("{:<18}{memory:>7}  {}", subject.name(), subject.guarantee());
    }
    println!();
    print_costs(options, rows);
}

/// What the second tick and each durability add to a message, beside what they are added to.
fn print_costs(options: &Options, rows: &[MessageRow]) {
    let mut table = Table::new(&["what it adds, server CPU us a message", "in flight", "adds", "to"]);
    let pairs = [
        ("second tick, floor", "floor-tick", "floor"),
        ("second tick, teem", "teem-memory-tick", "teem-memory"),
        ("async over memory", "teem-async-tick", "teem-memory-tick"),
        ("commit over memory", "teem-commit-tick", "teem-memory-tick"),
    ];
    let mut costs = BTreeMap::new();
    for row in rows {
        let cell = Cell::of(rows, row.subject, row.in_flight);
        let cost_us = cell.per_cpu_second().map(|per_second| 1e6 / per_second);
        costs.insert((row.subject, row.in_flight), cost_us);
    }
    for (what, with, without) in pairs {
        for &in_flight in &options.in_flight {
            let of = |subject| costs.get(&(subject, in_flight)).copied().flatten();
            let (Some(with), Some(without)) = (of(with), of(without)) else {
                continue;
            };
            table.row([
                what.to_owned(),
                count(f64::from(in_flight)),
                format!("{:+.2}", with - without),
                format!("{without:.2}"),
            ]);
        }
    }
    println!("{}", table.render());
}

fn judge(options: &Options, outcome: &mut Outcome) {
    let rows = &outcome.messages;
    let measured = |subject: &str| rows.iter().any(|row| row.subject == subject);
    // Without the second tick the guarantees are the peers'; a server that always ticks is held to the same.
    let (teem, floor) = if measured("teem-memory") {
        ("teem-memory", "floor")
    } else {
        ("teem-memory-tick", "floor-tick")
    };
    let targets = [
        ("mosquitto", OVER_MOSQUITTO),
        ("ejabberd", OVER_EJABBERD),
        (floor, OVER_FLOOR),
    ];
    let mut verdicts = Vec::new();
    for &in_flight in &options.in_flight {
        for (peer, target) in targets {
            let ratio = over(rows, in_flight, teem, peer);
            let reached = ratio.map(|ratio| ratio >= target);
            let own = Cell::of(rows, teem, in_flight).per_cpu_second();
            verdicts.push(Verdict {
                figure: format!(
                    "messages, {} in flight: {teem} over {peer}",
                    count(f64::from(in_flight))
                ),
                target: format!("at least {target} x"),
                measured: own.map_or_else(|| "-".to_owned(), |own| format!("{} /CPU-s", count(own))),
                ratio,
                reached,
            });
        }
    }
    outcome.verdicts.extend(verdicts);
}
