//! The HTTP storm: goose's users register, upload, download and look up, as fast as they are answered.
//!
//! It does not know the swarm or its plan. It is **closed-loop**: a user's next request waits for the answer to the
//! last, so a server that stalls is asked less, and the latencies hide what an open-loop schedule would have shown.
//! They are kept apart from all others, in [`record::Storm`].
//!
//! goose takes a process over: SIGINT, the global logger, a process-wide stop. So a storm runs in a child process.
//! [`serve`] is what the child does; [`StormChild`] is the parent's side.

mod child;
mod metrics;
mod people;

use std::io::{self, BufRead, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use goose::client::GooseClientBuilder;
use goose::config::GooseConfiguration;
use goose::{GooseAttack, GooseError};
use record::Storm;
use serde::{Deserialize, Serialize};

pub use child::StormChild;
use people::Ground;

/// The longest configuration or outcome on a line.
const LINE_MAX_BYTES: u64 = 64 * 1024;
/// What goose may take beyond the storm's length and a request's timeout to start its users and add up.
const SLACK: Duration = Duration::from_secs(10);
/// The most users; each is a task with its own state.
const USERS_MAX: u32 = 100_000;
/// The largest file uploaded.
const UPLOAD_MAX_BYTES: u32 = 64 * 1024 * 1024;

/// A storm.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StormConfig {
    /// The server's media port.
    pub server: SocketAddr,
    /// The SMS sink's file, which the PINs are read from. What it holds already is passed over.
    pub pins: PathBuf,
    /// Concurrent users.
    pub users: u32,
    /// Length in seconds, at least 1; goose knows whole ones only.
    pub duration_s: u32,
    /// The first number registered; those that follow it are taken in turn.
    pub first_number: u64,
    /// How many numbers there are. When they are used up, they are registered again from the first, which the server
    /// must answer by voiding the earlier key.
    pub numbers: u64,
    /// Size of an uploaded file.
    pub upload_bytes: u32,
    /// Most requests a second of all users together; 0 for no limit.
    pub requests_per_second_max: u32,
    /// How long a request, or the arrival of a PIN, may take.
    pub timeout_ms: u64,
    /// What a user waits after each step, at least and at most.
    pub wait_ms: (u64, u64),
    /// How often each step comes in a user's round.
    pub mix: StormMix,
    /// Seed of the uploaded content.
    pub seed: u64,
}

/// How often each step comes in a user's round. Every user begins with a registration whatever the mix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StormMix {
    /// Registrations of the next number: ask, read the PIN, prove.
    pub register: u8,
    /// Uploads.
    pub upload: u8,
    /// Downloads of the user's last upload, compared with it.
    pub download: u8,
    /// Look-ups whether the user's number is registered.
    pub look_up: u8,
}

/// What a storm did.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StormOutcome {
    /// The figures for the run folder.
    pub storm: Storm,
    /// Registrations whose PIN did not come in time.
    pub pins_missing: u64,
    /// Requests and failures by name: `register`, `prove`, `upload`, `download`, `look up`.
    pub requests: Vec<StormRequests>,
    /// goose's errors, the most frequent first, at most 16.
    pub errors: Vec<StormFault>,
}

/// Requests of one name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StormRequests {
    /// The name.
    pub name: String,
    /// How many were made.
    pub requests: u64,
    /// How many of them failed.
    pub failures: u64,
}

/// An error and how often it came.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StormFault {
    /// What went wrong, in goose's words.
    pub error: String,
    /// How often.
    pub count: u64,
}

