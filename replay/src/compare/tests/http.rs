//! Responses of HTTP.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::*;

pub(super) const DATED: &[u8] = b"HTTP/1.1 200 OK\r\nDate: Mon\r\nContent-Length: 2\r\n\r\nhi";

/// Answers beside others, without rules.
fn beside(recorded: impl AsRef<[u8]>, actual: impl AsRef<[u8]>) -> Compared {
    compared("", Protocol::Http, recorded.as_ref(), actual.as_ref())
}

#[test]
fn a_response_is_masked_where_it_always_differs() {
    let chunked = b"HTTP/1.1 200 OK\r\nDate: Tue\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n";
    let later = b"HTTP/1.1 200 OK\r\nDate: Tue\r\nContent-Length: 2\r\n\r\nhi";
    let failed = b"HTTP/1.1 500 Oh\r\nDate: Tue\r\nContent-Length: 0\r\n\r\n";
    assert_eq!(tally(&beside(DATED, DATED)), [1, 0, 0, 0, 0]);
    assert_eq!(tally(&beside(DATED, later)), [0, 1, 0, 0, 0]);
    assert_eq!(tally(&beside(DATED, chunked)), [0, 1, 0, 0, 0]);
    let one = beside(DATED, failed);
    assert_eq!(tally(&one), [0, 0, 1, 0, 0]);
    let first = one.first.unwrap();
    assert_eq!(
        (first.offset, first.what.as_str()),
        (9, "response: differs at byte 9")
    );
    let token =
        |token: &str| format!("HTTP/1.1 200 OK\r\nContent-Length: 24\r\n\r\n{{\"token\":\"{token}\"}}....");
    let one = beside(token("abcdefgh"), token("12345678"));
    assert_eq!(tally(&one), [0, 1, 0, 0, 0]);
}

/// A response whose body is packed as its head says.
fn packed(coding: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Encoding: {coding}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

fn gzipped(body: &str, level: u32) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::new(level));
    encoder.write_all(body.as_bytes()).unwrap();
    packed("gzip", &encoder.finish().unwrap())
}

#[test]
fn a_packed_answer_is_compared_by_what_it_says() {
    let said = |token: &str, balance: u32| format!("{{\"token\": \"{token}\", \"balance\": {balance}}}");
    let recorded = gzipped(&said("abcdefgh", 12), 6);
    assert_eq!(tally(&beside(&recorded, &recorded)), [1, 0, 0, 0, 0]);
    // Packed less, with another token, otherwise, and not at all.
    let plain = said("i-am-another", 12);
    let plain = format!(
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{plain}",
        plain.len()
    )
    .into_bytes();
    let zstd = packed(
        "zstd",
        &zstd::encode_all(said("i-am-another", 12).as_bytes(), 0).unwrap(),
    );
    for actual in [gzipped(&said("i-am-another", 12), 0), zstd, plain] {
        assert_eq!(tally(&beside(&recorded, &actual)), [0, 1, 0, 0, 0]);
    }
    let one = beside(&recorded, gzipped(&said("abcdefgh", 13), 6));
    assert_eq!(tally(&one), [0, 0, 1, 0, 0]);
    let first = one.first.unwrap();
    assert!(first.recorded.contains("\"balance\\\": 12}"), "{first}");
    assert!(first.actual.contains("\"balance\\\": 13}"), "{first}");
    // A mask of the rules reaches what is said, too.
    let mask = "[[rule]]\nmask = ['\"balance\": [0-9]+']";
    let other = gzipped(&said("abcdefgh", 13), 6);
    assert_eq!(
        tally(&compared(mask, Protocol::Http, &recorded, &other)),
        [0, 1, 0, 0, 0]
    );
}

#[test]
fn what_is_behind_a_long_packed_answers_front_counts() {
    let said = |number: u32| {
        (number..number + 90_000)
            .map(|line| format!("{line}\n"))
            .collect::<String>()
    };
    let (one, other) = (said(0), said(0).replace("89999", "99999"));
    let recorded = gzipped(&one, 6);
    assert!(
        recorded.len() > 2 * crate::http::BODY_MAX_BYTES,
        "{}",
        recorded.len()
    );
    assert_eq!(tally(&beside(&recorded, gzipped(&one, 1))), [0, 1, 0, 0, 0]);
    let differs = beside(&recorded, gzipped(&other, 6));
    assert_eq!(tally(&differs), [0, 0, 1, 0, 0]);
    assert_eq!(
        differs.first.unwrap().what,
        "response: differs behind what is kept"
    );
}

