//! A replay while it lasts: driver and sampler side by side, until all is said or somebody stops it.

use std::time::Duration;

use anyhow::Result;
use record::{Event, EventKind, PlanCurve, Replay, RunWriter, Sample, WriteError};
use replay::Drive;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::MissedTickBehavior;
use wsar::Sampler;

use super::own::Own;
use super::{Prepared, books};
use crate::conduct::{INTERRUPTED, told};
use crate::desk::{self, Desk};
use crate::exit::sentence;
use crate::progress::{Progress, grouped};
use crate::replay::arguments::DriveArgs;

/// What runs.
struct Live {
    drive: Drive,
    own: Option<Own>,
    writer: RunWriter,
    replay: Replay,
    sampler: Sampler,
    progress: Progress,
    clock: reactor::Clock,
    desk: Desk,
    sent_before: (u64, u64),
    /// What is to be told of rules that were for nobody.
    unfitting: Option<String>,
}

/// Drives, and leaves a run folder behind. Returns what broke it off where that folder cannot even say so.
///
/// # Errors
/// Nothing was driven.
pub(super) async fn run(args: &DriveArgs, prepared: Prepared) -> Result<Option<anyhow::Error>> {
    // Both before the first thread parts from the descriptor table.
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let speeds = (prepared.options.connect_speed, prepared.options.think_speed);
    let (desk, knobs_at) = args.conduct.desk(speeds).await?;
    let sampler = sampler(prepared.own.as_ref());
    let drive = Drive::start(&prepared.options)?;
    let planned = drive.planned();
    let curve = PlanCurve {
        connections: planned.open_a_second.clone(),
        messages: planned.sends_a_second.clone(),
        copies: planned.sends_a_second.clone(),
        ..PlanCurve::default()
    };
    let length_s = planned.length_ns / 1_000_000_000;
    let progress = Progress::new(args.conduct.quiet, length_s);
    progress.say(&format!(
        "{}: {} sessions, {} sends, {length_s} s; run folder {}",
        args.capture.display(),
        grouped(planned.sessions as f64),
        grouped(planned.sends as f64),
        prepared.folder.display()
    ));
    let course = (drive.planned(), drive.picked());
    let unfitting = books::unfitting(args, &prepared.options, drive.picked());
    let replay = books::begun(args, &prepared.recorded, &prepared.options, course);
    let written = RunWriter::create(&prepared.folder, &prepared.manifest, &curve)
        .and_then(|writer| begin(writer, &replay, &prepared));
    let writer = match written {
        Ok(writer) => writer,
        Err(error) => {
            drive.stop();
            return Err(error.into());
        }
    };
    let mut live = Live {
        drive,
        own: prepared.own,
        writer,
        replay,
        sampler,
        progress,
        clock: prepared.options.clock,
        desk,
        sent_before: (0, 0),
        unfitting,
    };
    if let Some(address) = knobs_at {
        live.note(0, EventKind::Note, "knobs", &desk::told(address))?;
    }
    let interrupted = tokio::select! {
        watched = live.watch() => watched.map(|()| false),
        _ = interrupt.recv() => Ok(true),
        _ = terminate.recv() => Ok(true),
    };
    let ended = match interrupted {
        Ok(interrupted) => live.finish(interrupted).await,
        Err(error) => Err(error),
    };
    if let Some(own) = live.own.take() {
        own.end().await;
    }
    Ok(ended.err().and_then(|error| live.give_up(error)))
}

