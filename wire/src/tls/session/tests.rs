use proptest::prelude::*;

use super::*;
use crate::tls::FRAGMENT_MAX_BYTES;

/// Two ends of one connection.
fn pair(suite: Suite) -> (Session, Session) {
    let direction = |byte| Direction {
        secret: Secret::new(&[byte; 32]).unwrap(),
        sequence: 0,
    };
    (
        Session::new(Role::Client, suite, direction(1), direction(2)),
        Session::new(Role::Server, suite, direction(2), direction(1)),
    )
}

/// A record of anything, as the session's end would seal it.
fn sealed(session: &mut Session, keys: &mut Keys, inner: &[u8]) -> Vec<u8> {
    let length = (inner.len() + record::TAG_BYTES) as u16;
    let mut out = vec![23, 3, 3];
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(inner);
    let name = KeyName {
        connection: u64::from(session.role as u8),
        writes: true,
        epoch: session.write_epoch,
    };
    let key = (name, session.suite, &session.write_secret);
    keys.seal(key, session.write_sequence, &mut out, 0).unwrap();
    session.write_sequence += 1;
    out
}

fn send(session: &mut Session, keys: &mut Keys, bytes: &[u8], out: &mut Vec<u8>) {
    let written = session
        .seal(keys, u64::from(session.role as u8), bytes, out)
        .unwrap();
    session.commit(written);
}

/// Opens all whole records; returns what is left, or why it broke.
fn read(session: &mut Session, keys: &mut Keys, bytes: &[u8], plain: &mut Vec<u8>) -> Result<usize, Fault> {
    let mut taken = 0;
    while let Some(opened) = session.open(keys, u64::from(session.role as u8), &bytes[taken..], plain)? {
        taken += opened.length;
        if opened.event == Event::Closed {
            break;
        }
    }
    Ok(taken)
}

#[test]
fn a_session_is_88_bytes() {
    assert_eq!(size_of::<Session>(), 88);
}

proptest! {
    /// Whatever is sent, cut anywhere on the way, arrives, while both ends renew their keys every few records and share
    /// a table that has room for one key of each.
    #[test]
    fn what_is_sealed_is_opened(
        lengths in prop::collection::vec((any::<bool>(), 0usize..40_000), 1..12),
        piece in 1usize..30_000,
        records_max in 2u32..9,
        chacha: bool,
    ) {
        let suite = if chacha { Suite::ChaCha20Poly1305 } else { Suite::Aes128Gcm };
        let (mut client, mut server) = pair(suite);
        let mut keys = Keys::new(1).with_records_max(records_max);
        for (from_client, length) in lengths {
            let (from, to) = if from_client { (&mut client, &mut server) } else { (&mut server, &mut client) };
            let bytes: Vec<_> = (0..length).map(|at| at as u8).collect();
            let (mut out, mut plain) = (Vec::new(), Vec::new());
            // Refused by the transport: sealed, dropped, and sealed again, as if nothing had been.
            drop(from.seal(&mut keys, u64::from(from.role as u8), &bytes, &mut out).unwrap());
            out.clear();
            send(from, &mut keys, &bytes, &mut out);
            let mut rest = Vec::new();
            for piece in out.chunks(piece) {
                rest.extend_from_slice(piece);
                let taken = read(to, &mut keys, &rest, &mut plain).unwrap();
                rest.drain(..taken);
            }
            prop_assert!(rest.is_empty());
            prop_assert_eq!(plain, bytes);
        }
    }
}

#[test]
fn a_key_seals_no_more_records_than_it_may() {
    let (mut client, mut server) = pair(Suite::Aes128Gcm);
    let mut keys = Keys::new(4).with_records_max(3);
    let mut epochs = Vec::new();
    for _ in 0..6 {
        let (mut out, mut plain) = (Vec::new(), Vec::new());
        send(&mut client, &mut keys, b"x", &mut out);
        read(&mut server, &mut keys, &out, &mut plain).unwrap();
        assert_eq!(plain, b"x");
        epochs.push(server.read_epoch);
    }
    // Two of data and the KeyUpdate under each.
    assert_eq!(epochs, [0, 0, 1, 1, 2, 2]);
    assert_eq!(server.write_epoch, 0, "a limit of one direction renews no other");
}

#[test]
fn many_requests_are_answered_once_and_before_data() {
    let (mut client, mut server) = pair(Suite::Aes128Gcm);
    let (mut keys, mut plain, mut out) = (Keys::new(4), Vec::new(), Vec::new());
    for _ in 0..3 {
        let written = client.update(&mut keys, 0, true, &mut out).unwrap();
        client.commit(written);
    }
    read(&mut server, &mut keys, &out, &mut plain).unwrap();
    assert!(server.update_owed);
    out.clear();
    send(&mut server, &mut keys, b"data", &mut out);
    assert_eq!((server.write_epoch, server.update_owed), (1, false));
    let opened = client.open(&mut keys, 0, &out, &mut plain).unwrap().unwrap();
    assert_eq!(opened.event, Event::Control);
    read(&mut client, &mut keys, &out[opened.length..], &mut plain).unwrap();
    assert_eq!((&plain[..], client.update_owed), (&b"data"[..], false));
}