/// Why a storm did not come about, or was not told of.
#[derive(Debug, thiserror::Error)]
pub enum StormError {
    /// A field of the configuration is out of its range.
    #[error("storm: `{field}` must be {expected}, not {found}")]
    Config {
        /// The field.
        field: &'static str,
        /// What it must be.
        expected: String,
        /// What it is.
        found: u64,
    },
    /// The line on standard input is no configuration.
    #[error("storm: the configuration cannot be read: {0}")]
    Line(#[from] serde_json::Error),
    /// Reading, writing, or the child process itself.
    #[error("storm: {0}")]
    Io(#[from] io::Error),
    /// goose refused or broke off.
    #[error("storm: {0}")]
    Goose(#[from] Box<GooseError>),
    /// It went on past its length, a request's timeout and some slack.
    #[error("storm: no end after {0:?}")]
    Overran(Duration),
    /// The child said that it failed.
    #[error("{0}")]
    Failed(String),
    /// The child ended without an outcome.
    #[error("storm: the child ended without an outcome ({status}): {stderr}")]
    Silent {
        /// How it ended.
        status: String,
        /// The end of what it wrote to standard error.
        stderr: String,
    },
}

/// The child's one line.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Said {
    Storm(StormOutcome),
    Failed(String),
}

impl StormConfig {
    /// Checks the ranges.
    ///
    /// # Errors
    /// [`StormError::Config`], for the first field out of its range.
    pub fn check(&self) -> Result<(), StormError> {
        let within = |field, found: u64, least: u64, most: u64| {
            let expected = format!("{least} to {most}");
            if (least..=most).contains(&found) { Ok(()) } else { Err(StormError::Config { field, expected, found }) }
        };
        let number_max = wire::chat::Number::MAX.value();
        within("users", self.users.into(), 1, USERS_MAX.into())?;
        within("duration_s", self.duration_s.into(), 1, 24 * 3_600)?;
        within("first_number", self.first_number, 1, number_max)?;
        within("numbers", self.numbers, 1, number_max + 1 - self.first_number)?;
        within("upload_bytes", self.upload_bytes.into(), people::STAMP_BYTES as u64, UPLOAD_MAX_BYTES.into())?;
        within("timeout_ms", self.timeout_ms, 1, 600_000)?;
        within("wait_ms.0", self.wait_ms.0, 0, self.wait_ms.1)?;
        within("wait_ms.1", self.wait_ms.1, 0, 3_600_000)?;
        let mix = self.mix;
        let steps = [mix.register, mix.upload, mix.download, mix.look_up].map(u64::from).iter().sum();
        within("mix, summed,", steps, 1, 4 * u64::from(u8::MAX))
    }

    fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout_ms)
    }

    /// When a storm that has not ended never will. A registration in progress at the end may take three timeouts.
    fn end(&self) -> Duration {
        Duration::from_secs(self.duration_s.into()) + 3 * self.timeout() + SLACK
    }

    /// What goose is told, as the arguments it would have had; no argument of this process reaches it.
    fn arguments(&self) -> Vec<String> {
        let mut arguments: Vec<String> = ["--quiet", "--no-print-metrics", "--no-reset-metrics", "--no-scenario-metrics"]
            .map(str::to_owned)
            .into();
        // All users within about a second.
        let pairs = [
            ("--host", format!("http://{}", self.server)),
            ("--users", self.users.to_string()),
            ("--increase-rate", self.users.to_string()),
            ("--run-time", format!("{}s", self.duration_s)),
            ("--throttle-requests", self.requests_per_second_max.to_string()),
        ];
        for (flag, value) in pairs {
            arguments.extend([flag.to_owned(), value]);
        }
        arguments
    }
}

impl Default for StormMix {
    /// One of each.
    fn default() -> Self {
        Self { register: 1, upload: 1, download: 1, look_up: 1 }
    }
}

/// What the child process does: reads a [`StormConfig`] as a line of JSON, runs the storm, writes the outcome as one.
/// Other lines that goose may write to standard output are none of the parent's business: it looks for this one.
///
/// `output` must not be a locked standard output: goose locks it to log, and would wait for ever.
///
/// # Errors
/// Those of [`run`], which are written to `output` too, and those of reading and writing.
pub fn serve(mut input: impl BufRead, mut output: impl Write) -> Result<(), StormError> {
    let done = read(&mut input).and_then(run);
    let said = match &done {
        Ok(outcome) => Said::Storm(outcome.clone()),
        Err(error) => Said::Failed(error.to_string()),
    };
    // Begins on a line of its own, whatever was written before.
    let line = format!("\n{}\n", serde_json::to_string(&said)?);
    output.write_all(line.as_bytes())?;
    output.flush()?;
    done.map(drop)
}

fn read(input: &mut impl BufRead) -> Result<StormConfig, StormError> {
    let mut line = String::new();
    io::Read::take(input, LINE_MAX_BYTES).read_line(&mut line)?;
    Ok(serde_json::from_str(&line)?)
}

