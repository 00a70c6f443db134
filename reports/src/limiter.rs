//! What ran out first: a stretch of a run, looked at for each resource that can.
//!
//! It knows the signs of exhaustion and the host's limits; it does not know steps. A resource is named with its
//! evidence, a sentence with the numbers, and when that was seen first. Where nothing ran out, the one that came nearest
//! is named with what was left of it.

mod cpu;
mod signs;

use record::{EventKind, FORESEEN, Limit, Run, name};

use crate::quantity::{Unit, grouped, short};
use signs::Signs;

/// Memory held, as a share of all, from which on the kernel begins to take back what it can.
const MEMORY_FULL: f64 = 0.95;
/// Sockets a bucket of the table of connections: every packet walks half of them.
const CHAIN_LONG: f64 = 8.0;
/// A loop that works so much of its time has no turn left for what comes next.
const LOOP_FULL: f64 = 0.97;
/// For so many samples in a row: a single full second is a hiccup.
pub(crate) const IN_A_ROW: usize = 3;
/// How late the 99th percentile of a second's arrivals may be, milliseconds.
const LAG_LIMIT_MS: f64 = crate::LAG_P99_LIMIT_MS;
/// An event that ends a run comes a moment after the step that it ends.
const EVENT_SLACK_S: f64 = 2.0;

/// A resource as it stands: exhausted since, or used so far.
#[derive(Clone, Debug, PartialEq)]
struct Finding {
    resource: &'static str,
    /// Since when it has been exhausted, seconds.
    since_s: Option<f64>,
    /// How much of it was used at most, 0 to 1.
    used: f64,
    evidence: String,
}

impl Finding {
    fn ran_out(resource: &'static str, since_s: f64, evidence: String) -> Self {
        Self {
            resource,
            since_s: Some(since_s),
            used: 1.0,
            evidence,
        }
    }

    fn near(resource: &'static str, used: f64, evidence: String) -> Self {
        Self {
            resource,
            since_s: None,
            used,
            evidence,
        }
    }
}

/// What ran out in each of the parts into which instants divide a stretch of a run, seconds, the first first; where nothing
/// did, what came nearest. Parts are judged apart, but for a CPU that was full across them.
pub(crate) fn limits_apart<const N: usize>(run: &Run, from_s: f64, until_s: [f64; N]) -> [Vec<Limit>; N] {
    let end_s = until_s.last().copied().unwrap_or(from_s);
    let starved =
        cpu::exhausted(run, &Signs::between(run, from_s, end_s)).filter(|finding| finding.since_s.is_some());
    let mut from_s = from_s;
    until_s.map(|until_s| {
        limits_of(
            run,
            std::mem::replace(&mut from_s, until_s),
            until_s,
            starved.as_ref(),
        )
    })
}

