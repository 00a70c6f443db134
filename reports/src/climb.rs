//! The steps of a climb: what each came to, and whether the kernel's counts of sockets agree with both ends'.
//!
//! It knows figures; the words and the table are the view's.

use record::{CpuShares, EventKind, Histogram, Run, Sample, Step, StepBytes, StepSummary, name};

use crate::limiter;
use crate::quantity::grouped;
use crate::series::{Increment, end_s, increments, seconds};

/// How far the kernel's count of connections may be from either end's, as a share of them.
pub const COUNT_TOLERANCE: f64 = 0.001;
/// Sockets that may come and go beside the connections: whoever asks for figures, a name looked up.
const COUNT_SLACK: f64 = 16.0;
/// Objects of a slab that a CPU keeps at hand, counted as in use: its own slab's and a few more, of 13 objects.
const SLAB_AT_HAND: f64 = 64.0;

/// Of its connections, what must be there at a step's end.
const HELD_SHARE: f64 = 0.99;

/// The old climb, as far as its figures are known: the top of it, unless they say otherwise.
pub(crate) mod old {
    /// Its steps.
    pub(crate) const STEPS: [u64; 5] = [200_000, 425_000, 1_000_000, 2_000_000, 2_800_000];
    /// Where it failed.
    pub(crate) const FAILED_AT: u64 = 3_000_000;
    /// Connections at its top.
    pub(crate) const CONNECTIONS: f64 = 2_800_000.0;
    /// Packets a second, in and out.
    pub(crate) const PACKETS: f64 = 571_000.0;
    /// Messages a second, at least.
    pub(crate) const MESSAGES: f64 = 200_000.0;
    /// Logical CPUs.
    pub(crate) const CPUS: f64 = 24.0;
    /// How busy they were, 0 to 1.
    pub(crate) const BUSY: f64 = 0.85;
    /// Memory of its host.
    pub(crate) const MEMORY_BYTES: f64 = 100e9;
}

/// What each step that was begun came to.
pub(crate) fn steps(run: &Run) -> Vec<StepSummary> {
    let end_s = end_s(run);
    let begun = run
        .manifest
        .steps
        .iter()
        .filter(|step| (step.from_ms as f64) < end_s * 1e3);
    if run.manifest.dry_run {
        return Vec::new();
    }
    begun.map(|step| summary(run, step, end_s)).collect()
}

/// Where the kernel's count and the ends' part, a sentence a step.
pub(crate) fn disagreements(run: &Run, steps: &[StepSummary]) -> Vec<String> {
    let apart = |step: &&StepSummary| {
        let slack = COUNT_SLACK / step.online.max(1) as f64;
        let ends = f64::from(run.manifest.transport.kernel_ends());
        step.disagreement
            .is_some_and(|share| share > COUNT_TOLERANCE.max(slack / ends))
    };
    let told = |count: Option<u64>| count.map_or("nothing".to_owned(), grouped);
    let sentence = |step: &StepSummary| {
        format!(
            "At {} connections the counts disagree by {:.2} %: {} by the clients, {} by the server, {} by the kernel's \
             sockets, {} by their slab.",
            grouped(step.connections),
            step.disagreement.unwrap_or(0.0) * 100.0,
            grouped(step.online),
            told(step.by_server),
            told(step.by_kernel),
            told(step.by_slab)
        )
    };
    steps.iter().filter(apart).map(sentence).collect()
}

fn summary(run: &Run, step: &Step, end_s: f64) -> StepSummary {
    let within = |sample: &&Sample| step.hold_from_ms <= sample.t_ms && sample.t_ms <= step.hold_until_ms;
    // The last sample of a run that was ended is from after its end, when nobody is connected any more.
    let ended = run
        .events
        .iter()
        .any(|event| event.kind == EventKind::Interrupted);
    let sampled = &run.samples[..run.samples.len().saturating_sub(usize::from(ended))];
    let held: Vec<&Sample> = sampled.iter().filter(within).collect();
    let [from_s, hold_s, until_s] =
        [step.from_ms, step.hold_from_ms, step.hold_until_ms].map(|ms| (ms as f64 / 1e3).min(end_s));
    // Apart: what is short while connections are made says nothing of what holding them takes.
    let [limits_ramp, limits] = limiter::limits_apart(run, from_s, [hold_s, until_s]);
    let mut summary = StepSummary {
        connections: step.connections,
        // The last sample comes up to a second before the end.
        held: end_s + 1.5 >= step.hold_until_ms as f64 / 1e3,
        limits,
        limits_ramp,
        idle_closed: grown_between(run, name::server::IDLE_CLOSED, from_s, until_s),
        pings_answered: grown_between(run, name::swarm::PONGS, hold_s, until_s),
        ..StepSummary::default()
    };
    if let [first, .., last] = held.as_slice() {
        counts(run, last, &mut summary);
        rates(run, first, last, &mut summary);
        summary.bytes = bytes(run, last, summary.online);
        let mut whole = Histogram::new();
        let delivery = held
            .iter()
            .filter_map(|sample| sample.histograms.get(name::latency::DELIVERY));
        delivery.for_each(|histogram| whole.merge(histogram));
        summary.delivery_ms = whole.percentiles_ms();
        summary.held &= summary.online as f64 >= HELD_SHARE * step.connections as f64;
    } else {
        summary.held = false;
    }
    summary
}

