//! A `[[replay]]` as a command line of `teem replay`: what is driven, and how, has one way to be said.
//!
//! It knows keys and flags; it reads no file.

use anyhow::{Context as _, Result};
use clap::Parser;
use scenarios::{ReplayMode, ReplaySettings, Span};

use crate::replay::arguments::DriveArgs;

/// `teem replay`'s flags.
#[derive(Debug, Parser)]
#[command(name = "replay", no_binary_name = true)]
struct Line {
    #[command(flatten)]
    drive: DriveArgs,
}

/// The line, of a scenario with this clock and seed.
///
/// # Errors
/// The flags part ways with the keys.
pub(super) fn line(settings: &ReplaySettings, time_scale: f64, seed: u64) -> Result<DriveArgs> {
    let mut words = vec![settings.capture.path.clone().into_os_string()];
    let mut add = |flag: &str, value: String| words.extend([flag.into(), value.into()]);
    let us = |span: Span| format!("{}us", span.0);
    add("--speed", settings.speed.to_string());
    add("--clones", settings.clones.0.to_string());
    add("--loop", settings.loops.0.to_string());
    let spread_us = settings.spread.0 as f64 / time_scale;
    add("--spread", format!("{}us", spread_us as u64));
    add("--seed", seed.to_string());
    if let Some(from) = settings.from {
        add("--from", us(from));
    }
    if let Some(until) = settings.until {
        add("--until", us(until));
    }
    for port in &settings.ports {
        add("--port", port.to_string());
    }
    for host in &settings.hosts {
        add("--host", host.to_string());
    }
    if settings.mode == ReplayMode::Causal {
        words.push("--causal".into());
    }
    for (flag, file) in [("--keys", &settings.keys), ("--rules", &settings.rules)] {
        if let Some(file) = file {
            words.extend([flag.into(), file.path.clone().into_os_string()]);
        }
    }
    let line = Line::try_parse_from(words).context("a [[replay]] as a command line")?;
    Ok(line.drive)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use scenarios::Scenario;

    use super::*;

    const NIGHT: &str = r#"
name = "night"
connections = 10
[[phase]]
kind = "ramp"
duration = "1m"
[[phase]]
kind = "hold"
duration = "1h"
[[replay]]
capture = "night.pcap"
keys = "keys.log"
at = "10m"
clones = "2k"
spread = "30m"
loops = 3
speed = 2.5
mode = "causal"
from = "90s"
until = "2m"
ports = [7700, 80]
hosts = ["10.0.0.1"]
"#;

    #[test]
    fn a_replay_is_a_command_line_on_the_runs_clock() {
        let scenario = Scenario::parse("night.toml", NIGHT)
            .unwrap()
            .in_folder("/x".as_ref());
        let args = line(&scenario.replay[0], 60.0, 7).unwrap();
        assert_eq!(args.capture.to_str(), Some("/x/night.pcap"));
        assert_eq!(args.keys.unwrap().to_str(), Some("/x/keys.log"));
        assert_eq!(
            (args.clones, args.loops, args.seed, args.causal),
            (2_000, 3, 7, true)
        );
        assert_eq!(args.spread, Duration::from_secs(30));
        assert_eq!(args.speed.to_string(), "2.5x");
    }
}