#[test]
fn what_cannot_be_unpacked_is_compared_as_it_was_sent() {
    let (one, other) = (packed("br", b"\x0b\x02one"), packed("br", b"\x0b\x02other"));
    assert_eq!(tally(&beside(&one, &one)), [1, 0, 0, 0, 0]);
    assert_eq!(tally(&beside(&one, &other)), [0, 0, 1, 0, 0]);
    // How it is packed is a difference then.
    let gzip = packed("gzip", b"\x0b\x02one");
    assert_eq!(tally(&beside(&one, &gzip)), [0, 0, 1, 0, 0]);
}

#[test]
fn an_answer_to_head_has_no_body() {
    let mut comparison = comparison("", Protocol::Http, 0);
    comparison.said(
        b"HEAD / HTTP/1.1\r\n\r\nPOST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nGETGET / HTTP/1.1\r\n\r\n",
    );
    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n";
    let answers = [
        &answer[..],
        b"HTTP/1.1 100 Continue\r\n\r\n",
        answer,
        b"12345",
        answer,
        b"54321",
    ]
    .concat();
    comparison.recorded(&answers);
    comparison.actual(&answers);
    // The 100 is none.
    assert_eq!(tally(&comparison.finish()), [3, 0, 0, 0, 0]);
}

/// The client says these in turn, each is answered, and answered again the same.
fn conversed(turns: &[(&[u8], &[u8])]) -> Compared {
    let mut comparison = comparison("", Protocol::Http, 0);
    for (said, answer) in turns {
        comparison.said(said);
        comparison.recorded(answer);
        comparison.actual(answer);
    }
    comparison.finish()
}

const GET: &[u8] = b"GET / HTTP/1.1\r\n\r\n";
const HEAD: &[u8] = b"HEAD / HTTP/1.1\r\n\r\n";
const TO_HEAD: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n";

#[test]
fn requests_follow_a_change_of_protocol_that_was_not_made() {
    let upgrade = b"GET / HTTP/1.1\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\r\n";
    let compared = conversed(&[(upgrade, DATED), (HEAD, TO_HEAD), (GET, DATED)]);
    assert_eq!(tally(&compared), [3, 0, 0, 0, 0]);
    // One that was made leaves no requests behind it.
    let granted = b"HTTP/1.1 101 Switching Protocols\r\n\r\n";
    let compared = conversed(&[(GET, DATED), (upgrade, granted), (HEAD, TO_HEAD), (GET, DATED)]);
    assert_eq!(tally(&compared), [2, 0, 0, 0, 0]);
}

#[test]
fn empty_lines_before_a_request_are_no_part_of_it() {
    let post = b"POST / HTTP/1.1\r\nContent-Length: 1\r\n\r\nx";
    let head = [b"\r\n", HEAD].concat();
    let compared = conversed(&[(post, DATED), (&head, TO_HEAD), (GET, DATED)]);
    assert_eq!(tally(&compared), [3, 0, 0, 0, 0]);
    let mut pieces: Vec<(&[u8], &[u8])> = head.chunks(1).map(|byte| (byte, &b""[..])).collect();
    pieces.extend([(&b""[..], TO_HEAD), (GET, DATED)]);
    assert_eq!(tally(&conversed(&pieces)), [2, 0, 0, 0, 0]);
}

#[test]
fn interim_answers_are_none_whoever_gives_them() {
    let answer = |body: &str| format!("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n{body}");
    let plain = [answer("a"), answer("b"), answer("c")].concat();
    let (leave, hints) = (
        "HTTP/1.1 100 Continue\r\n\r\n",
        "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n",
    );
    let told = [leave, &answer("a"), hints, hints, &answer("b"), &answer("c")].concat();
    for (recorded, actual) in [(&told, &plain), (&plain, &told)] {
        let one = beside(recorded, actual);
        assert_eq!(tally(&one), [3, 0, 0, 0, 0], "{:?}", one.first);
    }
    // 101 is the answer: what follows is another protocol.
    let upgraded = b"HTTP/1.1 101 Switching Protocols\r\n\r\n\x81\x02hi";
    assert_eq!(
        tally(&compared("", Protocol::WebSocket, upgraded, upgraded)),
        [1, 0, 0, 0, 0]
    );
}
