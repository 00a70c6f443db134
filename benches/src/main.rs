//! Whole-run benchmarks: the server and its swarm beside real peers, in the same run. `benches/README.md` says how.
#![allow(clippy::print_stdout, clippy::print_stderr)] // this crate is a terminal program

mod body;
mod child;
mod draw;
mod figure;
mod flight;
mod floor;
mod load;
mod login;
mod outcome;
mod process;
mod protocol;
mod reference;
mod source;
mod subject;
mod table;
mod tsung;

use std::net::SocketAddrV4;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context as _, bail};
use clap::Parser as _;

use figure::{beside, capture, climb, crowd, idle, latency, logins, messages, progress, replay, swarm};
use outcome::{Host, Outcome};
use process::Cpus;
use subject::Bench;

/// The server and its swarm beside real peers, in the same run.
#[derive(Debug, clap::Parser)]
#[command(name = "teem-bench", max_term_width = 110)]
struct Cli {
    #[command(subcommand)]
    figure: Figure,
    /// Write everything measured here, as JSON.
    #[arg(long, global = true, value_name = "FILE")]
    json: Option<PathBuf>,
    /// The `teem` binary; by default the one beside this one, built first where cargo started this.
    #[arg(long, global = true, value_name = "FILE")]
    teem: Option<PathBuf>,
    /// Where servers keep their data while they run; the durable modes want a disk that is not memory.
    #[arg(long, global = true, value_name = "DIR")]
    scratch: Option<PathBuf>,
}

