//! The swarm's CPU time a message and memory a user, beside tsung's in the same run.

use record::name::{process, swarm};

use super::{idle, progress};
use crate::outcome::{Outcome, Verdict};
use crate::process::Cpus;
use crate::reference::{Settings, run, stretch};
use crate::subject::{Bench, Subject};
use crate::table::{Table, count, ratio};
use crate::tsung::{Script, Tsung};

const SEND: &str = include_str!("../../scenarios/send.toml");
const SEND_AND_RECEIVE: &str = include_str!("../../scenarios/send-and-receive.toml");
/// The rate as those files have it.
const FILE_RATE: &str = "rate = \"15000/s\"";
/// The middle of those scenarios' holds, seconds.
const FROM_S: f64 = 10.0;
const TO_S: f64 = 33.0;
/// The server that the swarm drives.
const SERVER: &str = "teem-memory-tick";
/// What tsung may cost at least for each unit of ours.
const TARGET: f64 = 5.0;

/// How the swarm and its peer are measured.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    /// Users that tsung publishes with, and people online in the swarm's runs.
    #[arg(long, default_value_t = 2_000)]
    pub(crate) publishers: u32,
    /// Publishes of each in the long one of two runs; the short one makes a tenth, and the difference counts.
    #[arg(long, default_value_t = 200)]
    pub(crate) publishes: u32,
    /// Users of the run in which tsung's memory is compared with a tenth of them.
    #[arg(long, default_value_t = 10_000)]
    pub(crate) users: u32,
    /// Messages a second that the swarm sends; tsung sends what it can, 15,000 to 18,500.
    #[arg(long, default_value_t = 15_000)]
    pub(crate) rate: u32,
    /// Measure the swarm alone.
    #[arg(long)]
    pub(crate) no_tsung: bool,
    /// The quiet run that shows the swarm's memory a user, unless this command has made it already.
    #[command(flatten)]
    pub(crate) idle: idle::Options,
}

/// What a load generator costs.
#[derive(Clone, Copy, Debug, Default)]
struct Cost {
    /// CPU time of a message sent and ticked, microseconds.
    send_us: Option<f64>,
    /// What receiving, acknowledging and second ticks add, microseconds.
    receive_us: Option<f64>,
    /// Memory a user, bytes.
    user_bytes: Option<f64>,
}

/// Measures, prints and judges.
///
/// # Errors
/// A run failed.
pub(crate) fn measure(
    bench: &Bench,
    cpus: Cpus,
    options: &Options,
    outcome: &mut Outcome,
) -> anyhow::Result<()> {
    let tsung = match Tsung::installed() {
        _ if options.no_tsung => Cost::default(),
        Ok(()) => tsung(bench, cpus, options)?,
        Err(error) => {
            outcome.notes.push(format!("tsung was left out: {error:#}"));
            Cost::default()
        }
    };
    let ours = match Subject::parse(SERVER).map(|teem| teem.installed(bench)) {
        Ok(Ok(())) => {
            if !outcome
                .figures
                .iter()
                .any(|figure| figure.name == idle::SWARM_BYTES)
            {
                idle::measure(bench, &options.idle, outcome)?;
            }
            ours(bench, cpus, options, outcome)?
        }
        Ok(Err(error)) => {
            outcome.notes.push(format!("the swarm was left out: {error:#}"));
            Cost::default()
        }
        Err(error) => anyhow::bail!(error),
    };
    print(ours, tsung);
    let named = [
        ("swarm_send_and_tick_us", ours.send_us, "us"),
        ("swarm_receive_us", ours.receive_us, "us"),
        ("tsung_publish_us", tsung.send_us, "us"),
        ("tsung_bytes_per_user", tsung.user_bytes, "B"),
    ];
    for (name, value, unit) in named {
        if let Some(value) = value {
            outcome.figure(name, value, unit);
        }
    }
    judge(ours, tsung, outcome);
    Ok(())
}

