//! The HTTP storm: goose's users register, upload, download and look up, as fast as they are answered.
//!
//! It does not know the swarm or its plan. It is **closed-loop**: a user's next request waits for the answer to the
//! last, so a server that stalls is asked less, and the latencies hide what an open-loop schedule would have shown.
//! They are kept apart from all others, in [`record::Storm`].
//!
//! goose takes a process over: SIGINT, the global logger, a process-wide stop. So a storm runs in a child process.
//! [`serve`] is what the child does; [`StormChild`] is the parent's side.

mod child;
mod config;
mod metrics;
mod people;

use std::io::{self, BufRead, Write};
use std::time::Duration;

use goose::client::GooseClientBuilder;
use goose::config::GooseConfiguration;
use goose::{GooseAttack, GooseError};
use record::Storm;
use serde::{Deserialize, Serialize};

pub use child::StormChild;
pub use config::{StormConfig, StormMix};
use people::Ground;

/// The longest configuration or outcome on a line.
const LINE_MAX_BYTES: u64 = 64 * 1024;

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
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .thread_name("teem-storm")
        .enable_all()
        .build()?;
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
    let client = GooseClientBuilder::new()
        .timeout(config.timeout())
        .without_cookies()
        .accept_invalid_certs(true);
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
    let Ok(mut signal) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) else {
        return;
    };
    signal.recv().await;
    loop {
        goose::trigger_killswitch("asked to stop");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::config::tests::config;
    use super::*;

    #[test]
    fn a_configuration_survives_its_line() {
        let line = serde_json::to_string(&config()).unwrap();
        assert_eq!(read(&mut line.as_bytes()).unwrap(), config());
        assert!(line.len() < LINE_MAX_BYTES as usize);
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
