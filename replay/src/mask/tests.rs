//! What goes through the mask: pieces, protocols, people.

mod chat;
mod leaks;
mod messages;
mod others;
mod streams;
mod torn;

use super::*;
use crate::End;

const KEY: [u8; MASK_KEY_BYTES] = [9; MASK_KEY_BYTES];
const FLOW: Flow = Flow(0);

/// What came of events: each side's bytes in order, and what the mask counted. All else about them has to be as it was.
struct Heard {
    said: [Vec<u8>; 2],
    figures: MaskFigures,
}

/// A mask's own, so that bytes can be told which it would have put there.
fn pseudonyms() -> Pseudonyms {
    Pseudonyms::new(&KEY)
}

fn heard(rules: &str, waiting_max_bytes: usize, events: &[Event<'_>]) -> Heard {
    let rules = MaskRules::parse(rules, "mask.toml").unwrap();
    let (mut said, mut outlines): ([Vec<u8>; 2], _) = (Default::default(), Vec::new());
    let mut mask = Mask::new(rules, KEY, |event: Event<'_>| {
        outlines.push(event.to_string());
        if let Event::Data { side, bytes, .. } = event {
            said[side as usize].extend_from_slice(bytes);
        }
    });
    mask.waiting_max_bytes = waiting_max_bytes;
    for event in events {
        mask.event(*event);
    }
    let figures = mask.finish().1;
    let expected: Vec<_> = events.iter().map(Event::to_string).collect();
    assert_eq!(outlines, expected);
    Heard { said, figures }
}

/// A connection to a server's port on which this is said, each at its time.
fn talk<'a>(port: u16, said: &[(Side, &'a [u8])]) -> Vec<Event<'a>> {
    let mut offsets = [0; 2];
    let mut events = vec![open(port)];
    for (at_ns, &(side, bytes)) in said.iter().enumerate() {
        let offset = offsets[side as usize];
        offsets[side as usize] += bytes.len() as u64;
        events.push(Event::Data {
            flow: FLOW,
            side,
            at_ns: at_ns as u64,
            offset,
            bytes,
        });
    }
    events.push(Event::Close {
        flow: FLOW,
        at_ns: said.len() as u64,
        end: End::Idle,
    });
    events
}

/// What each side said, after the mask.
fn masked(rules: &str, port: u16, said: &[(Side, &[u8])]) -> [Vec<u8>; 2] {
    heard(rules, usize::MAX, &talk(port, said)).said
}

/// A connection to a server's port.
fn open(port: u16) -> Event<'static> {
    Event::Open {
        flow: FLOW,
        at_ns: 0,
        client: ([10, 0, 0, 1], 40_000).into(),
        server: ([10, 0, 0, 2], port).into(),
        start: Start::Handshake,
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// What a value becomes, wherever it stands.
fn secret(value: &str) -> String {
    let mut bytes = value.as_bytes().to_vec();
    pseudonyms().secret(&mut bytes);
    text(&bytes)
}
