//! What must hold of any conversation behind a mask. A property panics when it does not.
//!
//! The fuzz target calls it with bytes it invents, `replay/tests/captures/corpus.rs` with those that were kept. The first byte says which rules there
//! are, how the connection begins, in which pieces it is said, and where somebody's address is put into it. In the rest 1 lets the client speak, 2 its server, 3 takes seven
//! bytes of whoever speaks away, 4 ends what he says.

use replay::{End, Event, Flow, MASK_KEY_BYTES, Mask, MaskRules, Side, Sink as _, Start};

const RULES: [&str; 2] = [
    "",
    "[http]\nbodies = false\npaths = false\n[[pattern]]\nfind = 'Ada'\n",
];
const GAP_BYTES: u64 = 7;
/// An address of somebody: wherever it stands, it looks like one.
const PLANTED: &[u8] = b"qzx@planted.example";

/// Events come out as they went in, at the same times and of the same lengths, what is masked once is masked so always, and
/// of an address, wherever it is put, nothing is left.
pub(crate) fn masked(bytes: &[u8]) {
    let Some((&how, rest)) = bytes.split_first() else {
        return;
    };
    let (before, behind) = rest.split_at(rest.len() * usize::from(how >> 5) / 7);
    let rest = [before, PLANTED, behind].concat();
    let events = conversation(how, &rest);
    let (outlines, said) = through(how, &events);
    let expected: Vec<_> = events.iter().map(Event::to_string).collect();
    assert_eq!(outlines, expected);
    assert_eq!(through(how, &events).1, said, "it depends on chance");
    // With the other rules bodies and paths stay.
    let is_left = said.windows(PLANTED.len()).any(|part| part == PLANTED);
    assert!(how & 1 == 1 || !is_left, "{PLANTED:?} is left");
}

fn through(how: u8, events: &[Event<'_>]) -> (Vec<String>, Vec<u8>) {
    let rules = MaskRules::parse(RULES[usize::from(how & 1)], "mask.toml").expect("rules");
    let (mut outlines, mut said) = (Vec::new(), Vec::new());
    let mut mask = Mask::new(rules, [7; MASK_KEY_BYTES], |event: Event<'_>| {
        outlines.push(event.to_string());
        if let Event::Data { bytes, .. } = event {
            said.extend_from_slice(bytes);
        }
    });
    events.iter().for_each(|event| mask.event(*event));
    let (_, figures) = mask.finish();
    assert_eq!(figures.crowded_bytes, 0, "there is room for all of it");
    (outlines, said)
}

fn conversation(how: u8, bytes: &[u8]) -> Vec<Event<'_>> {
    let flow = Flow(1);
    let mut events = vec![Event::Open {
        flow,
        at_ns: 0,
        client: ([10, 0, 0, 1], 40_000).into(),
        server: ([10, 0, 0, 2], 80).into(),
        start: if how & 2 == 0 {
            Start::Handshake
        } else {
            Start::Midway
        },
    }];
    let piece = [usize::MAX, 1, 7, 300][usize::from(how >> 3 & 3)];
    let (mut side, mut offsets, mut at_ns) = (Side::Client, [0; 2], 0);
    for part in bytes.split_inclusive(|byte| (1..=4).contains(byte)) {
        let (mark, said) = match part.split_last() {
            Some((mark @ 1..=4, said)) => (*mark, said),
            _ => (0, part),
        };
        for bytes in said.chunks(piece) {
            let offset = offsets[side as usize];
            offsets[side as usize] += bytes.len() as u64;
            at_ns += 1;
            events.push(Event::Data {
                flow,
                side,
                at_ns,
                offset,
                bytes,
            });
        }
        match mark {
            1 => side = Side::Client,
            2 => side = Side::Server,
            3 => {
                let offset = offsets[side as usize];
                offsets[side as usize] += GAP_BYTES;
                events.push(Event::Gap {
                    flow,
                    side,
                    at_ns,
                    offset,
                    length: GAP_BYTES,
                });
            }
            4 => events.push(Event::Finish { flow, side, at_ns }),
            _ => {}
        }
    }
    if how & 4 == 0 {
        events.push(Event::Close {
            flow,
            at_ns,
            end: End::Idle,
        });
    }
    events
}
