//! Ways to spoil a capture: pure functions of it and of a seed.
//!
//! It does not know what is said, nor what reads it.

use std::collections::BTreeMap;
use std::ops::Range;

use rand::RngExt as _;
use rand::rngs::StdRng;

use super::packets::{ACK, Capture, FIN, Packet, RST, SYN, Segment};

/// Packets of a connection that lie so close are seen in another order; the processor that stamps one may be behind the last one's.
const JITTER_US: u64 = 5_000;

/// Neighbours of a connection change places, but for those that begin or end it; how many.
pub(super) fn reordered(capture: &Capture, rng: &mut StdRng) -> (Capture, usize) {
    let (mut spoilt, mut touched) = (capture.clone(), 0);
    for places in capture.conversations().into_values() {
        let mut pairs = places.windows(2).map(|pair| (pair[0], pair[1]));
        while let Some((one, other)) = pairs.next() {
            let (early, late) = (&capture.packets[one], &capture.packets[other]);
            let segments = [early, late].map(|packet| packet.segment().expect("it was one"));
            let plain = segments
                .iter()
                .all(|segment| segment.flags & (SYN | FIN | RST) == 0);
            let says = segments.iter().any(|segment| segment.length > 0);
            if plain && says && late.at_us.abs_diff(early.at_us) < JITTER_US && rng.random_bool(0.3) {
                let (early, late) = (early.bytes.clone(), late.bytes.clone());
                spoilt.packets[one].bytes = late;
                spoilt.packets[other].bytes = early;
                touched += 1;
                pairs.next();
            }
        }
    }
    (spoilt, touched)
}

/// Some packets with data come twice, the second time a little later.
pub(super) fn repeated(capture: &Capture, rng: &mut StdRng) -> (Capture, usize) {
    let mut again = BTreeMap::new();
    for (at, packet) in capture.packets.iter().enumerate() {
        let says = packet
            .segment()
            .is_some_and(|segment| segment.length > 0 && segment.flags & FIN == 0);
        if says && rng.random_bool(0.2) {
            let later = (at + rng.random_range(0..4)).min(capture.packets.len() - 1);
            let at_us = capture.packets[later].at_us;
            let packet = Packet {
                at_us,
                ..packet.clone()
            };
            again.insert(later, packet);
        }
    }
    let touched = again.len();
    (capture.with(again, &[], true), touched)
}

/// Behind some packets comes one that says the end of the one before and their own data again.
pub(super) fn overlapping(capture: &Capture, rng: &mut StdRng) -> (Capture, usize) {
    let mut again = BTreeMap::new();
    for (one, other) in capture.neighbours() {
        let (early, late) = (&capture.packets[one], &capture.packets[other]);
        let segments = [early, late].map(|packet| packet.segment().expect("it was one"));
        let from = rng.random_range(0..segments[0].length);
        let said = [&early.said(&segments[0])[from..], late.said(&segments[1])].concat();
        if said.len() < 60_000 && segments[1].flags & FIN == 0 {
            let seq = segments[0].seq.wrapping_add(from as u32);
            again.insert(other, late.saying(seq, &said, false));
        }
    }
    let touched = again.len();
    (capture.with(again, &[], true), touched)
}

/// Neighbours become one long segment, as segmentation offload hands them over: it waits for the second, but not for long.
pub(super) fn merged(capture: &Capture, rng: &mut StdRng) -> (Capture, usize) {
    let (mut long, mut began, mut taken) = (BTreeMap::new(), BTreeMap::new(), Vec::new());
    for (one, other) in capture.neighbours() {
        let late = &capture.packets[other];
        let began_us = began.remove(&one).unwrap_or(capture.packets[one].at_us);
        if late.at_us.saturating_sub(began_us) >= JITTER_US || !rng.random_bool(0.8) {
            continue;
        }
        // What was merged before goes on growing.
        let early = long.remove(&one).unwrap_or_else(|| capture.packets[one].clone());
        let segments = [&early, late].map(|packet| packet.segment().expect("it was one"));
        let said = [early.said(&segments[0]), late.said(&segments[1])].concat();
        long.insert(other, late.saying(segments[0].seq, &said, true));
        began.insert(other, began_us);
        taken.push(one);
    }
    let touched = taken.len();
    (capture.with(long, &taken, false), touched)
}

/// What is missing, by client and side: bytes of the stream.
pub(super) type Missing = BTreeMap<(String, usize), Vec<Range<u64>>>;

/// Some packets with data are missing. Only such are taken as show from what comes behind them, and were sent once.
pub(super) fn thinned(capture: &Capture, rng: &mut StdRng) -> (Capture, Missing) {
    let (mut taken, mut dropped) = (Vec::new(), Missing::new());
    for (client, places) in capture.conversations() {
        let segments: Vec<(usize, Segment)> = places
            .iter()
            .map(|&at| (at, capture.packets[at].segment().expect("it was one")))
            .collect();
        for (index, (at, segment)) in segments.iter().enumerate() {
            let behind = segments[index + 1..].iter().any(|(_, later)| {
                let reach = if later.side == segment.side {
                    later.end()
                } else {
                    later.ack
                };
                later.flags & ACK != 0
                    && (later.side != segment.side || later.length > 0)
                    && (reach.wrapping_sub(segment.end()) as i32) >= i32::from(later.side == segment.side)
            });
            let once = segments.iter().enumerate().all(|(other, (_, known))| {
                other == index
                    || known.side != segment.side
                    || known.length == 0
                    || (known.seq.wrapping_sub(segment.end()) as i32) >= 0
                    || (segment.seq.wrapping_sub(known.end()) as i32) >= 0
            });
            if segment.length > 0
                && segment.flags & (SYN | FIN) == 0
                && behind
                && once
                && rng.random_bool(0.03)
            {
                let syn = segments
                    .iter()
                    .find(|(_, first)| first.side == segment.side && first.flags & SYN != 0);
                let (_, syn) = syn.expect("each side's was captured");
                let from = u64::from(segment.seq.wrapping_sub(syn.seq.wrapping_add(1)));
                let missing = dropped.entry((client.clone(), segment.side)).or_default();
                missing.push(from..from + segment.length as u64);
                taken.push(*at);
            }
        }
    }
    (capture.with(BTreeMap::new(), &taken, true), dropped)
}
