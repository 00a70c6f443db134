//! Recorded sessions of HTTP, asked again.

use std::io::Write as _;

use proptest::prelude::*;

use super::*;

pub(super) const RULES: &str = "[[target]]\naddress = \"127.0.0.1:8080\"";

const LOGIN: &[u8] = b"POST /login HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 4\r\n\r\nuser";
const RECORDED: &[u8] = b"HTTP/1.1 200 OK\r\nSet-Cookie: sid=recorded; Path=/\r\nSet-Cookie: lang=en\r\n\
    Content-Type: application/json\r\nContent-Length: 27\r\n\r\n{\"access_token\":\"tok-rec-1\"}";
const ACTUAL: &[u8] = b"HTTP/1.1 200 OK\r\nSet-Cookie: sid=actual-value; Path=/\r\nSet-Cookie: lang=en\r\n\
    Transfer-Encoding: chunked\r\n\r\n10\r\n{\"access_token\":\r\nc\r\n\"tok-act-22\"\r\n1\r\n}\r\n0\r\n\r\n";
const ORDER: &[u8] =
    b"POST /orders?t=tok-rec-1 HTTP/1.1\r\nhost:shop.example\r\nCookie: lang=en; sid=recorded; own=1\r\n\
    Authorization: Bearer tok-rec-1\r\nContent-Length: 21\r\n\r\n{\"token\":\"tok-rec-1\"}";
const ORDERED: &[u8] = b"POST /orders?t=tok-act-22 HTTP/1.1\r\nhost:127.0.0.1:8080\r\n\
    Cookie: lang=en; sid=actual-value; own=1\r\nAuthorization: Bearer tok-act-22\r\nContent-Length: 22\r\n\r\n\
    {\"token\":\"tok-act-22\"}";

/// The recorded body is one byte longer than a literal would show at a glance: the length is worked out.
fn recorded() -> Vec<u8> {
    let text = String::from_utf8(RECORDED.to_vec()).unwrap();
    let body = text.split_once("\r\n\r\n").unwrap().1.len();
    text.replace("Content-Length: 27", &format!("Content-Length: {body}"))
        .into_bytes()
}

fn logged_in() -> Rewriter {
    let mut rewriter = rewriter(RULES, Protocol::Http, 0);
    let said = say(&mut rewriter, LOGIN);
    let expected = String::from_utf8(LOGIN.to_vec())
        .unwrap()
        .replace("shop.example", "127.0.0.1:8080");
    assert_eq!(said, expected.as_bytes());
    rewriter.expected(&recorded());
    rewriter
}

#[test]
fn cookies_tokens_and_host_are_the_targets_and_the_length_follows() {
    let mut rewriter = logged_in();
    assert!(waits(&mut rewriter, ORDER));
    for piece in ACTUAL.chunks(7) {
        rewriter.heard(piece);
    }
    let said = say(&mut rewriter, ORDER);
    assert_eq!(
        said.escape_ascii().to_string(),
        ORDERED.escape_ascii().to_string()
    );
    assert_eq!(rewriter.unlearned(), 0);
}

#[test]
fn what_one_connection_was_handed_out_counts_on_the_next_of_the_same_person() {
    let rules = Arc::new(Rules::parse(RULES, "rules.toml").unwrap());
    let connect = |clone| Rewriter::new(&rules, &session(Protocol::Http), clone, 0);
    let (mut first, mut second, mut stranger) = (connect(0), connect(0), connect(1));
    say(&mut first, LOGIN);
    first.expected(&recorded());
    assert!(waits(&mut second, ORDER));
    first.heard(ACTUAL);
    assert_eq!(say(&mut second, ORDER), ORDERED);
    let said = say(&mut stranger, ORDER);
    assert!(
        said.windows(9).any(|part| part == b"tok-rec-1"),
        "it was not given to him"
    );
}

/// How many values are early if one of a person's connections asks with what another's log-in hands out: `asked` when that was in
/// the recording, where the answer to the log-in came at 10.
fn early(rules: &str, asker: u32, asked_ns: u64, log_in_first: bool) -> (u64, u64) {
    let rules = Arc::new(Rules::parse(rules, "rules.toml").unwrap());
    let connect = |clone| Rewriter::new(&rules, &session(Protocol::Http), clone, 0);
    let (mut first, mut second) = (connect(0), connect(asker));
    let mut log_in = || {
        first.turn(5);
        say(&mut first, LOGIN);
        first.turn(10);
        first.expected(&recorded());
        first.heard(ACTUAL);
    };
    if log_in_first {
        log_in();
    }
    for _ in 0..3 {
        second.turn(asked_ns);
        say(&mut second, ORDER);
    }
    if !log_in_first {
        log_in();
    }
    assert_eq!(second.unlearned(), 0);
    (rules.early(), rules.forgotten())
}

