//! Delivery latency at a fifth of the peak rate, in an open loop.

use super::{available, progress};
use crate::load::{Level, Measured, Pace, Plan};
use crate::outcome::{LatencyRow, Outcome, Verdict};
use crate::process::Cpus;
use crate::subject::{Bench, Subject};
use crate::table::{Table, count};

const TARGET_P99_MS: f64 = 5.0;
/// In flight while the peak is found.
const PEAK_IN_FLIGHT: u32 = 1024;

/// How latency is measured.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    /// Connections, all of them senders and recipients.
    #[arg(long, default_value_t = 18_000)]
    pub(crate) connections: u32,
    /// Measured seconds of each of the two loops.
    #[arg(long, default_value_t = 10.0)]
    pub(crate) seconds: f64,
    /// Seconds before each.
    #[arg(long, default_value_t = 2.0)]
    pub(crate) warm_up: f64,
    /// The share of the peak at which latency is measured.
    #[arg(long, default_value_t = 0.2)]
    pub(crate) share: f64,
    /// Which subjects.
    #[arg(
        long,
        value_delimiter = ',',
        value_parser = Subject::parse,
        default_value = "floor-tick,teem-memory-tick,teem-commit-tick,mosquitto"
    )]
    pub(crate) subjects: Vec<Subject>,
}

/// Measures, prints and judges.
///
/// # Errors
/// A subject failed: did not start, broke off, lost or doubled a message.
pub(crate) fn run(bench: &Bench, cpus: Cpus, options: &Options, outcome: &mut Outcome) -> anyhow::Result<()> {
    for subject in available(bench, &options.subjects, outcome) {
        progress(&format!("latency: {}", subject.name()));
        let peak = one(bench, cpus, options, subject, Pace::InFlight(PEAK_IN_FLIGHT))?;
        let peak_per_second = peak.delivered as f64 * 1e6 / peak.wall_us as f64;
        let per_second = peak_per_second * options.share;
        let open = one(bench, cpus, options, subject, Pace::PerSecond(per_second))?;
        outcome.latency.push(LatencyRow {
            subject: subject.name(),
            peak_per_second,
            per_second,
            latency_ms: open.latency.percentiles_ms(),
        });
    }
    print(options, &outcome.latency);
    let mut verdicts = Vec::new();
    for row in outcome
        .latency
        .iter()
        .filter(|row| row.subject.starts_with("teem"))
    {
        verdicts.push(Verdict {
            figure: format!(
                "delivery p99 at {} messages/s, {}",
                count(row.per_second),
                row.subject
            ),
            target: format!("under {TARGET_P99_MS} ms"),
            measured: format!("{:.2} ms", row.latency_ms.p99),
            ratio: None,
            reached: Some(row.latency_ms.p99 < TARGET_P99_MS),
        });
    }
    outcome.verdicts.extend(verdicts);
    Ok(())
}

/// Each loop has a server of its own: the numbers of messages start over, and a server may know them.
fn one(
    bench: &Bench,
    cpus: Cpus,
    options: &Options,
    subject: Subject,
    pace: Pace,
) -> anyhow::Result<Measured> {
    let running = subject.start(bench, u64::from(options.connections), Some(cpus.server))?;
    let mut report = running.load(Plan {
        to: running.address,
        connections: options.connections,
        levels: vec![Level {
            pace,
            warm_up_us: (options.warm_up * 1e6) as u64,
            measure_us: (options.seconds * 1e6) as u64,
        }],
        seed: 1,
        server: running.server.family(),
        cpu: Some(cpus.load),
    })?;
    running.server.stop();
    report
        .levels
        .pop()
        .ok_or_else(|| anyhow::anyhow!("the plan had one level and the report has none"))
}

fn print(options: &Options, rows: &[LatencyRow]) {
    println!(
        "\nDelivery latency at {:.0}% of the peak rate, open loop (Poisson), from the planned instant: {} \
         connections.\n",
        options.share * 100.0,
        count(f64::from(options.connections)),
    );
    let mut table = Table::new(&[
        "server", "peak/s", "rate/s", "p50 ms", "p90 ms", "p99 ms", "p99.9 ms", "max ms",
    ]);
    for row in rows {
        let times = &row.latency_ms;
        let ms = [times.p50, times.p90, times.p99, times.p999, times.max];
        let mut cells = vec![
            row.subject.to_owned(),
            count(row.peak_per_second),
            count(row.per_second),
        ];
        cells.extend(ms.map(|ms| format!("{ms:.2}")));
        table.row(cells);
    }
    println!("{}", table.render());
}
