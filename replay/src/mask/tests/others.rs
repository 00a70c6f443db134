//! What is neither HTTP nor chat: blanked, or looked through by patterns.

use proptest::prelude::*;

use super::{Side, masked, text};

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
        let [client, server] = masked(&named, port, &said);
        for side in [&client, &server] {
            assert!(!side.windows(3).any(|part| part == b"Ada"), "{protocol}");
        }
        assert!(
            client.starts_with(hello) && server.ends_with(b" Lovelace"),
            "{protocol}"
        );
        // Of WebSocket only servers say it so that it can be read.
        assert_eq!(client.ends_with(b" Lovelace"), protocol != "websocket");
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
    assert!(text(&server).contains("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"));
}

proptest! {
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
