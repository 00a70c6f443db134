//! `teem doctor`: which limits of this host stop a target, and what raises them.

use std::io::stdout;

use anyhow::Result;
use lab::limits::{Limit, Remedy};
use lab::privilege::check_packets;
use lab::table::{self, Tone};
use lab::{Host, Shape, limits};

use crate::cli::{AimArgs, DoctorArgs, EndsArg, TransportArg};
use crate::exit::Outcome;
use crate::lab::{cpus, is_inside, recover, shape};
use crate::progress::{GREEN, RED, grouped, paint};

/// Prints the limits on the way to a target, and raises them if asked to.
pub(crate) fn doctor(args: &DoctorArgs) -> Result<Outcome> {
    recover()?;
    let host = Host::default();
    let shape = at_ends(shape(&args.aim), args.ends);
    let mut found = limits(&host, &shape, cpus());
    if args.fix {
        fix(&host, &found);
        found = limits(&host, &shape, cpus());
    }
    let missing = missing(&host, args);
    let short: Vec<&Limit> = found.iter().filter(|limit| limit.is_short()).collect();
    if args.json {
        let report = serde_json::json!({
            "connections": args.aim.connections,
            "transport": transport_name(args.aim.transport()),
            "tls": !args.aim.plain,
            "short": short.len(),
            "missing": missing,
            "limits": table::json(&found),
        });
        outln!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        let text = table::text(&found, |word, tone| paint(word, colour(tone), stdout()));
        outln!("{}", text.trim_end());
        for sentence in &missing {
            outln!("{sentence}");
        }
        outln!("{}", conclusion(&args.aim, &short, args.fix));
    }
    Ok(if short.is_empty() && missing.is_empty() {
        Outcome::Passed
    } else {
        Outcome::Failed
    })
}

/// What the target needs and no number raises, a sentence each. With both ends here a run makes a lab for its packets, whose
/// network has no route of anybody's.
fn missing(host: &Host, args: &DoctorArgs) -> Vec<String> {
    if args.aim.transport() == TransportArg::Kernel || args.ends == EndsArg::Server {
        return Vec::new();
    }
    let has_lab = args.ends == EndsArg::Both || is_inside();
    check_packets(host, has_lab).err().unwrap_or_default()
}

/// Raises what is a sysctl, and says on standard error what happened.
fn fix(host: &Host, found: &[Limit]) {
    for limit in found.iter().filter(|limit| limit.is_short()) {
        match &limit.remedy {
            Remedy::Sysctl { name, value, first } => {
                let first = first.iter().map(|(name, value)| (*name, value));
                for (name, value) in first.chain([(*name, value)]) {
                    if let Err(error) = host.set_sysctl(name, value) {
                        errln!("cannot set {name}: {error}");
                        break;
                    }
                    errln!("set {name} to {value}");
                }
            }
            Remedy::Manual(command) => {
                errln!("cannot raise {}, it is no sysctl: {command}", limit.name);
            }
        }
    }
}

fn conclusion(aim: &AimArgs, short: &[&Limit], fixed: bool) -> String {
    let by = match aim.transport() {
        TransportArg::Kernel => "by kernel sockets",
        TransportArg::Packet => "by packets",
    };
    let target = format!("{} connections {by}", grouped(aim.connections as f64));
    if short.is_empty() {
        return format!("\nNo limit of this host is short of {target}.");
    }
    let sysctls = short
        .iter()
        .filter(|limit| matches!(limit.remedy, Remedy::Sysctl { .. }))
        .count();
    let hint = match (sysctls, fixed) {
        (0, _) | (_, true) => String::new(),
        (count, false) => {
            format!("; `--fix` raises {count} of them, `teem lab` does so for as long as it lasts")
        }
    };
    format!("\n{} limits are short of {target}{hint}.", short.len())
}

fn at_ends(mut shape: Shape, ends: EndsArg) -> Shape {
    shape.server_here = ends != EndsArg::Clients;
    shape.clients_here = ends != EndsArg::Server;
    if ends == EndsArg::Clients {
        shape.sources = Some(1);
    }
    shape
}

fn transport_name(transport: TransportArg) -> &'static str {
    match transport {
        TransportArg::Kernel => "kernel",
        TransportArg::Packet => "packet",
    }
}

fn colour(tone: Tone) -> u8 {
    match tone {
        Tone::Fine => GREEN,
        Tone::Short => RED,
    }
}