/// Runs a storm in this process, which goose takes over; see the module.
///
/// SIGTERM and SIGINT end it early, with the outcome so far.
///
/// # Errors
/// The configuration is wrong, goose refuses it, or the storm does not end.
pub fn run(config: StormConfig) -> Result<StormOutcome, StormError> {
    config.check()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().thread_name("teem-storm").enable_all().build()?;
    let outcome = runtime.block_on(storm(&config));
    // A blocking read of the PINs' file that hangs must not hold up the outcome.
    runtime.shutdown_background();
    outcome
}

async fn storm(config: &StormConfig) -> Result<StormOutcome, StormError> {
    let ground = Ground::new(config)?;
    let configuration = GooseConfiguration::parse_args_default(&config.arguments()).map_err(Box::new)?;
    // One client for all, whose connections are shared. It speaks plain HTTP alone: reading the host's certificates,
    // which may be missing, would be in vain.
    let client = GooseClientBuilder::new().timeout(config.timeout()).without_cookies().accept_invalid_certs(true);
    let attack = GooseAttack::initialize_with_config(configuration)
        .and_then(|attack| attack.set_client_builder_without_cookies(client))
        .map_err(Box::new)?
        .register_scenario(people::scenario(config, &ground).map_err(Box::new)?);
    let end = config.end();
    let asked = tokio::spawn(stop_when_asked());
    let done = tokio::time::timeout(end, attack.execute()).await;
    asked.abort();
    let metrics = done.map_err(|_| StormError::Overran(end))?.map_err(Box::new)?;
    Ok(metrics::outcome(&metrics, &ground))
}

/// Ends the storm on SIGTERM. goose clears its stop when it starts, so that it is said again until heard.
async fn stop_when_asked() {
    let Ok(mut signal) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) else { return };
    signal.recv().await;
    loop {
        goose::trigger_killswitch("asked to stop");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn config() -> StormConfig {
        StormConfig {
            server: ([127, 0, 0, 1], 9).into(),
            pins: "sms.jsonl".into(),
            users: 2,
            duration_s: 1,
            first_number: 1_000,
            numbers: 100,
            upload_bytes: 512,
            requests_per_second_max: 0,
            timeout_ms: 1_000,
            wait_ms: (0, 0),
            mix: StormMix::default(),
            seed: 1,
        }
    }

    #[test]
    fn a_configuration_survives_its_line() {
        let line = serde_json::to_string(&config()).unwrap();
        assert_eq!(read(&mut line.as_bytes()).unwrap(), config());
        assert!(line.len() < LINE_MAX_BYTES as usize);
    }

    #[test]
    fn what_is_out_of_range_is_told_by_name() {
        let cases: [(&str, fn(&mut StormConfig)); 7] = [
            ("users", |config| config.users = 0),
            ("duration_s", |config| config.duration_s = 0),
            ("first_number", |config| config.first_number = 0),
            ("numbers", |config| config.numbers = u64::MAX),
            ("upload_bytes", |config| config.upload_bytes = 3),
            ("wait_ms.0", |config| config.wait_ms = (2, 1)),
            ("mix", |config| config.mix = StormMix { register: 0, upload: 0, download: 0, look_up: 0 }),
        ];
        for (field, spoil) in cases {
            let mut config = config();
            spoil(&mut config);
            let error = config.check().unwrap_err().to_string();
            assert!(error.contains(&format!("`{field}")), "{error}");
        }
        config().check().unwrap();
    }

    #[test]
    fn goose_takes_its_configuration_from_us_alone() {
        let configuration = GooseConfiguration::parse_args_default(&config().arguments()).unwrap();
        assert_eq!(configuration.host.as_deref(), Some("http://127.0.0.1:9"));
        assert_eq!((configuration.users, configuration.run_time.as_deref()), (Some(2), Some("1s")));
        assert!(configuration.no_print_metrics && configuration.no_reset_metrics);
    }

    #[test]
    fn a_mistake_is_answered_on_the_one_line() {
        for (input, what) in [("{}", "server"), ("", "EOF")] {
            let mut output = Vec::new();
            assert!(serve(input.as_bytes(), &mut output).is_err());
            let line = String::from_utf8(output).unwrap();
            match serde_json::from_str(line.trim()).unwrap() {
                Said::Failed(why) => assert!(why.contains(what), "{why}"),
                Said::Storm(_) => panic!("a storm came of {input:?}"),
            }
        }
    }
}
