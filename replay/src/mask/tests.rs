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
    let flow = Flow(0);
    mask.event(open(port));
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

/// A connection to a server's port.
fn open(port: u16) -> Event<'static> {
    Event::Open {
        flow: Flow(0),
        at_ns: 0,
        client: ([10, 0, 0, 1], 40_000).into(),
        server: ([10, 0, 0, 2], port).into(),
        start: Start::Handshake,
    }
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
fn tokens_of_json_are_masked_wherever_they_stand() {
    let token = "eyJhbGciOi.J9-abcd_EFGH";
    let answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 90\r\n\r\n\
        {{\"user\":{{\"name\":\"visible\"}},\n  \"access_token\" :\n \"{token}\",\"password\":\"hunter2\",\"n\":1}}"
    );
    let request = format!(
        "POST /in/{token}/x?a={token} HTTP/1.1\r\nAuthorization: Bearer {token}\r\nX-Session: {token}\r\n\
        X-Form: v={token}\r\n\r\n{{\"refresh_token\":\"{token}\"}}"
    );
    let said = [
        (Side::Client, &b"GET / HTTP/1.1\r\n\r\n"[..]),
        (Side::Server, answer.as_bytes()),
        (Side::Client, request.as_bytes()),
    ];
    let [client, server] = masked("", 80, &said);
    let (client, server) = (text(&client), text(&server));
    let mut found = Vec::new();
    let body = server.split_once("\r\n\r\n").unwrap().1;
    crate::rewrite::tokens(body.as_bytes(), |_, token| found.push(text(token)));
    let [masked] = &found[..] else { panic!("{found:?}") };
    assert_ne!(masked, token);
    for gone in [token, "hunter2"] {
        assert!(
            !client.contains(gone) && !server.contains(gone),
            "{client}\n{server}"
        );
    }
    assert_eq!(client.matches(masked.as_str()).count(), 6, "{masked}: {client}");
    assert!(
        server.contains("\"name\":\"visible\"") && server.ends_with("\"n\":1}"),
        "{server}"
    );
}

#[test]
fn the_medias_credential_stays_its_persons() {
    let token = "03fd0046b1ef989a8cee70e94307119d";
    let request = format!(
        "PUT /v1/media HTTP/1.1\r\nAuthorization: Bearer 4415550001:{token}\r\n\r\n\
        GET /v1/accounts/4415550001 HTTP/1.1\r\n\r\n"
    );
    let proved = format!("HTTP/1.1 200 OK\r\n\r\n{{\"number\": 4415550001, \"media_token\": \"{token}\"}}");
    let said = [
        (Side::Client, request.as_bytes()),
        (Side::Server, proved.as_bytes()),
    ];
    let [client, server] = masked("", 80, &said);
    let (client, server) = (text(&client), text(&server));

    let pseudonyms = Pseudonyms::new(&[9; MASK_KEY_BYTES]);
    let number = pseudonyms.number(4_415_550_001);
    let mut bytes: Vec<u8> = (0..16)
        .map(|at| u8::from_str_radix(&token[2 * at..2 * at + 2], 16).unwrap())
        .collect();
    // As in the chat's own frames.
    pseudonyms.opaque(&mut bytes);
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    assert!(client.contains(&format!("Bearer {number}:{hex}\r\n")), "{client}");
    assert!(
        client.contains(&format!("GET /v1/accounts/{number} ")),
        "{client}"
    );
    assert!(
        server.contains(&format!("\"number\": {number}, \"media_token\": \"{hex}\"")),
        "{server}"
    );
}

#[test]
fn a_head_that_packets_cut_is_masked_whole_and_a_body_is_not_kept_waiting() {
    let head = "GET / HTTP/1.1\r\nHost: a\r\nCookie: sid=k33p-this-0ne; b=secr3t\r\n\r\n";
    let whole = masked("", 80, &[(Side::Client, head.as_bytes())]);
    assert!(!text(&whole[0]).contains("secr3t"));
    for cut in 16..head.len() {
        let (first, last) = head.as_bytes().split_at(cut);
        assert_eq!(
            masked("", 80, &[(Side::Client, first), (Side::Client, last)]),
            whole,
            "{cut}"
        );
    }
    let part = Part::Body;
    assert!(!part.is_open(b"ok") && !part.is_open(b"{\"a\":1}"));
    assert!(part.is_open(b"{\"tok") && part.is_open(b"GET /x?tok") && Part::Head.is_open(b"Cook"));
}

/// What a client says of a header in pieces, each at its offset, after a mask with so much room; where an offset is further than what
/// was said reaches, bytes are lacking. And what the mask counted.
fn in_pieces(held_max_bytes: usize, said: &[(u64, &[u8])]) -> (String, MaskFigures) {
    let rules = MaskRules::parse("", "mask.toml").unwrap();
    let mut heard = Vec::new();
    let mut mask = Mask::new(rules, [9; MASK_KEY_BYTES], |event: Event<'_>| {
        if let Event::Data { bytes, .. } = event {
            heard.extend_from_slice(bytes);
        }
    });
    mask.held_max_bytes = held_max_bytes;
    let (flow, side, at_ns) = (Flow(0), Side::Client, 0);
    let mut next = 0;
    mask.event(open(80));
    for &(offset, bytes) in said {
        if offset > next {
            mask.event(Event::Gap {
                flow,
                side,
                at_ns,
                offset: next,
                length: offset - next,
            });
        }
        mask.event(Event::Data {
            flow,
            side,
            at_ns,
            offset,
            bytes,
        });
        next = offset + bytes.len() as u64;
    }
    assert_eq!(mask.held_bytes, 0);
    let figures = mask.finish().1;
    (text(&heard), figures)
}

