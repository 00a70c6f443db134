//! `teem replay CAPTURE --target HOST:PORT`: recorded clients say it all again, and a run folder says how that went.

pub(crate) mod books;
mod captured;
mod live;
mod manifest;
mod own;
mod provision;
mod targets;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, bail};
use loadgen::Carrier;
use reactor::Clock;
use record::{Manifest, Threshold};
use replay::{
    Clones, DriveError, DriveOptions, Flow, OnFailure, Order, People, Picked, Recording, Rules, Selection,
    Speed,
};

use self::own::Own;
use self::provision::Registry;
use super::arguments::{DriveArgs, OnFailureArg, ServeArg};
use super::part::Part;
use super::source::{self, Recorded};
use crate::cli::TransportArg;
use crate::exit::Outcome;
use crate::serve::read_secret;
use crate::{carriage, lab};

/// People at most: each is another one.
const PEOPLE_MAX: u64 = 1 << 31;

/// Everything that is settled before anything is driven.
struct Prepared {
    recorded: Recorded,
    options: DriveOptions,
    manifest: Manifest,
    folder: PathBuf,
    own: Option<Own>,
    /// What is to be told of requests that were to be made first.
    refused: Option<String>,
    _registry: Option<Registry>,
}

/// Drives a capture again, or cuts a session out of it.
pub(super) fn drive(args: &DriveArgs) -> Result<Outcome> {
    check(args)?;
    let recorded = source::recorded(&args.capture, args.keys.as_deref(), wanted(args)?)?;
    if let Some(outcome) = enter(args, &recorded.recording)? {
        return Ok(outcome);
    }
    for note in recorded.notes() {
        errln!("note: {}: {note}", args.capture.display());
    }
    if let Some([flow, file]) = args.cut.as_deref() {
        return cut(&recorded, number(flow)?, Path::new(file));
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let prepared = runtime.block_on(prepare(args, recorded))?;
    let folder = prepared.folder.clone();
    let broken_by = runtime.block_on(live::run(args, prepared))?;
    Ok(args.conduct.conclude(&folder, broken_by))
}

/// Looks for mistakes that need no capture to be seen.
fn check(args: &DriveArgs) -> Result<()> {
    if args.cut.is_some() {
        return Ok(());
    }
    if args.target.is_empty() && args.rules.is_none() && args.serve.is_none() {
        bail!(
            "--target HOST:PORT is missing: where to? (--serve starts the reference server; `teem replay inspect` only \
             looks into a capture)"
        );
    }
    if args.serve.is_some() && args.capture.as_os_str() == "-" {
        bail!("--serve: what comes through a pipe can be read only once: save it as a file first");
    }
    args.selection.check()?;
    if speeds(args).0 == Speed::Max && !args.spread.is_zero() {
        return Err(DriveError::Spread.into());
    }
    for expr in &args.conduct.threshold {
        expr.parse::<Threshold>()
            .with_context(|| format!("--threshold `{expr}`"))?;
    }
    let people = args.clones.saturating_mul(args.loops);
    if people > PEOPLE_MAX {
        bail!(
            "--clones {} --loop {}: expected {PEOPLE_MAX} people at most",
            args.clones,
            args.loops
        );
    }
    Ok(())
}

/// Goes on in a lab where both ends are the replay's own and want one. `None` where it goes on here.
fn enter(args: &DriveArgs, recording: &Recording) -> Result<Option<Outcome>> {
    let Some(serve) = args.serve.filter(|_| args.cut.is_none()) else {
        return Ok(None);
    };
    let connections = connections(args, recording);
    lab::enter_for(connections, args.transport, serve == ServeArg::Plain)
}

/// Connections at once, at the most.
fn connections(args: &DriveArgs, recording: &Recording) -> u64 {
    let sessions = Picked::of(recording, &args.selection.selection()).sessions.len() as u64;
    let most = sessions.saturating_mul(args.clones);
    most.min(args.at_once.unwrap_or(u64::MAX)).max(1)
}

/// What has to be read: to cut a session out, that one alone.
fn wanted(args: &DriveArgs) -> Result<Selection> {
    let Some([flow, _]) = args.cut.as_deref() else {
        return Ok(args.selection.selection());
    };
    let Flow(number) = number(flow)?;
    Ok(Selection {
        flows: vec![number..=number],
        ..Selection::default()
    })
}

/// The flow that is to be cut out.
fn number(flow: &str) -> Result<Flow> {
    let number = flow.parse().with_context(|| {
        format!("--cut {flow}: expected the number of a flow, as `teem replay inspect` lists it")
    })?;
    Ok(Flow(number))
}

/// Writes one session into a file of its own.
fn cut(recorded: &Recorded, flow: Flow, file: &Path) -> Result<Outcome> {
    let recording = &recorded.recording;
    let Some(index) = recording
        .sessions()
        .iter()
        .position(|session| session.flow == flow)
    else {
        bail!("--cut {}: {}", flow.0, there_are(recorded));
    };
    let (part, mut writer) = Part::begin(file)?;
    recording.tell(index, &mut writer)?;
    part.end(writer)?;
    outln!("{}", file.display());
    Ok(Outcome::Passed)
}

/// Which numbers there are to choose from, where that of a flow was none of them.
fn there_are(recorded: &Recorded) -> String {
    let flows = recorded.connections();
    let sessions = recorded.recording.sessions();
    let span = match recorded.capture() {
        // Of a capture only the flow that was asked for is kept; it numbers all from 0 on.
        Some(_) => flows.checked_sub(1).map(|last| (0, last)),
        None => {
            let numbers = sessions.iter().map(|session| session.flow.0);
            numbers.clone().min().zip(numbers.max())
        }
    };
    match span {
        None => "the capture has no flows".to_owned(),
        Some((only, last)) if only == last => format!("the capture has 1 flow, {only}"),
        Some((first, last)) => {
            format!("the capture has {flows} flows, from {first} to {last}, and none has that number")
        }
    }
}

async fn prepare(args: &DriveArgs, recorded: Recorded) -> Result<Prepared> {
    let recording = &recorded.recording;
    let started_unix_ms = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_millis() as u64);
    let folder = args.conduct.folder("replay", started_unix_ms)?;
    let rules = rules(args)?;
    let own = match args.serve {
        None => None,
        Some(serve) => {
            let picked = Picked::of(recording, &args.selection.selection());
            let people = People::of(recording, &picked.sessions)?;
            let connections = connections(args, recording);
            Some(Own::start(args, serve, &folder, &rules, &people, connections).await?)
        }
    };
    let pins = match (&args.pins, &own) {
        (Some(sink), _) => Some(provision::file_of(sink)?.to_owned()),
        (None, Some(own)) => Some(own.pins()),
        (None, None) => None,
    };
    let (registry, rules) = match pins {
        None => (None, rules),
        Some(file) => {
            let (registry, rules) = Registry::open(rules, file);
            (Some(registry), rules)
        }
    };
    let options = driven(args, &recorded, rules, own.as_ref())?;
    let refused = match args.provision {
        true => provision::everybody(&options).await?,
        false => None,
    };
    if let Some(refused) = &refused {
        errln!("note: {refused}");
    }
    let manifest = manifest::of(args, &options, started_unix_ms);
    Ok(Prepared {
        recorded,
        options,
        manifest,
        folder,
        own,
        refused,
        _registry: registry,
    })
}