#[test]
fn what_was_said_before_its_log_in_was_driven_is_counted_as_early() {
    // The token, and two cookies: the client's own is handed out by nobody.
    assert_eq!(early(RULES, 0, 20, false), (3, 0));
    assert_eq!(early(RULES, 0, 20, true), (0, 0), "it was learned by then");
    assert_eq!(early(RULES, 1, 20, false), (0, 0), "another one logged in");
    assert_eq!(early(RULES, 0, 9, false), (0, 0), "so it was in the recording");
    assert_eq!(early("[http]\ntokens = false", 0, 20, false), (2, 0));
    assert_eq!(early("[http]\ncookies = false", 0, 20, false), (1, 0));
    let learns = "[http]\ntokens = false\ncookies = false\n[[rule]]\n\
                  learn = [{ name = \"t\", from = '\"access_token\":\\s*\"([^\"]+)' }]";
    assert_eq!(early(learns, 0, 20, false), (1, 0));
    let replaces = "[[rule]]\nreplace = [{ find = \"Bearer tok-rec-1\", with = \"Bearer x\" },\
                    { find = \"t=tok-rec-1\", with = \"\" }]";
    assert_eq!(early(replaces, 0, 20, false), (2, 0), "a rule had another for it");
}

#[test]
fn a_hundred_visitors_behind_one_address_each_say_the_cookie_they_were_given() {
    let rules = Arc::new(Rules::parse(RULES, "rules.toml").unwrap());
    let connect = || Rewriter::new(&rules, &session(Protocol::Http), 0, 0);
    let given = |whose: &str, visitor: u32| {
        format!("HTTP/1.1 200 OK\r\nSet-Cookie: sid={whose}-{visitor:04}\r\nContent-Length: 0\r\n\r\n")
    };
    let asked = |whose: &str, visitor: u32| {
        format!("GET / HTTP/1.1\r\nCookie: sid={whose}-{visitor:04}\r\n\r\n").into_bytes()
    };
    for visitor in 0..100 {
        let mut first = connect();
        say(&mut first, b"GET /in HTTP/1.1\r\n\r\n");
        first.expected(given("recorded", visitor).as_bytes());
        first.heard(given("actual", visitor).as_bytes());
    }
    for visitor in 0..100 {
        assert_eq!(
            say(&mut connect(), &asked("recorded", visitor)),
            asked("actual", visitor)
        );
    }
    assert_eq!((rules.forgotten(), rules.unshared()), (0, 0));
    // Beyond some thousand it is told that they are forgotten.
    let mut crowd = connect();
    for visitor in 100..10_000 {
        say(&mut crowd, b"GET /in HTTP/1.1\r\n\r\n");
        crowd.expected(given("recorded", visitor).as_bytes());
        crowd.heard(given("actual", visitor).as_bytes());
    }
    let said = say(&mut connect(), &asked("recorded", 0));
    assert_eq!((said, rules.forgotten()), (asked("recorded", 0), 10_000 - 4_096));
}

#[test]
fn who_insists_sends_the_recorded_cookie_and_tokens() {
    let mut rewriter = logged_in();
    assert!(waits(&mut rewriter, ORDER));
    rewriter.insist();
    let said = say(&mut rewriter, ORDER);
    let expected = String::from_utf8(ORDER.to_vec())
        .unwrap()
        .replace("shop.example", "127.0.0.1:8080");
    assert_eq!(said, expected.as_bytes());
    assert_eq!(
        rewriter.unlearned(),
        5,
        "one in the path, two cookies, one in a field, one in the body"
    );
}

#[test]
fn a_cookie_that_is_said_as_recorded_counts_once_each_time() {
    for cookie in ["short", "as-long-as-a-token"] {
        let mut rewriter = rewriter(RULES, Protocol::Http, 0);
        say(&mut rewriter, b"GET / HTTP/1.1\r\n\r\n");
        let given = format!("HTTP/1.1 200 OK\r\nSet-Cookie: sid={cookie}\r\nContent-Length: 0\r\n\r\n");
        rewriter.expected(given.as_bytes());
        let asks = format!("GET / HTTP/1.1\r\nCookie: sid={cookie}\r\n\r\n");
        for _ in 0..3 {
            assert!(waits(&mut rewriter, asks.as_bytes()));
            rewriter.insist();
            assert_eq!(say(&mut rewriter, asks.as_bytes()), asks.as_bytes());
        }
        assert_eq!(rewriter.unlearned(), 3, "{cookie}");
    }
}