fn limits_of(run: &Run, from_s: f64, until_s: f64, starved: Option<&Finding>) -> Vec<Limit> {
    let signs = Signs::between(run, from_s, until_s);
    // In this order where two are seen in the same second: causes before what follows from them.
    let lookers: [fn(&Run, &Signs<'_>) -> Option<Finding>; 9] = [
        memory,
        descriptors,
        ports,
        backlog,
        refusals,
        hash_chains,
        cpu::exhausted,
        event_loop,
        generator,
    ];
    let mut findings: Vec<Finding> = lookers.iter().filter_map(|look| look(run, &signs)).collect();
    if let Some(starved) = starved {
        // Full since this part, if only for long enough in the next.
        let begins = starved
            .since_s
            .is_some_and(|at_s| from_s < at_s && at_s <= until_s);
        if begins {
            findings.retain(|finding| finding.resource != "cpu");
            findings.push(starved.clone());
        }
        // A loop that waits for a CPU looks busy, and whoever has none is late: that is the CPU's doing.
        findings.retain(|finding| !matches!(finding.resource, "event loop" | "generator"));
    }
    let (mut exhausted, rest): (Vec<Finding>, Vec<Finding>) = findings
        .into_iter()
        .partition(|finding| finding.since_s.is_some());
    // Stable, so the order above decides ties.
    exhausted.sort_by(|a, b| a.since_s.unwrap_or(0.0).total_cmp(&b.since_s.unwrap_or(0.0)));
    if exhausted.is_empty() {
        let nearest = rest.into_iter().max_by(|a, b| a.used.total_cmp(&b.used));
        exhausted.extend(nearest);
    }
    let limit = |finding: Finding| Limit {
        resource: finding.resource.to_owned(),
        ran_out: finding.since_s.is_some(),
        at_s: finding.since_s,
        evidence: finding.evidence,
    };
    exhausted.into_iter().map(limit).collect()
}

fn memory(run: &Run, signs: &Signs<'_>) -> Option<Finding> {
    let foreseen = run.events.iter().find(|event| {
        let at_s = event.t_ms as f64 / 1e3;
        event.kind == EventKind::Interrupted
            && event.name == FORESEEN
            && signs.from_s <= at_s
            && at_s <= signs.until_s + EVENT_SLACK_S
    });
    if let Some(event) = foreseen {
        return Some(Finding::ran_out(
            "memory",
            event.t_ms as f64 / 1e3,
            event.detail.clone(),
        ));
    }
    let shares = signs.ratio(name::host::MEMORY_HELD_BYTES, name::host::MEMORY_TOTAL_BYTES);
    let (at_s, used) = Signs::highest(&shares)?;
    let total = short(run.manifest.host.memory_bytes as f64, Unit::Bytes);
    let told = format!(
        "{:.0} % of {total} of memory was held, page cache apart",
        used * 100.0
    );
    if used >= MEMORY_FULL {
        let since_s = shares
            .iter()
            .find(|(_, share)| *share >= MEMORY_FULL)
            .map_or(at_s, |(at_s, _)| *at_s);
        return Some(Finding::ran_out("memory", since_s, format!("{told}.")));
    }
    Some(Finding::near(
        "memory",
        used,
        format!("{told}; the rest was free."),
    ))
}

fn descriptors(run: &Run, signs: &Signs<'_>) -> Option<Finding> {
    let nofile = grouped(run.manifest.limits.nofile);
    let swarm = signs.growth(&format!("{}no_descriptor", name::swarm::CONNECT_FAILURES_BY_KIND));
    let server = signs.growth(name::server::ACCEPTS_STARVED);
    let parts = [
        swarm.map(|(at_s, count)| {
            (
                at_s,
                format!("{} connects of the swarm found no descriptor", grouped(count)),
            )
        }),
        server.map(|(at_s, count)| {
            (
                at_s,
                format!("the server had none to accept with {} times", grouped(count)),
            )
        }),
    ];
    let (since_s, told) = signs::joined(parts)?;
    let told = format!("{told}; RLIMIT_NOFILE is {nofile}.");
    Some(Finding::ran_out("descriptors", since_s, signs::sentence(&told)))
}

fn ports(run: &Run, signs: &Signs<'_>) -> Option<Finding> {
    let (since_s, count) = signs.growth(&format!("{}no_port", name::swarm::CONNECT_FAILURES_BY_KIND))?;
    let told = format!(
        "{} connects found no free source port; ip_local_port_range has {} an address.",
        grouped(count),
        grouped(run.manifest.limits.ephemeral_ports)
    );
    Some(Finding::ran_out("ports", since_s, told))
}

fn backlog(run: &Run, signs: &Signs<'_>) -> Option<Finding> {
    let told = |counter: &str, what: &str| {
        signs
            .growth(counter)
            .map(|(at_s, count)| (at_s, format!("{what} {} times", grouped(count))))
    };
    let (since_s, told) = signs::joined([
        told(name::host::LISTEN_OVERFLOWS, "the accept backlog overflowed"),
        told(name::host::LISTEN_DROPS, "a listener dropped a SYN"),
        told(
            name::host::SYN_COOKIES,
            "a cookie went out for want of room for a request",
        ),
    ])?;
    let told = format!(
        "{told}; net.core.somaxconn is {}.",
        grouped(run.manifest.limits.somaxconn)
    );
    Some(Finding::ran_out("backlog", since_s, signs::sentence(&told)))
}

fn refusals(_: &Run, signs: &Signs<'_>) -> Option<Finding> {
    let (since_s, count) = signs.growth(name::server::CONNECTIONS_REFUSED)?;
    let told = format!(
        "The server refused {} connections at its own limit: what it was told to hold, or what its descriptors do.",
        grouped(count)
    );
    Some(Finding::ran_out("server's limit", since_s, told))
}

fn hash_chains(run: &Run, signs: &Signs<'_>) -> Option<Finding> {
    let buckets = run.manifest.limits.hash_buckets;
    let sockets = signs.gauge(name::host::TCP_IN_USE);
    let (at_s, most) = Signs::highest(&sockets).filter(|_| buckets > 0)?;
    let chain = most / buckets as f64;
    let told = format!(
        "{} sockets shared {} buckets of the kernel's table: chains of {chain:.1}",
        grouped(most as u64),
        grouped(buckets)
    );
    if chain >= CHAIN_LONG {
        let long = |(_, count): &&(f64, f64)| *count / buckets as f64 >= CHAIN_LONG;
        let since_s = sockets.iter().find(long).map_or(at_s, |(at_s, _)| *at_s);
        return Some(Finding::ran_out("hash chains", since_s, format!("{told}.")));
    }
    Some(Finding::near(
        "hash chains",
        chain / CHAIN_LONG,
        format!("{told}."),
    ))
}

fn event_loop(_: &Run, signs: &Signs<'_>) -> Option<Finding> {
    busiest(signs, "event loop", name::server::LOOP_BUSIEST, "server")
}

fn generator(_: &Run, signs: &Signs<'_>) -> Option<Finding> {
    if let Some((at_s, lag_ms)) = signs.lag(LAG_LIMIT_MS) {
        let told = format!(
            "The generator was {} behind its schedule at the 99th percentile of a second.",
            short(lag_ms, Unit::Time)
        );
        return Some(Finding::ran_out("generator", at_s, told));
    }
    busiest(signs, "generator", name::swarm::LOOP_BUSIEST, "swarm")
}

fn busiest(signs: &Signs<'_>, resource: &'static str, gauge: &'static str, whose: &str) -> Option<Finding> {
    let shares = signs.gauge(gauge);
    let (_, most) = Signs::highest(&shares)?;
    let told = format!(
        "The busiest of the {whose}'s loops worked {:.0} % of its time",
        most * 100.0
    );
    match Signs::in_a_row(&shares, LOOP_FULL) {
        Some(since_s) => Some(Finding::ran_out(
            resource,
            since_s,
            format!("{told} while CPUs were left."),
        )),
        None => Some(Finding::near(resource, most.min(0.999), format!("{told}."))),
    }
}

#[cfg(test)]
mod tests;
