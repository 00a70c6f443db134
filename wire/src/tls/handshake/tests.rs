use std::sync::Arc;

use proptest::prelude::*;
use rustls::time_provider::DefaultTimeProvider;

use super::*;
use crate::tls::{Alert, ClientOptions, Event, Identity, Keys, PeerFault, ServerOptions, Trust};

pub(in crate::tls) fn configs(tickets: u8) -> (ClientTls, ServerTls) {
    let identity = Identity::generate(&["localhost"]).unwrap();
    let client = ClientOptions {
        trust: Trust::Pinned(identity.certificate().unwrap().clone()),
        name: "localhost".to_owned(),
        alpn: vec![b"chat".to_vec()],
        resumes: tickets > 0,
    };
    let server = ServerOptions {
        identity,
        alpn: vec![b"chat".to_vec()],
        tickets,
    };
    let time = Arc::new(DefaultTimeProvider);
    (
        ClientTls::new(client, Arc::clone(&time) as _).unwrap(),
        ServerTls::new(server, time).unwrap(),
    )
}

/// Cuts bytes as `cuts` says, again and again.
fn pieces<'a>(mut bytes: &'a [u8], cuts: &'a [usize]) -> impl Iterator<Item = &'a [u8]> {
    let mut cuts = cuts.iter().cycle();
    std::iter::from_fn(move || {
        let (piece, rest) = bytes
            .split_at_checked((*cuts.next()?).max(1))
            .unwrap_or((bytes, &[]));
        bytes = rest;
        (!piece.is_empty()).then_some(piece)
    })
}

