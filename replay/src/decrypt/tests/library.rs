//! rustls' suites, each way and in any pieces.

use rustls::crypto::aws_lc_rs as lc;

use super::wire::{Ends, Setup, Wire};
use super::*;

/// Something of a pattern that shows where bytes were moved.
fn text(seed: u8, length: usize) -> Vec<u8> {
    (0..length)
        .map(|at| (at as u32).wrapping_mul(2_654_435_761).to_be_bytes()[0] ^ seed)
        .collect()
}

/// A conversation of some turns, closed by the client.
fn talk(wire: &mut Wire) {
    wire.carry();
    for turn in 0..4 {
        wire.say(Side::Client, &text(turn, 10 + 700 * usize::from(turn)));
        wire.say(Side::Server, &text(turn, 1 + 9_000 * usize::from(turn)));
    }
    wire.close(Side::Client);
    wire.close(Side::Server);
}

#[test]
fn every_suite_of_the_library_is_decrypted() {
    for suite in lc::ALL_CIPHER_SUITES {
        let ends = Ends::new(&Setup::of(*suite));
        // The second connection resumes the first.
        for resumed in [false, true] {
            let mut wire = ends.connect();
            talk(&mut wire);
            for piece in [1, 5, 1460, 1 << 20] {
                let (heard, report) = decrypt(&ends.log(), &wire.turns, piece);
                let about = &report.flows[0];
                assert_eq!(about.undecrypted, None, "{suite:?}, resumed {resumed}");
                assert_eq!(
                    heard.said, wire.said,
                    "{suite:?} in pieces of {piece}, resumed {resumed}"
                );
                assert_eq!((heard.finished, heard.missing), ([true; 2], [0; 2]));
                assert_eq!(about.server_name.as_deref(), Some("teem.example"));
                assert_eq!(about.protocol.as_deref(), Some("teem/1"));
                assert_eq!(about.suite.unwrap().0, u16::from(suite.suite()));
                let known = format!("{:?}", suite.suite()).replace("TLS13_", "TLS_");
                assert_eq!(about.suite.unwrap().to_string(), known);
                assert_eq!(about.version.unwrap().0, u16::from(suite.version().version));
                assert_eq!((report.figures.records_failed, report.figures.truncated), (0, 0));
                assert!(
                    heard.turns.len() >= 8,
                    "turns stay in their order: {:?}",
                    heard.turns
                );
            }
        }
    }
}

/// A conversation over one of the suites, and its key log.
fn conversation(suite: rustls::SupportedCipherSuite) -> (Wire, String) {
    let ends = Ends::new(&Setup::of(suite));
    let mut wire = ends.connect();
    talk(&mut wire);
    (wire, ends.log())
}

/// What both ends put on the wire.
fn sealed(wire: &Wire) -> [Vec<u8>; 2] {
    [Side::Client, Side::Server].map(|of| {
        let turns = wire.turns.iter().filter(|(side, _)| *side == of);
        turns.flat_map(|(_, bytes)| bytes.clone()).collect()
    })
}

#[test]
fn without_its_secrets_a_flow_stays_as_it_is() {
    for suite in [
        lc::cipher_suite::TLS13_AES_128_GCM_SHA256,
        lc::cipher_suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    ] {
        let (wire, log) = conversation(suite);
        // One line of two ends' is wanting, or the secrets are another's.
        let half: String = log
            .lines()
            .filter(|line| line.starts_with("SERVER"))
            .map(|line| format!("{line}\n"))
            .collect();
        let wrong: String = log
            .lines()
            .map(|line| format!("{}{}\n", &line[..line.len() - 4], "beef"))
            .collect();
        for (log, why) in [
            ("", Undecrypted::SecretsMissing),
            (half.as_str(), Undecrypted::SecretsMissing),
            (wrong.as_str(), Undecrypted::SecretsWrong),
        ] {
            let (heard, report) = decrypt(log, &wire.turns, 1000);
            assert_eq!(heard.said, sealed(&wire), "{suite:?} {why}");
            assert_eq!(heard.missing, [0; 2]);
            assert_eq!(report.flows[0].undecrypted, Some(why));
            assert_eq!(report.flows[0].server_name.as_deref(), Some("teem.example"));
            assert_eq!(report.flows[0].suite.unwrap().0, u16::from(suite.suite()));
            assert_eq!(report.figures.undecrypted[why.name()], 1);
            assert_eq!(report.figures.plain_bytes, 0);
        }
    }
}

#[test]
fn a_gap_in_the_handshake_leaves_a_flow_as_it_is() {
    let (wire, log) = conversation(lc::cipher_suite::TLS13_AES_256_GCM_SHA384);
    let mut feed = Feed::new(&log, Start::Handshake);
    feed.data(Side::Client, &wire.turns[0].1);
    feed.gap(Side::Server, 20);
    feed.data(Side::Server, &wire.turns[1].1[20..]);
    let (heard, report) = feed.finish();
    assert_eq!(heard.said[0], wire.turns[0].1);
    assert_eq!(
        (heard.missing, heard.said[1].len()),
        ([0, 20], wire.turns[1].1.len())
    );
    assert_eq!(report.flows[0].undecrypted, Some(Undecrypted::HandshakeGap));
}
