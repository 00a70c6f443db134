//! Debian's tsung as the swarm's peer: started with its own name server, watched, and read from its own counts.
//!
//! It does not know what the swarm costs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use tempfile::TempDir;

use crate::body::BODY_BYTES;
use crate::child::{Server, free_address, program};
use crate::process::Cpus;
use crate::subject::{Bench, Running, Subject};

const CONFIG: &str = include_str!("../../deploy/bench-peers/tsung.xml");
/// Users that arrive a second; tsung manages 7,000.
const ARRIVALS_PER_SECOND: u32 = 2_000;
/// How long one run may take.
const LIMIT: Duration = Duration::from_secs(180);
const ATTEMPTS: usize = 3;
const POLL: Duration = Duration::from_millis(20);

/// What each of tsung's users does.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Script {
    /// How many users.
    pub(crate) users: u32,
    /// Publishes of each, one after the other's acknowledgement.
    pub(crate) publishes: u32,
    /// How long each stays after that, seconds.
    pub(crate) stay_s: u32,
}

/// What a run of tsung came to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spent {
    /// Its CPU time, start and end included, microseconds.
    pub(crate) cpu_us: u64,
    /// Publishes that were acknowledged, by its own count.
    pub(crate) publishes: u64,
}

/// A tsung that runs, its name server, and the MQTT server that it drives.
pub(crate) struct Tsung {
    tsung: Server,
    /// Stopped after tsung.
    _names: Server,
    peer: Running,
    folder: TempDir,
}

impl Tsung {
    /// Whether it can be started here.
    ///
    /// # Errors
    /// It is not installed; the error names the package.
    pub(crate) fn installed() -> anyhow::Result<()> {
        program("tsung", "tsung")?;
        program("mosquitto", "mosquitto")?;
        install_folder().map(drop)
    }

    /// Runs a script to its end.
    ///
    /// # Errors
    /// It failed, or made another number of publishes than the script's, three times.
    pub(crate) fn run(bench: &Bench, cpus: Cpus, script: Script) -> anyhow::Result<Spent> {
        let expected = u64::from(script.users) * u64::from(script.publishes);
        let mut failures = Vec::new();
        // Now and then it stops before its users have begun: its own start races.
        for _ in 0..ATTEMPTS {
            match Self::start(bench, cpus, script)?.finish() {
                Ok(spent) if spent.publishes == expected => return Ok(spent),
                Ok(spent) => failures.push(format!("{} publishes of {expected}", spent.publishes)),
                Err(error) => failures.push(format!("{error:#}")),
            }
        }
        bail!("tsung failed {ATTEMPTS} times: {}", failures.join("; "))
    }

    /// Starts a script against a mosquitto of its own, which is pinned apart.
    ///
    /// # Errors
    /// One of them does not start.
    pub(crate) fn start(bench: &Bench, cpus: Cpus, script: Script) -> anyhow::Result<Self> {
        let peer = Subject::Mosquitto.start(bench, u64::from(script.users), Some(cpus.server))?;
        let folder = tempfile::Builder::new()
            .prefix("teem-bench-tsung-")
            .tempdir_in(&bench.scratch)?;
        let config = folder.path().join("tsung.xml");
        fs::write(&config, configuration(peer.address.port(), script))?;
        let names_port = free_address()?.port().to_string();
        let names_folder = folder.path().join("names");
        fs::create_dir(&names_folder)?;
        let mut epmd = Command::new(program("epmd", "erlang-base")?);
        epmd.args(["-address", "127.0.0.1", "-port", &names_port]);
        let mut names = Server::start("epmd", epmd, &names_folder, Some(cpus.load))?;
        names.listening(std::net::SocketAddrV4::new(
            std::net::Ipv4Addr::LOCALHOST,
            names_port.parse()?,
        ))?;
        let mut command = command(folder.path(), &config)?;
        command
            .env("ERL_EPMD_PORT", &names_port)
            .env("ERL_EPMD_ADDRESS", "127.0.0.1");
        let tsung = Server::start("tsung", command, folder.path(), Some(cpus.load))?;
        Ok(Self {
            tsung,
            _names: names,
            peer,
            folder,
        })
    }

    /// Waits until it ends by itself, and counts.
    ///
    /// # Errors
    /// It failed or took too long.
    fn finish(mut self) -> anyhow::Result<Spent> {
        let until = Instant::now() + LIMIT;
        let mut cpu_us = 0;
        // What it spent in the last 20 ms before its end is not seen.
        while !self.tsung.ended() {
            if Instant::now() > until {
                bail!("tsung takes longer than {LIMIT:?}");
            }
            cpu_us = self.tsung.family().cpu_us().map_or(cpu_us, |now| now.max(cpu_us));
            std::thread::sleep(POLL);
        }
        let publishes = acknowledged(self.folder.path())
            .with_context(|| format!("tsung counted nothing; it said: {}", self.tsung.last_words()))?;
        self.peer.server.stop();
        Ok(Spent { cpu_us, publishes })
    }