fn tsung(bench: &Bench, cpus: Cpus, options: &Options) -> anyhow::Result<Cost> {
    progress("swarm: tsung publishes, twice, then holds users");
    let publish = |publishes| {
        let script = Script {
            users: options.publishers,
            publishes,
            stay_s: 1,
        };
        Tsung::run(bench, cpus, script)
    };
    // Starting, connecting and leaving cost the same in both, so the difference is the publishes alone.
    let (short, long) = (
        publish((options.publishes / 10).max(1))?,
        publish(options.publishes)?,
    );
    let cpu_us = long.cpu_us.saturating_sub(short.cpu_us) as f64;
    let publishes = long.publishes.saturating_sub(short.publishes) as f64;

    let few = options.users / 10;
    let script = Script {
        users: options.users,
        publishes: 1,
        stay_s: 60,
    };
    let mut holding = Tsung::start(bench, cpus, script)?;
    let (before, after) = (holding.memory_at(few)?, holding.memory_at(options.users)?);
    holding.stop();
    Ok(Cost {
        send_us: Some(cpu_us / publishes),
        receive_us: None,
        user_bytes: Some(after.saturating_sub(before) as f64 / f64::from(options.users - few)),
    })
}

fn ours(bench: &Bench, cpus: Cpus, options: &Options, outcome: &mut Outcome) -> anyhow::Result<Cost> {
    progress("swarm: messages to people away, then to people there");
    let mut per_message = |name, scenario: &str| {
        let room = 2 * u64::from(options.publishers);
        let server =
            Subject::parse(SERVER)
                .map_err(anyhow::Error::msg)?
                .start(bench, room, Some(cpus.server))?;
        let settings = Settings {
            connections: Some(u64::from(options.publishers)),
            target: Some(&server),
            cpu: Some(cpus.load),
        };
        let scenario = scenario.replace(FILE_RATE, &format!("rate = \"{}/s\"", options.rate));
        let run = run(bench, name, &scenario, settings, &mut outcome.notes)?;
        server.server.stop();
        let hold = stretch(&run, FROM_S, TO_S)?;
        let cpu_us = hold.counted(&process::cpu_us("swarm"));
        let accepted = hold.counted(swarm::COPIES_ACCEPTED);
        progress(&format!(
            "swarm: {name}: {} messages/s",
            count(accepted / hold.seconds())
        ));
        anyhow::Ok(cpu_us / accepted)
    };
    let send_us = per_message("send", SEND)?;
    let both_us = per_message("send-and-receive", SEND_AND_RECEIVE)?;
    let memory = outcome
        .figures
        .iter()
        .find(|figure| figure.name == idle::SWARM_BYTES);
    Ok(Cost {
        send_us: Some(send_us),
        receive_us: Some(both_us - send_us),
        user_bytes: memory.map(|figure| figure.value),
    })
}

fn print(ours: Cost, tsung: Cost) {
    println!(
        "\nThe swarm beside tsung: CPU time of the whole load generator a message (for tsung, a QoS 1 publish and its \
         PUBACK), and memory a user.\n"
    );
    let show = |value: Option<f64>, digits: usize| {
        value.map_or_else(|| "-".to_owned(), |value| format!("{value:.digits$}"))
    };
    let mut table = Table::new(&[
        "load generator",
        "send and tick, us",
        "receive adds, us",
        "memory a user, B",
    ]);
    for (name, cost) in [("teem", ours), ("tsung", tsung)] {
        table.row([
            name.to_owned(),
            show(cost.send_us, 2),
            show(cost.receive_us, 2),
            cost.user_bytes.map_or_else(|| "-".to_owned(), count),
        ]);
    }
    table.row([
        "tsung / teem".to_owned(),
        ratio(over(tsung.send_us, ours.send_us)),
        ratio(None),
        ratio(over(tsung.user_bytes, ours.user_bytes)),
    ]);
    println!("{}", table.render());
}

fn over(peer: Option<f64>, own: Option<f64>) -> Option<f64> {
    Some(peer? / own?)
}

fn judge(ours: Cost, tsung: Cost, outcome: &mut Outcome) {
    let targets = [
        ("swarm CPU a message", ours.send_us, tsung.send_us, "us"),
        ("swarm memory a user", ours.user_bytes, tsung.user_bytes, "B"),
    ];
    for (figure, own, peer, unit) in targets {
        let ratio = over(peer, own);
        outcome.verdicts.push(Verdict {
            figure: format!("{figure} (ratio: tsung over teem)"),
            target: format!("tsung at least {TARGET} x"),
            measured: own.map_or_else(|| "-".to_owned(), |own| format!("{own:.1} {unit}")),
            ratio,
            reached: ratio.map(|ratio| ratio >= TARGET),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scenarios_rate_can_be_replaced() {
        for file in [SEND, SEND_AND_RECEIVE] {
            assert_eq!(file.matches(FILE_RATE).count(), 1);
        }
    }
}