impl Live {
    /// Samples once a second until the replay ends.
    async fn watch(&mut self) -> Result<()> {
        let first = tokio::time::Instant::now() + Duration::from_secs(1);
        let mut second = tokio::time::interval_at(first, Duration::from_secs(1));
        second.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut look = tokio::time::interval(Duration::from_millis(20));
        look.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            tokio::select! {
                _ = look.tick() => {
                    if self.drive.has_finished() {
                        return Ok(());
                    }
                    self.turn_knobs()?;
                }
                _ = second.tick() => {
                    let sample = self.sample().await;
                    self.show(&sample);
                    self.writer.sample(&sample)?;
                }
            }
        }
    }

    /// Follows what was turned at the desk.
    fn turn_knobs(&mut self) -> Result<()> {
        for turn in self.desk.take_turns() {
            self.drive.change_speeds(turn.speeds.0, turn.speeds.1);
            self.note(self.t_ms(), EventKind::Knob, turn.name, &turn.detail)?;
        }
        Ok(())
    }

    async fn sample(&mut self) -> Sample {
        let mut sample = self.sampler.sample(self.t_ms());
        if let Some(own) = &self.own {
            own.sample(&mut sample).await;
        }
        books::sample(&mut sample, &self.drive.figures(), self.drive.take_timings());
        books::add_findings(&mut self.replay, &self.drive);
        sample
    }

    fn show(&mut self, sample: &Sample) {
        let counts = self.drive.figures().tally;
        let (sent, t_ms) = (counts.sent, sample.t_ms);
        let (before, before_ms) = std::mem::replace(&mut self.sent_before, (sent, t_ms));
        let rate = (sent - before) as f64 / ((t_ms - before_ms).max(1) as f64 / 1e3);
        let late = sample
            .histograms
            .get(record::name::replay::LATENESS)
            .map_or(0, |histogram| histogram.quantile_us(0.99));
        let answers = counts.answers;
        let line = format!(
            "{} open  {} of {} sent  {}/s  {late} us late (p99)  {} answers as recorded, {} not  {} failed",
            grouped(counts.open as f64),
            grouped(sent as f64),
            grouped(self.replay.sends.planned as f64),
            grouped(rate),
            grouped((answers.identical + answers.masked) as f64),
            grouped((answers.different + answers.missing + answers.extra) as f64),
            grouped(counts.failures() as f64),
        );
        self.progress.show_line(t_ms, line);
    }

    async fn finish(&mut self, interrupted: bool) -> Result<()> {
        self.drive.stop();
        let joined = self.drive.join();
        let sample = self.sample().await;
        self.progress.finish();
        self.writer.sample(&sample)?;
        let t_ms = sample.t_ms;
        books::ended(
            &mut self.replay,
            &self.drive.figures().tally,
            &self.drive.rhythm(),
        );
        self.writer.replay(&self.replay)?;
        if let Err(error) = joined {
            self.note(t_ms, EventKind::Invalid, "replay", &error.to_string())?;
        }
        if interrupted {
            let (kind, name, what) = INTERRUPTED;
            self.note(t_ms, kind, name, what)?;
        }
        if self.drive.was_stopped_by_failure() {
            let what = "a session failed, and --on-failure stop was given";
            self.note(t_ms, EventKind::Note, "stopped", what)?;
        }
        if let Some(what) = self.unfitting.take() {
            self.note(t_ms, EventKind::Note, "rules", &what)?;
        }
        for (kind, name, what) in books::failures(&self.drive.figures().tally) {
            self.note(t_ms, kind, name, &what)?;
        }
        for (kind, name, what) in books::first_findings(&self.replay) {
            self.note(t_ms, kind, name, &what)?;
        }
        Ok(())
    }

    /// Ends a replay that broke, mostly because its folder cannot be written any more. Returns the error where that cannot
    /// be written down either.
    fn give_up(&mut self, error: anyhow::Error) -> Option<anyhow::Error> {
        self.drive.stop();
        self.progress.finish();
        let why = format!("The replay broke off: {}.", sentence(&error));
        let noted = self.note(self.t_ms(), EventKind::Invalid, "broke off", &why);
        noted.err().map(|_| error)
    }

    fn note(&mut self, t_ms: u64, kind: EventKind, name: &str, detail: &str) -> Result<()> {
        self.writer
            .event(&told(&self.progress, t_ms, kind, name, detail))?;
        Ok(())
    }

    fn t_ms(&self) -> u64 {
        self.clock.now_us().saturating_sub(self.drive.begin_us()) / 1000
    }
}

/// Watches this process, and the server's where it is the replay's own.
fn sampler(own: Option<&Own>) -> Sampler {
    let mut watches = vec![("swarm".to_owned(), std::process::id())];
    watches.extend(own.and_then(Own::pid).map(|pid| ("server".to_owned(), pid)));
    Sampler::new(watches)
}

/// Writes down what is known before the first connect: what is to be driven, and what of the capture is not.
fn begin(mut writer: RunWriter, replay: &Replay, prepared: &Prepared) -> Result<RunWriter, WriteError> {
    writer.replay(replay)?;
    let of_capture = prepared
        .recorded
        .notes()
        .into_iter()
        .map(|note| ("capture", note));
    let refused = prepared.refused.clone().map(|note| ("provision", note));
    for (name, detail) in of_capture.chain(refused) {
        writer.event(&Event {
            t_ms: 0,
            kind: EventKind::Note,
            name: name.to_owned(),
            detail,
        })?;
    }
    Ok(writer)
}
