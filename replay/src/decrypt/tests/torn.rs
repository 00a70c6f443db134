//! Captures that lack bytes, in any pieces: what is handed on is what was said, and every whole record is found again.

use proptest::prelude::*;
use rustls::crypto::aws_lc_rs as lc;

use super::library::text;
use super::wire::{Ends, Setup, Wire};
use super::*;
use crate::decrypt::record::{HEADER_BYTES, Header};

/// Which bytes of each side a capture has.
type Present = [Vec<bool>; 2];

/// A connection that says these, with what each side had on the wire when its handshake was over.
fn said(suite: usize, messages: &[(bool, usize)]) -> (Wire, String, [usize; 2]) {
    let ends = Ends::new(&Setup::of(
        lc::ALL_CIPHER_SUITES[suite % lc::ALL_CIPHER_SUITES.len()],
    ));
    let mut wire = ends.connect();
    wire.carry();
    // A side's first record under its last key is no less a part of its handshake: tickets come there.
    wire.say(Side::Client, b"first");
    wire.say(Side::Server, b"first");
    let handshake = wire.sealed().map(|bytes| bytes.len());
    for (number, (by_client, length)) in messages.iter().enumerate() {
        let side = if *by_client { Side::Client } else { Side::Server };
        wire.say(side, &text(number as u8, *length));
    }
    wire.close(Side::Client);
    wire.close(Side::Server);
    (wire, ends.log(), handshake)
}

/// Feeds what is present of each turn in pieces, and the rest as gaps.
fn feed(log: &str, wire: &Wire, present: &Present, piece: usize) -> (Heard, DecryptionReport) {
    let mut feed = Feed::new(log, Start::Handshake);
    for (side, bytes) in &wire.turns {
        let from = feed.offsets[*side as usize] as usize;
        let mut at = 0;
        while at < bytes.len() {
            let mask = &present[*side as usize][from + at..from + bytes.len()];
            let run = mask.iter().take_while(|it| **it == mask[0]).count();
            if mask[0] {
                bytes[at..at + run]
                    .chunks(piece)
                    .for_each(|piece| feed.data(*side, piece));
            } else {
                feed.gap(*side, run);
            }
            at += run;
        }
    }
    feed.finish()
}

/// Plain bytes in the records of applications' data that are whole: every one after the handshake but the last, which says
/// *close_notify*.
fn whole(sealed: &[u8], handshake: usize, present: &[bool], overhead_bytes: usize) -> usize {
    let (mut at, mut sum) = (0, b"first".len());
    while at < sealed.len() {
        let header = Header::parse(*sealed[at..].first_chunk::<HEADER_BYTES>().unwrap()).unwrap();
        let end = at + header.record_bytes();
        if at >= handshake && end < sealed.len() && present[at..end].iter().all(|it| *it) {
            sum += header.record_bytes() - overhead_bytes;
        }
        at = end;
    }
    sum
}

