//! What a replay's run folder says of how it came about: what repeats it.
//!
//! It knows flags and options; what the rules say stays out, for it may be a secret.

use record::{MANIFEST_SCHEMA, Manifest};
use replay::{DriveOptions, OnFailure, Selection};
use sha2::{Digest as _, Sha256};

use crate::carriage::recorded;
use crate::replay::arguments::DriveArgs;

/// What the run folder says of how it came about.
pub(super) fn of(args: &DriveArgs, options: &DriveOptions, started_unix_ms: u64) -> Manifest {
    Manifest {
        schema: MANIFEST_SCHEMA.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        command: std::env::args().collect(),
        scenario: "replay".to_owned(),
        title: format!("{}, driven again", args.capture.display()),
        resolved: resolved(args, options),
        seed: args.seed,
        started_unix_ms,
        dry_run: false,
        target: match args.serve {
            Some(_) => "the reference server".to_owned(),
            None => args.target.join(", "),
        },
        durability: None,
        transport: recorded(args.transport),
        encryption: options.ways.iter().any(Option::is_some),
        steps: Vec::new(),
        thresholds: args.conduct.threshold.clone(),
        host: wsar::host_facts(),
        limits: wsar::limits(),
    }
}

/// What was settled, as TOML: it goes into the run folder.
fn resolved(args: &DriveArgs, options: &DriveOptions) -> String {
    let mut lines = vec![
        "[replay]".to_owned(),
        format!("capture = {:?}", args.capture.display().to_string()),
        format!("connect_speed = \"{}\"", options.connect_speed),
        format!("think_speed = \"{}\"", options.think_speed),
        format!("order = \"{}\"", options.order.name()),
        format!("clones = {}", options.clones.count),
        format!("spread_ms = {}", args.spread.as_millis()),
        format!("loops = {}", options.clones.loops),
        format!("lateness_limit_ms = {}", args.lateness_limit.as_secs_f64() * 1e3),
        format!("patience_ms = {}", args.patience.as_millis()),
        format!(
            "on_failure = \"{}\"",
            match options.on_failure {
                OnFailure::Continue => "continue",
                OnFailure::Stop => "stop",
            }
        ),
    ];
    lines.extend(options.at_once.map(|at_once| format!("at_once = {at_once}")));
    lines.extend(options.shards.map(|shards| format!("shards = {shards}")));
    lines.extend(selected(&options.selection));
    let mut targets: Vec<_> = options.targets.iter().collect();
    targets.sort();
    lines.push("\n[targets]".to_owned());
    lines.extend(
        targets
            .iter()
            .map(|(recorded, target)| format!("\"{recorded}\" = \"{}\"", target.address)),
    );
    if let Some(rules) = &args.rules {
        // By its digest: what it says may be a secret, which has no place in what may be shown around.
        lines.push("\n[rules]".to_owned());
        lines.push(format!("file = {:?}", rules.display().to_string()));
        if let Ok(text) = std::fs::read(rules) {
            let digest: String = Sha256::digest(&text)
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect();
            lines.push(format!("sha256 = \"{digest}\""));
        }
    }
    lines.join("\n") + "\n"
}

/// Which sessions are driven, where not all are.
fn selected(selection: &Selection) -> Vec<String> {
    let mut lines = Vec::new();
    let mut list = |name: &str, values: Vec<String>| {
        if !values.is_empty() {
            lines.push(format!("{name} = [{}]", values.join(", ")));
        }
    };
    let text = |value: String| format!("{value:?}");
    list(
        "host",
        selection
            .hosts
            .iter()
            .map(|host| text(host.to_string()))
            .collect(),
    );
    list("port", selection.ports.iter().map(ToString::to_string).collect());
    let flows = selection.flows.iter();
    list(
        "flow",
        flows
            .map(|flows| text(format!("{}-{}", flows.start(), flows.end())))
            .collect(),
    );
    let (from_ns, until_ns) = (selection.began_ns.start, selection.began_ns.end);
    lines.extend((from_ns > 0).then(|| format!("from_ms = {}", from_ns / 1_000_000)));
    lines.extend((until_ns < u64::MAX).then(|| format!("until_ms = {}", until_ns / 1_000_000)));
    lines
}
