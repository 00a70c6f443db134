//! The replays of a scenario: captures read before anything starts, driven beside the swarm, counted together.
//!
//! A `[[replay]]` is a command line of `teem replay` whose target is the run's, and whose people are numbers below the
//! swarm's. What is driven, and how, is `teem replay`'s to know.

mod readied;
mod together;

use std::path::Path;

use anyhow::Result;
use reactor::Clock;
use record::{EventKind, PlanCurve, Replay, ReplayChat, Sample};
use replay::{Drive, Figures, Speed, Timings};
use scenarios::{Plan, Scenario};

use super::target::Target;
use crate::cli::{PROVISIONED_BASE, RunArgs};
use crate::replay::drive::books;
use readied::Readied;
pub(crate) use readied::check;
use together::Together;

/// How long replays may go on after the swarm's end.
const GRACE_US: u64 = 5_000_000;

/// All replays of a run.
pub(crate) struct Replays {
    readied: Vec<Readied>,
    /// Of those that have begun, in the same order.
    drives: Vec<Option<Drive>>,
    /// Differences are kept here as they come.
    records: Vec<Replay>,
    /// How many numbers below the swarm's are theirs.
    numbers: u64,
    /// When the swarm ended, if it has.
    alone_since_us: Option<u64>,
}

impl Replays {
    /// Reads the captures.
    ///
    /// # Errors
    /// A mistake of the scenario, with its place: a file that cannot be read, a capture with nothing to drive, a replay that
    /// ends after the schedule.
    pub(super) fn read(args: &RunArgs, scenario: &Scenario, plan: &Plan) -> Result<Self> {
        let mut readied = Vec::new();
        let mut numbers = 0;
        for (settings, at_us) in scenario.replay.iter().zip(plan.replays_at_us()) {
            let mut one = Readied::read(args, settings, scenario, at_us)?;
            let end_us = at_us + one.planned.length_ns / 1_000;
            if end_us > plan.duration_us() {
                let message = format!(
                    "the replay begins at {:.1} s of the run and takes {:.1} s: it ends after the schedule, which lasts {:.1} s",
                    at_us as f64 / 1e6,
                    one.planned.length_ns as f64 / 1e9,
                    plan.duration_us() as f64 / 1e6
                );
                return Err(settings.capture.mistake(message).into());
            }
            numbers = one.settle(numbers)?;
            readied.push(one);
        }
        Ok(Self {
            drives: readied.iter().map(|_| None).collect(),
            records: readied.iter().map(Readied::record).collect(),
            readied,
            numbers,
            alone_since_us: None,
        })
    }

    /// Whether there are any.
    pub(super) fn are_there(&self) -> bool {
        !self.readied.is_empty()
    }

    /// How many numbers below the swarm's they need at the target.
    pub(super) fn numbers(&self) -> u64 {
        self.numbers
    }

    /// Their sessions open at once, at the most.
    pub(super) fn connections(&self) -> u64 {
        let open = |one: &Readied| match one.goes_to_the_run() {
            true => one.planned.open_at_once,
            false => 0,
        };
        self.readied.iter().map(open).sum()
    }

    /// Adds what is planned of them to a plan.
    pub(super) fn plan(&self, curve: &mut PlanCurve) {
        let add = |sum: &mut Vec<u64>, at_s: usize, more: &[u64]| {
            if sum.len() < at_s + more.len() {
                sum.resize(at_s + more.len(), 0);
            }
            sum[at_s..]
                .iter_mut()
                .zip(more)
                .for_each(|(sum, more)| *sum += more);
        };
        for one in &self.readied {
            let at_s = (one.at_us / 1_000_000) as usize;
            add(&mut curve.replay_sends, at_s, &one.planned.sends_a_second);
            add(&mut curve.replay_sessions, at_s, &one.planned.open_a_second);
        }
        if self.are_there() {
            let seconds = curve.connections.len().max(1);
            curve.replay_sends.resize(seconds, 0);
            curve.replay_sessions.resize(seconds, 0);
        }
    }

    /// What a user is to know before they begin, a sentence each.
    pub(super) fn notices(&self, args: &RunArgs) -> Vec<String> {
        let mut notices: Vec<String> = self.readied.iter().flat_map(Readied::notices).collect();
        if args.target.is_some() && self.numbers > 0 {
            notices.push(format!(
                "the replay's people are the numbers from {} to {}: the target has to know them (teem serve --provisioned, \
                 --provisioned-base, --apart)",
                PROVISIONED_BASE - self.numbers,
                PROVISIONED_BASE - 1
            ));
        }
        notices
    }

