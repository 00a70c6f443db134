//! Memory by layer, over time and a connection.

use record::{Run, name};

use super::reference::{Level, mark, noted};
use super::{ALONE, FIRST, OTHER};
use crate::chart::{Band, Line, Panel, Plot, Scale, X};
use crate::climb::old;
use crate::quantity::{Unit, short};
use crate::series::{Points, end_s, gauge, peak, seconds};
use crate::theme::Ink;

/// Below this share of the peak, what a process starts with weighs more than its connections.
const FROM_SHARE: f64 = 0.05;

/// The layers of a stack, from the ground up: name, gauge, kind.
fn layers() -> [(&'static str, String, usize); 3] {
    [
        (
            "kernel: socket slabs",
            name::host::SOCKET_SLAB_BYTES.to_owned(),
            2,
        ),
        ("server process", name::process::rss_anon_bytes("server"), 0),
        ("swarm process", name::process::rss_anon_bytes("swarm"), 1),
    ]
}

pub(super) fn by_layer(run: &Run) -> Plot {
    let mut panel = Panel::new("", Unit::Bytes, Scale::Linear, ALONE);
    for (name, gauge, kind) in layers() {
        let points: Points = run
            .samples
            .iter()
            .map(|sample| (seconds(sample), sample.gauges.get(&gauge).copied().unwrap_or(0.0)))
            .collect();
        panel = panel.stacked(Band {
            name: name.to_owned(),
            kind,
            points,
        });
    }
    panel = panel.with(Line::solid(
        "page cache",
        Ink::Series(3),
        gauge(run, name::host::MEMORY_CACHE_BYTES),
    ));
    let total = peak(run, name::host::MEMORY_TOTAL_BYTES);
    Plot {
        id: "memory",
        title: "Memory by layer",
        caption: "The stack should grow with connections and stay flat while they do: growth during the hold is a leak \
                  or a queue.",
        x: X::Time(end_s(run)),
        panels: vec![panel],
        notes: total
            .map(|bytes| format!("The host has {}.", short(bytes, Unit::Bytes)))
            .into_iter()
            .collect(),
    }
}

/// Growth since the first sample, divided by the connections that came since, while their number grew.
pub(super) fn per_connection(run: &Run) -> Plot {
    let online = |sample: &record::Sample| sample.gauges.get(name::swarm::ONLINE).copied();
    let most = peak(run, name::swarm::ONLINE).unwrap_or(0.0);
    let mut high = FROM_SHARE * most;
    let growing: Vec<&record::Sample> = run
        .samples
        .iter()
        .filter(|sample| match online(sample) {
            Some(count) if count > high => {
                high = count;
                true
            }
            _ => false,
        })
        .collect();
    let before = run.samples.iter().find(|sample| online(sample).is_some());
    let mut panel = Panel::new("All layers", Unit::Bytes, Scale::Linear, FIRST);
    // The kernel's part dwarfs the processes', which are what a change to them moves.
    let mut processes = Panel::new("The processes alone", Unit::Bytes, Scale::Linear, OTHER + 30.0);
    let mut range = (0.0, 1.0);
    let mut highest = 0.0;
    // Two points make no line worth reading.
    if let (Some(before), [first, .., last]) = (before, growing.as_slice())
        && growing.len() > 2
    {
        let came = |sample: &record::Sample| online(sample).unwrap_or(0.0) - online(before).unwrap_or(0.0);
        range = (online(first).unwrap_or(0.0), online(last).unwrap_or(1.0));
        for (name, gauge, kind) in layers() {
            let Some(base) = before.gauges.get(&gauge) else {
                continue;
            };
            let points: Points = growing
                .iter()
                .filter(|sample| came(sample) > 0.0)
                .map(|sample| {
                    let bytes = sample.gauges.get(&gauge).unwrap_or(base) - base;
                    (online(sample).unwrap_or(0.0), (bytes / came(sample)).max(0.0))
                })
                .collect();
            highest += points.last().map_or(0.0, |(_, bytes)| *bytes);
            if name.ends_with("process") {
                processes = processes.with(Line::solid(name, Ink::Series(kind), points.clone()));
            }
            panel = panel.stacked(Band {
                name: name.to_owned(),
                kind,
                points,
            });
        }
    }
    let host = Level::new(
        "the old climb's at its top, all of its host",
        old::MEMORY_BYTES / old::CONNECTIONS,
        Unit::Bytes,
    );
    let (panel, above) = mark(run, panel, range, highest, [host]);
    let plot = Plot {
        id: "bytes-a-connection",
        title: "Bytes a connection by layer, as connections grow",
        caption: "Once what the processes start with is shared by many, each layer should run level: one that rises \
                  costs more the more there are.",
        x: X::Count(range.0, range.1),
        panels: vec![panel, processes],
        notes: Vec::new(),
    };
    noted(plot, &above)
}
