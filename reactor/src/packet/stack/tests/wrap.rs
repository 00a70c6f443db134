//! Numbers that pass from 2^32 - 1 to 0 in the middle of whatever happens (RFC 9293, section 3.4).

use super::hand::{DATA, Hand, pushed};
use super::*;

/// How far before the wrap each end's next number lies: at it, and within what is sent first.
const BEFORE: [u32; 8] = [0, 1, 2, 3, 4, 7, 535, 1_000];

/// Runs a body with connections whose ends wrap at all of these, together and apart.
fn at_each_wrap(body: impl Fn(Hand)) {
    for client in BEFORE {
        for server in BEFORE {
            let start = |before: u32| 0_u32.wrapping_sub(before);
            body(Hand::open_at(start(client), start(server), |options| {
                options.retries = 3
            }));
        }
    }
}

#[test]
fn a_dialogue_and_its_end() {
    at_each_wrap(|mut hand| {
        for _ in 0..3 {
            hand.stack.send(hand.id, b"question", false).unwrap();
            assert_eq!(hand.flush(), [(pushed(), 8)]);
            hand.ack = hand.ack.wrapping_add(8);
            hand.say(DATA, b"answer");
        }
        assert_eq!(hand.heard, b"answeransweranswer");
        hand.say(DATA | Flags::FIN, b"");
        assert_eq!(hand.ended, Some(Closed::Peer));
        assert_eq!(hand.flush(), [(Flags::ACK | Flags::FIN, 0)]);
        hand.ack = hand.ack.wrapping_add(1);
        hand.say(DATA, b"");
        assert_eq!(
            (hand.stack.stats().in_use, hand.stack.stats().out_of_window),
            (0, 0)
        );
    });
}

#[test]
fn what_came_early_is_put_together() {
    at_each_wrap(|mut hand| {
        let first = hand.seq;
        for (at, text) in [(8, b"four"), (4, b"two "), (8, b"four"), (0, b"one ")] {
            hand.say_at(first.wrapping_add(at), DATA, text);
        }
        assert_eq!(hand.heard, b"one two four");
        let acks = hand.sent();
        assert!(
            acks.iter().all(|(header, _)| header.ack == first),
            "each says what is missing"
        );
        assert_eq!(hand.flush(), [(Flags::ACK, 0)]);
        assert_eq!((hand.stack.early_bytes, hand.stack.stats().early_refused), (0, 0));
    });
}

#[test]
fn a_loss_is_made_good_by_duplicates_and_by_time() {
    at_each_wrap(|mut hand| {
        let start = hand.ack;
        hand.stack.send(hand.id, &[7; 5 * 536], false).unwrap();
        assert_eq!(hand.flush().len(), 5);
        (0..3).for_each(|_| hand.say(DATA, b""));
        let sent = hand.sent();
        assert_eq!((sent.len(), sent[0].0.seq), (1, start));
        hand.ack = start.wrapping_add(3 * 536);
        hand.say(DATA, b"");
        hand.flush();
        while hand.stack.stats().retransmits < 3 {
            hand.tick();
        }
        let sent = hand.sent();
        assert_eq!(sent.last().unwrap().0.seq, hand.ack);
        hand.ack = start.wrapping_add(5 * 536);
        hand.say(DATA, b"");
        assert!(hand.stack.slots.at(0).busy.is_none(), "all of it is acknowledged");
        assert_eq!(hand.ended, None);
    });
}

#[test]
fn old_and_wild_numbers_are_told_apart() {
    at_each_wrap(|mut hand| {
        hand.say(DATA, b"once");
        hand.flush();
        hand.say_at(hand.seq.wrapping_sub(4), DATA, b"once");
        assert_eq!(hand.flush(), [(Flags::ACK, 0)], "repeated");
        hand.say_at(hand.seq.wrapping_sub(2), DATA, b"ce more");
        assert_eq!(hand.heard, b"once more");
        hand.seq = hand.seq.wrapping_add(5);
        hand.flush();
        // Beyond the window, and an acknowledgement of what was never sent.
        hand.say_at(hand.seq.wrapping_add(1 << 20), DATA, b"far");
        let ack = hand.ack;
        hand.ack = ack.wrapping_add(9);
        hand.say_at(hand.seq, DATA, b"mad");
        hand.ack = ack;
        assert_eq!((hand.flush().len(), &hand.heard[..]), (2, &b"once more"[..]));
        assert_eq!(hand.stack.stats().challenge_acks, 1);
        hand.say_at(hand.seq.wrapping_sub(1), Flags::RST, b"");
        assert_eq!(hand.ended, None);
        hand.say(Flags::RST, b"");
        assert_eq!(hand.ended, Some(Closed::Reset));
    });
}