#[test]
fn what_is_behind_a_gap_lacks_the_beginning_of_its_line() {
    let (said, figures) = in_pieces(
        usize::MAX,
        &[
            (0, b"GET / HTTP/1.1\r\nCookie: sid="),
            (30, b"s3cret-and-l0ng\r\nHost: a\r\n\r\n"),
        ],
    );
    assert_eq!(figures, MaskFigures::default());
    assert!(said.starts_with("GET / HTTP/1.1\r\nCookie: sid="), "{said}");
    assert!(
        !said.contains("s3cret") && said.ends_with("\nHost: a\r\n\r\n"),
        "{said}"
    );
}

#[test]
fn what_no_room_is_left_for_is_blanked_and_counted() {
    let (said, figures) = in_pieces(
        20,
        &[
            (0, b"GET / HTTP/1.1\r\nCookie: a=1; b="),
            (31, b"s3cret-and-l0ng"),
            (46, b"er-than-that"),
            (58, b"-still\r\nHost: a\r\n\r\n"),
        ],
    );
    assert_eq!((figures.crowded_bytes, figures.forgotten_values), (30, 0));
    for gone in ["s3cret", "than-that", "still", "Cookie"] {
        assert!(!said.contains(gone), "{said}");
    }
    assert!(said.ends_with("\nHost: a\r\n\r\n"), "{said}");
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

#[test]
fn what_is_not_taken_apart_is_blanked_unless_a_pattern_names_it() {
    let upgrade: &[u8] =
        b"GET /chat HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";
    let granted: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n";
    for (port, protocol, hello, greeting) in [
        (
            5222,
            "xmpp",
            &b"<?xml version='1.0'?><stream:stream to='a'>"[..],
            &b"<stream:stream from='a'>"[..],
        ),
        (
            6667,
            "irc",
            b"NICK duck\r\nUSER duck 0 * :Duck\r\n",
            b":irc.example NOTICE * :hello\r\n",
        ),
        (25, "smtp", b"EHLO ada.example\r\n", b"220 mail ESMTP\r\n"),
        (
            1883,
            "mqtt",
            b"\x10\x10\0\x04MQTT\x04\x02\0\x3c\0\x04duck",
            b"\x20\x02\0\0",
        ),
        (6379, "redis", b"*1\r\n$4\r\nPING\r\n", b"+PONG\r\n"),
        (5432, "postgres", b"\0\0\0\x29\0\x03\0\0user\0a\0", b"R"),
        (80, "websocket", upgrade, granted),
    ] {
        let name: &[u8] = b"\x81\x0cAda Lovelace";
        let said = [
            (Side::Client, hello),
            (Side::Server, greeting),
            (Side::Client, name),
            (Side::Server, name),
        ];
        let [client, server] = masked("", port, &said);
        for side in [&client, &server] {
            assert!(!side.windows(8).any(|part| part == b"Lovelace"), "{protocol}");
        }
        if protocol == "websocket" {
            assert!(client.starts_with(upgrade) && server.starts_with(granted));
        } else {
            assert!(!client.starts_with(hello), "{protocol}");
        }
        let other = "[[pattern]]\nfind = 'Ada'\n";
        assert_eq!(masked(other, port, &said), [client, server], "{protocol}");
        let named = format!("{other}protocols = ['{protocol}']");
        let [client, _] = masked(&named, port, &said);
        assert!(
            client.starts_with(hello) && client.ends_with(b" Lovelace"),
            "{protocol}"
        );
        assert!(!client.windows(3).any(|part| part == b"Ada"), "{protocol}");
    }
    // One that is granted after other requests, with its first frame in the same packet.
    let frame = [granted, b"\x81\x02Ada says"].concat();
    let said = [
        (Side::Client, &b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"[..]),
        (Side::Server, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
        (Side::Client, upgrade),
        (Side::Server, &frame),
        (Side::Client, b"\x81\x02hello"),
    ];
    let [client, server] = masked("", 80, &said);
    assert!(!text(&client).contains("hello") && !text(&server).contains("says"));
    assert!(text(&server).contains("\r\n\r\nokHTTP/1.1 101 Switching"));
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
