//! What cannot be told apart is blanked, and counted.

use super::*;

const GET: &str = "GET / HTTP/1.1\r\nCookie: sid=k33p-this\r\n\r\n";

/// What one side says in pieces, each at its offset: where that is further than what was said reaches, bytes are missing.
fn torn(said: &[(Side, u64, &str)], start: Start, waiting_max_bytes: usize) -> ([String; 2], MaskFigures) {
    let mut events = vec![open(80)];
    if let Event::Open { start: begins, .. } = &mut events[0] {
        *begins = start;
    }
    let mut next = [0; 2];
    for &(side, offset, said) in said {
        let known = &mut next[side as usize];
        if offset > *known {
            events.push(Event::Gap {
                flow: FLOW,
                side,
                at_ns: 0,
                offset: *known,
                length: offset - *known,
            });
        }
        events.push(Event::Data {
            flow: FLOW,
            side,
            at_ns: 0,
            offset,
            bytes: said.as_bytes(),
        });
        *known = offset + said.len() as u64;
    }
    let heard = heard("", waiting_max_bytes, &events);
    (heard.said.map(|side| text(&side)), heard.figures)
}

fn blanked(figures: MaskFigures) -> [u64; 5] {
    let Blanked {
        midway,
        gap,
        unreadable,
        beyond,
        crowded,
        changed: _,
    } = figures.blanked;
    [midway, gap, unreadable, beyond, crowded]
}

#[test]
fn behind_a_gap_in_a_head_all_is_blanked() {
    let said = [
        (Side::Client, 0, "GET / HTTP/1.1\r\nCookie: sid="),
        (Side::Client, 30, "s3cret-and-l0ng\r\nHost: a\r\n\r\n"),
        (Side::Client, 58, "GET /next HTTP/1.1\r\nHost: a\r\n\r\n"),
        (
            Side::Server,
            0,
            "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine",
        ),
    ];
    let ([client, server], figures) = torn(&said, Start::Handshake, usize::MAX);
    assert_eq!(blanked(figures), [0, 1, 0, 0, 0]);
    for gone in ["GET", "Cookie", "s3cret", "Host", "next"] {
        assert!(!client.contains(gone), "{client}");
    }
    // Nobody knows what was asked.
    assert!(!server.contains("HTTP") && !server.contains("fine"), "{server}");
}

#[test]
fn a_gap_in_a_body_blanks_that_and_the_next_message_is_read() {
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\n";
    let (begin, rest) = ("{\"a\":\"Ada\",", "\"L\":\"ove\"}");
    let (first, end) = ([head, begin].concat(), head.len() as u64 + 40);
    let said = [
        (Side::Client, 0, GET),
        (Side::Client, GET.len() as u64, GET),
        (Side::Server, 0, &first),
        (Side::Server, end - rest.len() as u64, rest),
        (Side::Server, end, "HTTP/1.1 204 No Content\r\nX-Who: Ada\r\n\r\n"),
    ];
    let ([_, server], figures) = torn(&said, Start::Handshake, usize::MAX);
    assert_eq!(blanked(figures), [0; 5]);
    assert!(server.starts_with(&format!("{head}{{\"a\":\"")), "{server}");
    assert!(server.contains("HTTP/1.1 204 No Content\r\nX-Who: "), "{server}");
    assert!(!server.contains("ove") && !server.contains("Ada"), "{server}");
}

#[test]
fn what_begins_in_mid_stream_is_blanked() {
    let said = [
        (Side::Client, 0, GET),
        (
            Side::Server,
            0,
            "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine",
        ),
    ];
    let ([client, server], figures) = torn(&said, Start::Midway, usize::MAX);
    assert_eq!(blanked(figures), [1, 0, 0, 0, 0]);
    assert!(
        !client.contains("GET") && !server.contains("HTTP"),
        "{client}{server}"
    );
}