fn check_torn(suite: usize, messages: &[(bool, usize)], tears: &[(bool, f64, usize)], piece: usize) {
    let (wire, log, handshake) = said(suite, messages);
    let sealed = wire.sealed();
    let mut present: Present = [0, 1].map(|side: usize| vec![true; sealed[side].len()]);
    for (of_client, place, length) in tears {
        let side = usize::from(!of_client);
        let room = sealed[side].len() - handshake[side];
        let from = handshake[side] + (place * room as f64) as usize;
        let end = sealed[side].len().min(from + length);
        present[side][from..end].fill(false);
    }
    let (heard, report) = feed(&log, &wire, &present, piece);
    let about = &report.flows[0];
    let suite = lc::ALL_CIPHER_SUITES[suite % lc::ALL_CIPHER_SUITES.len()];
    let overhead_bytes = match format!("{:?}", suite.suite()) {
        name if name.starts_with("TLS13") => 22,
        name if name.contains("CHACHA20") => 21,
        _ => 29,
    };
    for side in 0..2 {
        let mut expected = wire.said[side].clone();
        for (of, offset, length) in &heard.gaps {
            let end = expected.len().min((offset + length) as usize);
            if *of as usize == side && (*offset as usize) < end {
                expected[*offset as usize..end].fill(0);
            }
        }
        let length = expected.len().min(heard.said[side].len());
        assert!(
            heard.said[side][..length] == expected[..length],
            "side {side} is not what was said: {about:?}"
        );
        let known = heard.said[side].len() - heard.missing[side] as usize;
        let present = &present[side];
        assert_eq!(
            known,
            whole(&sealed[side], handshake[side], present, overhead_bytes),
            "side {side}, {about:?}"
        );
        if present.iter().all(|it| *it) {
            assert_eq!(heard.said[side], wire.said[side]);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_whole_is_found_again_whatever_is_missing(
        suite in 0usize..9,
        messages in prop::collection::vec((any::<bool>(), 1usize..40_000), 1..12),
        tears in prop::collection::vec((any::<bool>(), 0.0..1.0f64, 1usize..30_000), 0..5),
        piece in 1usize..5_000,
    ) {
        check_torn(suite, &messages, &tears, piece);
    }

    #[test]
    fn what_is_said_comes_out_in_any_pieces(
        suite in 0usize..9,
        messages in prop::collection::vec((any::<bool>(), 1usize..3_000), 0..30),
        piece in 1usize..200,
    ) {
        check_torn(suite, &messages, &[], piece);
    }
}

#[test]
fn a_renewal_that_is_missing_is_found_out() {
    let ends = Ends::new(&Setup::of(lc::cipher_suite::TLS13_AES_128_GCM_SHA256));
    let mut wire = ends.connect();
    wire.carry();
    wire.say(Side::Client, b"before it");
    wire.carry();
    let from = wire.sealed()[0].len();
    wire.client.refresh_traffic_keys().unwrap();
    wire.carry();
    let until = wire.sealed()[0].len();
    wire.say(Side::Client, b"after it");
    let mut present = wire.sealed().map(|bytes| vec![true; bytes.len()]);
    present[0][from..until].fill(false);
    let (heard, report) = feed(&ends.log(), &wire, &present, 100);
    assert!(heard.said[0].starts_with(b"before it") && heard.said[0].ends_with(b"after it"));
    assert_eq!(
        (report.figures.resynchronised, report.flows[0].undecrypted),
        (1, None)
    );
}

#[test]
fn what_there_is_no_room_for_is_a_gap_and_accounted_for() {
    let (wire, log, _) = said(
        0,
        &[(true, 16_000), (false, 16_000), (true, 16_000), (false, 400)],
    );
    for (limit_bytes, opens) in [(8 << 10, true), (1 << 10, false)] {
        let limits = DecryptionLimits {
            buffered_bytes: limit_bytes,
            ..DecryptionLimits::default()
        };
        let mut feed = Feed::within(limits, &log, Start::Handshake);
        for (side, bytes) in &wire.turns {
            // So much of a record waits for its rest.
            bytes.chunks(700).for_each(|piece| feed.data(*side, piece));
        }
        // Whether the bytes add up is looked at there.
        let (heard, report) = feed.finish();
        assert_eq!(report.flows[0].undecrypted, Some(Undecrypted::Room));
        let bytes = report.figures.bytes;
        if opens {
            assert!(heard.missing[0] > 16_000 && bytes.off[TlsOverhead::Sealed as usize] > 16_000);
            assert!(report.figures.plain_bytes >= 2 * b"first".len() as u64);
        } else {
            assert_eq!((bytes.off_bytes(), bytes.came), (0, bytes.went));
        }
    }
}

#[test]
fn noise_in_a_record_ends_a_side() {
    let (wire, log, handshake) = said(0, &[(true, 500), (false, 500), (true, 500)]);
    let mut feed = Feed::new(&log, Start::Handshake);
    for (side, bytes) in &wire.turns {
        let from = feed.offsets[*side as usize] as usize;
        let mut bytes = bytes.clone();
        if *side == Side::Client && from >= handshake[0] && bytes.len() > 500 {
            bytes[40] ^= 1;
        }
        feed.data(*side, &bytes);
    }
    let (heard, report) = feed.finish();
    assert_eq!(heard.said[1], wire.said[1], "the other side goes on");
    assert!(heard.said[0].starts_with(b"first") && heard.missing[0] > 1000);
    assert_eq!(report.flows[0].undecrypted, Some(Undecrypted::RecordFailed));
    assert_eq!(report.figures.records_failed, 1);
}

#[test]
fn an_answer_that_was_captured_before_its_question_is_opened_all_the_same() {
    for suite in 0..lc::ALL_CIPHER_SUITES.len() {
        let (mut wire, log, _) = said(suite, &[(true, 100), (false, 100)]);
        wire.turns.swap(0, 1);
        assert_eq!(wire.turns[0].0, Side::Server);
        let present = wire.sealed().map(|bytes| vec![true; bytes.len()]);
        for piece in [1, 2, 3, 5, 6, 7, 100, usize::MAX] {
            let (heard, report) = feed(&log, &wire, &present, piece);
            assert_eq!(heard.said, wire.said, "{piece} B: {:?}", report.flows);
        }
        // Without the question it cannot be opened, and is handed on as it came.
        wire.turns.retain(|(side, _)| *side == Side::Server);
        let sealed = wire.sealed();
        let present = sealed.each_ref().map(|bytes| vec![true; bytes.len()]);
        for piece in [1, 4, 6, usize::MAX] {
            let (heard, report) = feed(&log, &wire, &present, piece);
            let why = report.flows[0].undecrypted;
            assert_eq!(why, Some(Undecrypted::ClientHelloMissing), "{piece} B");
            assert!(heard.said[1] == sealed[1], "{piece} B");
        }
    }
}
