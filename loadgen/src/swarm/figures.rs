//! The swarm's figures under the names of a sample.

use std::sync::Arc;

use reactor::ShardStats;
use record::Sample;
use record::name::swarm as name;

use crate::ledger::Figures;
use crate::tally::{Board, Count, Tally};

/// Sums the shards' boards and adds the ledger.
pub(super) fn counters_and_gauges(
    boards: &[Arc<Board>],
    loops: &[Arc<ShardStats>],
    ledger: &Figures,
    sample: &mut Sample,
) {
    let mut tally = Tally::default();
    boards.iter().for_each(|board| tally.merge(&board.tally()));
    let busy_us = loops.iter().map(|stats| stats.busy_us()).sum();
    let counters = tally.counters().chain([
        (name::COPIES_SENT, ledger.sent),
        (name::COPIES_ACCEPTED, ledger.accepted),
        (name::COPIES_REFUSED, ledger.refused),
        (name::COPIES_DELIVERED, ledger.arrived()),
        (name::COPIES_REDELIVERED, ledger.redelivered),
        (name::COPIES_DUPLICATED, ledger.duplicated),
        // A copy that was refused and came all the same is not what the server said it would be.
        (
            name::COPIES_CORRUPTED,
            ledger.corrupted + ledger.delivered_refused,
        ),
        (name::COPIES_MISORDERED, ledger.misordered),
        (name::LOOP_BUSY_US, busy_us),
    ]);
    for (name, count) in counters {
        *sample.counters.entry(name.to_owned()).or_default() += count;
    }
    let gauges = [
        (name::ONLINE, tally.of(Count::Online)),
        (name::LEDGER_UNANSWERED, ledger.unanswered()),
        (name::LEDGER_QUEUED, ledger.queued),
        (name::LEDGER_MISSING, ledger.missing),
        (name::SHARDS, boards.len() as u64),
    ];
    for (name, value) in gauges {
        sample.gauges.insert(name.to_owned(), value as f64);
    }
    let busiest = loops.iter().map(|stats| stats.recent()).fold(0.0, f64::max);
    sample.gauges.insert(name::LOOP_BUSIEST.to_owned(), busiest);
    for (kind, count) in tally.connect_failures() {
        let name = format!("{}{kind}", name::CONNECT_FAILURES_BY_KIND);
        *sample.counters.entry(name).or_default() += count;
    }
}