/// What a server answers to one record with this inside, type and padding included.
fn verdict(inner: &[u8]) -> Result<usize, Fault> {
    let (mut client, mut server) = pair(Suite::Aes128Gcm);
    let (mut keys, mut plain) = (Keys::new(4), Vec::new());
    let record = sealed(&mut client, &mut keys, inner);
    let verdict = read(&mut server, &mut keys, &record, &mut plain);
    assert!(
        verdict.is_ok() || plain.is_empty(),
        "what is refused is not delivered"
    );
    verdict
}

#[test]
fn each_mistake_has_its_alert() {
    let key_update = |body: &[u8]| [&[24, 0, 0, body.len() as u8], body, &[22]].concat();
    let long = |length| [&vec![7; length][..], &[23]].concat();
    for (inner, alert) in [
        (vec![], Alert::UNEXPECTED_MESSAGE),                  // not even a type
        (vec![0; 40], Alert::UNEXPECTED_MESSAGE),             // padding alone
        (vec![1, 20], Alert::UNEXPECTED_MESSAGE),             // change_cipher_spec, sealed
        (vec![1, 99], Alert::UNEXPECTED_MESSAGE),             // a type that there is not
        (vec![22], Alert::UNEXPECTED_MESSAGE),                // an empty handshake fragment
        (vec![21], Alert::UNEXPECTED_MESSAGE),                // an empty alert
        (vec![1, 0, 1, 0, 21], Alert::DECODE_ERROR),          // two alerts in a record
        (vec![1, 0, 0, 0, 22], Alert::UNEXPECTED_MESSAGE),    // ClientHello: no renegotiation
        (vec![4, 0, 0, 1, 7, 22], Alert::UNEXPECTED_MESSAGE), // a ticket for the server
        (vec![13, 0, 0, 0, 22], Alert::UNEXPECTED_MESSAGE),   // CertificateRequest
        (key_update(&[2]), Alert::ILLEGAL_PARAMETER),
        (key_update(&[]), Alert::DECODE_ERROR),
        (key_update(&[0, 0]), Alert::DECODE_ERROR),
        (vec![24, 0, 0, 1, 0, 24, 22], Alert::UNEXPECTED_MESSAGE), // more under the old key
        (long(FRAGMENT_MAX_BYTES + 1), Alert::RECORD_OVERFLOW),
        (
            [long(FRAGMENT_MAX_BYTES), vec![0]].concat(),
            Alert::RECORD_OVERFLOW,
        ),
    ] {
        let fault = verdict(&inner).unwrap_err();
        assert_eq!(
            fault,
            Fault::violated(alert),
            "{:?}",
            &inner[..inner.len().min(9)]
        );
        assert_eq!(fault.alert(), Some(alert));
    }
    let fatal = verdict(&[2, 40, 21]).unwrap_err();
    assert_eq!(fatal, PeerFault::Alerted(Alert::HANDSHAKE_FAILURE).into());
    assert_eq!(fatal.alert(), None, "an alert is not answered");
    for inner in [
        long(FRAGMENT_MAX_BYTES),
        [long(FRAGMENT_MAX_BYTES - 255), vec![0; 255]].concat(), // padded to the brim
        vec![23],                                                // empty data
        vec![1, 90, 21],                                         // user_canceled
        vec![2, 0, 21],                                          // close_notify, whatever its level
        key_update(&[1]),
    ] {
        verdict(&inner).unwrap();
    }
}

#[test]
fn what_is_no_sealed_record_is_refused_at_its_header() {
    let (_, mut server) = pair(Suite::Aes128Gcm);
    let (mut keys, mut plain) = (Keys::new(4), Vec::new());
    for (bytes, alert) in [
        (&[20, 3, 3, 0, 1, 1][..], Alert::UNEXPECTED_MESSAGE), // change_cipher_spec after Finished
        (&[21, 3, 3, 0, 2, 2, 40], Alert::UNEXPECTED_MESSAGE), // an alert in the clear
        (&[22], Alert::UNEXPECTED_MESSAGE),
        (&[23, 3, 3, 0x41, 1], Alert::RECORD_OVERFLOW), // 2^14 + 257
        (&[23, 3, 3, 0, 3, 1, 2, 3], Alert::BAD_RECORD_MAC), // shorter than a tag
        (&[23, 3, 3, 0, 0], Alert::BAD_RECORD_MAC),
    ] {
        let fault = server.open(&mut keys, 0, bytes, &mut plain).unwrap_err();
        assert_eq!(fault, Fault::violated(alert), "{bytes:?}");
    }
    assert_eq!(
        server.open(&mut keys, 0, &[23, 3, 3, 0x41, 0], &mut plain),
        Ok(None)
    );
}

