//! What a storm is: its parameters and their ranges.
//!
//! It does not know what the users do.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::StormError;
use super::people::STAMP_BYTES;

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

impl StormConfig {
    /// Checks the ranges.
    ///
    /// # Errors
    /// [`StormError::Config`], for the first field out of its range.
    pub fn check(&self) -> Result<(), StormError> {
        let within = |field, found: u64, least: u64, most: u64| {
            let expected = format!("{least} to {most}");
            if (least..=most).contains(&found) {
                Ok(())
            } else {
                Err(StormError::Config {
                    field,
                    expected,
                    found,
                })
            }
        };
        let number_max = wire::chat::Number::MAX.value();
        within("users", self.users.into(), 1, USERS_MAX.into())?;
        within("duration_s", self.duration_s.into(), 1, 24 * 3_600)?;
        within("first_number", self.first_number, 1, number_max)?;
        within("numbers", self.numbers, 1, number_max + 1 - self.first_number)?;
        within(
            "upload_bytes",
            self.upload_bytes.into(),
            STAMP_BYTES as u64,
            UPLOAD_MAX_BYTES.into(),
        )?;
        within("timeout_ms", self.timeout_ms, 1, 600_000)?;
        within("wait_ms.0", self.wait_ms.0, 0, self.wait_ms.1)?;
        within("wait_ms.1", self.wait_ms.1, 0, 3_600_000)?;
        let mix = self.mix;
        let steps = [mix.register, mix.upload, mix.download, mix.look_up]
            .map(u64::from)
            .iter()
            .sum();
        within("mix, summed,", steps, 1, 4 * u64::from(u8::MAX))
    }

    pub(super) fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout_ms)
    }

    /// When a storm that has not ended never will. A registration in progress at the end may take three timeouts.
    pub(super) fn end(&self) -> Duration {
        Duration::from_secs(self.duration_s.into()) + 3 * self.timeout() + SLACK
    }

    /// What goose is told, as the arguments it would have had; no argument of this process reaches it.
    pub(super) fn arguments(&self) -> Vec<String> {
        let mut arguments: Vec<String> = [
            "--quiet",
            "--no-print-metrics",
            "--no-reset-metrics",
            "--no-scenario-metrics",
        ]
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
        Self {
            register: 1,
            upload: 1,
            download: 1,
            look_up: 1,
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use goose::config::GooseConfiguration;

    use super::*;

    pub(in crate::storm) fn config() -> StormConfig {
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
    fn what_is_out_of_range_is_told_by_name() {
        type Spoil = fn(&mut StormConfig);
        let cases: [(&str, Spoil); 7] = [
            ("users", |config| config.users = 0),
            ("duration_s", |config| config.duration_s = 0),
            ("first_number", |config| config.first_number = 0),
            ("numbers", |config| config.numbers = u64::MAX),
            ("upload_bytes", |config| config.upload_bytes = 3),
            ("wait_ms.0", |config| config.wait_ms = (2, 1)),
            ("mix", |config| {
                config.mix = StormMix {
                    register: 0,
                    upload: 0,
                    download: 0,
                    look_up: 0,
                }
            }),
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
        assert_eq!(
            (configuration.users, configuration.run_time.as_deref()),
            (Some(2), Some("1s"))
        );
        assert!(configuration.no_print_metrics && configuration.no_reset_metrics);
    }
}
