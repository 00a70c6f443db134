//! Each resource exhausted in turn, in an invented minute; and none.

use std::collections::BTreeMap;

use record::{Event, Histogram, Sample, name};

use super::*;
use crate::plots::tests::bare_run;

/// A minute in which nothing runs out: two CPUs half busy, memory a third held.
fn quiet() -> Run {
    let mut run = bare_run();
    run.manifest.host.cpus = 2;
    run.manifest.host.memory_bytes = 24_000_000_000;
    run.manifest.limits.nofile = 20_000;
    run.manifest.limits.somaxconn = 128;
    run.manifest.limits.ephemeral_ports = 28_232;
    run.manifest.limits.hash_buckets = 262_144;
    run.manifest.limits.cpus = 2;
    for second in 1..=60u64 {
        let mut sample = Sample {
            t_ms: second * 1_000,
            ..Sample::default()
        };
        let counters = [
            ("host.cpu_us.user".to_owned(), 500_000),
            ("host.cpu_us.system".to_owned(), 400_000),
            ("host.cpu_us.softirq".to_owned(), 100_000),
            ("host.cpu_us.idle".to_owned(), 1_000_000),
            (name::process::cpu_us("server"), 500_000),
            (name::process::cpu_us("swarm"), 400_000),
        ];
        sample.counters = counters.map(|(name, us)| (name, us * second)).into();
        let gauges = [
            (name::host::MEMORY_TOTAL_BYTES, 24e9),
            (name::host::MEMORY_HELD_BYTES, 8e9),
            (name::host::TCP_IN_USE, 200_000.0),
            (name::server::LOOP_BUSIEST, 0.3),
            (name::swarm::LOOP_BUSIEST, 0.4),
        ];
        sample.gauges = gauges.map(|(name, value)| (name.to_owned(), value)).into();
        run.samples.push(sample);
    }
    run
}

/// The same, with something done to every sample from a second on.
fn from(second: u64, mut spoil: impl FnMut(u64, &mut Sample)) -> Run {
    let mut run = quiet();
    for sample in run
        .samples
        .iter_mut()
        .filter(|sample| sample.t_ms >= second * 1_000)
    {
        spoil(sample.t_ms / 1_000 - second + 1, sample);
    }
    run
}

fn count(sample: &mut Sample, name: &str, value: u64) {
    sample.counters.insert(name.to_owned(), value);
}

/// The CPUs full from a second on, as `[user, system, softirq]` of a second's two.
fn full(second: u64, kinds: [u64; 3]) -> Run {
    from(second, |since, sample| {
        let names = ["user", "system", "softirq"];
        let quiet = [500_000, 400_000, 100_000];
        for ((name, us), before) in names.iter().zip(kinds).zip(quiet) {
            let name = format!("host.cpu_us.{name}");
            let value = before * (second - 1) + us * since;
            count(sample, &name, value);
        }
        count(sample, "host.cpu_us.idle", 1_000_000 * (second - 1));
    })
}

/// A stretch that is one part.
fn limits(run: &Run, from_s: f64, until_s: f64) -> Vec<Limit> {
    let [limits] = limits_apart(run, from_s, [until_s]);
    limits
}

fn told(run: &Run) -> Vec<String> {
    let at = |limit: &Limit| limit.at_s.map_or("never".to_owned(), |at_s| format!("{at_s} s"));
    limits(run, 10.0, 50.0)
        .iter()
        .map(|limit| format!("{} {}: {}", at(limit), limit.resource, limit.evidence))
        .collect()
}