    /// What is known of them so far, as `replay.json` has it.
    pub(super) fn record(&self) -> Replay {
        together::of(&self.records)
    }

    /// Begins what is due. Returns a sentence for each that could not.
    pub(super) fn begin_due(&mut self, now_us: u64, target: &Target, clock: Clock) -> Vec<String> {
        let mut failed = Vec::new();
        for (place, one) in self.readied.iter_mut().enumerate() {
            if self.drives[place].is_some() || one.is_given_up || one.at_us > now_us {
                continue;
            }
            let options = one.options(target, clock, place as u32 + 1);
            match options.and_then(|options| Ok(Drive::start(&options)?)) {
                Ok(drive) => {
                    if let Some((connect, think)) = one.turned {
                        drive.change_speeds(connect, think);
                    }
                    self.drives[place] = Some(drive);
                }
                Err(error) => {
                    one.is_given_up = true;
                    failed.push(format!("{} could not be driven: {error:#}", one.name()));
                }
            }
        }
        failed
    }

    /// The speeds of the first: of connects, and of think times.
    pub(super) fn speeds(&self) -> (Speed, Speed) {
        self.readied
            .first()
            .map_or((Speed::RECORDED, Speed::RECORDED), Readied::speeds)
    }

    /// Goes on at other speeds, those that have begun and those that have not.
    pub(super) fn change_speeds(&mut self, speeds: (Speed, Speed)) {
        for (one, drive) in self.readied.iter_mut().zip(&self.drives) {
            match drive {
                Some(drive) => drive.change_speeds(speeds.0, speeds.1),
                None => one.turned = Some(speeds),
            }
        }
    }

    /// Adds a second's figures to a sample.
    pub(super) fn sample(&mut self, sample: &mut Sample) {
        if !self.are_there() {
            return;
        }
        let (mut figures, mut timings) = (Figures::default(), Timings::default());
        for (drive, record) in self.drives.iter().zip(&mut self.records) {
            let Some(drive) = drive else { continue };
            figures.add(drive.figures());
            timings.add(&drive.take_timings());
            books::add_findings(record, drive);
        }
        books::sample(sample, &figures, timings);
    }

    /// Whether there is nothing left to wait for, the swarm having ended.
    pub(super) fn are_over(&mut self, now_us: u64) -> bool {
        let since_us = *self.alone_since_us.get_or_insert(now_us);
        let is_over = |(one, drive): (&Readied, &Option<Drive>)| {
            one.is_given_up || drive.as_ref().is_some_and(Drive::has_finished)
        };
        now_us >= since_us + GRACE_US || self.readied.iter().zip(&self.drives).all(is_over)
    }

    /// Ends them all now; does not wait.
    pub(super) fn stop(&self) {
        self.drives.iter().flatten().for_each(Drive::stop);
    }

    /// Waits for their ends, and says what came of them: `replay.json`, and events with their kinds, names and sentences.
    pub(super) fn finish(&mut self) -> (Replay, Vec<(EventKind, &'static str, String)>) {
        self.stop();
        let mut events = Vec::new();
        for ((one, drive), record) in self.readied.iter().zip(&mut self.drives).zip(&mut self.records) {
            let Some(drive) = drive else {
                one.never_began(record);
                continue;
            };
            if let Err(error) = drive.join() {
                events.push((EventKind::Invalid, "replay", format!("{}: {error}", one.name())));
            }
            let counts = drive.figures().tally;
            events.extend(books::failures(&counts));
            books::add_findings(record, drive);
            books::ended(record, &counts, &drive.rhythm());
            let [said, to_groups, accepted, refused] = counts.messages;
            record.chat = one.goes_to_the_run().then_some(ReplayChat {
                said,
                to_groups,
                accepted,
                refused,
            });
        }
        let mut replay = self.record();
        if let [_, _, ..] = self.records.as_slice() {
            books::set_gaps(&mut replay, &together::rhythm(self.drives.iter().flatten()));
        }
        (replay, events)
    }
}

/// The folder that a scenario's files are relative to; none of the library's has any.
pub(crate) fn folder_of(scenario: &str) -> &Path {
    Path::new(scenario).parent().unwrap_or(Path::new(""))
}
