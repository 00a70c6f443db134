//! Comparison, from the outside.

use proptest::prelude::*;
use wire::chat::{Body, Code, Kind, MediaToken, Number, ServerFrame};

use super::*;

fn comparison(rules: &str, protocol: Protocol, clone: u32) -> Comparison {
    let rules = Rules::parse(rules, "rules.toml").unwrap();
    let session = Session::spoken(protocol);
    Comparison::new(&Arc::new(rules), &session, clone)
}

/// Identical, masked, different, missing, extra.
fn tally(compared: &Compared) -> [u64; 5] {
    let Compared {
        identical,
        masked,
        different,
        missing,
        extra,
        ..
    } = *compared;
    [identical, masked, different, missing, extra]
}

fn compared(rules: &str, protocol: Protocol, recorded: &[u8], actual: &[u8]) -> Compared {
    let mut comparison = comparison(rules, protocol, 0);
    comparison.recorded(recorded);
    comparison.actual(actual);
    comparison.finish()
}

#[test]
fn lines_pair_up_and_the_first_difference_is_readable() {
    let one = compared(
        "",
        Protocol::Redis,
        b"+OK\r\n:1\r\n$-1\r\n",
        b"+OK\r\n:2\r\n$-1\r\n+PONG\r\n",
    );
    assert_eq!(tally(&one), [2, 0, 1, 0, 1]);
    let expected = "answer 1, line: differs at byte 1\n- :1\\r\\n\n- 3a 31 0d 0a\n+ :2\\r\\n\n+ 3a 32 0d 0a";
    assert_eq!(one.first.unwrap().to_string(), expected);
    let mask = "[[rule]]\nmask = ['^:\\d+']";
    assert_eq!(
        tally(&compared(
            mask,
            Protocol::Redis,
            b":1\r\n:7\r\n+A\r\n",
            b":2\r\n:7\r\n"
        )),
        [1, 1, 0, 1, 0]
    );
}

#[test]
fn frames_of_a_rule_are_compared_one_by_one() {
    let rules = "[[rule]]\nlength = { width = 1 }\nmask = ['[0-9]']";
    let one = compared(
        rules,
        Protocol::Unknown,
        b"\x02a1\x01b\x01c",
        b"\x02a2\x01b\x01d\x05x",
    );
    assert_eq!(tally(&one), [1, 1, 1, 0, 1]);
}

#[test]
fn a_frame_that_may_differ_may_be_of_another_length() {
    let rules = "[[rule]]\nlength = { width = 2 }\nmask = ['id=[a-z]+;']";
    let one = compared(
        rules,
        Protocol::Unknown,
        b"\x00\x06id=ab;\x00\x03abc\x00\x08id=ab;ok",
        b"\x00\x88id="
            .iter()
            .chain(&[b'x'; 132])
            .chain(b";\x00\x04abcd\x00\x08id=ab;no")
            .copied()
            .collect::<Vec<u8>>()
            .as_slice(),
    );
    // An id of another length; something else; the same id, and something else behind it.
    assert_eq!(tally(&one), [0, 1, 2, 0, 0]);
}

const DATED: &[u8] = b"HTTP/1.1 200 OK\r\nDate: Mon\r\nContent-Length: 2\r\n\r\nhi";

