//! rustls' suites, each way and in any pieces.

use rustls::crypto::aws_lc_rs as lc;

use super::wire::{Ends, Setup, Wire};
use super::*;

/// Something of a pattern that shows where bytes were moved.
pub(super) fn text(seed: u8, length: usize) -> Vec<u8> {
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
            assert_eq!(heard.said, wire.sealed(), "{suite:?} {why}");
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

#[test]
fn a_clients_hello_may_come_after_plain_words() {
    let (mut wire, log) = conversation(lc::cipher_suite::TLS13_AES_128_GCM_SHA256);
    let greeting: [(Side, &[u8]); 3] = [
        (Side::Server, b"220 mail.example\r\n"),
        (Side::Client, b"STARTTLS\r\n"),
        (Side::Server, b"220 go ahead\r\n"),
    ];
    let mut turns: Vec<_> = greeting
        .iter()
        .map(|(side, bytes)| (*side, bytes.to_vec()))
        .collect();
    turns.append(&mut wire.turns);
    let said = [
        [b"STARTTLS\r\n", wire.said[0].as_slice()].concat(),
        [b"220 mail.example\r\n220 go ahead\r\n", wire.said[1].as_slice()].concat(),
    ];
    for piece in [1, 9, 4096] {
        let (heard, report) = decrypt(&log, &turns, piece);
        assert_eq!(heard.said, said, "in pieces of {piece}");
        assert_eq!(report.figures.decrypted[&TlsVersion::TLS13], 1);
        // Without secrets its offsets go on where the plain words ended, and it stays as it is.
        let (heard, _) = decrypt("", &turns, piece);
        assert_eq!(
            heard.said[0].len(),
            turns
                .iter()
                .filter(|(side, _)| *side == Side::Client)
                .map(|(_, b)| b.len())
                .sum::<usize>()
        );
    }
}

#[test]
fn keys_are_renewed_by_either_side() {
    for suite in lc::ALL_CIPHER_SUITES
        .iter()
        .filter(|suite| suite.tls13().is_some())
    {
        let ends = Ends::new(&Setup::of(*suite));
        let mut wire = ends.connect();
        wire.carry();
        for turn in 0..3 {
            wire.client.refresh_traffic_keys().unwrap();
            wire.say(Side::Client, &text(turn, 3000));
            wire.say(Side::Server, &text(turn, 20_000));
        }
        wire.server.refresh_traffic_keys().unwrap();
        wire.say(Side::Server, b"the last word");
        let (heard, report) = decrypt(&ends.log(), &wire.turns, 1111);
        assert_eq!(heard.said, wire.said, "{suite:?}");
        // A renewal asks the other side for one; the last is not answered, as nothing is said after it.
        assert_eq!(report.figures.key_updates, 7);
        assert_eq!(report.figures.truncated, 2, "nobody said close_notify");
    }
}

#[test]
fn a_hello_that_is_asked_for_again_is_followed() {
    let mut setup = Setup::of(lc::cipher_suite::TLS13_CHACHA20_POLY1305_SHA256);
    setup.groups[1] = vec![lc::kx_group::SECP256R1];
    let ends = Ends::new(&setup);
    let mut wire = ends.connect();
    talk(&mut wire);
    for piece in [1, 333, 1 << 20] {
        let (heard, report) = decrypt(&ends.log(), &wire.turns, piece);
        assert_eq!(heard.said, wire.said);
        assert_eq!(report.flows[0].undecrypted, None);
    }
}

/// A connection whose client says something before the server answers.
fn early(ends: &Ends, said: &[u8]) -> Wire {
    let mut first = ends.connect();
    talk(&mut first);
    let mut wire = ends.connect();
    wire.say_early(said);
    talk(&mut wire);
    wire
}

#[test]
fn data_sent_early_is_decrypted_if_the_server_took_it() {
    let mut setup = Setup::of(lc::cipher_suite::TLS13_AES_128_GCM_SHA256);
    setup.early_data_bytes = 1 << 16;
    let ends = Ends::new(&setup);
    let wire = early(&ends, &text(9, 40_000));
    assert_eq!(wire.server_heard_early, 40_000);
    for piece in [1, 1460, 1 << 20] {
        let (heard, report) = decrypt(&ends.log(), &wire.turns, piece);
        assert_eq!(heard.said, wire.said, "in pieces of {piece}");
        assert_eq!(report.flows[0].undecrypted, None);
        // Without its secret it is missing, and nothing else is.
        let log: String = ends
            .log()
            .lines()
            .filter(|line| !line.contains("EARLY"))
            .map(|line| format!("{line}\n"))
            .collect();
        let (heard, report) = decrypt(&log, &wire.turns, piece);
        assert_eq!(heard.missing, [40_000, 0]);
        assert_eq!(heard.said[0][40_000..], wire.said[0][40_000..]);
        assert_eq!(heard.said[1], wire.said[1]);
        assert!(report.figures.records_skipped >= 3);
    }
}

#[test]
fn data_sent_early_and_refused_was_not_said() {
    let mut setup = Setup::of(lc::cipher_suite::TLS13_AES_128_GCM_SHA256);
    setup.early_data_bytes = 1 << 16;
    let ends = Ends::new(&setup);
    drop(early(&ends, b"a first connection leaves tickets"));
    for (why, other) in [
        ("forgot its tickets", ends.restarted(None)),
        ("asks again", ends.restarted(Some(vec![lc::kx_group::SECP256R1]))),
    ] {
        let mut wire = other.connect();
        wire.say_early(&text(9, 3_000));
        assert_eq!(wire.server_heard_early, 0, "the server {why}");
        wire.said[0].clear();
        talk(&mut wire);
        for piece in [1, 1460, 1 << 20] {
            let (heard, report) = decrypt(&other.log(), &wire.turns, piece);
            assert_eq!(heard.said, wire.said, "the server {why}; in pieces of {piece}");
            assert_eq!((heard.missing, report.flows[0].undecrypted), ([0; 2], None));
            assert!(report.figures.records_skipped > 0);
        }
    }
}
