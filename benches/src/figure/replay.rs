//! The replay's driver: how late its sends are, and how many it makes, against nginx on the other processor.

mod drift;
mod target;

use std::net::SocketAddrV4;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, bail};
use record::{ReplaySummary, Summary};
use replay::{End, Event, Flow, RecordingWriter, Side, Sink as _, Start};

use super::{beside, progress};
use crate::child::{Server, free_address, program};
use crate::draw::Draw;
use crate::outcome::{Outcome, Verdict};
use crate::process::Cpus;
use crate::subject::Bench;
use crate::table::count;
use drift::Drift;
pub(super) use target::{REQUEST, answer, nginx};

/// What must be reached: lateness at the recorded speed on an idle host of two processors, and sends a second.
const LATE_P50_MS: f64 = 0.1;
const LATE_P99_MS: f64 = 1.0;
const SENDS_A_SECOND: f64 = 50_000.0;
/// And what a long one's clock may run away.
const DRIFT_MS: f64 = 1.0;
/// Recorded connections.
const SESSIONS: u32 = 64;
/// How long a replay may take beyond its own length.
const LIMIT: Duration = Duration::from_secs(300);
/// How long a recorded answer took.
const ANSWER_NS: u64 = 200_000;

/// How the replays are made.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    /// Length of the recordings that are driven at their own speed, seconds.
    #[arg(long, default_value_t = 30.0)]
    pub(crate) seconds: f64,
    /// Their requests a second, all connections together: Poisson arrivals.
    #[arg(long, default_value_t = 1_000.0)]
    pub(crate) rate: f64,
    /// Requests of the recording that is driven as fast as its answers come.
    #[arg(long, default_value_t = 1_000_000)]
    pub(crate) requests: u32,
    /// Only a long one at its own speed, and how far its clock ran away in so many minutes.
    #[arg(long)]
    pub(crate) minutes: Option<f64>,
    /// Length of the trace that tcpreplay sends, too, seconds; 0 leaves it out.
    #[arg(long, default_value_t = 13.0)]
    pub(crate) beside_seconds: f64,
}

/// Measures, prints and judges.
///
/// # Errors
/// A replay failed.
pub(crate) fn measure(
    bench: &Bench,
    cpus: Cpus,
    options: &Options,
    outcome: &mut Outcome,
) -> anyhow::Result<()> {
    let nginx = match program("nginx", "nginx") {
        Ok(nginx) => nginx,
        Err(error) => {
            outcome
                .notes
                .push(format!("the replay's driver was left out: {error}"));
            return Ok(());
        }
    };
    let folder = tempfile::tempdir_in(&bench.scratch)?;
    let address = free_address()?;
    let mut server = target::nginx(&nginx, folder.path(), address, cpus)?;
    let stage = Stage {
        bench,
        folder: folder.path(),
        address,
        answer: answer(address)?,
        cpus,
    };
    let measured = match options.minutes {
        Some(minutes) => stage.endure(minutes, options.rate, outcome),
        None => stage.measure(options, outcome),
    };
    if server.ended() {
        bail!("nginx ended: {}", server.last_words());
    }
    server.stop();
    measured?;
    if options.minutes.is_none() && options.beside_seconds > 0.0 {
        let trace = beside::Options {
            seconds: options.beside_seconds,
            rate: 26_000.0,
            found: None,
        };
        beside::measure(bench, &trace, outcome)?;
    }
    Ok(())
}

/// Where replays are driven.
struct Stage<'a> {
    bench: &'a Bench,
    folder: &'a Path,
    address: SocketAddrV4,
    /// What the server answers, as it would have been recorded.
    answer: Vec<u8>,
    cpus: Cpus,
}