#[test]
fn a_response_is_masked_where_it_always_differs() {
    let chunked = b"HTTP/1.1 200 OK\r\nDate: Tue\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n";
    let later = b"HTTP/1.1 200 OK\r\nDate: Tue\r\nContent-Length: 2\r\n\r\nhi";
    let failed = b"HTTP/1.1 500 Oh\r\nDate: Tue\r\nContent-Length: 0\r\n\r\n";
    assert_eq!(
        tally(&compared("", Protocol::Http, DATED, DATED)),
        [1, 0, 0, 0, 0]
    );
    assert_eq!(
        tally(&compared("", Protocol::Http, DATED, later)),
        [0, 1, 0, 0, 0]
    );
    assert_eq!(
        tally(&compared("", Protocol::Http, DATED, chunked)),
        [0, 1, 0, 0, 0]
    );
    let one = compared("", Protocol::Http, DATED, failed);
    assert_eq!(tally(&one), [0, 0, 1, 0, 0]);
    let first = one.first.unwrap();
    assert_eq!(
        (first.offset, first.what.as_str()),
        (9, "response: differs at byte 9")
    );
    let token =
        |token: &str| format!("HTTP/1.1 200 OK\r\nContent-Length: 24\r\n\r\n{{\"token\":\"{token}\"}}....");
    let one = compared(
        "",
        Protocol::Http,
        token("abcdefgh").as_bytes(),
        token("12345678").as_bytes(),
    );
    assert_eq!(tally(&one), [0, 1, 0, 0, 0]);
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
fn an_unknown_answer_is_late_or_another_one() {
    let mut comparison = comparison("", Protocol::Unknown, 0);
    comparison.recorded(b"one");
    comparison.actual(b"on");
    comparison.said(b"?");
    comparison.actual(b"e");
    comparison.recorded(b"two");
    comparison.actual(b"too bad");
    comparison.said(b"?");
    comparison.recorded(b"three");
    comparison.actual(b"three");
    comparison.said(b"?");
    comparison.recorded(b"four");
    let compared = comparison.finish();
    assert_eq!(tally(&compared), [2, 0, 1, 1, 0]);
    assert_eq!(compared.first.unwrap().what, "answer: differs at byte 1");
}

fn number(value: u64) -> Number {
    Number::new(value).unwrap()
}

fn frames(frames: &[ServerFrame<'_>]) -> Vec<u8> {
    let mut bytes = Vec::new();
    frames.iter().for_each(|frame| frame.encode(&mut bytes));
    bytes
}

/// What a server says to somebody whose ids it takes from `last_id` on, in a clone whose numbers are `shift` higher.
fn session(last_id: u64, shift: u64, seed: u8) -> Vec<ServerFrame<'static>> {
    let from = number(15_550_000_002 + shift);
    let deliver = |seq: u64, bytes| ServerFrame::Deliver {
        seq: seq + u64::from(seed),
        from,
        group: None,
        id: seq * u64::from(seed),
        time_ms: seed.into(),
        body: Body {
            kind: Kind::Text,
            bytes,
        },
    };
    vec![
        ServerFrame::Hello {
            version: 1,
            nonce: [seed; 16],
        },
        ServerFrame::Welcome {
            last_id,
            queued: seed.into(),
            media_token: MediaToken([seed; 16]),
        },
        ServerFrame::Accepted { id: last_id + 1 },
        deliver(1, b"one"),
        deliver(2, b"two"),
        ServerFrame::Delivered {
            seq: 0,
            id: last_id + 1,
            by: from,
        },
        ServerFrame::Pong { token: 7 },
    ]
}

const STRIDE: &str = "[chat]\nstride = 1000";

#[test]
fn chat_is_the_same_for_a_clone_with_ids_of_its_own_in_another_order() {
    let recorded = session(41, 0, 1);
    let mut actual = session(900, 3000, 2);
    actual[2..].reverse();
    let mut comparison = comparison(STRIDE, Protocol::Chat, 3);
    comparison.actual(&frames(&actual[..4]));
    comparison.recorded(&frames(&recorded));
    comparison.actual(&frames(&actual[4..]));
    let compared = comparison.finish();
    assert_eq!(tally(&compared), [1, 6, 0, 0, 0], "{:?}", compared.first);
}

#[test]
fn chat_tells_what_became_of_a_message() {
    let recorded = session(41, 0, 1);
    let mut actual = session(41, 0, 1);
    actual[2] = ServerFrame::Refused {
        id: 42,
        code: Code::MailboxFull,
    };
    actual.remove(5);
    actual.push(ServerFrame::Error {
        code: Code::Busy,
        about: 7,
    });
    let compared = compared(STRIDE, Protocol::Chat, &frames(&recorded), &frames(&actual));
    assert_eq!(tally(&compared), [5, 0, 1, 1, 1]);
    assert_eq!(compared.first.unwrap().what, "accepted became refused");
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
        let one = compared("", Protocol::Http, recorded.as_bytes(), actual.as_bytes());
        assert_eq!(tally(&one), [3, 0, 0, 0, 0], "{:?}", one.first);
    }
    // 101 is the answer: what follows is another protocol.
    let upgraded = b"HTTP/1.1 101 Switching Protocols\r\n\r\n\x81\x02hi";
    assert_eq!(
        tally(&compared("", Protocol::WebSocket, upgraded, upgraded)),
        [1, 0, 0, 0, 0]
    );
}

#[test]
fn who_is_far_ahead_is_given_up() {
    let mut comparison = comparison("", Protocol::Redis, 0);
    for _ in 0..1000 {
        comparison.actual(b"+OK\r\n");
    }
    comparison.recorded(b"+OK\r\n");
    assert_eq!(tally(&comparison.finish()), [1, 0, 0, 0, 999]);
}