#[test]
fn each_resource_is_named_with_its_evidence() {
    let counter = |name: &'static str| from(20, move |since, sample| count(sample, name, 43 * since));
    let gauge = |name: &'static str, value: f64| {
        from(20, move |_, sample| {
            sample.gauges.insert(name.to_owned(), value);
        })
    };
    let lagging = from(20, |_, sample| {
        let mut histogram = Histogram::new();
        histogram.record(1_500_000);
        sample.histograms = BTreeMap::from([(name::latency::SCHEDULE_LAG.to_owned(), histogram)]);
    });
    let mut pinned = from(20, |since, sample| {
        count(sample, "process.server.cpu_us", 500_000 * 19 + 570_000 * since);
    });
    pinned.manifest.limits.cpus = 1;
    // Others had the better part of the one CPU, and the generator had not enough of it.
    let mut shared = from(20, |since, sample| {
        count(sample, name::host::OWN_CPU_BUSY_US, 1_000_000 * since);
        count(sample, name::host::OWN_CPU_IDLE_US, 500);
        let mut histogram = Histogram::new();
        histogram.record(1_500_000);
        sample.histograms = BTreeMap::from([(name::latency::SCHEDULE_LAG.to_owned(), histogram)]);
        sample.gauges.insert(name::swarm::LOOP_BUSIEST.to_owned(), 1.0);
    });
    shared.manifest.limits.cpus = 1;
    let mut foreseen = quiet();
    foreseen.events.push(Event {
        t_ms: 50_100,
        kind: EventKind::Interrupted,
        name: FORESEEN.to_owned(),
        detail: "3M connections need 5 GB more than there is.".to_owned(),
    });
    let cases = [
        ("nothing", quiet()),
        ("cpu, in the kernel", full(20, [500_000, 1_300_000, 200_000])),
        ("cpu, for packets", full(20, [200_000, 300_000, 1_500_000])),
        ("cpu, of those it may use", pinned),
        ("cpu, of those it may use, and others do", shared),
        ("memory", gauge(name::host::MEMORY_HELD_BYTES, 23e9)),
        ("memory, foreseen", foreseen),
        (
            "descriptors of the swarm",
            counter("swarm.connect_failures.no_descriptor"),
        ),
        (
            "descriptors of the server",
            counter(name::server::ACCEPTS_STARVED),
        ),
        ("ports", counter("swarm.connect_failures.no_port")),
        ("backlog", counter(name::host::LISTEN_OVERFLOWS)),
        ("cookies", counter(name::host::SYN_COOKIES)),
        ("the server's limit", counter(name::server::CONNECTIONS_REFUSED)),
        ("hash chains", gauge(name::host::TCP_IN_USE, 5e6)),
        ("event loop", gauge(name::server::LOOP_BUSIEST, 0.99)),
        ("generator's loop", gauge(name::swarm::LOOP_BUSIEST, 1.0)),
        ("generator", lagging),
    ];
    let told: Vec<String> = cases
        .iter()
        .map(|(case, run)| format!("{case}\n  {}", told(run).join("\n  ")))
        .collect();
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn what_was_seen_first_comes_first_and_ties_go_to_the_cause() {
    let mut run = full(30, [500_000, 1_300_000, 200_000]);
    for sample in &mut run.samples {
        let second = sample.t_ms / 1_000;
        count(sample, name::host::LISTEN_OVERFLOWS, second.saturating_sub(20));
        count(
            sample,
            "swarm.connect_failures.no_port",
            second.saturating_sub(20),
        );
        sample.gauges.insert(name::server::LOOP_BUSIEST.to_owned(), 1.0);
    }
    let resources: Vec<String> = limits(&run, 10.0, 50.0)
        .into_iter()
        .map(|limit| limit.resource)
        .collect();
    // The loop was busy before: but a loop that waits for a CPU looks just so.
    assert_eq!(resources, ["ports", "backlog", "cpu"]);
}

#[test]
fn only_the_stretch_asked_about_counts() {
    let run = from(55, |_, sample| count(sample, name::host::LISTEN_OVERFLOWS, 9));
    assert!(!limits(&run, 10.0, 50.0)[0].ran_out);
    assert_eq!(limits(&run, 50.0, 60.0)[0].resource, "backlog");
    // What was counted before the stretch is not counted again.
    assert!(!limits(&run, 56.0, 60.0)[0].ran_out);
}

#[test]
fn one_full_second_is_no_exhaustion_and_no_samples_are_no_finding() {
    let mut run = quiet();
    run.samples[25]
        .gauges
        .insert(name::server::LOOP_BUSIEST.to_owned(), 1.0);
    assert!(!limits(&run, 10.0, 50.0)[0].ran_out);
    assert_eq!(limits(&bare_run(), 0.0, 60.0), []);
}

/// The parts of a step have limits of their own; a CPU that is full from one into the next is told where that began, and
/// neither's lateness is the generator's.
#[test]
fn parts_of_a_stretch_are_judged_apart() {
    let backlog = from(20, |since, sample| {
        count(sample, name::host::LISTEN_OVERFLOWS, since.min(5));
    });
    let [ramp, hold] = limits_apart(&backlog, 10.0, [30.0, 50.0]);
    assert_eq!((ramp[0].resource.as_str(), ramp[0].ran_out), ("backlog", true));
    assert!(hold.iter().all(|limit| !limit.ran_out), "{hold:?}");

    let mut starved = full(29, [1_000_000, 900_000, 100_000]);
    let mut late = Histogram::new();
    late.record(5_000_000);
    for sample in starved.samples.iter_mut().filter(|sample| sample.t_ms >= 30_000) {
        let lag = name::latency::SCHEDULE_LAG.to_owned();
        sample.histograms.insert(lag, late.clone());
    }
    let [ramp, hold] = limits_apart(&starved, 10.0, [30.0, 50.0]);
    assert_eq!((ramp[0].resource.as_str(), ramp[0].at_s), ("cpu", Some(29.0)));
    for limit in ramp.iter().chain(&hold) {
        assert_eq!(limit.resource, "cpu", "{limit:?}");
    }
}
