//! What a replay's run folder says of how it came about: what repeats it.
//!
//! It knows flags and options; a secret of the rules is left out.

use record::{MANIFEST_SCHEMA, Manifest};
use replay::DriveOptions;

use crate::cli::TransportArg;
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
        transport: match args.transport {
            TransportArg::Kernel => record::Transport::Kernel,
            TransportArg::Packet => record::Transport::Packet,
        },
        encryption: options.ways.iter().any(Option::is_some),
        steps: Vec::new(),
        thresholds: args.threshold.clone(),
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
    ];
    let mut targets: Vec<_> = options.targets.iter().collect();
    targets.sort();
    lines.push("\n[targets]".to_owned());
    lines.extend(
        targets
            .iter()
            .map(|(recorded, target)| format!("\"{recorded}\" = \"{}\"", target.address)),
    );
    if let Some(text) = args
        .rules
        .as_ref()
        .and_then(|file| std::fs::read_to_string(file).ok())
    {
        lines.push("\n# The rules:".to_owned());
        // A secret of the rules has no place in what may be shown around.
        lines.extend(
            text.lines()
                .filter(|line| !line.contains("secret"))
                .map(|line| format!("# {line}")),
        );
    }
    lines.join("\n") + "\n"
}
