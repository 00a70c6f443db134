//! The key figures, a tile each.
//!
//! It knows which figures a reader asks for first; the rest is in the tables.

use record::{Percentiles, Run, Summary, name};

use crate::quantity::{Unit, clock, grouped, short};
use crate::series;

/// A key figure.
#[derive(Debug)]
pub(crate) struct Tile {
    pub(crate) label: &'static str,
    pub(crate) value: String,
    pub(crate) note: String,
}

pub(super) fn tile(label: &'static str, value: impl Into<String>, note: impl Into<String>) -> Tile {
    Tile {
        label,
        value: value.into(),
        note: note.into(),
    }
}

/// A figure, or a dash where nothing was measured.
fn measured(value: f64, unit: Unit) -> String {
    if value > 0.0 {
        short(value, unit)
    } else {
        "–".to_owned()
    }
}

pub(super) fn of_plan(run: &Run) -> Vec<Tile> {
    let highest = |column: &[u64]| column.iter().copied().max().unwrap_or(0) as f64;
    let total = |column: &[u64]| column.iter().sum::<u64>() as f64;
    let plan = &run.plan;
    vec![
        tile(
            "Planned connections",
            short(highest(&plan.connections), Unit::Count),
            "at the highest",
        ),
        tile(
            "Messages",
            short(total(&plan.messages), Unit::Count),
            "in the whole run",
        ),
        tile(
            "Copies",
            short(total(&plan.copies), Unit::Count),
            "one message to one recipient each",
        ),
        tile(
            "Busiest second",
            short(highest(&plan.copies), Unit::PerSecond),
            "copies",
        ),
        tile("Length", clock(series::end_s(run)), "of run time"),
    ]
}

pub(super) fn of_capture(run: &Run) -> Vec<Tile> {
    let total = |name: &str| series::total(run, name).unwrap_or(0);
    let most = series::peak(run, name::capture::CONNECTIONS).unwrap_or(0.0);
    let bytes = |name: &str| short(total(name) as f64, Unit::Bytes);
    vec![
        tile(
            "Connections",
            grouped(total(name::capture::OPENED)),
            format!("{} open at once at most", short(most, Unit::Count)),
        ),
        tile(
            "Replayable",
            grouped(total(name::capture::REPLAYABLE)),
            "of those that are listed",
        ),
        tile(
            "Said by clients",
            bytes(name::capture::CLIENT_BYTES),
            "reassembled",
        ),
        tile(
            "Said by servers",
            bytes(name::capture::SERVER_BYTES),
            "reassembled",
        ),
        tile(
            "Missing",
            bytes(name::capture::GAP_BYTES),
            "lost before or in the capture",
        ),
        tile(
            "Packets",
            short(total(name::capture::PACKETS) as f64, Unit::Count),
            "of any kind",
        ),
        tile("Length", clock(series::end_s(run)), "of the capture's time"),
    ]
}

pub(super) fn of_run(run: &Run, summary: &Summary) -> Vec<Tile> {
    let mut tiles = messages(run, summary);
    tiles.extend(costs(summary));
    let lag = &summary.schedule_lag_ms;
    tiles.push(tile(
        "Generator's lag, 99th percentile",
        short(lag.p99, Unit::Time),
        format!("{} late, {} unsent", grouped(lag.late), grouped(lag.unsent)),
    ));
    tiles
}

/// Who was there, and what came of what they said.
fn messages(run: &Run, summary: &Summary) -> Vec<Tile> {
    let (connections, messages) = (&summary.connections, &summary.messages);
    let busiest = series::rate(run, name::swarm::COPIES_DELIVERED)
        .into_iter()
        .map(|(_, rate)| rate)
        .fold(0.0, f64::max);
    let astray = messages.lost + messages.duplicated + messages.corrupted + messages.misordered;
    vec![
        tile(
            "Peak connections",
            short(connections.peak as f64, Unit::Count),
            format!(
                "of {} planned; {} failed",
                short(connections.target as f64, Unit::Count),
                grouped(connections.failed)
            ),
        ),
        tile(
            "Log-ins",
            short(connections.per_second_peak as f64, Unit::PerSecond),
            "in the busiest second",
        ),
        tile(
            "Copies delivered",
            short(messages.delivered as f64, Unit::Count),
            format!("{} in the busiest second", short(busiest, Unit::PerSecond)),
        ),
        tile("Lost, twice, wrong", grouped(astray), "copies; must be 0"),
        wait("Delivery, 99th percentile", summary.latency_ms.delivery),
        wait("Accepted, 99th percentile", summary.latency_ms.accepted),
    ]
}

/// What it took of memory and of time.
fn costs(summary: &Summary) -> [Tile; 3] {
    let (server, swarm) = (&summary.server, &summary.swarm);
    let (cpu, an_arrival) = match server.cpu_seconds {
        seconds if seconds > 0.0 => {
            let a_second = short(summary.messages.delivered as f64 / seconds, Unit::Count);
            (
                short(seconds * 1e3, Unit::Time),
                format!("{a_second} copies delivered a second of it"),
            )
        }
        _ => ("–".to_owned(), "the server was not watched".to_owned()),
    };
    [
        tile(
            "Server memory a connection",
            measured(server.bytes_per_connection_user, Unit::Bytes),
            format!(
                "all that grew; marginal {}; and {} of kernel sockets",
                measured(server.bytes_per_connection_user_marginal, Unit::Bytes),
                measured(server.bytes_per_connection_kernel, Unit::Bytes)
            ),
        ),
        tile(
            "Swarm memory a connection",
            measured(swarm.bytes_per_connection, Unit::Bytes),
            format!(
                "all that grew; marginal {}; peak {}",
                measured(swarm.bytes_per_connection_marginal, Unit::Bytes),
                measured(swarm.rss_bytes_peak as f64, Unit::Bytes)
            ),
        ),
        tile("Server CPU time", cpu, an_arrival),
    ]
}

/// A time that things took: its 99th percentile, and what lies about it.
pub(super) fn wait(label: &'static str, p: Percentiles) -> Tile {
    if p.count == 0 {
        return tile(label, "–", "nothing was measured");
    }
    let note = format!(
        "median {}, worst {}",
        short(p.p50, Unit::Time),
        short(p.max, Unit::Time)
    );
    tile(label, short(p.p99, Unit::Time), note)
}