#[test]
fn what_turns_out_to_be_no_http_is_blanked_from_there_on() {
    for (client, server) in [
        ("GET / HTTP/1.1\r\n\r\nhello, Ada Lovelace\r\n\r\n", ""),
        ("GET /Ada Lovelace HTTP/1.1\r\n\r\n", ""),
        ("GET /Ada-Lovelace\r\n\r\n", ""),
        (
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nAda Lovelace\r\n",
            "",
        ),
        (
            "POST / HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nAda",
            "",
        ),
        ("GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 99 Ada Lovelace\r\n\r\n"),
        (
            "GET / HTTP/1.1\r\n\r\n",
            "HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 200 Ada Lovelace\r\nX: y\r\n\r\n",
        ),
        ("GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 101 Ada Lovelace\r\n\r\nAda"),
    ] {
        let said = [(Side::Client, 0, client), (Side::Server, 0, server)];
        let said = if server.is_empty() { &said[..1] } else { &said[..] };
        let ([client, server], figures) = torn(said, Start::Handshake, usize::MAX);
        assert_eq!(blanked(figures), [0, 0, 1, 0, 0], "{client}{server}");
        for gone in ["Ada", "Lovelace"] {
            assert!(
                !client.contains(gone) && !server.contains(gone),
                "{client}{server}"
            );
        }
    }
}

#[test]
fn a_head_beyond_bounds_is_blanked_and_so_are_more_requests_than_are_remembered() {
    let long = format!("GET / HTTP/1.1\r\nX-Ada: {}\r\n\r\n", "Lovelace ".repeat(8_000));
    let ([client, _], figures) = torn(&[(Side::Client, 0, &long)], Start::Handshake, usize::MAX);
    assert_eq!(blanked(figures), [0, 0, 0, 1, 0]);
    assert!(!client.contains("Ada") && !client.contains("Lovelace"));

    let many = "GET / HTTP/1.1\r\n\r\n".repeat(65);
    let answers = "HTTP/1.1 204 No Content\r\n\r\n".repeat(65);
    let said = [(Side::Client, 0, many.as_str()), (Side::Server, 0, &answers)];
    let ([client, server], figures) = torn(&said, Start::Handshake, usize::MAX);
    assert_eq!(blanked(figures), [0, 0, 0, 1, 0]);
    assert_eq!((client, server.matches("204 No Content").count()), (many, 64));
}

#[test]
fn where_too_much_waits_the_oldest_is_blanked_and_counted() {
    let said = [
        (Side::Client, 0, "GET / HTTP/1.1\r\nCookie: a=1; b="),
        (Side::Client, 31, "s3cret-and-l0ng"),
        (Side::Client, 46, "er-than-that"),
        (Side::Client, 58, "-still\r\nHost: a\r\n\r\n"),
    ];
    let ([client, _], figures) = torn(&said, Start::Handshake, 200);
    assert_eq!(blanked(figures), [0, 0, 0, 0, 1]);
    assert_eq!(figures.crowded_bytes, 46);
    for gone in ["s3cret", "than-that", "still", "Cookie"] {
        assert!(!client.contains(gone), "{client}");
    }
    // Of a body that one is not whole does no harm.
    let said = [
        (Side::Client, 0, GET),
        (
            Side::Server,
            0,
            "HTTP/1.1 200 OK\r\nContent-Length: 18\r\n\r\n{\"a\":\"Ada L",
        ),
        (Side::Client, GET.len() as u64, GET),
        (Side::Server, 49, "ovela\"}HTTP/1.1 204 No Content\r\n\r\n"),
    ];
    let ([client, server], figures) = torn(&said, Start::Handshake, 200);
    assert_eq!((blanked(figures), figures.crowded_bytes), ([0; 5], 6));
    assert!(!server.contains("Ada") && !server.contains("ovela"), "{server}");
    assert!(
        client.matches("GET / HTTP/1.1").count() == 2 && server.ends_with("HTTP/1.1 204 No Content\r\n\r\n")
    );
}

#[test]
fn a_head_is_masked_whole_however_packets_cut_it() {
    let whole = masked("", 80, &[(Side::Client, GET.as_bytes())]);
    assert!(!text(&whole[0]).contains("k33p"));
    for cut in 1..GET.len() {
        let (first, last) = GET.as_bytes().split_at(cut);
        // What the other side says in between changes nothing either.
        for between in [&b""[..], b"HTTP/1.1 100 Continue\r\n\r\n"] {
            let said = [
                (Side::Client, first),
                (Side::Server, between),
                (Side::Client, last),
            ];
            let said: Vec<_> = said.into_iter().filter(|(_, bytes)| !bytes.is_empty()).collect();
            assert_eq!(masked("", 80, &said)[0], whole[0], "{cut}");
        }
    }
}

#[test]
fn a_connection_costs_what_is_said_of_it() {
    let costs = [size_of::<Masked>(), size_of::<Http>()];
    assert!(costs[0] <= 304 && costs[1] <= 400, "{costs:?}");
}
