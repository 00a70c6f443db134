//! The clock of one trace, as tcpreplay and as the replay's driver keep it: what is really sent, seen by a capture of it.
//!
//! tcpreplay sends the trace's packets over a veth pair and knows no connection; the driver makes connections to nginx and says what
//! the trace's clients say. So each is measured by what it means to send: packets there, requests here, the k-th of them beside the
//! k-th planned instant, both counted from their first. All of it happens in a network namespace that ends with this process.

mod kept;
mod trace;

use std::fs;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde::{Deserialize, Serialize};

use super::{progress, replay};
use crate::child::{Server, program};
use crate::outcome::{Outcome, Verdict};
use crate::process::Cpus;
use crate::subject::Bench;
use crate::table::{Table, count};
pub(crate) use kept::Kept;
use trace::Trace;

/// Where nginx listens in the namespace.
const ADDRESS: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 8_080);
/// The two ends of the wire that tcpreplay sends on.
const ENDS: [&str; 2] = ["teem-near", "teem-far"];
/// How long a listener's buffer may take to reach its file once nothing more comes: twice libpcap's time-out.
const FLUSH: Duration = Duration::from_secs(2);
/// How long a replay may take beyond the trace's length.
const PATIENCE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(20);

/// The trace.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    /// Length of the trace, seconds.
    #[arg(long, default_value_t = 13.0)]
    pub(crate) seconds: f64,
    /// Its requests a second, Poisson arrivals: each is a packet, and so is its answer.
    #[arg(long, default_value_t = 26_000.0)]
    pub(crate) rate: f64,
    /// Where to write what was found.
    #[arg(long, hide = true)]
    pub(crate) found: Option<PathBuf>,
}

/// What either kept of the trace's clock.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Found {
    tcpreplay: Kept,
    teem: Kept,
}

/// Runs this program again in a network namespace of its own, and prints what it finds there. Without tcpreplay or the privilege it is
/// left out, with a note.
///
/// # Errors
/// What was found cannot be read.
pub(crate) fn measure(bench: &Bench, options: &Options, outcome: &mut Outcome) -> anyhow::Result<()> {
    let folder = tempfile::tempdir_in(&bench.scratch)?;
    let found = folder.path().join("found.json");
    let status = Command::new("unshare")
        .arg("--net")
        .arg(std::env::current_exe()?)
        .arg("beside")
        .args(["--seconds", &options.seconds.to_string()])
        .args(["--rate", &options.rate.to_string()])
        .arg("--found")
        .arg(&found)
        .arg("--teem")
        .arg(&bench.teem)
        .arg("--scratch")
        .arg(&bench.scratch)
        .status();
    if !status.is_ok_and(|status| status.success()) {
        outcome
            .notes
            .push("tcpreplay beside the replay's driver was left out: see above".to_owned());
        return Ok(());
    }
    let found: Found = serde_json::from_slice(&fs::read(found)?)?;
    print(options, &found);
    for (name, kept) in [("tcpreplay", &found.tcpreplay), ("teem", &found.teem)] {
        outcome.figure(format!("beside_{name}_late_p50"), kept.late_p50_us / 1e3, "ms");
        outcome.figure(format!("beside_{name}_late_p99"), kept.late_p99_us / 1e3, "ms");
        outcome.figure(format!("beside_{name}_drift"), kept.drift_us / 1e3, "ms");
        outcome.figure(format!("beside_{name}_cpu_seconds"), kept.cpu_s, "s");
    }
    let (ours, theirs) = (found.teem.drift_us.abs(), found.tcpreplay.drift_us.abs());
    outcome.verdicts.push(Verdict {
        figure: format!(
            "replay: drift on a trace of {} s (ratio: tcpreplay's over it)",
            count(options.seconds)
        ),
        target: "under tcpreplay's".to_owned(),
        measured: format!("{:.3} ms", ours / 1e3),
        ratio: (ours > 0.0).then(|| theirs / ours),
        reached: Some(ours < theirs),
    });
    Ok(())
}

/// In the namespace: makes the trace and drives it twice.
///
/// # Errors
/// There is no tcpreplay, no tcpdump, no nginx, or no right to make a wire; or something failed.
pub(crate) fn inside(bench: &Bench, cpus: Cpus, options: &Options) -> anyhow::Result<()> {
    for program_and_package in ["tcpreplay", "tcpdump"] {
        program(program_and_package, program_and_package)?;
    }
    let nginx = program("nginx", "nginx-light")?;
    for end in ["lo", ENDS[0]] {
        if end == ENDS[0] {
            ip(&["link", "add", ENDS[0], "type", "veth", "peer", "name", ENDS[1]])?;
            ip(&["link", "set", ENDS[1], "up"])?;
        }
        ip(&["link", "set", end, "up"])?;
    }
    let folder = tempfile::tempdir_in(&bench.scratch)?;
    let mut server = replay::nginx(&nginx, folder.path(), ADDRESS, cpus)?;
    let stage = Stage {
        bench,
        cpus,
        folder: folder.path(),
        limit: Duration::from_secs_f64(options.seconds) + PATIENCE,
    };
    let trace = Trace::write(
        &folder.path().join("trace.pcap"),
        options,
        replay::REQUEST,
        &replay::answer(ADDRESS)?,
    )?;
    let found = Found {
        tcpreplay: stage.tcpreplay(&trace)?,
        teem: stage.teem(&trace)?,
    };
    if server.ended() {
        bail!("nginx ended: {}", server.last_words());
    }
    server.stop();
    match &options.found {
        Some(file) => fs::write(file, serde_json::to_vec(&found)?)?,
        None => print(options, &found),
    }
    Ok(())
}

