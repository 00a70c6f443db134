//! A recorded chat driven as a crowd: a thousand people are recorded once, and driven as a hundred thousand others at once.

use std::net::SocketAddrV4;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, bail};
use record::{Run, Summary, name};

use super::progress;
use crate::child::{Server, free_address, program};
use crate::outcome::{Outcome, Verdict};
use crate::subject::Bench;
use crate::table::count;

/// How long a recording or a replay may take.
const LIMIT: Duration = Duration::from_secs(900);
/// How long after the last packet a capture is whole.
const SETTLES: Duration = Duration::from_secs(2);
/// What people do while they are recorded.
const SCENARIO: &str = include_str!("../../scenarios/crowd.toml");

/// How the crowd is made.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    /// People that are recorded.
    #[arg(long, default_value_t = 1_000)]
    pub(crate) people: u64,
    /// As how many others each of them is driven.
    #[arg(long, default_value_t = 100)]
    pub(crate) clones: u64,
    /// Over how many seconds the others begin.
    #[arg(long, default_value_t = 20)]
    pub(crate) spread: u64,
    /// What carries their bytes: packet or kernel.
    #[arg(long, default_value = "packet")]
    pub(crate) transport: String,
    /// A capture of so many people that is there already.
    #[arg(long, value_name = "FILE")]
    pub(crate) capture: Option<PathBuf>,
    /// Keep the capture that is made here.
    #[arg(long, value_name = "FILE")]
    pub(crate) keep: Option<PathBuf>,
    /// Keep the run folder here.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
}

/// Measures, prints and judges.
///
/// # Errors
/// Nobody could be recorded, or the replay left nothing to be read.
pub(crate) fn measure(bench: &Bench, options: &Options, outcome: &mut Outcome) -> anyhow::Result<()> {
    let folder = tempfile::tempdir_in(&bench.scratch)?;
    let capture = match &options.capture {
        Some(capture) => capture.clone(),
        None => match program("tcpdump", "tcpdump") {
            Ok(tcpdump) => recorded(bench, &tcpdump, folder.path(), options)?,
            Err(error) => {
                outcome.notes.push(format!("the crowd was left out: {error}"));
                return Ok(());
            }
        },
    };
    progress(&format!(
        "{} people driven as {} over the {} transport",
        count(options.people as f64),
        count((options.people * options.clones) as f64),
        options.transport
    ));
    let out = options.out.clone().unwrap_or_else(|| folder.path().join("crowd"));
    let mut command = Command::new(&bench.teem);
    command
        .arg("replay")
        .arg(&capture)
        .args(["--serve", "--quiet", "--transport", &options.transport])
        .args(["--clones", &options.clones.to_string()])
        .args(["--spread", &format!("{}s", options.spread)])
        .arg("--out")
        .arg(&out);
    let words = folder.path().join("driver");
    std::fs::create_dir_all(&words)?;
    let mut driver = Server::start("teem replay", command, &words, None)?;
    let code = driver.exit_code(LIMIT)?;
    let text = std::fs::read(out.join("summary.json"))
        .with_context(|| format!("no summary (exit code {code:?}): {}", driver.last_words()))?;
    let summary: Summary = serde_json::from_slice(&text)?;
    tell(options, &summary, most_online(&out)?, outcome)
}

/// The most people online at once, by the server's own count: whoever has the number of another takes that one's place.
fn most_online(out: &Path) -> anyhow::Result<f64> {
    let samples = Run::read(out)?.samples;
    let online = samples
        .iter()
        .filter_map(|sample| sample.gauges.get(name::server::ONLINE));
    Ok(online.copied().fold(0.0, f64::max))
}

