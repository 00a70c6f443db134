//! `teem run`: a scenario from its file to its verdict.

pub(crate) mod child;
mod foresight;
mod live;
pub(crate) mod replays;
mod sampling;
pub(crate) mod target;
mod vigil;

use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, bail};
use record::{MANIFEST_SCHEMA, Manifest, RunWriter, Step};
use scenarios::{Plan, Scenario};

use crate::carriage::recorded;
use crate::cli::{RunArgs, TransportArg};
use crate::exit::Outcome;
use crate::{host, lab, scenario};
use replays::Replays;

/// Everything that is settled before anything starts.
pub(crate) struct Prepared {
    pub(crate) scenario: Scenario,
    pub(crate) plan: Plan,
    /// Captures to be driven beside the swarm.
    pub(super) replays: Replays,
    pub(crate) folder: PathBuf,
    pub(crate) manifest: Manifest,
}

/// Runs a scenario, or plots its plan.
pub(crate) fn run(args: &RunArgs) -> Result<Outcome> {
    let scenario = resolve(args)?;
    // Before a lab is made, which a run of millions may do to travel by packets.
    behaved(args, &scenario, args.transport(scenario.plan()?.connections()))?;
    replays::check(&scenario)?;
    if let Some(outcome) = lab::enter(args, &scenario)? {
        return Ok(outcome);
    }
    let prepared = prepare(args, scenario)?;
    for notice in prepared.replays.notices(args) {
        errln!("note: {notice}");
    }
    if args.dry_run {
        return dry_run(args, &prepared);
    }
    // The swarm's shards part from this process's descriptor table: main's own numbers stay below their floor.
    reactor::raise_nofile().context("cannot raise the limit of open files")?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let folder = prepared.folder.clone();
    let broken_by = runtime.block_on(live::run(args, prepared))?;
    runtime.shutdown_background();
    Ok(args.conduct.conclude(&folder, broken_by))
}

/// The scenario with the flags applied.
fn resolve(args: &RunArgs) -> Result<Scenario> {
    let mut scenario = scenario::read(&args.scenario)?;
    if let Some(connections) = args.connections {
        scenario = scenario.with_connections(connections);
    }
    if let Some(scale) = args.time_scale {
        scenario = scenario.with_time_scale(scale);
    }
    if let Some(duration) = args.duration {
        scenario = scenario.with_duration(duration.0)?;
    }
    if let Some(seed) = args.seed {
        scenario = scenario.with_seed(seed);
    }
    scenario = scenario.with_encryption(!args.plain).with_climb(
        args.connects.map(|speed| speed as f64),
        args.hold.map(|seconds| (seconds * 1e6) as u64),
    )?;
    if !args.steps.is_empty() {
        scenario = scenario.with_steps(&args.steps)?;
    }
    if let Some(rate) = args.rate {
        scenario = scenario.with_rate(rate as f64)?;
    }
    for expr in &args.conduct.threshold {
        scenario = scenario.with_threshold(expr, false)?;
    }
    Ok(scenario)
}

fn prepare(args: &RunArgs, scenario: Scenario) -> Result<Prepared> {
    let transport = args.carriage(scenario.plan()?.connections());
    if args.loss.is_some() && transport == TransportArg::Kernel {
        bail!("--loss needs --transport packet: the kernel's own packets are not ours to lose");
    }
    behaved(args, &scenario, transport)?;
    if transport == TransportArg::Packet && !args.dry_run && !lab::is_inside() {
        travels().map_err(anyhow::Error::msg)?;
    }
    if args.conduct.knobs.is_some() && scenario.replay.is_empty() {
        bail!(
            "--knobs turns the speeds of replays, and `{}` has none",
            scenario.name
        );
    }
    let limits = wsar::limits();
    let scenario = fitted(args, scenario, transport, &limits)?;
    let plan = scenario.plan()?;
    if let Some(notice) = (!args.plain)
        .then(|| host::handshakes(&plan.curve().connections))
        .flatten()
    {
        errln!("note: {notice}");
    }
    let end_s = plan.duration_us() as f64 / 1e6;
    if let Some(at_s) = args.kill_server_at.iter().find(|at_s| **at_s >= end_s) {
        bail!("--kill-server-at {at_s}: the plan ends at {end_s} s");
    }
    let started_unix_ms = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_millis() as u64);
    let folder = args.conduct.folder(&scenario.name, started_unix_ms)?;
    let manifest = Manifest {
        started_unix_ms,
        transport: recorded(transport),
        steps: steps(&plan),
        limits,
        ..manifest(args, &scenario)?
    };
    Ok(Prepared {
        replays: Replays::read(args, &scenario, &plan)?,
        scenario,
        plan,
        folder,
        manifest,
    })
}