/// The rules of the file and of the flags.
fn rules(args: &DriveArgs) -> Result<Rules> {
    let mut rules = match &args.rules {
        None => Rules::default(),
        Some(file) => {
            let text =
                std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
            Rules::parse(&text, &file.display().to_string())?
        }
    };
    if let Some(file) = &args.secret_file {
        rules = rules.with_chat_secret(wire::chat::Secret::new(&read_secret(file)?));
    }
    targets::add(args, rules)
}

/// What is driven and how, as the flags alone say: a replay beside a swarm has them from the scenario.
///
/// # Errors
/// A rule, a target or a certificate is wrong.
pub(crate) fn options(args: &DriveArgs, recorded: &Recorded) -> Result<DriveOptions> {
    driven(args, recorded, rules(args)?, None)
}

/// What is driven and how, by these rules.
fn driven(args: &DriveArgs, recorded: &Recorded, rules: Rules, own: Option<&Own>) -> Result<DriveOptions> {
    let recording = &recorded.recording;
    let (connect_speed, think_speed) = speeds(args);
    let rules = match own {
        None => rules,
        Some(own) => own.rules(rules),
    };
    let rules = recording.played().notes.iter().fold(rules, Rules::with_note);
    let mut targets = targets::find(args, &rules, recording.sessions())?;
    if let Some(own) = own {
        targets.ways = vec![own.tls()?];
    }
    // The spread is the clock's; a clone's beginning is told in recorded time.
    let spread = args.spread.as_nanos() as f64 * connect_speed.factor().unwrap_or(1.0);
    Ok(DriveOptions {
        rules: Arc::new(rules),
        selection: args.selection.selection(),
        left_out: recorded.reads.left_out.flows,
        connect_speed,
        think_speed,
        order: if args.causal { Order::Causal } else { Order::Timed },
        clones: Clones {
            count: args.clones as u32,
            spread_ns: spread as u64,
            loops: args.loops as u32,
        },
        seed: args.seed,
        carrier: carrier(args.transport)?,
        ways: targets.ways,
        on_failure: match args.on_failure {
            OnFailureArg::Continue => OnFailure::Continue,
            OnFailureArg::Stop => OnFailure::Stop,
        },
        at_once: args
            .at_once
            .map(|at_once| at_once.min(u64::from(u32::MAX)) as u32),
        shards: args.shards,
        lateness_limit: args.lateness_limit,
        patience: args.patience,
        ..DriveOptions::new(Arc::clone(recording), targets.destinations, Clock::start())
    })
}

/// The speed of connects, and of think times.
fn speeds(args: &DriveArgs) -> (Speed, Speed) {
    (
        args.connect_speed.unwrap_or(args.speed),
        args.think_speed.unwrap_or(args.speed),
    )
}

fn carrier(transport: TransportArg) -> Result<Carrier> {
    if transport == TransportArg::Packet && !lab::is_inside() {
        bail!(
            "--transport packet needs a network of its own: --serve makes one for a server of its own, or teem lab -- teem replay ..."
        );
    }
    carriage::carrier(transport, 0.0)
}
