//! What goes through the mask: pieces, protocols, people.

use proptest::prelude::*;
use wire::chat::{Address, Body, ClientFrame, Kind, Number, Proof, ServerFrame};

use super::*;
use crate::{End, Start};

/// What each side said, after the mask: bytes in order, and whether offsets add up.
fn masked(rules: &str, port: u16, said: &[(Side, &[u8])]) -> [Vec<u8>; 2] {
    let rules = MaskRules::parse(rules, "mask.toml").unwrap();
    let (mut heard, mut offsets): ([Vec<u8>; 2], [u64; 2]) = Default::default();
    let mut order_ns = 0;
    let mut mask = Mask::new(rules, [9; MASK_KEY_BYTES], |event: Event<'_>| {
        assert!(event.at_ns() >= order_ns);
        order_ns = event.at_ns();
        if let Event::Data {
            side, offset, bytes, ..
        } = event
        {
            assert_eq!(offset, heard[side as usize].len() as u64);
            heard[side as usize].extend_from_slice(bytes);
        }
    });
    let (flow, client, server) = (
        Flow(0),
        ([10, 0, 0, 1], 40_000).into(),
        ([10, 0, 0, 2], port).into(),
    );
    mask.event(Event::Open {
        flow,
        at_ns: 0,
        client,
        server,
        start: Start::Handshake,
    });
    for (at_ns, &(side, bytes)) in said.iter().enumerate() {
        let offset = offsets[side as usize];
        offsets[side as usize] += bytes.len() as u64;
        mask.event(Event::Data {
            flow,
            side,
            at_ns: at_ns as u64,
            offset,
            bytes,
        });
    }
    mask.event(Event::Close {
        flow,
        at_ns: said.len() as u64,
        end: End::Idle,
    });
    drop(mask);
    heard
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn http_loses_its_credentials_and_keeps_its_form() {
    let request =
        b"GET /inbox?token=s3cret&page=2 HTTP/1.1\r\nHost: a.example\r\nAuthorization: Bearer abc.DEF\r\n\
        Cookie: sid=k33p; theme=dark\r\n\r\n";
    let answer = b"HTTP/1.1 200 OK\r\nSet-Cookie: sid=k33p; Path=/; HttpOnly\r\nContent-Length: 2\r\n\r\nok";
    let [client, server] = masked("", 80, &[(Side::Client, request), (Side::Server, answer)]);
    let (client, server) = (text(&client), text(&server));
    for kept in [
        "GET /inbox?token=",
        "&page=2 HTTP/1.1\r\nHost: a.example\r\nAuthorization: Bearer ",
        "Cookie: sid=",
    ] {
        assert!(client.contains(kept), "{client}");
    }
    for gone in ["s3cret", "abc.DEF", "k33p", "dark"] {
        assert!(
            !client.contains(gone) && !server.contains(gone),
            "{gone}: {client}{server}"
        );
    }
    assert_eq!((client.len(), server.len()), (request.len(), answer.len()));
    let cookie = |head: &str| head.split_once("sid=").unwrap().1[..4].to_owned();
    assert_eq!(cookie(&client), cookie(&server), "the same session");
    assert!(server.contains("; Path=/; HttpOnly\r\nContent-Length: 2\r\n\r\nok"));
}

#[test]
fn patterns_find_what_packets_cut_in_two() {
    let rules = "[[pattern]]\nfind = 'NICK (\\w+)'\nprotocols = ['irc']\nside = 'client'\n";
    let mut long = b"NICK duck\r\n".to_vec();
    long.extend(b"PING x\r\n".repeat(200));
    long.extend(b"NICK do");
    let said = [
        (Side::Client, &long[..]),
        (Side::Client, b"nald\r\n"),
        (Side::Server, b":NICK duck\r\n"),
    ];
    let [client, server] = masked(rules, 6667, &said);
    assert_eq!(client.len(), long.len() + 6);
    assert!(!text(&client).contains("duck") && !text(&client).contains("donald"));
    assert_eq!(server, b":NICK duck\r\n");
}