#[derive(Debug, clap::Subcommand)]
enum Figure {
    /// Every figure, at its defaults.
    All {
        /// One short round of each: to see that everything works, not to quote.
        #[arg(long)]
        quick: bool,
    },
    /// Delivered messages a CPU-second of the server.
    Messages(messages::Options),
    /// Log-ins a second.
    Logins(logins::Options),
    /// Delivery latency at a fifth of the peak rate.
    Latency(latency::Options),
    /// Memory a connection of server and swarm, and an idle server's CPU time.
    #[command(visible_alias = "memory")]
    Idle(idle::Options),
    /// The swarm's CPU time a message and memory a user, beside tsung's.
    SwarmCost(swarm::Options),
    /// How late the replay's driver is, and how many requests a second it makes.
    Replay(replay::Options),
    /// A recorded chat of a thousand people, driven as a hundred thousand others at once.
    Crowd(crowd::Options),
    /// In a network namespace: one trace by tcpreplay and by the replay's driver. `replay` starts it.
    #[command(hide = true)]
    Beside(beside::Options),
    /// Captures put together: bytes and packets a second of one thread, and memory.
    Capture(capture::Options),
    /// Over packets: log-ins and TLS handshakes a second, and messages beside kernel sockets.
    Climb(climb::Options),
    /// The bare forwarder, which the figures start for themselves.
    #[command(hide = true)]
    Floor {
        /// Where clients connect.
        #[arg(long)]
        listen: SocketAddrV4,
        /// Send second ticks.
        #[arg(long)]
        tick: bool,
    },
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Measures, and writes down what was measured even where something failed.
fn run() -> anyhow::Result<()> {
    let cli = Cli::parse();
    if let Figure::Floor { listen, tick } = cli.figure {
        return floor::serve(listen, tick);
    }
    // Servers inherit it.
    reactor::raise_nofile()?;
    let bench = Bench {
        teem: teem(cli.teem)?,
        scratch: cli.scratch.unwrap_or_else(std::env::temp_dir),
    };
    let cpus = Cpus::choose()?;
    if let Figure::Beside(options) = cli.figure {
        return beside::inside(&bench, cpus, &options);
    }
    let mut outcome = Outcome {
        host: host()?,
        ..Outcome::default()
    };
    if outcome.host.load_average > 0.3 {
        let load = outcome.host.load_average;
        outcome.notes.push(format!(
            "the host was busy (load average {load}): figures may be low"
        ));
    }
    let result = measure(cli.figure, &bench, cpus, &mut outcome);
    println!("{}", outcome.render());
    if let Some(file) = cli.json {
        let json = serde_json::to_vec_pretty(&outcome)?;
        std::fs::write(&file, json).with_context(|| format!("cannot write {}", file.display()))?;
    }
    result
}

fn measure(figure: Figure, bench: &Bench, cpus: Cpus, outcome: &mut Outcome) -> anyhow::Result<()> {
    match figure {
        Figure::Messages(options) => messages::run(bench, cpus, &options, outcome),
        Figure::Logins(options) => logins::run(bench, &options, outcome),
        Figure::Latency(options) => latency::run(bench, cpus, &options, outcome),
        Figure::Idle(options) => idle::measure(bench, &options, outcome),
        Figure::SwarmCost(options) => swarm::measure(bench, cpus, &options, outcome),
        Figure::Replay(options) => replay::measure(bench, cpus, &options, outcome),
        Figure::Crowd(options) => crowd::measure(bench, &options, outcome),
        Figure::Capture(options) => capture::measure(bench, cpus, &options, outcome),
        Figure::Climb(options) => climb::measure(bench, &options, outcome),
        Figure::All { quick } => {
            let short: &[&str] = if quick {
                &["--seconds", "1", "--warm-up", "0.5"]
            } else {
                &[]
            };
            let once: &[&str] = if quick { &["--rounds", "1"] } else { &[] };
            messages::run(bench, cpus, &defaults(&[short, once].concat())?, outcome)?;
            latency::run(bench, cpus, &defaults(short)?, outcome)?;
            logins::run(bench, &defaults(&[short, once].concat())?, outcome)?;
            let few: &[&str] = if quick { &["--connections", "20000"] } else { &[] };
            idle::measure(bench, &defaults(few)?, outcome)?;
            swarm::measure(bench, cpus, &defaults(&[])?, outcome)?;
            let brief: &[&str] = if quick {
                &["--seconds", "2", "--requests", "50000", "--beside-seconds", "2"]
            } else {
                &[]
            };
            replay::measure(bench, cpus, &defaults(brief)?, outcome)?;
            let village: &[&str] = if quick {
                &["--people", "100", "--clones", "20"]
            } else {
                &[]
            };
            crowd::measure(bench, &defaults(village)?, outcome)?;
            capture::measure(bench, cpus, &defaults(once)?, outcome)?;
            let small: &[&str] = if quick {
                &[
                    "--logins=20000",
                    "--handshakes=10000",
                    "--connections=20000",
                    "--rungs=1",
                    "--seconds=2",
                ]
            } else {
                &[]
            };
            climb::measure(bench, &defaults(small)?, outcome)
        }
        Figure::Floor { .. } | Figure::Beside(_) => Ok(()),
    }
}

/// A figure's options as its command line gives them for these arguments.
fn defaults<T: clap::Args>(arguments: &[&str]) -> anyhow::Result<T> {
    let command = T::augment_args(clap::Command::new("all").no_binary_name(true));
    let matches = command.try_get_matches_from(arguments)?;
    Ok(T::from_arg_matches(&matches)?)
}

/// Finds the `teem` binary. Started by cargo, this builds it first, so that one command measures what is checked out.
fn teem(given: Option<PathBuf>) -> anyhow::Result<PathBuf> {
    if let Some(given) = given {
        return Ok(given);
    }
    let own = std::env::current_exe()?;
    let folder = own.parent().unwrap_or(Path::new("."));
    let binary = folder.join(format!("teem{}", std::env::consts::EXE_SUFFIX));
    if let Some(cargo) = std::env::var_os("CARGO") {
        progress("building teem");
        let mut build = Command::new(cargo);
        build.args(["build", "--quiet", "--package", "teem", "--bin", "teem"]);
        if !cfg!(debug_assertions) {
            build.arg("--release");
        }
        build.current_dir(env!("CARGO_MANIFEST_DIR"));
        if !build.status().context("cannot start cargo")?.success() {
            bail!("teem does not build; --teem FILE measures another binary");
        }
    }
    Ok(binary)
}

fn host() -> anyhow::Result<Host> {
    let system = rustix::system::sysinfo();
    let load = std::fs::read_to_string("/proc/loadavg").context("cannot read /proc/loadavg")?;
    Ok(Host {
        cpus: std::thread::available_parallelism()?.get(),
        memory_bytes: system.totalram as u64 * u64::from(system.mem_unit),
        kernel: rustix::system::uname().release().to_string_lossy().into_owned(),
        load_average: load
            .split_whitespace()
            .next()
            .and_then(|one| one.parse().ok())
            .unwrap_or(0.0),
    })
}
