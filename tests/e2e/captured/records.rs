//! Which bytes of a TLS 1.3 stream are an application's, told without a key: by where records lie and how long they are.
//!
//! It relies on what our ends do: nothing is padded, a record is sealed by 16 bytes, and no frame is as short as an alert.

use std::collections::BTreeMap;
use std::ops::Range;

use super::packets::{Capture, SYN};

/// The header of a record, and what sealing adds: the inner type and a tag (RFC 8446, section 5.2).
const HEAD: usize = 5;
const SEALED: u64 = 17;
const APPLICATION_DATA: u8 = 23;
/// Level and description (RFC 8446, section 6).
const ALERT: u64 = 2;

/// What both sides say on the wire, by client and side.
pub(super) fn streams(capture: &Capture) -> BTreeMap<(String, usize), Vec<u8>> {
    let mut streams = BTreeMap::new();
    for (client, places) in capture.conversations() {
        for side in 0..2 {
            let mut stream = Vec::new();
            let of_side = places
                .iter()
                .map(|&at| &capture.packets[at])
                .filter_map(|packet| {
                    let segment = packet.segment().expect("it was one");
                    (segment.side == side).then_some((packet, segment))
                });
            let mut begins = None;
            for (packet, segment) in of_side {
                if segment.flags & SYN != 0 {
                    begins = Some(segment.seq.wrapping_add(1));
                }
                let begins = begins.expect("its SYN comes first");
                let said = packet.said(&segment);
                if said.is_empty() {
                    continue;
                }
                let from = segment.seq.wrapping_sub(begins) as usize;
                if stream.len() < from + said.len() {
                    stream.resize(from + said.len(), 0);
                }
                stream[from..from + said.len()].copy_from_slice(said);
            }
            streams.insert((client.clone(), side), stream);
        }
    }
    streams
}

/// Where the records lie in which a side's application says so many bytes: the last ones of the stream, but for alerts. What
/// comes before is the handshake, and tickets.
pub(super) fn of_application(stream: &[u8], mut bytes: u64) -> Vec<Range<u64>> {
    let (mut records, mut at) = (Vec::new(), 0);
    while let Some(&[kind, _, _, high, low]) = stream.get(at..at + HEAD) {
        let length = usize::from(u16::from_be_bytes([high, low]));
        let plain = (length as u64).saturating_sub(SEALED);
        if kind == APPLICATION_DATA && plain != ALERT {
            records.push((at as u64..(at + HEAD + length) as u64, plain));
        }
        at += HEAD + length;
    }
    assert_eq!(at, stream.len(), "a record is cut");
    let mut found = Vec::new();
    while bytes > 0 {
        let (place, plain) = records.pop().expect("more is said than there are records for");
        bytes = bytes
            .checked_sub(plain)
            .expect("the records say as much as the application");
        found.push(place);
    }
    found
}

/// How many bytes an application says in those of its records of which something is missing.
pub(super) fn touched(records: &[Range<u64>], missing: &[Range<u64>]) -> u64 {
    let is_touched = |record: &&Range<u64>| {
        let mut missing = missing.iter();
        missing.any(|missing| missing.start < record.end && record.start < missing.end)
    };
    let plain = |record: &Range<u64>| record.end - record.start - HEAD as u64 - SEALED;
    records.iter().filter(is_touched).map(plain).sum()
}

#[test]
fn what_an_application_says_is_told_from_a_handshake_and_alerts() {
    let record = |kind: u8, plain: u64| {
        let length = (plain + SEALED) as u16;
        let mut record = vec![kind, 3, 3];
        record.extend(length.to_be_bytes());
        record.resize(HEAD + usize::from(length), 0);
        record
    };
    // Two of the handshake, then three bytes and thirty, and an alert.
    let parts = [
        record(22, 80),
        record(23, 36),
        record(23, 3),
        record(23, 30),
        record(23, ALERT),
    ];
    let ends: Vec<u64> = parts
        .iter()
        .scan(0, |end, part| {
            *end += part.len() as u64;
            Some(*end)
        })
        .collect();
    let found = of_application(&parts.concat(), 33);
    assert_eq!(found, [ends[2]..ends[3], ends[1]..ends[2]]);
    let lost = |from, to| touched(&found, std::slice::from_ref(&(from..to)));
    assert_eq!(lost(0, ends[1]), 0, "the handshake alone");
    assert_eq!(lost(ends[3], ends[4]), 0, "the alert alone");
    assert_eq!(lost(ends[1] - 1, ends[1] + 1), 3, "a byte of the first");
    assert_eq!(lost(ends[2] - 1, ends[4]), 33);
}
