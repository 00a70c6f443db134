//! The climb in words: a row a step, what limited it, and each step beside the old climb's top.
//!
//! It knows columns and how figures are written; the figures were found before.

use record::{Limit, Run, StepSummary, Summary};

use crate::climb::old;
use crate::quantity::{Unit, grouped, short, trimmed};

/// A step, formatted.
#[derive(Debug)]
pub(crate) struct ClimbRow {
    pub(crate) step: String,
    /// Clients', server's, kernel's by its sockets and by their slab.
    pub(crate) counts: String,
    pub(crate) messages: String,
    pub(crate) packets: String,
    pub(crate) cpu: String,
    pub(crate) cpu_parts: String,
    pub(crate) a_cpu_second: String,
    pub(crate) delivery: String,
    /// Pings answered in the hold, and connections dropped for silence on the step.
    pub(crate) pings: String,
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
    /// Whether in the hold, or before.
    pub(crate) when: &'static str,
    pub(crate) resource: String,
    pub(crate) ran_out: bool,
    pub(crate) evidence: String,
}

/// A step beside the old climb's top, which is the first of these. What is many times it is so for each CPU.
#[derive(Debug)]
pub(crate) struct Beside {
    pub(crate) name: String,
    pub(crate) connections: String,
    pub(crate) packets: String,
    pub(crate) messages: String,
    pub(crate) cpu: String,
    pub(crate) bytes: String,
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
        let limits = |step: &StepSummary| -> Vec<LimitRow> {
            let row = |when, limit: &Limit| LimitRow {
                step: short(step.connections as f64, Unit::Count),
                when,
                resource: limit.resource.clone(),
                ran_out: limit.ran_out,
                evidence: limit.evidence.clone(),
            };
            let ramp = step
                .limits_ramp
                .iter()
                .map(|limit| row("while they connect", limit));
            let hold = step.limits.iter().map(|limit| row("held", limit));
            ramp.chain(hold).collect()
        };
        let cpus = f64::from(run.manifest.host.cpus.max(1));
        let beside = steps.iter().map(|step| beside(step, cpus));
        Some(Self {
            headline: headline(steps, last),
            rows: steps.iter().map(row).collect(),
            limits: steps.iter().flat_map(limits).collect(),
            beside: std::iter::once(old_top()).chain(beside).collect(),
        })
    }
}

/// How far it came, what ran out in the holds, and what while connections were made.
pub(crate) fn headline(steps: &[StepSummary], last: &StepSummary) -> String {
    let highest = steps.iter().rfind(|step| step.held);
    let held = highest.map_or("No step was held to its end.".to_owned(), |step| {
        format!("{} connections were held.", grouped(step.online))
    });
    let at = |step: &StepSummary| short(step.connections as f64, Unit::Count);
    let first = |of: fn(&StepSummary) -> &Vec<Limit>| {
        let mut firsts = steps
            .iter()
            .filter_map(|step| of(step).first().map(|limit| (step, limit)));
        firsts.find(|(_, limit)| limit.ran_out)
    };
    let in_hold = match (first(|step| &step.limits), last.limits.first()) {
        (Some((step, limit)), _) => Some(format!(
            "The first to run out in a hold was {}, at {}: {}",
            limit.resource,
            at(step),
            limit.evidence
        )),
        (None, Some(limit)) => Some(format!(
            "Nothing ran out in the holds; nearest was {}: {}",
            limit.resource, limit.evidence
        )),
        (None, None) => None,
    };
    let in_ramp = first(|step| &step.limits_ramp).map(|(step, limit)| {
        format!(
            "While connections were made the first to run out was {}, on the step to {}: {}",
            limit.resource,
            at(step),
            limit.evidence
        )
    });
    let told = [Some(held), in_hold, in_ramp];
    told.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

fn row(step: &StepSummary) -> ClimbRow {
    let counted = |count: Option<u64>| count.map_or("–".to_owned(), grouped);
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
            "{} / {} / {} / {}",
            grouped(step.online),
            counted(step.by_server),
            counted(step.by_kernel),
            counted(step.by_slab)
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
        pings: format!("{} / {}", counted(step.pings_answered), counted(step.idle_closed)),
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

/// What is known of the old climb's top.
fn old_top() -> Beside {
    let bytes = old::MEMORY_BYTES / old::CONNECTIONS;
    Beside {
        name: format!("the old climb's top, {} CPUs", old::CPUS),
        connections: short(old::CONNECTIONS, Unit::Count),
        packets: short(old::PACKETS, Unit::PerSecond),
        messages: short(old::MESSAGES, Unit::PerSecond),
        cpu: percent(old::BUSY),
        bytes: format!("{}, all of its host", short(bytes, Unit::Bytes)),
    }
}

/// A step's figures, and how many times the old climb's they are, for each CPU.
fn beside(step: &StepSummary, cpus: f64) -> Beside {
    let times = |unit, old: f64, here: f64| {
        let times = trimmed(here / cpus / (old / old::CPUS), 2);
        format!("{}, {times} × a CPU", short(here, unit))
    };
    let bytes = step.bytes.kernel + step.bytes.server + step.bytes.swarm;
    let old_bytes = old::MEMORY_BYTES / old::CONNECTIONS;
    Beside {
        name: short(step.connections as f64, Unit::Count),
        connections: times(Unit::Count, old::CONNECTIONS, step.online as f64),
        packets: times(Unit::PerSecond, old::PACKETS, step.packets_per_second),
        messages: times(Unit::PerSecond, old::MESSAGES, step.messages_per_second),
        cpu: percent(step.cpu.busy),
        bytes: format!(
            "{}, {} ×",
            short(bytes, Unit::Bytes),
            trimmed(bytes / old_bytes, 2)
        ),
    }
}

fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}