#[test]
fn what_is_unknown_is_blanked_unless_told_otherwise() {
    let said: [(Side, &[u8]); 1] = [(Side::Client, b"\x00\x01 Ada Lovelace")];
    assert_ne!(masked("", 1, &said)[0], said[0].1);
    assert_eq!(masked("unknown = 'patterns'", 1, &said)[0], said[0].1);
    let named = "unknown = 'patterns'\n[[pattern]]\nfind = 'Ada'";
    assert_eq!(&masked(named, 1, &said)[0][6..], b" Lovelace");
}

fn number(value: u64) -> Number {
    Number::new(value).unwrap()
}

/// A chat: hello, log-in, a message there and one back.
fn conversation() -> (Vec<u8>, Vec<u8>) {
    let (mut client, mut server) = (Vec::new(), Vec::new());
    let body = |bytes| Body {
        kind: Kind::Text,
        bytes,
    };
    ServerFrame::Hello {
        version: 1,
        nonce: [3; 16],
    }
    .encode(&mut server);
    ClientFrame::Login {
        number: number(4_415_550_001),
        proof: Proof([5; 16]),
    }
    .encode(&mut client);
    let to = Address::Person(number(4_415_550_002));
    ClientFrame::Send {
        id: 1,
        to,
        body: body(b"hello, Grace"),
    }
    .encode(&mut client);
    let from = number(4_415_550_002);
    ServerFrame::Deliver {
        seq: 1,
        from,
        group: None,
        id: 9,
        time_ms: 7,
        body: body(b"hello, Ada"),
    }
    .encode(&mut server);
    (client, server)
}

#[test]
fn the_chats_people_get_other_numbers_and_stay_the_same() {
    let (client, server) = conversation();
    let [client, server] = masked("", 7700, &[(Side::Server, &server), (Side::Client, &client)]);
    let (login, length) = ClientFrame::decode(&client).unwrap().unwrap();
    let ClientFrame::Login { number: me, proof } = login else {
        panic!("{login:?}")
    };
    assert_ne!(me, number(4_415_550_001));
    assert_ne!(proof.0, [5; 16]);
    let (send, _) = ClientFrame::decode(&client[length..]).unwrap().unwrap();
    let ClientFrame::Send {
        to: Address::Person(to),
        body,
        id: 1,
    } = send
    else {
        panic!("{send:?}")
    };
    assert!(body.bytes.len() == 12 && body.bytes[5..7] == *b", " && body.bytes != b"hello, Grace");
    let (hello, length) = ServerFrame::decode(&server).unwrap().unwrap();
    assert!(matches!(hello, ServerFrame::Hello { nonce, .. } if nonce == [3; 16]));
    let (deliver, _) = ServerFrame::decode(&server[length..]).unwrap().unwrap();
    assert!(
        matches!(deliver, ServerFrame::Deliver { from, .. } if from == to),
        "the same person"
    );
}

proptest! {
    #[test]
    fn however_a_chat_is_cut_it_is_masked_the_same(pieces in prop::collection::vec(1..40_usize, 1..20)) {
        let (client, server) = conversation();
        let mut said: Vec<(Side, &[u8])> = vec![(Side::Server, &server[..])];
        let mut rest = &client[..];
        for piece in pieces {
            let (now, later) = rest.split_at(piece.min(rest.len()));
            said.push((Side::Client, now));
            rest = later;
        }
        said.push((Side::Client, rest));
        said.retain(|(_, bytes)| !bytes.is_empty());
        let whole = masked("", 7700, &[(Side::Server, &server), (Side::Client, &client)]);
        prop_assert_eq!(masked("", 7700, &said), whole);
    }

    #[test]
    fn nothing_gets_longer_or_shorter(
        said in prop::collection::vec((any::<bool>(), prop::collection::vec(any::<u8>(), 1..3_000)), 0..12),
        port in prop_oneof![Just(80_u16), Just(6379), Just(7700)],
    ) {
        let side = |server: bool| if server { Side::Server } else { Side::Client };
        let said: Vec<_> = said.iter().map(|(server, bytes)| (side(*server), &bytes[..])).collect();
        let heard = masked("[[pattern]]\nfind = '[a-z]+'", port, &said);
        for one in [Side::Client, Side::Server] {
            let length: usize = said.iter().filter(|(side, _)| *side == one).map(|(_, bytes)| bytes.len()).sum();
            prop_assert_eq!(heard[one as usize].len(), length);
        }
    }
}