fn tell(options: &Options, summary: &Summary, online: f64, outcome: &mut Outcome) -> anyhow::Result<()> {
    let replay = summary.replay.as_ref().context("no replay in the summary")?;
    let wanted = (options.people * options.clones) as f64;
    let answers = &replay.answers;
    println!(
        "\n{} people recorded, {} driven at once over the {} transport; verdict {:?}.\n",
        count(options.people as f64),
        count(online),
        options.transport,
        summary.verdict
    );
    println!(
        "sends    {} of {}, late p50 {:.3} ms, p99 {:.3}, worst {:.3}",
        count(replay.sends.sent as f64),
        count(replay.sends.planned as f64),
        replay.lateness_ms.p50,
        replay.lateness_ms.p99,
        replay.lateness_ms.max
    );
    println!(
        "answers  {} as recorded, {} different, {} missing, {} extra",
        count((answers.identical + answers.masked) as f64),
        count(answers.different as f64),
        count(answers.missing as f64),
        count(answers.extra as f64)
    );
    println!(
        "driver   {} MB, {:.1} CPU seconds; the server {} MB, {:.1} CPU seconds\n",
        count(summary.swarm.rss_bytes_peak as f64 / 1e6),
        summary.swarm.cpu_seconds,
        count(summary.server.rss_bytes_peak as f64 / 1e6),
        summary.server.cpu_seconds,
    );
    let name = |figure: &str| format!("crowd_{}_{figure}", options.transport);
    outcome.figure(name("online"), online, "people");
    outcome.figure(name("late_p99"), replay.lateness_ms.p99, "ms");
    let bytes_each = summary.swarm.rss_bytes_peak as f64 / wanted;
    outcome.figure(name("driver_bytes_each"), bytes_each, "B");
    outcome.verdicts.push(Verdict {
        figure: format!(
            "crowd: {} people driven as others at once",
            count(options.people as f64)
        ),
        target: count(wanted),
        measured: format!("{}, {:?}", count(online), summary.verdict),
        ratio: None,
        reached: Some(online >= wanted && summary.verdict == record::Verdict::Pass),
    });
    Ok(())
}

/// Records people who talk to a server of their own, as the packets of loopback.
fn recorded(bench: &Bench, tcpdump: &Path, folder: &Path, options: &Options) -> anyhow::Result<PathBuf> {
    progress(&format!("recording {} people", count(options.people as f64)));
    let address = free_address()?;
    let mut server = serve(bench, folder, address, options)?;
    let capture = options.keep.clone().unwrap_or_else(|| folder.join("people.pcap"));
    let mut command = Command::new(tcpdump);
    command
        .args(["-i", "lo", "-Z", "root", "-B", "65536", "-w"])
        .arg(&capture)
        .arg(format!("tcp port {}", address.port()));
    let words = folder.join("tcpdump");
    std::fs::create_dir_all(&words)?;
    let mut tap = Server::start("tcpdump", command, &words, None)?;
    while !tap.last_words().contains("listening on") {
        if tap.ended() {
            bail!("tcpdump does not capture: {}", tap.last_words());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let scenario = folder.join("crowd.toml");
    std::fs::write(&scenario, SCENARIO)?;
    let mut command = Command::new(&bench.teem);
    command
        .arg("run")
        .arg(&scenario)
        .args([
            "--plain",
            "--quiet",
            "--target",
            &address.to_string(),
            "--secret-file",
        ])
        .arg(folder.join("secret"))
        .args(["--connections", &options.people.to_string(), "--out"])
        .arg(folder.join("people"));
    let words = folder.join("people-words");
    std::fs::create_dir_all(&words)?;
    let mut people = Server::start("teem run", command, &words, None)?;
    let code = people.exit_code(LIMIT)?;
    if code != Some(0) {
        bail!(
            "the people could not be recorded ({code:?}): {}",
            people.last_words()
        );
    }
    std::thread::sleep(SETTLES);
    tap.stop();
    if server.ended() {
        bail!("the server ended: {}", server.last_words());
    }
    server.stop();
    Ok(capture)
}

fn serve(bench: &Bench, folder: &Path, address: SocketAddrV4, options: &Options) -> anyhow::Result<Server> {
    let words = folder.join("server");
    std::fs::create_dir_all(&words)?;
    let mut command = Command::new(&bench.teem);
    command
        .args([
            "serve",
            "--plain",
            "--http",
            "127.0.0.1:0",
            "--admin",
            "127.0.0.1:0",
        ])
        .args(["--listen", &address.to_string(), "--durability", "async"])
        .args(["--connections", &(2 * options.people).to_string()])
        // A scenario has more people than connections.
        .args(["--provisioned", &(10 * options.people).to_string(), "--data"])
        .arg(folder.join("recorded"))
        .arg("--secret-file")
        .arg(folder.join("secret"));
    let mut server = Server::start("teem serve", command, &words, None)?;
    server.listening(address)?;
    Ok(server)
}
