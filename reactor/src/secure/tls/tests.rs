//! What a shard keeps under TLS, and what it no longer keeps.

use super::*;
use crate::secure::tests::end::{Conn, End, id};
use crate::secure::tests::options;

/// A client's end and a server's, each with one connection under way.
struct Pair {
    tls: [Tls; 2],
    ends: [End; 2],
}

impl Pair {
    fn open() -> Self {
        let (client, server) = options(0);
        let mut pair = Self {
            tls: [Tls::new(client), Tls::new(server)],
            ends: [End::new(1 << 20), End::new(1 << 20)],
        };
        pair.tls[0]
            .connect(&mut pair.ends[0], "127.0.0.1:1".parse().unwrap(), 0)
            .unwrap();
        pair.ends[1].conns.push(Conn::default());
        for (at, origin) in [(0, Origin::Connected), (1, Origin::Accepted)] {
            pair.tls[at].begin(&mut pair.ends[at], id(0), origin, 1);
        }
        for _ in 0..4 {
            for at in [0, 1] {
                if pair.tls[at].next_queued().is_some() {
                    pair.tls[at].shake(&mut pair.ends[at], id(0));
                }
                let flight: Vec<_> = pair.ends[at].conns[0].out.drain(..).collect();
                if !flight.is_empty() {
                    pair.tls[1 - at].queue(id(0), &flight);
                }
            }
        }
        assert!(pair.tls.iter().all(|tls| tls.stats().handshakes == 1));
        pair
    }
}

#[test]
fn a_session_that_is_forgotten_was_wiped_in_its_slot() {
    for mut tls in Pair::open().tls {
        let State::Open(mut moved) = tls.forget(id(0)) else {
            panic!("it was open");
        };
        // The move copied what lay in the slot: had the secrets been there, they would be here, and could seal.
        let sealed = moved.seal(&mut tls.keys, 0, b"x", &mut Vec::new());
        assert_eq!(sealed.unwrap_err(), wire::tls::OwnFault::Exhausted.into());
        assert!(moved.take_sealed().is_none() && moved.is_idle());
        assert!(matches!(tls.slots.get(id(0)), Some(State::Vacant)));
    }
}

#[test]
fn deadlines_are_bounded_though_one_handshake_lasts() {
    let (_, mut server) = options(0);
    server.handshakes_max = 4;
    let timeout_us = server.handshake_timeout_us;
    let (mut tls, mut end) = (Tls::new(server), End::new(1 << 20));
    end.conns.resize_with(1_000, Conn::default);
    for index in 0..1_000 {
        tls.begin(&mut end, id(index), Origin::Accepted, index as u64);
        if index > 0 {
            tls.reset(&mut end, id(index));
        }
        assert!(tls.deadlines.len() <= 8);
    }
    assert_eq!((tls.opening(), tls.stats().refused), (1, 0));
    assert!(tls.expired(&mut end, timeout_us - 1).is_none());
    assert_eq!(tls.expired(&mut end, timeout_us), Some((id(0), Origin::Accepted)));
    assert!(tls.expired(&mut end, timeout_us).is_none() && tls.deadlines.is_empty());
}
