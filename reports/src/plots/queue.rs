//! Queues: what waits, where, and how long the longest is.

use record::{Run, name};

use super::{FIRST, OTHER};
use crate::chart::{Line, Panel, Plot, Scale, X};
use crate::cost::queue_names;
use crate::quantity::Unit;
use crate::series::{end_s, gauge, peak};
use crate::theme::{Ink, KINDS};

pub(super) fn depths(run: &Run) -> Plot {
    let server = Line::broad("held by the server", 0, gauge(run, name::server::COPIES_QUEUED));
    let clients = Line::solid(
        "owed to people away, by the clients",
        Ink::Series(1),
        gauge(run, name::swarm::LEDGER_QUEUED),
    );
    let waiting = Panel::new("Copies waiting", Unit::Count, Scale::Linear, FIRST)
        .with(server)
        .with(clients);
    let longest = Panel::new("Longest mailbox", Unit::Count, Scale::Linear, OTHER).with(Line::solid(
        "",
        Ink::Series(2),
        gauge(run, name::server::LONGEST_MAILBOX),
    ));

    let mut notes = Vec::new();
    let mut queues: Vec<(String, f64)> = queue_names(run)
        .into_iter()
        .filter(|queue| queue.ends_with(".depth"))
        .map(|queue| {
            let highest = peak(run, &queue).unwrap_or(0.0);
            (queue, highest)
        })
        .collect();
    queues.sort_by(|left, right| right.1.total_cmp(&left.1).then_with(|| left.0.cmp(&right.0)));
    let (shown, hidden): (Vec<_>, Vec<_>) = queues
        .iter()
        .enumerate()
        .partition(|(index, (_, highest))| *index < KINDS && *highest > 0.0);
    let mut named = Panel::new("Queues inside the server", Unit::Count, Scale::Linear, OTHER);
    for (index, (queue, _)) in &shown {
        named = named.with(Line {
            width: 1.5,
            ..Line::solid(short(queue), Ink::Series(*index), gauge(run, queue))
        });
    }
    if !shown.is_empty() && !hidden.is_empty() {
        let names: Vec<&str> = hidden.iter().map(|(_, (queue, _))| short(queue)).collect();
        notes.push(format!("Always shorter, or empty: {}.", names.join(", ")));
    }
    Plot {
        id: "queues",
        title: "Queues",
        caption: "A queue that rises and drains is a burst; one that only rises is a server that cannot keep up, and the \
                  first to rise names the bottleneck.",
        x: X::Time(end_s(run)),
        panels: vec![waiting, longest, named],
        notes,
    }
}

/// `server.queue.store.depth` is `store`.
fn short(queue: &str) -> &str {
    let name = queue.strip_prefix(name::server::QUEUE).unwrap_or(queue);
    name.strip_suffix(".depth").unwrap_or(name)
}
