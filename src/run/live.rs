//! A run while it lasts: server, swarm, storm and sampler side by side, until the plan ends or somebody stops it.

mod end;
mod http;

use std::time::Duration;

use anyhow::Result;
use loadgen::storm::StormChild;
use loadgen::upload::HttpService;
use loadgen::{Carrier, Leaving, Population, Returns, Swarm, SwarmOptions};
use reactor::Clock;
use record::{Event, EventKind, RunWriter, Sample, Step};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::MissedTickBehavior;
use wire::chat::Number;

use self::end::End;
use super::Prepared;
use super::foresight::Foresight;
use super::sampling::{ASKED_MOST, Sampling};
use super::target::Target;
use super::vigil::Vigil;
use crate::carriage::carrier;
use crate::cli::RunArgs;
use crate::conduct::told;
use crate::desk::{self, Desk};
use crate::progress::{Progress, grouped};

/// Connections that each shard of a swarm on packets may have on their way to a welcome: two shards do what dozens do
/// on kernel sockets, and at millions a log-in takes a third of a second.
const CONNECTING_MAX: u32 = 20_000;
/// The same under TLS, where they make some thousands a second: more on their way would only wait longer, beyond the
/// patience of a log-in all that was spent on them is lost, and what a handshake holds would leave the caches between
/// two of its flights (a shard's 512 take some 3 MB; at 4,000 a handshake costs up to a tenth more).
const CONNECTING_TLS_MAX: u32 = 512;

/// What runs.
struct Live<'a> {
    args: &'a RunArgs,
    prepared: Prepared,
    writer: RunWriter,
    clock: Clock,
    target: Target,
    sampling: Sampling,
    progress: Progress,
    pending_marks: Vec<Event>,
    pending_kills_us: Vec<u64>,
    desk: Desk,
    storm: Option<StormChild>,
    storm_is_due: bool,
    climb: Climb,
    vigil: Vigil,
}

/// What is left of a climb.
#[derive(Default)]
struct Climb {
    /// Steps whose hold has not ended, the last first.
    steps: Vec<Step>,
    /// A sample from before the first connect.
    before: Sample,
}

/// Runs, and leaves a run folder behind. Returns what broke the run off where that folder cannot even say so.
///
/// # Errors
/// Nothing ran.
pub(super) async fn run(args: &RunArgs, prepared: Prepared) -> Result<Option<anyhow::Error>> {
    let mut curve = prepared.plan.curve();
    prepared.replays.plan(&mut curve);
    let progress = Progress::new(args.conduct.quiet, prepared.plan.duration_us() / 1_000_000);
    progress.say(&format!(
        "{}: {} connections, {} s; run folder {}",
        prepared.scenario.name,
        grouped(prepared.plan.connections() as f64),
        prepared.plan.duration_us() / 1_000_000,
        prepared.folder.display()
    ));
    // A target that refuses leaves no folder behind; but a server of our own may fill the disk with its store, so what says
    // so later is there before it.
    let create = || RunWriter::create(&prepared.folder, &prepared.manifest, &curve);
    let (target, writer) = if args.target.is_some() {
        (Target::open(args, &prepared).await?, create()?)
    } else {
        let writer = create()?;
        (Target::open(args, &prepared).await?, writer)
    };
    let sampling = Sampling::new(&target);
    let vigil = Vigil::new(
        prepared.manifest.clone(),
        curve.clone(),
        &prepared.scenario.thresholds,
    );
    let mut pending_marks = curve.marks;
    pending_marks.sort_by_key(|mark| std::cmp::Reverse(mark.t_ms));
    let mut pending_kills_us: Vec<u64> = args
        .kill_server_at
        .iter()
        .map(|second| (second * 1e6) as u64)
        .collect();
    pending_kills_us.sort_by_key(|at_us| std::cmp::Reverse(*at_us));
    let (desk, knobs_at) = args.conduct.desk(prepared.replays.speeds()).await?;
    let mut live = Live {
        storm_is_due: prepared.plan.storm().is_some() && target.http.is_some() && target.pins.is_some(),
        args,
        prepared,
        writer,
        clock: Clock::start(),
        target,
        sampling,
        progress,
        pending_marks,
        pending_kills_us,
        desk,
        storm: None,
        climb: Climb::default(),
        vigil,
    };
    if let Some(address) = knobs_at {
        live.note(0, EventKind::Note, "knobs", &desk::told(address))?;
    }
    live.drive().await
}

