//! The host: CPU by kind beside both processes, and the network's troubles.

use record::{Run, name};

use super::reference::{Level, by_cpus, mark, noted};
use super::{FIRST, OTHER};
use crate::chart::{Band, Line, Panel, Plot, Scale, X};
use crate::climb::old;
use crate::quantity::Unit;
use crate::series::{Points, end_s, gauge, highest, increments, rate};
use crate::theme::Ink;

pub(super) fn cpu(run: &Run) -> Plot {
    let of_kind = |kind: &str| -> Points {
        increments(run, &format!("{}{kind}", name::host::CPU_US))
            .map(|step| (step.at_s, step.increase as f64))
            .collect()
    };
    let kinds: Vec<(&str, Points)> = name::host::CPU_KINDS
        .iter()
        .map(|kind| (*kind, of_kind(kind)))
        .collect();
    let whole = summed(&kinds);
    let mut panel = Panel::new("", Unit::Share, Scale::Whole, FIRST + 40.0);
    for (index, (kind, points)) in kinds.iter().filter(|(kind, _)| *kind != "idle").enumerate() {
        if points.len() == whole.len() {
            panel = panel.stacked(Band {
                name: (*kind).to_owned(),
                kind: index,
                points: shares(points, &whole),
            });
        }
    }
    for (process, dashed) in [("server", false), ("swarm", true)] {
        let points: Points = increments(run, &name::process::cpu_us(process))
            .filter_map(|step| {
                let (_, sum) = whole.iter().find(|(at, _)| *at == step.at_s)?;
                (*sum > 0.0).then_some((step.at_s, 100.0 * step.increase as f64 / sum))
            })
            .collect();
        let line = Line {
            dashed,
            ..Line::solid(format!("{process} process"), Ink::Text, points)
        };
        panel = panel.with(Line { width: 1.5, ..line });
    }
    let busy_share = Level {
        name: format!("the old climb's at its top, {:.0} %", old::BUSY * 100.0),
        at: old::BUSY * 100.0,
    };
    // The scale is the whole of it in any case.
    let (panel, _) = mark(run, panel, (0.0, end_s(run)), 100.0, [busy_share]);
    Plot {
        id: "cpu",
        title: "CPU by kind, share of all CPUs",
        caption: "The space above the stack is what is left to win; softirq is the kernel carrying packets, and steal is \
                  time the host did not give.",
        x: X::Time(end_s(run)),
        panels: vec![panel, loops(run)],
        notes: Vec::new(),
    }
}

/// All CPUs' time, idle included: what a share is a share of.
fn summed(kinds: &[(&str, Points)]) -> Points {
    let longest = kinds
        .iter()
        .map(|(_, points)| points)
        .max_by_key(|points| points.len());
    let mut whole: Points = longest.map_or_else(Points::new, |points| {
        points.iter().map(|(at, _)| (*at, 0.0)).collect()
    });
    for (_, points) in kinds {
        for ((_, sum), (_, us)) in whole.iter_mut().zip(points) {
            *sum += us;
        }
    }
    whole
}

fn loops(run: &Run) -> Panel {
    Panel::new("Loops at work", Unit::Share, Scale::Whole, OTHER)
        .with(Line::solid(
            "server",
            Ink::Series(0),
            busy(run, name::server::LOOP_BUSY_US, name::server::SHARDS),
        ))
        .with(Line::solid(
            "swarm",
            Ink::Series(1),
            busy(run, name::swarm::LOOP_BUSY_US, name::swarm::SHARDS),
        ))
}

fn shares(points: &Points, whole: &Points) -> Points {
    points
        .iter()
        .zip(whole)
        .map(|((at, us), (_, sum))| (*at, if *sum > 0.0 { 100.0 * us / sum } else { 0.0 }))
        .collect()
}

/// The share of their time that a process's loops worked.
fn busy(run: &Run, counter: &str, shards: &str) -> Points {
    let shards = gauge(run, shards)
        .iter()
        .map(|(_, count)| *count)
        .fold(0.0, f64::max);
    if shards <= 0.0 {
        return Points::new();
    }
    rate(run, counter)
        .into_iter()
        .map(|(at, us)| (at, (us / 1e4 / shards).min(100.0)))
        .collect()
}

/// Both directions of the server's end together, and what the old climb had, in all and on as many CPUs as are here.
fn with_references(panel: Panel, run: &Run) -> (Panel, Vec<String>) {
    let ends = f64::from(run.manifest.transport.kernel_ends());
    let (received, sent) = (
        rate(run, name::host::SEGMENTS_IN),
        rate(run, name::host::SEGMENTS_OUT),
    );
    let both: Points = received
        .iter()
        .zip(&sent)
        .map(|((at_s, received), (_, sent))| (*at_s, (received + sent) / ends))
        .collect();
    let most = highest(&both);
    let panel = panel.with(Line::solid("the server's, both ways", Ink::Series(3), both));
    let levels = by_cpus(run, old::PACKETS, Unit::PerSecond);
    mark(run, panel, (0.0, end_s(run)), most, levels)
}

pub(super) fn network(run: &Run) -> Plot {
    let mut packets = Panel::new("TCP segments", Unit::PerSecond, Scale::Linear, FIRST)
        .with(Line::solid(
            "received",
            Ink::Series(0),
            rate(run, name::host::SEGMENTS_IN),
        ))
        .with(Line::solid(
            "sent",
            Ink::Series(1),
            rate(run, name::host::SEGMENTS_OUT),
        ));
    let mut above = Vec::new();
    if !run.manifest.steps.is_empty() {
        (packets, above) = with_references(packets, run);
    }
    let again = Panel::new("Retransmitted", Unit::PerSecond, Scale::Linear, OTHER).with(Line::solid(
        "segments",
        Ink::Series(5),
        rate(run, name::host::RETRANSMITS),
    ));
    let door = Panel::new(
        "Overflows and drops at listeners",
        Unit::PerSecond,
        Scale::Linear,
        OTHER,
    )
    .with(Line::solid(
        "accept queue overflows",
        Ink::Series(3),
        rate(run, name::host::LISTEN_OVERFLOWS),
    ))
    .with(Line::solid(
        "SYNs dropped",
        Ink::Series(1),
        rate(run, name::host::LISTEN_DROPS),
    ))
    .with(Line::solid(
        "SYN cookies",
        Ink::Series(2),
        rate(run, name::host::SYN_COOKIES),
    ));
    let plot = Plot {
        id: "network",
        title: "Packets, retransmits, overflows",
        caption: "Retransmits and overflows should be absent: where they appear, connects were dropped and tried again, \
                  seconds later.",
        x: X::Time(end_s(run)),
        panels: vec![packets, again, door],
        notes: Vec::new(),
    };
    noted(plot, &above)
}
