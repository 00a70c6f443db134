//! The swarm's figures under the names of a sample.

use std::sync::Arc;

use reactor::ShardStats;
use record::Sample;
use record::name::swarm as name;

use super::carrier::Meter;
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
    for (kind, count) in tally.misfits().filter(|(_, count)| *count > 0) {
        let name = format!("{}{kind}", name::MISFITS);
        *sample.counters.entry(name).or_default() += count;
    }
}

/// Sums what carries the shards' bytes.
pub(super) fn carriage(meters: &[Arc<Meter>], sample: &mut Sample) {
    let mut blocks = 0;
    for reading in meters.iter().map(|meter| meter.read()) {
        let (packet, tls) = (reading.packet, reading.tls);
        blocks += u64::from(packet.in_use);
        let counters = [
            (name::PACKETS_IN, packet.segments_in),
            (name::PACKETS_OUT, packet.segments_out),
            (name::PACKETS_REFUSED, packet.writes_refused + packet.write_errors),
            (name::BARE_ACKS, packet.bare_acks),
            (name::RETRANSMITS, packet.retransmits + packet.syn_retries),
            (name::PACKETS_LOST_ON_PURPOSE, reading.lost),
            (name::RESETS_IN, packet.resets_in),
            (name::FLOOD_SYNS, packet.flood_syns),
            (name::TLS_HANDSHAKES, tls.handshakes),
            (name::TLS_RESUMED, tls.resumed),
            (name::TLS_FAILURES, tls.failed + tls.timed_out + tls.faults),
        ];
        for (name, count) in counters.into_iter().filter(|(_, count)| *count > 0) {
            *sample.counters.entry(name.to_owned()).or_default() += count;
        }
    }
    if blocks > 0 {
        sample
            .gauges
            .insert(name::CONTROL_BLOCKS.to_owned(), blocks as f64);
    }
}
