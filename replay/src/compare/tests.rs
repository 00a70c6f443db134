//! Comparison, from the outside.

mod chat;
mod http;
mod lines;
mod units;

use proptest::prelude::*;

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

proptest! {
    #[test]
    fn pieces_change_nothing(cuts in prop::collection::vec((any::<bool>(), 1usize..50), 0..60)) {
        let dated = |day: &str| String::from_utf8(http::DATED.to_vec()).unwrap().replace("Mon", day).into_bytes();
        let bye = b"HTTP/1.0 404 No\r\n\r\nuntil the end".to_vec();
        let http = [[dated("Mon"), dated("Tue"), bye.clone()].concat(), [dated("Sun"), dated("Tue"), bye].concat()];
        let lines = [b"a\nb\nc\nd".to_vec(), b"a\nx\nc\n".to_vec()];
        let chat = [chat::told(1, 1), chat::told(5, 2)];
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
