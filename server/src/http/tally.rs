//! What the HTTP side counts: requests, answers, refusals by reason.
//!
//! It does not know the routes. Several tokio threads add, so additions are atomic; a request costs thousands of times
//! what one of them does.

use std::array::from_fn;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::refusal::Reason;
use crate::figures::Snapshot;

/// Something that is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Count {
    Connections,
    ConnectionsClosed,
    ConnectionsAboveFloor,
    AcceptPauses,
    Requests,
    Registrations,
    Proofs,
    Lookups,
    Uploads,
    UploadedBytes,
    Downloads,
    MediaErased,
}

/// The counts and their names after `server.http.`, in the order of [`Count`].
const NAMES: [&str; 12] = [
    "connections_accepted",
    "connections_closed",
    "connections_above_floor",
    "accept_pauses",
    "requests",
    "registrations",
    "proofs",
    "lookups",
    "uploads",
    "uploaded_bytes",
    "downloads",
    "media_erased",
];

/// The counters.
#[derive(Debug)]
pub(super) struct Tally {
    counts: [AtomicU64; NAMES.len()],
    refused: [AtomicU64; Reason::COUNT],
}

impl Tally {
    pub(super) fn new() -> Self {
        Self {
            counts: from_fn(|_| AtomicU64::new(0)),
            refused: from_fn(|_| AtomicU64::new(0)),
        }
    }

    pub(super) fn add(&self, count: Count, by: u64) {
        self.counts[count as usize].fetch_add(by, Relaxed);
    }

    pub(super) fn refuse(&self, reason: Reason) {
        self.refused[reason.place()].fetch_add(1, Relaxed);
    }

    fn total(&self, count: Count) -> u64 {
        self.counts[count as usize].load(Relaxed)
    }

    /// Adds the counters, and the connections open as a gauge.
    pub(super) fn report(&self, snapshot: &mut Snapshot) {
        for (name, count) in NAMES.iter().zip(&self.counts) {
            snapshot
                .counters
                .insert(format!("server.http.{name}"), count.load(Relaxed));
        }
        for (reason, count) in Reason::all().zip(&self.refused) {
            snapshot.counters.insert(
                format!("server.http.refused.{}", reason.name()),
                count.load(Relaxed),
            );
        }
        // Closed first: a connection that closes in between must not make more closed than accepted.
        let closed = self.total(Count::ConnectionsClosed);
        let open = self.total(Count::Connections).saturating_sub(closed);
        snapshot
            .gauges
            .insert("server.http.connections".to_owned(), open as f64);
    }
}

#[cfg(test)]
mod tests {
    use wire::chat::Code;

    use super::*;

    #[test]
    fn counts_appear_under_their_names() {
        let tally = Tally::new();
        tally.add(Count::Connections, 3);
        tally.add(Count::ConnectionsClosed, 1);
        tally.add(Count::MediaErased, 7);
        tally.refuse(Reason::Protocol(Code::Busy));
        tally.refuse(Reason::TimedOut);
        let mut snapshot = Snapshot::default();
        tally.report(&mut snapshot);
        for (name, value) in [
            ("connections_accepted", 3),
            ("connections_closed", 1),
            ("media_erased", 7),
            ("refused.busy", 1),
            ("refused.timed_out", 1),
            ("refused.oversized", 0),
        ] {
            assert_eq!(snapshot.counters[&format!("server.http.{name}")], value, "{name}");
        }
        assert_eq!(snapshot.gauges["server.http.connections"], 2.0);
    }
}
