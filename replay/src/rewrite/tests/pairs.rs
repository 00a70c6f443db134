//! Values of HTTP's answers, the recorded server's beside the target's, where either lacks some.

use super::http::RULES;
use super::*;

/// A request for a path.
fn asks(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\n\r\n").into_bytes()
}

/// An answer that hands out a token.
fn gives(token: &str) -> Vec<u8> {
    let body = format!("{{\"token\":\"{token}\"}}");
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

#[test]
fn a_lost_answer_takes_its_own_tokens_along_and_no_others() {
    let uses = (asks("/use?t=recorded-2"), asks("/use?t=target-no-2"));
    let first = gives("recorded-1");
    // All of it is lost, or its end, or its middle.
    for (before, behind) in [(0, first.len()), (45, first.len()), (45, 60)] {
        for target_is_ahead in [false, true] {
            let mut rewriter = rewriter(RULES, Protocol::Http, 0);
            say(&mut rewriter, &asks("/t1"));
            if target_is_ahead {
                rewriter.heard(&gives("target-no-1"));
            }
            rewriter.expected(&first[..before]);
            rewriter.gap();
            rewriter.expected(&first[behind..]);
            if !target_is_ahead {
                rewriter.heard(&gives("target-no-1"));
            }
            say(&mut rewriter, &asks("/t2"));
            rewriter.expected(&gives("recorded-2"));
            assert!(waits(&mut rewriter, &uses.0));
            rewriter.heard(&gives("target-no-2"));
            assert_eq!(say(&mut rewriter, &uses.0), uses.1);
            assert_eq!(rewriter.unlearned(), 1, "the first token");
        }
    }
}

#[test]
fn a_cookie_more_or_fewer_shifts_none_of_those_of_later_answers() {
    let sets = |cookies: &[&str]| {
        let fields: Vec<_> = cookies
            .iter()
            .map(|cookie| format!("Set-Cookie: sid={cookie}\r\n"))
            .collect();
        format!("HTTP/1.1 200 OK\r\n{}Content-Length: 0\r\n\r\n", fields.concat()).into_bytes()
    };
    let says = |cookie: &str| format!("GET / HTTP/1.1\r\nCookie: sid={cookie}\r\n\r\n").into_bytes();
    for first in [&["t1", "t1-more"][..], &[], &["t1"]] {
        let mut rewriter = rewriter(RULES, Protocol::Http, 0);
        for (recorded, actual) in [(&["r1"][..], first), (&["r2"], &["t2"])] {
            say(&mut rewriter, &asks("/"));
            rewriter.expected(&sets(recorded));
            // Whether one is sent is up to the server.
            rewriter.heard(b"HTTP/1.1 103 Early Hints\r\nSet-Cookie: sid=early\r\n\r\n");
            rewriter.heard(&sets(actual));
        }
        assert_eq!(say(&mut rewriter, &says("r2")), says("t2"), "{first:?}");
    }
}

#[test]
fn what_follows_a_torn_answer_behind_the_next_request_hides_no_later_one() {
    let mut rewriter = rewriter(RULES, Protocol::Http, 0);
    say(&mut rewriter, &asks("/t1"));
    rewriter.expected(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\nbegun");
    rewriter.gap();
    say(&mut rewriter, &asks("/t2"));
    rewriter.expected(b"the rest of the first\n");
    rewriter.expected(&gives("recorded-2"));
    say(&mut rewriter, &asks("/t3"));
    rewriter.expected(&gives("recorded-3"));
    for token in ["target-no-1", "target-no-2", "target-no-3"] {
        rewriter.heard(&gives(token));
    }
    assert_eq!(say(&mut rewriter, &asks("/recorded-3")), asks("/target-no-3"));
    assert_eq!(say(&mut rewriter, &asks("/recorded-2")), asks("/recorded-2"));
    assert_eq!(rewriter.unlearned(), 2);
}

#[test]
fn of_who_asks_before_all_is_answered_nothing_is_paired_behind_a_gap() {
    let mut rewriter = rewriter(RULES, Protocol::Http, 0);
    say(&mut rewriter, &[asks("/t1"), asks("/t2")].concat());
    rewriter.expected(&gives("recorded-1"));
    rewriter.gap();
    // Whose answer that is nobody can tell.
    say(&mut rewriter, &asks("/t3"));
    rewriter.expected(&gives("recorded-n"));
    for token in ["target-no-1", "target-no-2", "target-no-3"] {
        rewriter.heard(&gives(token));
    }
    assert_eq!(say(&mut rewriter, &asks("/recorded-1")), asks("/target-no-1"));
    assert_eq!(say(&mut rewriter, &asks("/recorded-n")), asks("/recorded-n"));
    assert_eq!(rewriter.unlearned(), 2);
}