struct Stage<'a> {
    bench: &'a Bench,
    cpus: Cpus,
    folder: &'a Path,
    limit: Duration,
}

impl Stage<'_> {
    fn tcpreplay(&self, trace: &Trace) -> anyhow::Result<Kept> {
        progress("the trace by tcpreplay");
        let mut command = Command::new("tcpreplay");
        command
            .args(["--quiet", "--preload-pcap", "--intf1", ENDS[0]])
            .arg(&trace.path);
        let (seen, cpu_s) = self.seen(ENDS[1], "in", "tcp", "tcpreplay", command)?;
        Kept::of(&trace.packets_ns, &seen, cpu_s).context("tcpreplay")
    }

    fn teem(&self, trace: &Trace) -> anyhow::Result<Kept> {
        progress("the trace by teem replay");
        let mut command = Command::new(&self.bench.teem);
        command
            .arg("replay")
            .arg(&trace.path)
            .args([
                "--target",
                &ADDRESS.to_string(),
                "--shards",
                "1",
                "--quiet",
                "--out",
            ])
            .arg(self.folder.join("run"));
        let requests = format!("tcp dst port {} and ip[2:2] > 80", ADDRESS.port());
        let (seen, cpu_s) = self.seen("lo", "inout", &requests, "teem replay", command)?;
        Kept::of(&trace.requests_ns, &seen, cpu_s).context("teem replay")
    }

    /// Runs a command while a capture listens: when each packet passed, nanoseconds, and the command's CPU time, seconds.
    fn seen(
        &self,
        interface: &str,
        direction: &str,
        filter: &str,
        name: &str,
        command: Command,
    ) -> anyhow::Result<(Vec<u64>, f64)> {
        let file = self.folder.join("seen.pcap");
        let mut listen = Command::new("tcpdump");
        listen
            .args(["-i", interface, "-Q", direction, "-Z", "root", "-n", "-s", "128"])
            .args(["-B", "262144", "--time-stamp-precision=nano", "-w"])
            .arg(&file)
            .arg(filter);
        let place = |name: &str| -> anyhow::Result<PathBuf> {
            let place = self.folder.join(name);
            fs::create_dir_all(&place)?;
            Ok(place)
        };
        let mut listener = Server::start("tcpdump", listen, &place("listener")?, Some(self.cpus.server))?;
        while !listener.last_words().contains("listening on") {
            if listener.ended() {
                bail!("tcpdump ended: {}", listener.last_words());
            }
            std::thread::sleep(POLL);
        }
        let mut sender = Server::start(name, command, &place("sender")?, Some(self.cpus.load))?;
        let mut cpu_us = 0;
        let begun = std::time::Instant::now();
        while !sender.ended() {
            if begun.elapsed() > self.limit {
                bail!("{name} takes longer than {:?}", self.limit);
            }
            // Of one that has just ended, what was read before counts.
            cpu_us = sender.family().cpu_us().unwrap_or(cpu_us);
            std::thread::sleep(POLL);
        }
        std::thread::sleep(FLUSH);
        listener.stop();
        let seen = kept::instants(&file).with_context(|| format!("{name}: {}", sender.last_words()))?;
        Ok((seen, cpu_us as f64 / 1e6))
    }
}

fn ip(arguments: &[&str]) -> anyhow::Result<()> {
    let output = Command::new(program("ip", "iproute2")?)
        .args(arguments)
        .output()?;
    if !output.status.success() {
        bail!(
            "ip {}: {}",
            arguments.join(" "),
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    Ok(())
}

fn print(options: &Options, found: &Found) {
    let mut table = Table::new(&[
        "by",
        "sent",
        "late p50 ms",
        "p99 ms",
        "worst ms",
        "drift ms",
        "took s",
        "CPU s",
    ]);
    for (name, kept) in [
        ("tcpreplay, packets", &found.tcpreplay),
        ("teem replay, requests", &found.teem),
    ] {
        table.row([
            name.to_owned(),
            count(kept.sent as f64),
            format!("{:.3}", kept.late_p50_us / 1e3),
            format!("{:.3}", kept.late_p99_us / 1e3),
            format!("{:.3}", kept.worst_us / 1e3),
            format!("{:.3}", kept.drift_us / 1e3),
            format!("{:.2}", kept.took_s),
            format!("{:.2}", kept.cpu_s),
        ]);
    }
    println!(
        "\nOne trace of {} s, {} requests a second and as many answers, at its own speed; what a capture saw of it.\n\n{}",
        options.seconds,
        count(options.rate),
        table.render()
    );
}