/// Handshakes two of ours, each flight cut into pieces.
pub(in crate::tls) fn shake(
    (client, server): (&ClientTls, &ServerTls),
    cuts: &[usize],
) -> Result<(Handshake, Handshake, Vec<u8>), Fault> {
    let (mut client, mut server) = (Handshake::client(client)?, Handshake::server(server)?);
    let (mut to_server, mut to_client) = (Vec::new(), Vec::new());
    client.receive(&[], &mut to_server)?;
    loop {
        let flight = std::mem::take(&mut to_server);
        for piece in pieces(&flight, cuts) {
            server.receive(piece, &mut to_client)?;
        }
        if server.complete && client.complete {
            return Ok((client, server, to_client));
        }
        let flight = std::mem::take(&mut to_client);
        for piece in pieces(&flight, cuts) {
            client.receive(piece, &mut to_server)?;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    /// However the flights are cut, both ends come to sessions that understand each other, and what was glued to the
    /// handshake's end is not lost.
    #[test]
    fn any_cut_comes_to_the_same_sessions(cuts in prop::collection::vec(1usize..700, 1..8), tickets in 0u8..3) {
        let (client, server) = configs(tickets);
        let (client, server, glued) = shake((&client, &server), &cuts).unwrap();
        let mut exported = [[0; 77]; 2];
        client.export(b"EXPORTER-test", b"context", &mut exported[0]).unwrap();
        server.export(b"EXPORTER-test", b"context", &mut exported[1]).unwrap();
        prop_assert_eq!(exported[0], exported[1]);
        let (client, server) = (client.finish().unwrap(), server.finish().unwrap());
        prop_assert_eq!(client.alpn.as_deref(), Some(&b"chat"[..]));
        prop_assert_eq!(&client.alpn, &server.alpn);
        let (mut client, mut server) = (client.session, server.session);
        prop_assert_eq!(client.is_idle(), tickets == 0);
        let (mut keys, mut plain) = (Keys::new(4), Vec::new());
        let mut rest = &glued[..];
        while !rest.is_empty() {
            let opened = client.open(&mut keys, 1, rest, &mut plain).unwrap().unwrap();
            prop_assert_eq!(opened.event, Event::Control);
            rest = &rest[opened.length..];
        }
        let mut sealed = Vec::new();
        let written = server.seal(&mut keys, 2, b"hello", &mut sealed).unwrap();
        server.commit(written);
        let opened = client.open(&mut keys, 1, &sealed, &mut plain).unwrap().unwrap();
        prop_assert_eq!((opened.length, opened.event, &plain[..]), (sealed.len(), Event::Data, &b"hello"[..]));
        prop_assert!(client.is_idle(), "the first data ends the wait for tickets");
        let written = client.alert(&mut keys, 1, Alert::CLOSE_NOTIFY, &mut sealed).unwrap();
        client.commit(written);
        let opened = server.open(&mut keys, 2, &sealed[opened.length..], &mut plain).unwrap().unwrap();
        prop_assert_eq!(opened.event, Event::Closed);
    }
}

#[test]
fn a_second_connection_resumes_with_the_firsts_ticket() {
    let (client_tls, server_tls) = configs(2);
    for resumed in [false, true] {
        let (client, server, glued) = shake((&client_tls, &server_tls), &[1 << 20]).unwrap();
        let (mut client, server) = (client.finish().unwrap(), server.finish().unwrap());
        assert_eq!((client.resumed, server.resumed), (resumed, resumed));
        let (mut keys, mut plain, mut rest) = (Keys::new(4), Vec::new(), &glued[..]);
        while !rest.is_empty() {
            rest = &rest[client
                .session
                .open(&mut keys, 1, rest, &mut plain)
                .unwrap()
                .unwrap()
                .length..];
        }
        assert!(client.session.is_idle());
    }
}

#[test]
fn another_certificate_is_not_trusted_and_both_ends_say_so() {
    let ((client, _), (_, server)) = (configs(0), configs(0));
    let (mut client, mut server) = (
        Handshake::client(&client).unwrap(),
        Handshake::server(&server).unwrap(),
    );
    let (mut to_server, mut to_client) = (Vec::new(), Vec::new());
    client.receive(&[], &mut to_server).unwrap();
    server.receive(&to_server, &mut to_client).unwrap();
    to_server.clear();
    let fault = client.receive(&to_client, &mut to_server).unwrap_err();
    assert_eq!(fault, PeerFault::Untrusted(Alert(48)).into());
    let fault = server.receive(&to_server, &mut to_client).unwrap_err();
    assert_eq!(fault, PeerFault::Alerted(Alert(48)).into());
}

#[test]
fn garbage_is_answered_with_an_alert() {
    let (_, server) = configs(0);
    for garbage in [
        &b"GET / HTTP/1.1\r\n\r\n"[..],
        &[22, 3, 1, 0xff, 0xff, 1],
        &[0; 64],
    ] {
        let (mut server, mut out) = (Handshake::server(&server).unwrap(), Vec::new());
        let fault = server.receive(garbage, &mut out).unwrap_err();
        assert!(matches!(fault, Fault::Peer(PeerFault::Violated(_))), "{fault}");
        assert_eq!(out.len(), 7, "a plain alert: {out:?}");
        assert_eq!((out[0], out[5]), (21, 2));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    /// A flight that was tampered with, either end's: an alert, or a wait for more, or a handshake that holds.
    #[test]
    fn no_mutated_flight_does_harm(flight in 0u8..3, at in any::<prop::sample::Index>(), change in 0u8..4, byte: u8) {
        let (client, server) = configs(1);
        let (mut client, mut server) = (Handshake::client(&client).unwrap(), Handshake::server(&server).unwrap());
        let mut came = Vec::new();
        for step in 0..4 {
            let mut out = Vec::new();
            let (end, other) = if step % 2 == 0 { (&mut client, &mut server) } else { (&mut server, &mut client) };
            if let Err(fault) = end.receive(&came, &mut out) {
                prop_assert!(matches!(fault, Fault::Peer(_)), "{}", fault);
                // Once there are keys, rustls alone can seal an alert, and does not for every fault.
                let plain = end.common().negotiated_cipher_suite().is_none();
                prop_assert!(!out.is_empty() || !plain || fault.alert().is_none(), "{}", fault);
                // Mostly it hears of it; but a server that believes in rejected early data skips what it cannot read.
                let _ = other.receive(&out, &mut Vec::new());
                return Ok(());
            }
            came = out;
            if step == flight && !came.is_empty() {
                let place = at.index(came.len());
                match change {
                    0 => came[place] ^= 1 << (byte % 8),
                    1 => came.insert(place, byte),
                    2 => drop(came.remove(place)),
                    _ => came.truncate(place),
                }
            }
        }
    }
}