/// What a counter grew by between two instants, seconds; nothing where nobody counted.
fn grown_between(run: &Run, counter: &str, from_s: f64, until_s: f64) -> Option<u64> {
    let within = |step: &Increment| from_s < step.at_s && step.at_s <= until_s;
    let steps = increments(run, counter).filter(within);
    steps.map(|step| step.increase).reduce(u64::saturating_add)
}

fn gauge(sample: &Sample, name: &str) -> Option<f64> {
    sample.gauges.get(name).copied().filter(|value| value.is_finite())
}

/// The four counts of connections at the end of a hold.
fn counts(run: &Run, last: &Sample, summary: &mut StepSummary) {
    let count = |value: f64| value.max(0.0).round() as u64;
    summary.online = gauge(last, name::swarm::ONLINE).map_or(0, count);
    summary.by_server = gauge(last, name::server::CONNECTIONS).map(count);
    // Without a sample from before the climb nobody knows which sockets are its.
    let before = run.samples.first().filter(|first| first.t_ms == 0);
    let ends = f64::from(run.manifest.transport.kernel_ends());
    let here = summary.by_server.is_some();
    let by = |sockets: fn(&Sample) -> Option<f64>| -> Option<u64> {
        let grown = sockets(last)? - sockets(before?)?;
        here.then(|| count(grown / ends))
    };
    summary.by_kernel = by(|sample| gauge(sample, name::host::TCP_IN_USE));
    summary.by_slab = by(slab_sockets);
    let (Some(kernel), Some(server)) = (summary.by_kernel, summary.by_server) else {
        return;
    };
    let most = kernel.abs_diff(server).max(kernel.abs_diff(summary.online));
    let at_hand = (SLAB_AT_HAND * f64::from(run.manifest.host.cpus.max(1)) / ends).ceil() as u64;
    let by_slab = summary.by_slab.map_or(0, |slab| {
        let apart = slab.abs_diff(server).max(slab.abs_diff(summary.online));
        apart.saturating_sub(at_hand)
    });
    summary.disagreement = Some(most.max(by_slab) as f64 / summary.online.max(1) as f64);
}

/// Objects of the slab `TCP` that are sockets of this network: the slab is the host's, so others' are taken away.
fn slab_sockets(sample: &Sample) -> Option<f64> {
    let others = gauge(sample, name::host::TCP_ALLOCATED)? - gauge(sample, name::host::TCP_IN_USE)?;
    Some(gauge(sample, name::host::TCP_SLAB_OBJECTS)? - others)
}

fn rates(run: &Run, first: &Sample, last: &Sample, summary: &mut StepSummary) {
    let seconds = seconds(last) - seconds(first);
    let grown = |name: &str| -> f64 {
        let of = |sample: &Sample| sample.counters.get(name).copied().unwrap_or(0);
        of(last).saturating_sub(of(first)) as f64
    };
    if seconds <= 0.0 {
        return;
    }
    let kind = |kind: &str| grown(&format!("{}{kind}", name::host::CPU_US));
    let whole: f64 = name::host::CPU_KINDS.iter().map(|name| kind(name)).sum();
    let share = |us: f64| if whole > 0.0 { us / whole } else { 0.0 };
    let busy_us = whole - kind("idle") - kind("iowait");
    summary.cpu = CpuShares {
        busy: share(busy_us),
        user: share(kind("user")),
        system: share(kind("system")),
        softirq: share(kind("softirq")),
        server: share(grown(&name::process::cpu_us("server"))),
        swarm: share(grown(&name::process::cpu_us("swarm"))),
    };
    let messages = grown(name::swarm::MESSAGES_SENT);
    summary.messages_per_second = messages / seconds;
    if busy_us > 0.0 {
        summary.messages_per_cpu_second = messages * 1e6 / busy_us;
    }
    let segments = grown(name::host::SEGMENTS_IN) + grown(name::host::SEGMENTS_OUT);
    // With both ends in one kernel each segment is counted by its sender and by its receiver.
    summary.packets_per_second = segments / seconds / f64::from(run.manifest.transport.kernel_ends());
}

fn bytes(run: &Run, last: &Sample, online: u64) -> StepBytes {
    let Some(before) = run.samples.first() else {
        return StepBytes::default();
    };
    let grown = |name: &str| match (gauge(before, name), gauge(last, name)) {
        (Some(before), Some(after)) => ((after - before) / online.max(1) as f64).max(0.0),
        _ => 0.0,
    };
    StepBytes {
        kernel: grown(name::host::SOCKET_SLAB_BYTES),
        server: grown(&name::process::rss_anon_bytes("server")),
        swarm: grown(&name::process::rss_anon_bytes("swarm")),
        tls: gauge(last, &format!("{}tls_bytes", name::server::MEMORY))
            .map(|bytes| bytes / online.max(1) as f64),
    }
}
