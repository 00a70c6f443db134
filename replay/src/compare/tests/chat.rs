//! Frames of chat.

use wire::chat::{Body, Code, Kind, MediaToken, Number, ServerFrame};

use super::*;

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

/// The same in bytes, in the recorded clone.
pub(super) fn told(last_id: u64, seed: u8) -> Vec<u8> {
    frames(&session(last_id, 0, seed))
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