#[test]
fn bodies_in_chunks_and_those_that_wait_for_leave_pass_as_they_are() {
    let mut rewriter = logged_in();
    rewriter.heard(ACTUAL);
    let chunked = b"POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n9\r\ntok-rec-1\r\n0\r\n\r\n";
    assert_eq!(say(&mut rewriter, chunked), chunked);
    let head = b"PUT /a HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n";
    assert_eq!(say(&mut rewriter, head), head, "it is not kept for its body");
    assert_eq!(say(&mut rewriter, b"tok-rec-1"), b"tok-rec-1");
    assert_eq!(
        say(&mut rewriter, b"GET /tok-rec-1 HTTP/1.1\r\n\r\n"),
        b"GET /tok-act-22 HTTP/1.1\r\n\r\n"
    );
}

#[test]
fn an_upgrade_is_followed_by_what_is_no_http_unless_it_was_refused() {
    let upgrade = b"GET /ws HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
    let mut rewriter = rewriter(RULES, Protocol::WebSocket, 0);
    assert_eq!(say(&mut rewriter, upgrade), upgrade);
    rewriter.expected(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
    rewriter.expected(b"HTTP/1.1 101 Switching Protocols\r\n\r\n\x81\x02hi");
    assert_eq!(say(&mut rewriter, b"\x81\x85Host: x\r\n"), b"\x81\x85Host: x\r\n");

    let mut rewriter = super::rewriter(RULES, Protocol::Http, 0);
    assert_eq!(say(&mut rewriter, upgrade), upgrade);
    rewriter.expected(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(
        say(&mut rewriter, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n"
    );
}

#[test]
fn a_change_of_protocol_is_answered_behind_all_that_was_asked_before_it() {
    let get = b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n";
    let upgrade = b"GET /ws HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    let frame = b"\x81\x85Host: x\r\n GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    let pipelined = || {
        let mut rewriter = rewriter(RULES, Protocol::WebSocket, 0);
        say(&mut rewriter, &[&get[..], get, upgrade].concat());
        rewriter.expected(answer);
        // Neither of the answers before it is the one to the change.
        assert_eq!(say(&mut rewriter, frame), frame);
        rewriter.expected(answer);
        assert_eq!(say(&mut rewriter, frame), frame);
        rewriter
    };
    let mut granted = pipelined();
    granted.expected(b"HTTP/1.1 101 Switching Protocols\r\n\r\n");
    assert_eq!(say(&mut granted, frame), frame);
    let mut refused = pipelined();
    refused.expected(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(
        say(&mut refused, get),
        b"GET /a HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n"
    );
}

#[test]
fn what_the_recording_lacks_of_an_answer_hides_none_of_those_after_the_next_request() {
    let torn = b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\nbegun";
    let mut rewriter = rewriter(RULES, Protocol::Http, 0);
    let picture = b"GET /picture HTTP/1.1\r\n\r\n";
    say(&mut rewriter, picture);
    rewriter.expected(torn);
    rewriter.gap();
    rewriter.expected(b"\"token\": \"a part of a picture\"}");
    rewriter.heard(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    say(&mut rewriter, LOGIN);
    rewriter.expected(&recorded());
    rewriter.heard(ACTUAL);
    assert_eq!(say(&mut rewriter, ORDER), ORDERED);
    // What was lost may have granted a change of protocol.
    let upgrade = b"GET /ws HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
    assert_eq!(say(&mut rewriter, upgrade), upgrade);
    rewriter.gap();
    rewriter.expected(b"\x81\x02hi");
    assert_eq!(say(&mut rewriter, b"\x81\x82abcd"), b"\x81\x82abcd");
}

/// An answer with a packed body.
fn packed(coding: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: {coding}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

fn gzipped(body: &str) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(body.as_bytes()).unwrap();
    packed("gzip", &encoder.finish().unwrap())
}

#[test]
fn a_token_in_a_packed_answer_is_learned() {
    let rules = "[[rule]]\nlearn = [{ name = \"page\", from = 'next page ([0-9]+)' }]";
    let mut rewriter = rewriter(rules, Protocol::Http, 0);
    say(&mut rewriter, b"GET /in HTTP/1.1\r\n\r\n");
    rewriter.expected(&gzipped(
        "{\"access_token\": \"tok-rec-1\", \"at\": \"next page 17\"}",
    ));
    let said = b"GET /17?t=tok-rec-1 HTTP/1.1\r\n\r\n";
    assert!(waits(&mut rewriter, said));
    let zipped = zstd::encode_all(
        &b"{\"access_token\": \"tok-act-22\", \"at\": \"next page 23\"}"[..],
        0,
    );
    for piece in packed("zstd", &zipped.unwrap()).chunks(5) {
        rewriter.heard(piece);
    }
    assert_eq!(say(&mut rewriter, said), b"GET /23?t=tok-act-22 HTTP/1.1\r\n\r\n");
    assert_eq!(rewriter.unlearned(), 0);
}

#[test]
fn answers_that_cannot_be_unpacked_are_counted_where_they_may_have_taught_something() {
    let unlearned = |rules: &str, answer: &[u8]| {
        let mut rewriter = rewriter(rules, Protocol::Http, 0);
        say(&mut rewriter, b"GET /in HTTP/1.1\r\n\r\n");
        rewriter.expected(answer);
        rewriter.heard(answer);
        rewriter.unlearned()
    };
    let (json, learns) = (
        packed("br", b"\x0b\x02"),
        "[[rule]]\nlearn = [{ name = \"a\", from = 'a(b)' }]",
    );
    assert_eq!(unlearned(RULES, &json), 2, "one of each side");
    assert_eq!(unlearned("[http]\ntokens = false", &json), 0, "nobody asked");
    let page = String::from_utf8(json)
        .unwrap()
        .replace("application/json", "text/html")
        .into_bytes();
    assert_eq!((unlearned(RULES, &page), unlearned(learns, &page)), (0, 2));
    assert_eq!(unlearned(RULES, &packed("gzip", b"no gzip")), 2);
    assert_eq!(unlearned(RULES, &packed("gzip", b"")), 0);
}

#[test]
fn rules_reach_heads_and_bodies_and_the_media_credential_is_the_clones() {
    let rules = "[chat]\nsecret = \"0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b\"\n\
                 [http]\nhost = \"keep\"\n[[rule]]\nregex = [{ find = 'user(\\d*)', with = 'user-{clone}$1' }]";
    let mut rewriter = rewriter(rules, Protocol::Http, 3);
    let request = b"POST /user HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nuser9";
    let expected = b"POST /user-3 HTTP/1.1\r\nHost: x\r\nContent-Length: 7\r\n\r\nuser-39";
    assert_eq!(say(&mut rewriter, request), expected);

    let mut rewriter = super::rewriter(rules, Protocol::Http, 0);
    // The vector of docs/protocol.md, in place of a token that was another secret's.
    let with = |token: &str| format!("GET / HTTP/1.1\r\nAuthorization: Bearer 15550000001:{token}\r\n\r\n");
    let said = say(&mut rewriter, with("ffffffffffffffffffffffffffffffff").as_bytes());
    assert_eq!(said, with("03fd0046b1ef989a8cee70e94307119d").as_bytes());
}

#[test]
fn empty_lines_before_a_request_pass_and_it_is_rewritten_all_the_same() {
    let stream =
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx\r\n\nGET /a HTTP/1.1\r\nHost: x\r\n\r\n";
    let text = String::from_utf8(stream.to_vec()).unwrap();
    let expected = text.replace("Host: x", "Host: 127.0.0.1:8080");
    for size in [1, 2, 7, stream.len()] {
        let sizes = vec![size; stream.len() / size];
        let said = say_in_pieces(&mut rewriter(RULES, Protocol::Http, 0), stream, &sizes);
        assert_eq!(said, expected.as_bytes(), "in pieces of {size}");
    }
}

#[test]
fn what_is_no_http_passes() {
    let mut rewriter = rewriter(RULES, Protocol::Http, 0);
    assert_eq!(
        say(&mut rewriter, b"\x16\x03\x01\r\nHost: x\r\n\r\n"),
        b"\x16\x03\x01\r\nHost: x\r\n\r\n"
    );
}

proptest! {
    #[test]
    fn pieces_change_nothing(
        sizes in prop::collection::vec(0usize..60, 0..30),
        answer in 1usize..80,
    ) {
        let chunked = b"POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n9\r\ntok-rec-1\r\n0\r\n\r\n";
        let stream = [ORDER, chunked, b"GET /tok-rec-1 HTTP/1.1\r\nHost: y\r\n\r\n", ORDER].concat();
        let mut whole = logged_in();
        whole.heard(ACTUAL);
        let mut pieces = logged_in();
        for piece in ACTUAL.chunks(answer) {
            pieces.heard(piece);
        }
        let expected = say_in_pieces(&mut whole, &stream, &[]);
        prop_assert_eq!(say_in_pieces(&mut pieces, &stream, &sizes), expected);
    }
}