/// Whether packets can travel outside a lab: through a device, and in a subnet that is nobody else's.
fn travels() -> Result<(), String> {
    let host = ::lab::Host::default();
    ::lab::check_tun(&host)?;
    ::lab::check_subnet(&host)
}

/// Refuses misfits that the transport cannot make.
fn behaved(args: &RunArgs, scenario: &Scenario, transport: TransportArg) -> Result<()> {
    if scenario.misfit.is_empty() || args.dry_run || transport == TransportArg::Packet {
        return Ok(());
    }
    bail!(
        "the misfits of `{}` need --transport packet: the kernel's own connections behave",
        scenario.name
    )
}

/// The scenario as this host can hold it, where the run brings its own server.
fn fitted(
    args: &RunArgs,
    scenario: Scenario,
    transport: TransportArg,
    limits: &record::Limits,
) -> Result<Scenario> {
    if args.dry_run || args.target.is_some() {
        return Ok(scenario);
    }
    let planned = scenario.plan()?.connections();
    let room = host::room(limits, transport.into(), !args.plain);
    let (connections, notice) = host::fit(planned, args.connections.is_some(), &room)?;
    Ok(match notice {
        None => scenario,
        Some(notice) => {
            errln!("note: {notice}");
            scenario.with_connections(connections)
        }
    })
}

/// What is known of a run from its flags and its scenario.
fn manifest(args: &RunArgs, scenario: &Scenario) -> Result<Manifest> {
    Ok(Manifest {
        schema: MANIFEST_SCHEMA.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        command: std::env::args().collect(),
        scenario: scenario.name.clone(),
        title: scenario.title.clone(),
        resolved: scenario.resolved()?,
        seed: scenario.seed,
        started_unix_ms: 0,
        dry_run: args.dry_run,
        target: args
            .target
            .clone()
            .unwrap_or_else(|| "the reference server, started by this run".to_owned()),
        durability: args
            .target
            .is_none()
            .then(|| durability(args, scenario).to_owned()),
        transport: record::Transport::Kernel,
        encryption: !args.plain,
        steps: Vec::new(),
        thresholds: scenario
            .thresholds
            .iter()
            .map(|threshold| threshold.expr.clone())
            .collect(),
        host: wsar::host_facts(),
        limits: record::Limits::default(),
    })
}

/// The steps of a climb, for the report.
fn steps(plan: &Plan) -> Vec<Step> {
    let step = |step: scenarios::ClimbStep| Step {
        connections: step.connections,
        from_ms: step.from_us / 1000,
        settle_ms: step.settle_us / 1000,
        hold_from_ms: step.hold_us.start / 1000,
        hold_until_ms: step.hold_us.end / 1000,
    };
    plan.climb_steps().into_iter().map(step).collect()
}

/// The durability of the server that the run starts: the flag's, or the scenario's.
pub(crate) fn durability(args: &RunArgs, scenario: &Scenario) -> &'static str {
    match (args.durability, scenario.server.durability) {
        (Some(flag), _) => flag.name(),
        (None, scenarios::Durability::Memory) => "memory",
        (None, scenarios::Durability::Async) => "async",
        (None, scenarios::Durability::Commit) => "commit",
    }
}

fn dry_run(args: &RunArgs, prepared: &Prepared) -> Result<Outcome> {
    let Prepared {
        plan,
        replays,
        folder,
        manifest,
        ..
    } = prepared;
    let mut curve = plan.curve();
    replays.plan(&mut curve);
    RunWriter::create(folder, manifest, &curve)?;
    let summary = reports::render(folder)?;
    if args.conduct.json {
        outln!("{}", serde_json::to_string_pretty(&summary)?);
    } else {
        outln!(
            "planned: {} connections, {:.0} s, about {:.0} messages",
            plan.connections(),
            plan.duration_us() as f64 / 1e6,
            plan.expected_messages()
        );
        outln!("{}", folder.join("report.html").display());
    }
    Ok(Outcome::Passed)
}