    /// Waits until so many users are connected, as the server's descriptors show; returns tsung's anonymous memory.
    ///
    /// # Errors
    /// It ended before, or took too long.
    pub(crate) fn memory_at(&mut self, users: u32) -> anyhow::Result<u64> {
        let until = Instant::now() + LIMIT;
        loop {
            if self.connected() >= users {
                return Ok(self.tsung.family().rss_anon_bytes());
            }
            if self.tsung.ended() || Instant::now() > until {
                bail!("tsung did not reach {users} users: {}", self.tsung.last_words());
            }
            std::thread::sleep(POLL);
        }
    }

    /// Ends it and its server.
    pub(crate) fn stop(self) {
        self.tsung.stop();
        self.peer.server.stop();
    }

    fn connected(&self) -> u32 {
        let pid = self.peer.server.pid();
        // A listener, a log and an epoll or two are not worth telling apart from users.
        fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, |entries| entries.count() as u32)
    }
}

fn configuration(port: u16, script: Script) -> String {
    // Arrivals are random: a phase that is as long as its users need in the mean would leave some out.
    let seconds = script.users.div_ceil(ARRIVALS_PER_SECOND) + 15;
    CONFIG
        .replace("@PORT@", &port.to_string())
        .replace("@USERS@", &script.users.to_string())
        .replace("@SECONDS@", &seconds.to_string())
        .replace("@RATE@", &ARRIVALS_PER_SECOND.to_string())
        .replace("@PUBLISHES@", &script.publishes.to_string())
        .replace("@STAY@", &script.stay_s.to_string())
        .replace("@BODY@", &"x".repeat(BODY_BYTES))
}

/// The Erlang machine by itself: the package's script would look for a remote shell and keep its log at home.
fn command(folder: &Path, config: &Path) -> anyhow::Result<Command> {
    let installed = install_folder()?;
    let log = folder.join("log");
    fs::create_dir(&log)?;
    let quoted = |path: &Path| format!("\"{}\"", path.display());
    let set = |command: &mut Command, name: &str, value: &str| {
        command.args(["-tsung_controller", name, value]);
    };
    let mut command = Command::new(program("erl", "tsung")?);
    command
        .args([
            "-smp", "auto", "+A", "8", "+K", "true", "+P", "250000", "-noinput",
        ])
        .args([
            "-sname",
            &format!("tsung-{}", std::process::id()),
            "-setcookie",
            "teem-bench",
        ])
        .args([
            "-s",
            "tsung_controller",
            "-sasl",
            "sasl_error_logger",
            "false",
            "-pa",
        ])
        .arg(application(&installed, "tsung-")?)
        .arg("-pa")
        .arg(application(&installed, "tsung_controller-")?);
    set(&mut command, "web_gui", "false");
    set(&mut command, "keep_web_gui", "false");
    set(&mut command, "smp_disable", "true");
    set(&mut command, "debug_level", "1");
    set(&mut command, "warm_time", "1");
    set(&mut command, "exclude_tag", "\"\"");
    set(&mut command, "config_file", &quoted(config));
    // It appends the run's name to this.
    set(&mut command, "log_dir", &format!("\"{}/\"", log.display()));
    set(&mut command, "mon_file", "\"tsung.log\"");
    command.current_dir(folder);
    Ok(command)
}

fn install_folder() -> anyhow::Result<PathBuf> {
    let folder = PathBuf::from(format!("/usr/lib/{}-linux-gnu/tsung", std::env::consts::ARCH));
    if !folder.is_dir() {
        bail!("tsung is not in {}: apt-get install tsung", folder.display());
    }
    Ok(folder)
}

fn application(installed: &Path, prefix: &str) -> anyhow::Result<PathBuf> {
    let mut entries = fs::read_dir(installed)?.flatten();
    let found = entries.find(|entry| entry.file_name().to_string_lossy().starts_with(prefix));
    Ok(found
        .with_context(|| format!("no {prefix}* in {}", installed.display()))?
        .path()
        .join("ebin"))
}

/// The last total of acknowledged publishes in `log/TIME/tsung.log`.
fn acknowledged(folder: &Path) -> anyhow::Result<u64> {
    let run = fs::read_dir(folder.join("log"))?
        .flatten()
        .next()
        .context("tsung left no log")?;
    let log = fs::read_to_string(run.path().join("tsung.log"))?;
    total(&log, "mqtt_server_pubacked").context("no publish was acknowledged")
}

/// The last total of a count: `stats: NAME SINCE_LAST TOTAL`.
fn total(log: &str, name: &str) -> Option<u64> {
    let last = log
        .lines()
        .filter_map(|line| {
            line.strip_prefix("stats: ")?
                .strip_prefix(name)?
                .strip_prefix(' ')
        })
        .next_back()?;
    last.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_total_counts() {
        let log = "\
# stats: dump at 1
stats: mqtt_server_pubacked 5 5
stats: mqtt_server_pubacked_other 9 9
# stats: dump at 2
stats: mqtt_server_pubacked 7 12
";
        assert_eq!(total(log, "mqtt_server_pubacked"), Some(12));
        assert_eq!(total(log, "connect"), None);
    }

    #[test]
    fn a_configuration_has_no_place_left() {
        let script = Script {
            users: 10,
            publishes: 20,
            stay_s: 30,
        };
        let text = configuration(1883, script);
        assert!(!text.contains('@'), "{text}");
        assert!(
            text.contains("maxnumber=\"10\"") && text.contains("to=\"20\""),
            "{text}"
        );
    }
}