#[test]
fn a_handshake_message_may_be_split_but_not_interrupted() {
    for (interrupts, expected) in [
        (false, Ok(())),
        (true, Err(Fault::violated(Alert::UNEXPECTED_MESSAGE))),
    ] {
        let (mut client, mut server) = pair(Suite::Aes128Gcm);
        let (mut keys, mut plain) = (Keys::new(4), Vec::new());
        let mut bytes = Vec::new();
        for byte in [24, 0, 0, 1] {
            bytes.extend(sealed(&mut client, &mut keys, &[byte, 22]));
        }
        if interrupts {
            bytes.extend(sealed(&mut client, &mut keys, b"data\x17"));
        }
        bytes.extend(sealed(&mut client, &mut keys, &[0, 22]));
        assert_eq!(
            read(&mut server, &mut keys, &bytes, &mut plain).map(|_| ()),
            expected
        );
        assert_eq!(
            (server.read_epoch, server.is_idle()),
            (u8::from(!interrupts), !interrupts)
        );
    }
}

#[test]
fn tickets_that_nobody_awaits_are_dropped() {
    let (mut client, mut server) = pair(Suite::Aes128Gcm);
    let (mut keys, mut plain) = (Keys::new(4), Vec::new());
    let record = sealed(&mut server, &mut keys, &[4, 0, 0, 3, 1, 2, 3, 4, 0, 0, 1, 9, 22]);
    read(&mut client, &mut keys, &record, &mut plain).unwrap();
    assert!(client.is_idle());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(5_000))]
    /// Records that the peer's keys have sealed, but with anything inside: each is taken, or answered with an alert, or
    /// is one; and what is kept of them for later stays small.
    #[test]
    fn any_contents_are_taken_or_answered(
        from_server: bool,
        records in prop::collection::vec((prop::collection::vec(content_byte(), 0..24), 20u8..25), 1..6),
    ) {
        let (client, server) = pair(Suite::Aes128Gcm);
        let (mut from, mut to) = if from_server { (server, client) } else { (client, server) };
        let (mut keys, mut plain) = (Keys::new(4), Vec::new());
        for (mut inner, content) in records {
            inner.push(content);
            let record = sealed(&mut from, &mut keys, &inner);
            let epoch = to.read_epoch;
            match read(&mut to, &mut keys, &record, &mut plain) {
                Ok(taken) => prop_assert_eq!(taken, record.len()),
                Err(fault) => {
                    let alerted = matches!(fault, Fault::Peer(PeerFault::Alerted(_)));
                    prop_assert!(alerted || fault.alert().is_some(), "{}", fault);
                    break;
                }
            }
            if to.read_epoch != epoch {
                let mut out = Vec::new();
                let written = from.update(&mut keys, 9, false, &mut out).unwrap();
                from.commit(written);
            }
        }
    }
}

/// Bytes of which handshake messages, alerts and padding are made, and others.
fn content_byte() -> impl Strategy<Value = u8> {
    prop_oneof![3 => Just(0), 2 => Just(1), 2 => Just(24), 2 => Just(4), 1 => any::<u8>()]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]
    /// A stream that was tampered with anywhere is refused with an alert, or waited for; what was delivered before is
    /// the beginning of what was sent.
    #[test]
    fn no_mutation_passes(at in any::<prop::sample::Index>(), change in 0u8..5, byte: u8) {
        let (mut client, mut server) = pair(Suite::Aes128Gcm);
        let (mut keys, mut bytes, mut plain) = (Keys::new(4).with_records_max(4), Vec::new(), Vec::new());
        for word in ["first", "second", "third", "fourth", "fifth"] {
            send(&mut client, &mut keys, word.as_bytes(), &mut bytes);
        }
        let written = client.alert(&mut keys, 0, Alert::CLOSE_NOTIFY, &mut bytes).unwrap();
        client.commit(written);
        let valid = bytes.clone();
        let place = at.index(bytes.len());
        match change {
            0 => bytes[place] ^= 1 << (byte % 8),
            1 => bytes[place] = byte,
            2 => bytes.insert(place, byte),
            3 => drop(bytes.remove(place)),
            _ => bytes.truncate(place),
        }
        prop_assume!(!bytes.starts_with(&valid));
        match read(&mut server, &mut keys, &bytes, &mut plain) {
            Ok(taken) => prop_assert!(taken < bytes.len() || bytes.len() < valid.len(), "taken as whole"),
            Err(fault) => prop_assert!(fault.alert().is_some(), "{fault}"),
        }
        prop_assert!(b"firstsecondthirdfourthfifth".starts_with(&plain));
    }
}