impl Live<'_> {
    async fn drive(&mut self) -> Result<Option<anyhow::Error>> {
        self.begin_climb().await?;
        let returns = Returns::default();
        let (http, queue) = match self.start_http(&returns)? {
            Some((service, queue)) => (Some(service), Some(queue)),
            None => (None, None),
        };
        let base = Number::new(self.target.base)?;
        let population = Population::new(base, self.prepared.plan.users(), self.target.secret.clone())?;
        let plan = self.prepared.plan.clone();
        if self.prepared.replays.are_there() {
            self.writer.replay(&self.prepared.replays.record())?;
        }
        let mut options = SwarmOptions::new(vec![self.target.chat], plan, population, self.clock);
        options.carrier = carrier(
            self.args.carriage(self.prepared.plan.connections()),
            self.args.loss.unwrap_or(0.0),
        )?;
        if options.carrier != Carrier::Kernel {
            let under_tls = self.target.tls.is_some();
            options.connecting_max = if under_tls {
                CONNECTING_TLS_MAX
            } else {
                CONNECTING_MAX
            };
        }
        // Its own server is stopped next, and resets what is left.
        if self.target.child.is_some() {
            options.leaving = Leaving::Silent;
        }
        options.tls = self.target.tls.clone();
        options.http = queue;
        options.returns = returns;
        let swarm = Swarm::start(options)?;
        let begin_us = swarm.begin_us();
        let ended = match self.watch(&swarm, http.as_ref(), begin_us).await {
            Ok(end) => self.finish(swarm, http, begin_us, end).await,
            Err(error) => {
                swarm.stop();
                self.prepared.replays.stop();
                Err(error)
            }
        };
        match ended {
            Ok(()) => Ok(None),
            Err(error) => Ok(self.give_up(begin_us, error).await),
        }
    }

    /// Samples once a second until the run ends.
    async fn watch(&mut self, swarm: &Swarm, http: Option<&HttpService>, begin_us: u64) -> Result<End> {
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let first = tokio::time::Instant::now() + Duration::from_secs(1);
        let mut second = tokio::time::interval_at(first, Duration::from_secs(1));
        second.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut look = tokio::time::interval(Duration::from_millis(20));
        look.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            tokio::select! {
                _ = interrupt.recv() => return Ok(End::Interrupted),
                _ = terminate.recv() => return Ok(End::Interrupted),
                _ = look.tick() => {
                    let now_us = self.since_us(begin_us);
                    if swarm.finished() && self.prepared.replays.are_over(now_us) {
                        return Ok(End::Finished);
                    }
                    self.act(now_us).await?;
                }
                _ = second.tick() => {
                    let t_ms = self.since_us(begin_us) / 1000;
                    let mut sample = self.sampling.take(t_ms, &self.target, swarm, http).await;
                    self.prepared.replays.sample(&mut sample);
                    self.progress.show(&sample);
                    self.writer.sample(&sample)?;
                    if let Some(why) = self.target.child.as_mut().and_then(super::child::ServerChild::has_ended) {
                        self.note(t_ms, EventKind::Invalid, "server ended", &why)?;
                        return Ok(End::ServerGone);
                    }
                    if self.ends_step(&sample)? || self.must_abort(&sample)? {
                        return Ok(End::Finished);
                    }
                }
            }
        }
    }

    /// Does what is due: marks, kills, turns of knobs, replays, the storm.
    async fn act(&mut self, now_us: u64) -> Result<()> {
        while let Some(mark) = self.pending_marks.pop_if(|mark| mark.t_ms * 1000 <= now_us) {
            self.vigil.event(&mark);
            self.writer.event(&mark)?;
            self.progress
                .say(&format!("{:>5} s  {}", mark.t_ms / 1000, mark.name));
        }
        if self.pending_kills_us.pop_if(|at_us| *at_us <= now_us).is_some() {
            self.kill_server(now_us / 1000).await?;
        }
        for turn in self.desk.take_turns() {
            self.prepared.replays.change_speeds(turn.speeds);
            self.note(now_us / 1000, EventKind::Knob, turn.name, &turn.detail)?;
        }
        let clock = self.clock;
        for why in self.prepared.replays.begin_due(now_us, &self.target, clock) {
            self.note(now_us / 1000, EventKind::Invalid, "replay", &why)?;
        }
        let window = self
            .prepared
            .plan
            .storm()
            .filter(|storm| self.storm_is_due && storm.at_us <= now_us);
        if let Some(window) = window {
            self.storm_is_due = false;
            self.start_storm(window.users, window.duration_us, now_us / 1000)?;
        }
        Ok(())
    }

    async fn kill_server(&mut self, t_ms: u64) -> Result<()> {
        let Some(child) = &mut self.target.child else {
            return Ok(());
        };
        child.kill_and_restart().await?;
        let pid = child.ready.pid;
        self.sampling.server_restarted(pid);
        self.note(
            t_ms,
            EventKind::Fault,
            record::SERVER_KILLED,
            "the server was killed and started again on its data",
        )
    }

    /// Where the run is a climb, takes a sample before its first connect: what grows is measured from there.
    async fn begin_climb(&mut self) -> Result<()> {
        self.climb.steps = self.prepared.manifest.steps.iter().rev().copied().collect();
        if self.climb.steps.is_empty() {
            return Ok(());
        }
        // Twice, since the first asks the server over a connection that it makes, and that stays.
        self.sampling.finish(0, &self.target, ASKED_MOST).await;
        self.climb.before = self.sampling.finish(0, &self.target, ASKED_MOST).await;
        self.climb
            .before
            .gauges
            .insert(record::name::swarm::ONLINE.to_owned(), 0.0);
        let _ = self.vigil.sample(&self.climb.before);
        self.writer.sample(&self.climb.before)?;
        Ok(())
    }

    /// In the last second of a step's hold, keeps the kernel's words on its sockets. Whether the climb ends there, because
    /// the next step will not fit into memory.
    fn ends_step(&mut self, sample: &Sample) -> Result<bool> {
        let ends = |step: &mut Step| sample.t_ms + 1_000 >= step.hold_until_ms;
        let Some(step) = self.climb.steps.pop_if(ends) else {
            return Ok(false);
        };
        let name = format!("hold {}", scenarios::Count(step.connections));
        self.writer.hold(&name, &wsar::socket_text())?;
        let Some(next) = self.climb.steps.last() else {
            return Ok(false);
        };
        let foresight = Foresight::of(&self.climb.before, sample, next.connections, self.args.memory);
        let Some(why) = foresight.and_then(|foresight| foresight.shortfall()) else {
            return Ok(false);
        };
        self.note(sample.t_ms, EventKind::Interrupted, record::FORESEEN, &why)?;
        Ok(true)
    }

    /// Whether a threshold that aborts ends the run.
    fn must_abort(&mut self, sample: &Sample) -> Result<bool> {
        let Some(why) = self.vigil.sample(sample) else {
            return Ok(false);
        };
        self.note(sample.t_ms, EventKind::Interrupted, "aborted", &why)?;
        Ok(true)
    }

    /// Writes down that something is so from now on.
    fn mark(&mut self, begin_us: u64, name: &str) -> Result<()> {
        self.writer.event(&Event {
            t_ms: self.since_us(begin_us) / 1000,
            kind: EventKind::Note,
            name: name.to_owned(),
            detail: String::new(),
        })?;
        Ok(())
    }

    fn note(&mut self, t_ms: u64, kind: EventKind, name: &str, detail: &str) -> Result<()> {
        let event = told(&self.progress, t_ms, kind, name, detail);
        self.vigil.event(&event);
        self.writer.event(&event)?;
        Ok(())
    }

    fn since_us(&self, begin_us: u64) -> u64 {
        self.clock.now_us().saturating_sub(begin_us)
    }
}
