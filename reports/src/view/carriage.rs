//! How the clients travelled and what they met: handshakes, packets, failures by kind, misfits, and what the server and
//! the kernel made of those.
//!
//! It knows counters and words; a row without a count is left out.

use record::{Run, Summary, name};

use crate::quantity::grouped;
use crate::series;

/// A counter in words.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) count: String,
    pub(crate) note: &'static str,
}

/// What each kind of misfit does, and what shows it at the server.
const MISFITS: [(&str, &str); 5] = [
    (
        "half-open",
        "a SYN, and no answer to the server's: it is sent again",
    ),
    (
        "zero-window",
        "they offered no window: a bounded queue, then cut off",
    ),
    ("slow-reader", "they read a little at a time"),
    (
        "vanishing",
        "gone without a FIN: dropped once they have been silent for too long",
    ),
    (
        "rebinding",
        "went on from another port: reset, and logged in again",
    ),
];

pub(super) fn rows(run: &Run, summary: &Summary) -> Vec<Row> {
    let mut rows = Vec::new();
    if let Some(handshakes) = summary.handshakes {
        rows.push(row(
            "full TLS handshakes",
            handshakes.full,
            "with a fresh key share each",
        ));
        rows.push(row(
            "resumed TLS handshakes",
            handshakes.resumed,
            "by a ticket: the certificate is not checked again",
        ));
    }
    rows.extend(counted(run, &TRAVEL));
    for (kind, count) in &summary.failures {
        rows.push(row(
            &format!("failed to connect or log in: {}", kind.replace('_', " ")),
            *count,
            "",
        ));
    }
    for (kind, note) in MISFITS {
        let count = summary.misfits.get(kind).copied().unwrap_or(0);
        rows.push(row(&format!("misfits: {kind}"), count, note));
    }
    rows.extend(counted(run, &ANSWERS));
    rows.retain(|row| row.count != "0");
    rows
}

const TRAVEL: [(&str, &str, &str); 8] = [
    (
        "TLS sessions and handshakes that failed",
        name::swarm::TLS_FAILURES,
        "",
    ),
    ("packets read", name::swarm::PACKETS_IN, "by the clients' own TCP"),
    ("packets written", name::swarm::PACKETS_OUT, ""),
    (
        "packets lost on purpose",
        name::swarm::PACKETS_LOST_ON_PURPOSE,
        "by --loss, both ways",
    ),
    ("segments sent again", name::swarm::RETRANSMITS, "SYNs included"),
    ("connections that a reset ended", name::swarm::RESETS_IN, ""),
    (
        "packets dropped in the devices' queues",
        name::host::TUN_DROPS,
        "by the kernel, on their way to the clients; sent again by TCP",
    ),
    (
        "connections lost",
        name::swarm::CUTS,
        "though no client had asked for it",
    ),
];

const ANSWERS: [(&str, &str, &str); 6] = [
    ("SYNs of floods", name::swarm::FLOOD_SYNS, "from made-up clients"),
    (
        "slow readers cut off",
        name::server::SLOW_READERS_CUT,
        "by the server",
    ),
    ("dropped for silence", name::server::IDLE_CLOSED, "by the server"),
    (
        "SYN cookies",
        name::host::SYN_COOKIES,
        "sent by the kernel, its backlog full",
    ),
    ("SYNs dropped", name::host::LISTEN_DROPS, "by the kernel"),
    (
        "SYNs and answers sent again",
        name::host::SYN_RETRANSMITS,
        "by the kernel",
    ),
];

fn counted<'a>(run: &'a Run, rows: &'a [(&str, &str, &'static str)]) -> impl Iterator<Item = Row> + 'a {
    rows.iter()
        .map(|(name, counter, note)| row(name, series::total(run, counter).unwrap_or(0), note))
}

fn row(name: &str, count: u64, note: &'static str) -> Row {
    Row {
        name: name.to_owned(),
        count: grouped(count),
        note,
    }
}
