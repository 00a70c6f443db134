//! What the server and the swarm cost: CPU time, memory, and bytes a connection.
//!
//! It knows the layers by name and how growth is divided; it draws nothing and judges nothing.

use record::{Run, Sample, ServerCost, SwarmCost, name};

use crate::series;

/// What one connection more costs is measured from where this share of the peak was first online: below it, what starts
/// with a process (runtime, tables) weighs more than the connections.
const FROM_SHARE: f64 = 0.25;
/// To where this share was first online: the last half per cent may trickle in for a long time.
const TO_SHARE: f64 = 0.995;
/// Of the peak, what is there when everything that grew is divided by it.
const HELD_SHARE: f64 = 0.99;

/// The server's cost; zeros where nobody watched it.
pub(crate) fn server(run: &Run) -> ServerCost {
    let rss = name::process::rss_anon_bytes("server");
    ServerCost {
        rss_bytes_peak: peak(run, &rss),
        bytes_per_connection_user: whole(run, &rss),
        bytes_per_connection_kernel: whole(run, name::host::SOCKET_SLAB_BYTES),
        bytes_per_connection_user_marginal: marginal(run, &rss),
        bytes_per_connection_kernel_marginal: marginal(run, name::host::SOCKET_SLAB_BYTES),
        cpu_seconds: cpu_seconds(run, "server"),
        queue_peak: queue_names(run)
            .iter()
            .map(String::as_str)
            .chain([name::server::LONGEST_MAILBOX])
            .map(|queue| peak(run, queue))
            .max()
            .unwrap_or(0),
    }
}

/// The swarm's cost.
pub(crate) fn swarm(run: &Run) -> SwarmCost {
    let rss = name::process::rss_anon_bytes("swarm");
    SwarmCost {
        rss_bytes_peak: peak(run, &rss),
        bytes_per_connection: whole(run, &rss),
        bytes_per_connection_marginal: marginal(run, &rss),
        cpu_seconds: cpu_seconds(run, "swarm"),
    }
}

/// The gauges that tell a named queue's length: `server.queue.<name>.depth`, `.longest` and `.peak`, sorted.
pub(crate) fn queue_names(run: &Run) -> Vec<String> {
    let mut names: Vec<String> = run
        .samples
        .iter()
        .flat_map(|sample| sample.gauges.keys())
        .filter(|gauge| gauge.starts_with(name::server::QUEUE))
        .filter(|gauge| {
            [".depth", ".longest", ".peak"]
                .iter()
                .any(|end| gauge.ends_with(end))
        })
        .cloned()
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// All that a memory gauge grew by since the first sample, divided by the connections of the last one in which nearly all
/// of the peak were online, of a climb in the largest hold's end at the latest; 0 where it cannot be told.
fn whole(run: &Run, gauge: &str) -> f64 {
    let online = |sample: &Sample| sample.gauges.get(name::swarm::ONLINE).copied();
    let peak = series::peak(run, name::swarm::ONLINE).unwrap_or(0.0);
    let begun = run.manifest.steps.iter().rfind(|step| {
        let reached = run.samples.last().map_or(0, |last| last.t_ms);
        step.hold_from_ms < reached
    });
    let until_ms = begun.map_or(u64::MAX, |step| step.hold_until_ms);
    let held = |sample: &&Sample| {
        let full = online(sample).is_some_and(|online| online > 0.0 && online >= HELD_SHARE * peak);
        full && sample.t_ms <= until_ms && sample.gauges.contains_key(gauge)
    };
    let before = run.samples.iter().find_map(|sample| sample.gauges.get(gauge));
    match (before, run.samples.iter().rfind(held)) {
        (Some(before), Some(after)) => {
            let grown = after.gauges.get(gauge).map_or(0.0, |bytes| bytes - before);
            (grown / online(after).unwrap_or(1.0)).max(0.0)
        }
        _ => 0.0,
    }
}

/// Growth of a memory gauge a connection, between the first sample with a quarter of the peak online and the first
/// with 99.5 % of it; 0 where either cannot be told.
fn marginal(run: &Run, gauge: &str) -> f64 {
    let Some(peak) = series::peak(run, name::swarm::ONLINE) else {
        return 0.0;
    };
    let first = |share: f64| {
        run.samples.iter().find_map(|sample| {
            let online = *sample.gauges.get(name::swarm::ONLINE)?;
            let bytes = *sample.gauges.get(gauge)?;
            (online > 0.0 && online >= share * peak).then_some((online, bytes))
        })
    };
    match (first(FROM_SHARE), first(TO_SHARE)) {
        (Some((few, before)), Some((many, after))) if many > few => {
            ((after - before) / (many - few)).max(0.0)
        }
        _ => 0.0,
    }
}

fn peak(run: &Run, gauge: &str) -> u64 {
    series::peak(run, gauge).map_or(0, |value| value.max(0.0).round() as u64)
}

fn cpu_seconds(run: &Run, process: &str) -> f64 {
    series::total(run, &name::process::cpu_us(process)).map_or(0.0, |us| us as f64 / 1e6)
}

#[cfg(test)]
mod tests {
    use record::Step;

    use super::*;
    use crate::plots::tests::bare_run;

    /// A process that starts with 50 MB, takes 100 B a connection, and 30 MB more for its histograms while it holds.
    fn grown(held_bytes: f64) -> Run {
        let mut run = bare_run();
        let online = [
            0.0,
            250_000.0,
            500_000.0,
            1_000_000.0,
            1_000_000.0,
            1_000_000.0,
            0.0,
        ];
        for (second, online) in (0u64..).zip(online) {
            let held = if second >= 4 { held_bytes } else { 0.0 };
            let gauges = [
                (name::swarm::ONLINE.to_owned(), online),
                (
                    name::process::rss_anon_bytes("swarm"),
                    50e6 + 100.0 * online + held,
                ),
            ];
            run.samples.push(Sample {
                t_ms: second * 1_000,
                gauges: gauges.into(),
                ..Sample::default()
            });
        }
        run
    }

    #[test]
    fn the_headline_is_all_that_grew_and_the_slope_is_apart() {
        let cost = swarm(&grown(30e6));
        assert_eq!(cost.bytes_per_connection, 130.0);
        assert_eq!(cost.bytes_per_connection_marginal, 100.0);
        assert_eq!(swarm(&grown(0.0)).bytes_per_connection, 100.0);
        assert_eq!(swarm(&bare_run()), SwarmCost::default());
    }

    /// As its step's figure: what a drain frees or takes is no longer the hold's.
    #[test]
    fn a_climb_is_divided_at_its_holds_end() {
        let mut run = grown(30e6);
        run.manifest.steps = vec![Step {
            connections: 1_000_000,
            hold_from_ms: 3_000,
            hold_until_ms: 4_000,
            ..Step::default()
        }];
        run.samples[5]
            .gauges
            .insert(name::process::rss_anon_bytes("swarm"), 0.0);
        assert_eq!(swarm(&run).bytes_per_connection, 130.0);
    }
}