impl Stage<'_> {
    fn measure(&self, options: &Options, outcome: &mut Outcome) -> anyhow::Result<()> {
        let requests = (options.seconds * options.rate) as u32;
        progress(&format!("a replay at its own speed, {} s", options.seconds));
        let calm = self.recording("calm", requests, options.rate)?;
        let (calm, _) = self.replay(
            &calm,
            "calm-run",
            &["--speed", "1"],
            Duration::from_secs_f64(options.seconds),
        )?;
        let fast = (options.seconds.min(10.0) * SENDS_A_SECOND) as u32;
        progress("a replay of 50,000 requests a second");
        let dense = self.recording("dense", fast, SENDS_A_SECOND)?;
        let (dense, _) = self.replay(&dense, "dense-run", &["--speed", "1"], LIMIT)?;
        progress("a replay as fast as the answers come");
        let most = self.recording("most", options.requests, SENDS_A_SECOND)?;
        let (most, seconds) = self.replay(&most, "most-run", &["--speed", "max"], LIMIT)?;
        let a_second = most.sends.sent as f64 / seconds;
        println!("\nThe replay's driver on one processor, nginx on the other, {SESSIONS} connections.\n");
        for (name, run) in [("at its own speed", &calm), ("50,000 requests a second", &dense)] {
            let late = run.lateness_ms;
            println!(
                "{name:<26} {:>9} sends  late p50 {:.3} ms, p99 {:.3}, worst {:.3}",
                count(run.sends.sent as f64),
                late.p50,
                late.p99,
                late.max
            );
        }
        println!(
            "{:<26} {:>9} sends  {}/s\n",
            "as answers come",
            count(most.sends.sent as f64),
            count(a_second)
        );
        outcome.figure("replay_late_p50", calm.lateness_ms.p50, "ms");
        outcome.figure("replay_late_p99", calm.lateness_ms.p99, "ms");
        outcome.figure("replay_dense_late_p99", dense.lateness_ms.p99, "ms");
        outcome.figure("replay_sends_a_second", a_second, "1/s");
        judge(&calm, a_second, outcome);
        Ok(())
    }

    /// A long replay at its own speed.
    fn endure(&self, minutes: f64, rate: f64, outcome: &mut Outcome) -> anyhow::Result<()> {
        let seconds = minutes * 60.0;
        progress(&format!("a replay at its own speed, {minutes} minutes"));
        let long = self.recording("long", (seconds * rate) as u32, rate)?;
        let (long, _) = self.replay(
            &long,
            "long-run",
            &["--speed", "1"],
            Duration::from_secs_f64(seconds),
        )?;
        let drift_ms = Drift::of(&self.folder.join("long-run"))?.us() as f64 / 1e3;
        let late = long.lateness_ms;
        println!(
            "\n{minutes} minutes at their own speed, {} sends: late p50 {:.3} ms, p99 {:.3}, worst {:.3}; drift {drift_ms:.3} ms\n",
            count(long.sends.sent as f64),
            late.p50,
            late.p99,
            late.max
        );
        outcome.figure("replay_long_late_p50", late.p50, "ms");
        outcome.figure("replay_long_late_p99", late.p99, "ms");
        outcome.figure("replay_long_drift", drift_ms, "ms");
        outcome.verdicts.push(Verdict {
            figure: format!("replay: drift in {minutes} minutes"),
            target: format!("under {DRIFT_MS} ms"),
            measured: format!("{drift_ms:.3} ms"),
            ratio: None,
            reached: Some(drift_ms.abs() < DRIFT_MS),
        });
        Ok(())
    }

    /// A file of sessions with Poisson requests over all connections.
    fn recording(&self, name: &str, requests: u32, rate: f64) -> anyhow::Result<PathBuf> {
        let path = self.folder.join(format!("{name}.teem"));
        let mut writer = RecordingWriter::create(&path)?;
        for session in 0..SESSIONS {
            writer.event(Event::Open {
                flow: Flow(u64::from(session)),
                at_ns: 0,
                client: ([10, 0, 0, 1], 10_000 + session as u16).into(),
                server: ([10, 0, 0, 2], 80).into(),
                start: Start::Handshake,
            });
        }
        let mut draw = Draw::new(1);
        let mut said = vec![0u64; SESSIONS as usize];
        let mut due: std::collections::VecDeque<(u64, u32)> = std::collections::VecDeque::new();
        let mut at_us = 100_000.0;
        for request in 0..requests {
            at_us += draw.gap_us(rate);
            let at_ns = (at_us * 1e3) as u64;
            self.answers(&mut writer, &mut due, &said, at_ns);
            let session = request % SESSIONS;
            writer.event(Event::Data {
                flow: Flow(u64::from(session)),
                side: Side::Client,
                at_ns,
                offset: said[session as usize] * REQUEST.len() as u64,
                bytes: REQUEST,
            });
            said[session as usize] += 1;
            due.push_back((at_ns + ANSWER_NS, session));
        }
        self.answers(&mut writer, &mut due, &said, u64::MAX);
        let end_ns = (at_us * 1e3) as u64 + 2 * ANSWER_NS;
        for session in 0..SESSIONS {
            writer.event(Event::Close {
                flow: Flow(u64::from(session)),
                at_ns: end_ns,
                end: End::Finished(Side::Client),
            });
        }
        writer.close()?;
        Ok(path)
    }

    /// Writes the answers that came before an instant.
    fn answers(
        &self,
        writer: &mut RecordingWriter,
        due: &mut std::collections::VecDeque<(u64, u32)>,
        said: &[u64],
        until_ns: u64,
    ) {
        while let Some((at_ns, session)) = due.pop_front_if(|(at_ns, _)| *at_ns <= until_ns) {
            let waiting = due.iter().filter(|(_, other)| *other == session).count() as u64;
            let before = said[session as usize] - 1 - waiting;
            writer.event(Event::Data {
                flow: Flow(u64::from(session)),
                side: Side::Server,
                at_ns,
                offset: before * self.answer.len() as u64,
                bytes: &self.answer,
            });
        }
    }

    /// Drives a recording, and returns its figures and how many seconds it took.
    fn replay(
        &self,
        recording: &Path,
        name: &str,
        arguments: &[&str],
        lasts: Duration,
    ) -> anyhow::Result<(ReplaySummary, f64)> {
        let out = self.folder.join(name);
        let mut command = Command::new(&self.bench.teem);
        command
            .arg("replay")
            .arg(recording)
            .args([
                "--target",
                &self.address.to_string(),
                "--shards",
                "1",
                "--quiet",
                "--out",
            ])
            .arg(&out)
            .args(arguments);
        // Beside the server's, so that neither's last words are the other's.
        let words = self.folder.join("driver");
        std::fs::create_dir_all(&words)?;
        let mut driver = Server::start("teem replay", command, &words, Some(self.cpus.load))?;
        let code = driver.exit_code(lasts + LIMIT)?;
        let text = std::fs::read(out.join("summary.json"))
            .with_context(|| format!("no summary (exit code {code:?}): {}", driver.last_words()))?;
        let summary: Summary = serde_json::from_slice(&text)?;
        let replay = summary.replay.context("no replay in the summary")?;
        if replay.sends.unsent > 0 {
            bail!(
                "{} sends were not made: {:?}",
                replay.sends.unsent,
                replay.sends.unsent_by
            );
        }
        Ok((replay, summary.duration_s))
    }
}

fn judge(calm: &ReplaySummary, a_second: f64, outcome: &mut Outcome) {
    let late = calm.lateness_ms;
    let mut verdict = |figure: &str, target: String, measured: String, holds| {
        outcome.verdicts.push(Verdict {
            figure: figure.to_owned(),
            target,
            measured,
            ratio: None,
            reached: Some(holds),
        });
    };
    verdict(
        "replay: lateness of sends, median",
        format!("under {LATE_P50_MS} ms"),
        format!("{:.3} ms", late.p50),
        late.p50 < LATE_P50_MS,
    );
    verdict(
        "replay: lateness of sends, p99",
        format!("under {LATE_P99_MS} ms"),
        format!("{:.3} ms", late.p99),
        late.p99 < LATE_P99_MS,
    );
    verdict(
        "replay: requests a second from one core",
        count(SENDS_A_SECOND),
        count(a_second),
        a_second >= SENDS_A_SECOND,
    );
}
