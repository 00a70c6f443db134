//! Rewriting, from the outside: sessions said in pieces of any size, and what comes out.

mod chat;
mod http;
mod ruled;

use super::*;
use crate::{End, Flow, Start, Stream};

/// A recorded session in a protocol.
fn session(protocol: Protocol) -> Session {
    Session {
        flow: Flow(7),
        client: "10.0.0.1:40000".parse().unwrap(),
        server: "10.0.0.2:9000".parse().unwrap(),
        opened_ns: 0,
        closed_ns: 0,
        start: Start::Handshake,
        end: End::Open,
        protocol,
        secrecy: crate::Secrecy::Wire,
        replayable: Ok(()),
        client_said: Stream::default(),
        server_said: Stream::default(),
    }
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