proptest! {
    #[test]
    fn pieces_change_nothing(cuts in prop::collection::vec((any::<bool>(), 1usize..50), 0..60)) {
        let date = |day: &str| String::from_utf8(DATED.to_vec()).unwrap().replace("Mon", day).into_bytes();
        let bye = b"HTTP/1.0 404 No\r\n\r\nuntil the end".to_vec();
        let http = [[date("Mon"), date("Tue"), bye.clone()].concat(), [date("Sun"), date("Tue"), bye].concat()];
        let lines = [b"a\nb\nc\nd".to_vec(), b"a\nx\nc\n".to_vec()];
        let chat = [frames(&session(1, 0, 1)), frames(&session(5, 0, 2))];
        for (protocol, [recorded, actual], expected) in [
            (Protocol::Http, http, [2, 1, 0, 0, 0]),
            (Protocol::Irc, lines, [2, 0, 1, 1, 0]),
            (Protocol::Chat, chat, [1, 6, 0, 0, 0]),
        ] {
            let mut comparison = comparison("", protocol, 0);
            let (mut recorded, mut actual) = (&recorded[..], &actual[..]);
            // The recorded welcome comes first: a client says nothing that needs an answer before it.
            let known = recorded.len().min(51);
            comparison.recorded(&recorded[..known]);
            recorded = &recorded[known..];
            for (of_target, size) in cuts.iter().copied().chain([(false, 9999), (true, 9999)]) {
                let side = if of_target { &mut actual } else { &mut recorded };
                let (piece, rest) = side.split_at(size.min(side.len()));
                *side = rest;
                if of_target {
                    comparison.actual(piece);
                } else {
                    comparison.recorded(piece);
                }
            }
            prop_assert_eq!(tally(&comparison.finish()), expected, "{}", protocol);
        }
    }
}

#[test]
fn one_that_is_missing_or_one_too_many_makes_none_after_it_different() {
    let recorded = b"+one\r\n+two\r\n+three\r\n+four\r\n";
    for (actual, expected) in [
        (&b"+one\r\n+three\r\n+four\r\n"[..], [3, 0, 0, 1, 0]),
        (b"+one\r\n+what\r\n+two\r\n+three\r\n+four\r\n", [4, 0, 0, 0, 1]),
        (b"+one\r\n+2\r\n+three\r\n+four\r\n", [3, 0, 1, 0, 0]),
        (b"+two\r\n+3\r\n+what\r\n+four\r\n", [2, 0, 1, 1, 1]),
        (b"+four\r\n", [1, 0, 0, 3, 0]),
        (b"", [0, 0, 0, 4, 0]),
    ] {
        let one = compared("", Protocol::Redis, recorded, actual);
        assert_eq!(tally(&one), expected, "{}", String::from_utf8_lossy(actual));
        // The other way round, with who is ahead.
        let mut comparison = comparison("", Protocol::Redis, 0);
        comparison.actual(actual);
        comparison.recorded(recorded);
        assert_eq!(tally(&comparison.finish()), expected);
    }
}

#[test]
fn answers_are_compared_around_what_the_recording_lacks() {
    let around = |protocol: Protocol, before: &[u8], torn: [&[u8]; 2], after: &[u8], whole: &[u8]| {
        let mut comparison = comparison("", protocol, 0);
        comparison.said(b"?");
        comparison.recorded(&[before, torn[0]].concat());
        comparison.gap();
        comparison.recorded(torn[1]);
        comparison.said(b"?");
        comparison.recorded(after);
        comparison.actual(&[before, whole, after].concat());
        let compared = comparison.finish();
        (tally(&compared), compared.unjudged)
    };
    let lines = around(
        Protocol::Redis,
        b"+a\r\n",
        [b"+lo", b"st\r\n+b\r\n"],
        b"+c\r\n",
        b"+lost\r\n+b\r\n",
    );
    assert_eq!(lines, ([3, 0, 0, 0, 0], 1));
    let response = |body: &str| format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let [first, second, third] = ["first", "second", "third"].map(response);
    let torn = second.as_bytes().split_at(10);
    let responses = around(
        Protocol::Http,
        first.as_bytes(),
        [torn.0, &torn.1[20..]],
        third.as_bytes(),
        second.as_bytes(),
    );
    assert_eq!(responses, ([2, 0, 0, 0, 0], 1));
}

proptest! {
    /// Whatever was left out or put in, every answer is judged once, and what is left of the recording's order is found.
    #[test]
    fn every_answer_is_judged_once(
        edits in prop::collection::vec(0u8..12, 0..60),
        ahead in any::<bool>(),
    ) {
        let (mut recorded, mut actual, mut counts) = (Vec::new(), Vec::new(), [0u64; 2]);
        for (place, edit) in edits.iter().enumerate() {
            let line = format!("+line {place}\r\n");
            if *edit != 0 {
                recorded.extend_from_slice(line.as_bytes());
                counts[0] += 1;
            }
            if *edit != 1 {
                actual.extend_from_slice(line.as_bytes());
                counts[1] += 1;
            }
        }
        let mut comparison = comparison("", Protocol::Redis, 0);
        if ahead {
            comparison.actual(&actual);
            comparison.recorded(&recorded);
        } else {
            comparison.recorded(&recorded);
            comparison.actual(&actual);
        }
        let compared = comparison.finish();
        let [identical, masked, different, missing, extra] = tally(&compared);
        prop_assert_eq!(identical + masked + different + missing, counts[0]);
        prop_assert_eq!(identical + masked + different + extra, counts[1]);
    }
}
