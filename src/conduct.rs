//! What a run and a replay have in common around what they drive: a folder to begin with, a desk to turn knobs at, events told and
//! written down, a verdict in the end.
//!
//! It knows flags and folders; it does not know what is driven.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use record::{Event, EventKind};
use replay::Speed;

use crate::cli::ConductArgs;
use crate::desk::Desk;
use crate::exit::{Outcome, complain};
use crate::gate::print_verdict;
use crate::progress::Progress;

/// What an interruption is called, and what it says.
pub(crate) const INTERRUPTED: (EventKind, &str, &str) =
    (EventKind::Interrupted, "interrupted", "stopped before its end");

impl ConductArgs {
    /// The run folder, which is there to be made; by default named after what it is of and when it began.
    ///
    /// # Errors
    /// It has something in it.
    pub(crate) fn folder(&self, of: &str, started_unix_ms: u64) -> Result<PathBuf> {
        let folder = match &self.out {
            Some(folder) => folder.clone(),
            None => Path::new("runs").join(format!("{of}-{}", stamp(started_unix_ms))),
        };
        check_empty(&folder)?;
        Ok(folder)
    }

    /// The desk, and where it is if somebody wants one.
    ///
    /// # Errors
    /// It cannot be there.
    pub(crate) async fn desk(&self, speeds: (Speed, Speed)) -> Result<(Desk, Option<SocketAddr>)> {
        match self.knobs {
            None => Ok((Desk::default(), None)),
            Some(address) => Desk::open(address, speeds)
                .await
                .map(|(desk, at)| (desk, Some(at))),
        }
    }

    /// Says what came of it, where it did not break off so that its folder cannot even say that.
    /// Something was driven, and where nothing can be said of it, on a full disk for one, that is no mistake in the usage.
    pub(crate) fn conclude(&self, folder: &Path, broken_by: Option<anyhow::Error>) -> Outcome {
        let concluded = match broken_by {
            None => self.render(folder),
            Some(error) => Err(error),
        };
        concluded.unwrap_or_else(|error| {
            complain(&error);
            outln!("INVALID");
            Outcome::Invalid
        })
    }

    /// Renders the report and says the verdict.
    fn render(&self, folder: &Path) -> Result<Outcome> {
        let summary = reports::render(folder)?;
        if self.json {
            outln!("{}", serde_json::to_string_pretty(&summary)?);
        } else {
            print_verdict(&summary);
            outln!("{}", folder.join("report.html").display());
        }
        Ok(summary.verdict.into())
    }
}

/// An event, told as it is made.
pub(crate) fn told(progress: &Progress, t_ms: u64, kind: EventKind, name: &str, detail: &str) -> Event {
    progress.say(&format!("{:>5} s  {name}: {detail}", t_ms / 1000));
    Event {
        t_ms,
        kind,
        name: name.to_owned(),
        detail: detail.to_owned(),
    }
}

/// Complains of a folder that holds something already.
pub(crate) fn check_empty(folder: &Path) -> Result<()> {
    let is_taken = folder
        .read_dir()
        .is_ok_and(|mut entries| entries.next().is_some());
    if is_taken {
        bail!(
            "{} is not empty: give another folder with --out",
            folder.display()
        );
    }
    Ok(())
}

/// A time fit for a folder's name, UTC: `20260131-235959`.
fn stamp(unix_ms: u64) -> String {
    let seconds = unix_ms / 1000;
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    // Civil from days (Howard Hinnant's algorithm, for years after 1970).
    let shifted = days + 719_468;
    let era_day = shifted % 146_097;
    let year_of_era = (era_day - era_day / 1_460 + era_day / 36_524 - era_day / 146_096) / 365;
    let day_of_year = era_day - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = year_of_era + shifted / 146_097 * 400 + u64::from(month <= 2);
    format!(
        "{year:04}{month:02}{day:02}-{:02}{:02}{:02}",
        second / 3600,
        second / 60 % 60,
        second % 60
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_are_civil_dates() {
        assert_eq!(stamp(0), "19700101-000000");
        assert_eq!(stamp(951_782_399_000), "20000228-235959");
        assert_eq!(stamp(951_782_400_000), "20000229-000000");
        assert_eq!(stamp(1_795_359_599_000), "20261122-145959");
    }
}
