//! Accounts first: everybody registers, and the rules' requests are made, before what was recorded is driven.
//!
//! It is a replay of its own, of a recording that is made up; nothing of it is in the run's books.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use loadgen::pins::{Begin, Pins};
use replay::{
    Cause, Clones, Differing, Drive, DriveOptions, OnFailure, Order, People, Picked, Recording, Rules,
    Selection, Speed,
};

use crate::progress::grouped;

/// PINs that may lie ready.
const PINS_MAX: usize = 1 << 16;
/// Who is provisioned at a time: the target is to be asked, not tried.
const AT_ONCE: u32 = 500;
/// How often it is looked whether all is done.
const LOOK: Duration = Duration::from_millis(20);

/// Where PINs come from, as long as this lives.
pub(super) struct Registry {
    /// Held to the end on this thread: see [`Rules::with_pins`].
    _pins: Pins,
}

impl Registry {
    /// Tails the file of the target's SMS sink from here on.
    pub(super) fn open(rules: Rules, file: PathBuf) -> (Self, Rules) {
        let pins = Pins::tail(file, Begin::End, PINS_MAX);
        (Self { _pins: pins.clone() }, rules.with_pins(pins))
    }
}

/// The file that a sink's name names.
///
/// # Errors
/// It is no file.
pub(super) fn file_of(sink: &str) -> Result<&Path> {
    let file = sink.strip_prefix("file:").unwrap_or(sink);
    if file.starts_with("http://") || file.is_empty() {
        bail!(
            "--pins {sink}: expected the file that the target's SMS sink writes (teem serve --sms file:PATH)"
        );
    }
    Ok(Path::new(file))
}

/// Gives everybody an account, and makes the rules' requests. Returns what is to be told of requests that were refused.
///
/// # Errors
/// There is nobody and nothing to do so for, somebody did not get an account of chat, or none of the requests was granted.
pub(super) async fn everybody(options: &DriveOptions) -> Result<Option<String>> {
    let recording = &options.recording;
    let picked = Picked::of(recording, &options.selection);
    let people = People::of(recording, &picked.sessions)?;
    let registrations = people.registrations(recording)?;
    let requests = options.rules.requests(recording, &picked.sessions)?;
    if registrations.is_none() && requests.is_none() {
        bail!(
            "--provision: nobody chats in the sessions that are driven, and no [[provision]] request of a file of rules is for \
             one of their servers of HTTP: leave it out"
        );
    }
    if let Some(registrations) = registrations {
        let wanted = u64::from(options.clones.count) * u64::from(options.clones.loops) * people.count();
        drive(
            options,
            registrations,
            Arc::clone(&options.rules),
            "registering everybody",
        )
        .await?;
        let given = options.rules.accounts();
        if given < wanted {
            bail!(
                "--provision: {} of {} people got no account: the target refused them, or their PINs did not come (--pins)",
                grouped((wanted - given) as f64),
                grouped(wanted as f64)
            );
        }
    }
    if let Some((requests, rules)) = requests {
        let done = drive(options, requests, Arc::new(rules), "making the rules' requests").await?;
        let granted = done.figures().tally.answers;
        let granted = granted.identical + granted.masked;
        return refused(done.planned().sends, granted, &done.take_differences());
    }
    Ok(None)
}

/// What is to be told of requests that were not granted: `None` where all were.
///
/// # Errors
/// None was.
fn refused(made: u64, granted: u64, differing: &[Differing]) -> Result<Option<String>> {
    if granted >= made {
        return Ok(None);
    }
    let first = differing.first().map_or_else(String::new, |differing| {
        let answer = differing.difference.actual.lines().next().unwrap_or_default();
        format!("; the first such answer begins {answer}")
    });
    let told = format!(
        "--provision: {} of {} requests were not granted: the target answered 400 or more, or nothing{first}",
        grouped((made - granted) as f64),
        grouped(made as f64)
    );
    if granted == 0 {
        bail!("{told}");
    }
    Ok(Some(told))
}

async fn drive(options: &DriveOptions, recording: Recording, rules: Arc<Rules>, what: &str) -> Result<Drive> {
    let options = DriveOptions {
        recording: Arc::new(recording),
        rules,
        selection: Selection::default(),
        connect_speed: Speed::Max,
        think_speed: Speed::Max,
        order: Order::Causal,
        clones: Clones {
            spread_ns: 0,
            ..options.clones
        },
        on_failure: OnFailure::Continue,
        at_once: Some(options.at_once.unwrap_or(AT_ONCE).min(AT_ONCE)),
        ..options.clone()
    };
    let mut drive = Drive::start(&options).with_context(|| format!("--provision: {what}"))?;
    while !drive.has_finished() {
        tokio::time::sleep(LOOK).await;
    }
    drive.join()?;
    let counts = drive.figures().tally;
    let failed = counts.failures();
    if failed > 0 {
        let causes = Cause::ALL
            .iter()
            .zip(counts.failed)
            .filter(|(_, count)| *count > 0);
        let causes: Vec<String> = causes
            .map(|(cause, count)| format!("{count} {}", cause.name()))
            .collect();
        bail!(
            "--provision: {what}: {failed} of {} did not come to their end: {}",
            drive.planned().sessions,
            causes.join(", ")
        );
    }
    Ok(drive)
}
