//! The climb in words: a row a step, and its best beside the old climb's.
//!
//! It knows columns and how figures are written; the figures were found before.

use record::{Run, StepSummary, Summary};

use crate::climb::old;
use crate::quantity::{Unit, grouped, short, trimmed};

/// A step, formatted.
#[derive(Debug)]
pub(crate) struct ClimbRow {
    pub(crate) step: String,
    /// Clients', server's, kernel's.
    pub(crate) counts: String,
    pub(crate) messages: String,
    pub(crate) packets: String,
    pub(crate) cpu: String,
    pub(crate) cpu_parts: String,
    pub(crate) a_cpu_second: String,
    pub(crate) delivery: String,
    /// Kernel, server, swarm.
    pub(crate) bytes: String,
    pub(crate) old: &'static str,
    /// Not held to its end.
    pub(crate) broken_off: bool,
}

/// What limited a step.
#[derive(Debug)]
pub(crate) struct LimitRow {
    pub(crate) step: String,
    pub(crate) resource: String,
    pub(crate) ran_out: bool,
    pub(crate) evidence: String,
}

/// A figure of the old climb's top beside the best of this one.
#[derive(Debug)]
pub(crate) struct Beside {
    pub(crate) name: &'static str,
    pub(crate) old: String,
    pub(crate) here: String,
    pub(crate) old_a_cpu: String,
    pub(crate) here_a_cpu: String,
    pub(crate) times: String,
}

/// The section.
#[derive(Debug)]
pub(crate) struct Climb {
    pub(crate) headline: String,
    pub(crate) rows: Vec<ClimbRow>,
    pub(crate) limits: Vec<LimitRow>,
    pub(crate) beside: Vec<Beside>,
}

impl Climb {
    /// `None` where the run is no climb.
    pub(crate) fn of(run: &Run, summary: &Summary) -> Option<Self> {
        let steps = &summary.steps;
        let last = steps.last()?;
        let limit = |step: &StepSummary| -> Vec<LimitRow> {
            let row = |limit: &record::Limit| LimitRow {
                step: short(step.connections as f64, Unit::Count),
                resource: limit.resource.clone(),
                ran_out: limit.ran_out,
                evidence: limit.evidence.clone(),
            };
            step.limits.iter().map(row).collect()
        };
        Some(Self {
            headline: headline(steps, last),
            rows: steps.iter().map(row).collect(),
            limits: steps.iter().flat_map(limit).collect(),
            beside: beside(run, steps),
        })
    }
}

/// How far it came, and what ran out first.
pub(crate) fn headline(steps: &[StepSummary], last: &StepSummary) -> String {
    let highest = steps.iter().rfind(|step| step.held);
    let held = highest.map_or("No step was held to its end.".to_owned(), |step| {
        format!("{} connections were held.", grouped(step.online))
    });
    let out = steps
        .iter()
        .flat_map(|step| step.limits.first().map(|limit| (step, limit)));
    match out.clone().find(|(_, limit)| limit.ran_out) {
        Some((step, limit)) => format!(
            "{held} The first to run out was {}, on the step to {}: {}",
            limit.resource,
            short(step.connections as f64, Unit::Count),
            limit.evidence
        ),
        None => match last.limits.first() {
            Some(limit) => format!(
                "{held} Nothing ran out; nearest was {}: {}",
                limit.resource, limit.evidence
            ),
            None => held,
        },
    }
}

fn row(step: &StepSummary) -> ClimbRow {
    let counted = |count: Option<u64>| count.map_or("–".to_owned(), grouped);
    let percent = |share: f64| format!("{:.0} %", share * 100.0);
    let bytes = |bytes: f64| {
        if bytes > 0.0 {
            short(bytes, Unit::Bytes)
        } else {
            "–".to_owned()
        }
    };
    let p = &step.delivery_ms;
    let tls = step
        .bytes
        .tls
        .map_or(String::new(), |tls| format!(" ({} TLS)", bytes(tls)));
    ClimbRow {
        step: short(step.connections as f64, Unit::Count),
        counts: format!(
            "{} / {} / {}",
            grouped(step.online),
            counted(step.by_server),
            counted(step.by_kernel)
        ),
        messages: short(step.messages_per_second, Unit::PerSecond),
        packets: short(step.packets_per_second, Unit::PerSecond),
        cpu: percent(step.cpu.busy),
        cpu_parts: format!("{} / {}", percent(step.cpu.server), percent(step.cpu.swarm)),
        a_cpu_second: grouped(step.messages_per_cpu_second.round() as u64),
        delivery: match p.count {
            0 => "–".to_owned(),
            _ => format!("{} / {}", short(p.p50, Unit::Time), short(p.p99, Unit::Time)),
        },
        bytes: format!(
            "{} / {}{tls} / {}",
            bytes(step.bytes.kernel),
            bytes(step.bytes.server),
            bytes(step.bytes.swarm)
        ),
        old: if step.connections >= old::FAILED_AT {
            "failed at 3M"
        } else if old::STEPS.contains(&step.connections) {
            "held"
        } else {
            ""
        },
        broken_off: !step.held,
    }
}

fn beside(run: &Run, steps: &[StepSummary]) -> Vec<Beside> {
    let cpus = f64::from(run.manifest.host.cpus.max(1));
    let held = steps.iter().filter(|step| step.held);
    let best = |of: fn(&StepSummary) -> f64| held.clone().map(of).fold(0.0, f64::max);
    let row = |name, unit, old: f64, here: f64| Beside {
        name,
        old: short(old, unit),
        here: short(here, unit),
        old_a_cpu: short(old / old::CPUS, unit),
        here_a_cpu: short(here / cpus, unit),
        times: format!("{} ×", trimmed(here / cpus / (old / old::CPUS), 2)),
    };
    let highest = steps.iter().rfind(|step| step.held);
    let here_bytes = highest.map_or(0.0, |step| {
        step.bytes.kernel + step.bytes.server + step.bytes.swarm
    });
    let old_bytes = old::MEMORY_BYTES / old::CONNECTIONS;
    vec![
        row(
            "connections",
            Unit::Count,
            old::CONNECTIONS,
            best(|step| step.online as f64),
        ),
        row(
            "packets, in and out",
            Unit::PerSecond,
            old::PACKETS,
            best(|step| step.packets_per_second),
        ),
        row(
            "messages",
            Unit::PerSecond,
            old::MESSAGES,
            best(|step| step.messages_per_second),
        ),
        Beside {
            name: "memory a connection: all of its host there, both ends and the kernel here",
            old: short(old_bytes, Unit::Bytes),
            here: short(here_bytes, Unit::Bytes),
            old_a_cpu: String::new(),
            here_a_cpu: String::new(),
            times: format!("{} ×", trimmed(here_bytes / old_bytes, 2)),
        },
    ]
}
