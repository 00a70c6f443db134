//! What the server and the swarm cost: CPU time, memory, and bytes a connection.
//!
//! It knows the layers by name and how growth is divided; it draws nothing and judges nothing.

use record::{Run, ServerCost, SwarmCost, name};

use crate::series;

/// Growth is measured from where this share of the peak was first online: below it, what starts with a process
/// (runtime, tables) weighs more than the connections.
const FROM_SHARE: f64 = 0.25;
/// To where this share was first online: the last half per cent may trickle in for a long time.
const TO_SHARE: f64 = 0.995;

/// The server's cost; zeros where nobody watched it.
pub(crate) fn server(run: &Run) -> ServerCost {
    let rss = name::process::rss_anon_bytes("server");
    ServerCost {
        rss_bytes_peak: peak(run, &rss),
        bytes_per_connection_user: bytes_per_connection(run, &rss),
        bytes_per_connection_kernel: bytes_per_connection(run, name::host::SOCKET_SLAB_BYTES),
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
        bytes_per_connection: bytes_per_connection(run, &rss),
        cpu_seconds: cpu_seconds(run, "swarm"),
    }
}

/// The gauges that tell a named queue's length: `server.queue.<name>.depth` and `.longest`, sorted.
pub(crate) fn queue_names(run: &Run) -> Vec<String> {
    let mut names: Vec<String> = run
        .samples
        .iter()
        .flat_map(|sample| sample.gauges.keys())
        .filter(|gauge| gauge.starts_with(name::server::QUEUE))
        .filter(|gauge| gauge.ends_with(".depth") || gauge.ends_with(".longest"))
        .cloned()
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// Growth of a memory gauge a connection, between the first sample with a quarter of the peak online and the first
/// with 99.5 % of it; 0 where either cannot be told.
pub(crate) fn bytes_per_connection(run: &Run, gauge: &str) -> f64 {
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
