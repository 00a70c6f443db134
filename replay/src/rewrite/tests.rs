//! Rewriting, from the outside: sessions said in pieces of any size, and what comes out.

mod chat;
mod http;
mod pairs;
mod ruled;

use proptest::prelude::*;

use super::*;

/// A recorded session in a protocol.
fn session(protocol: Protocol) -> Session {
    Session::spoken(protocol)
}

fn rewriter(rules: &str, protocol: Protocol, clone: u32) -> Rewriter {
    let rules = Rules::parse(rules, "rules.toml").unwrap_or_else(|error| panic!("{error}"));
    Rewriter::new(&Arc::new(rules), &session(protocol), clone, 0)
}

/// Says a whole stream in pieces of the given sizes, the rest at once.
fn say_in_pieces(rewriter: &mut Rewriter, stream: &[u8], sizes: &[usize]) -> Vec<u8> {
    let (mut out, mut rest) = (Vec::new(), stream);
    for size in sizes.iter().copied().chain([stream.len()]) {
        let (piece, behind) = rest.split_at(size.min(rest.len()));
        assert_eq!(rewriter.say(piece, &mut out), Ok(Said::Ready));
        rest = behind;
    }
    assert_eq!(rewriter.rest(&mut out), Ok(Said::Ready));
    rewriter.end(&mut out);
    out
}

/// Says something that is ready.
fn say(rewriter: &mut Rewriter, recorded: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    assert_eq!(rewriter.say(recorded, &mut out), Ok(Said::Ready));
    out
}

/// Whether something has to wait; nothing of it may be said.
fn waits(rewriter: &mut Rewriter, recorded: &[u8]) -> bool {
    let mut out = Vec::new();
    let said = rewriter.say(recorded, &mut out).unwrap();
    assert_eq!(out.is_empty(), said == Said::Waits { taken: 0 }, "{said:?}");
    said != Said::Ready
}

/// Something that one of the three says.
fn line() -> impl Strategy<Value = Vec<u8>> {
    let known = prop::sample::select(vec![
        b"GET / HTTP/1.1\r\nCookie: a=12345678\r\n\r\n".to_vec(),
        b"HTTP/1.1 200 OK\r\nSet-Cookie: a=12345678\r\nContent-Length: 3\r\n\r\nabc".to_vec(),
        b"Transfer-Encoding: chunked\r\n\r\n".to_vec(),
        b"\x00\x09\x05\x00\x00\x00\x00\x00\x00\x00\x07".to_vec(),
        b"\x00\x05\x0a\xde\xad\xbe\xef".to_vec(),
        b"\x00\x12\x81\x01aaaaaaaaaaaaaaaa".to_vec(),
        b"sid=12345678;".to_vec(),
    ]);
    prop_oneof![known, prop::collection::vec(any::<u8>(), 0..40)]
}

proptest! {
    #[test]
    fn whatever_anybody_says_nothing_is_lost_and_who_insists_never_waits(
        said in prop::collection::vec((0u8..4, line()), 0..30),
    ) {
        let rules = "[chat]\nsecret = \"00\"\n[[rule]]\nlearn = [{ name = \"a\", from = 'sid=(\\d+)' }]\n\
                     [[rule]]\nprotocol = \"mqtt\"\nlength = { width = 1 }";
        for protocol in [Protocol::Chat, Protocol::Http, Protocol::Unknown, Protocol::Irc, Protocol::Mqtt] {
            let mut rewriter = rewriter(rules, protocol, 0);
            let mut out = Vec::new();
            for (who, bytes) in &said {
                match who {
                    0 => rewriter.heard(bytes),
                    1 => rewriter.expected(bytes),
                    2 => match rewriter.say(bytes, &mut out) {
                        Ok(Said::Waits { taken }) => {
                            rewriter.insist();
                            prop_assert_eq!(rewriter.say(&bytes[taken..], &mut out), Ok(Said::Ready));
                        }
                        said => prop_assert!(said.is_ok()),
                    },
                    _ => {
                        rewriter.insist();
                        prop_assert_eq!(rewriter.rest(&mut out), Ok(Said::Ready));
                    }
                }
            }
            rewriter.end(&mut out);
            let spoken: usize = said.iter().filter(|(who, _)| *who == 2).map(|(_, bytes)| bytes.len()).sum();
            let unchanged = matches!(protocol, Protocol::Mqtt);
            prop_assert!(!unchanged || out.len() == spoken, "{} of {spoken}", out.len());
        }
    }
}
