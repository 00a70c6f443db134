//! When a peer is given up, when it is not, and what it is still told afterwards.

use super::hand::{DATA, Hand, pushed};
use super::*;
use crate::packet::busy::Early;

#[test]
fn a_peer_that_talks_and_acknowledges_nothing_is_given_up() {
    let mut hand = Hand::open(|options| options.retries = 4);
    hand.stack.send(hand.id, b"anybody?", false).unwrap();
    assert_eq!(hand.flush(), [(pushed(), 8)]);
    let (mut waits_ms, mut last_us) = (Vec::new(), hand.now_us);
    for _ in 0..400 {
        // RFC 9293, section 3.8.3: it is not heard of whether this arrives, whatever else it says.
        hand.say(DATA, b"x");
        if hand.wait().contains(&(pushed(), 8)) {
            waits_ms.push((hand.now_us - last_us) / 1000);
            last_us = hand.now_us;
        }
        if hand.ended.is_some() {
            break;
        }
    }
    assert_eq!(hand.ended, Some(Closed::TimedOut));
    assert_eq!(waits_ms, [210, 410, 810, 1610]);
}

#[test]
fn what_is_acknowledged_begins_a_new_series_of_attempts() {
    let mut hand = Hand::open(|options| options.retries = 3);
    hand.stack.send(hand.id, &[7; 40], false).unwrap();
    hand.flush();
    for _ in 0..10 {
        let retransmits = hand.stack.stats().retransmits;
        while hand.stack.stats().retransmits < retransmits + 2 {
            hand.wait();
        }
        hand.ack = hand.ack.wrapping_add(4);
        hand.say(DATA, b"");
    }
    assert_eq!((hand.ended, hand.stack.slots.at(0).busy.is_none()), (None, true));
}

#[test]
fn a_window_that_opens_after_probes_leaves_no_attempt_counted() {
    let mut hand = Hand::open(|options| options.retries = 3);
    hand.stack.send(hand.id, &[1; 3_000], false).unwrap();
    hand.stack.slots.at_mut(0).snd_wnd = 0;
    assert_eq!(hand.flush(), []);
    while hand.stack.stats().probes < 3 {
        hand.wait();
    }
    assert_eq!(hand.stack.slots.at(0).retries, 3, "as many as it has");
    hand.say(DATA, b"");
    assert_eq!(hand.stack.slots.at(0).retries, 0);
    assert!(!hand.flush().is_empty(), "it goes on");
}

#[test]
fn after_a_lost_syn_data_begin_with_one_segment_and_three_seconds() {
    let mut hand = Hand::opening(|_| {});
    // The first is lost; the server hears the second.
    hand.out.clear();
    while hand.out.is_empty() {
        hand.tick();
    }
    let mut hand = hand.opened();
    hand.stack.send(hand.id, &[7; 5 * 536], false).unwrap();
    // RFC 5681, section 3.1, and RFC 6298, section 5.7.
    assert_eq!(hand.flush(), [(Flags::ACK, 536)]);
    let since_us = hand.now_us;
    while hand.stack.stats().retransmits == 0 {
        hand.wait();
    }
    assert_eq!((hand.now_us - since_us) / 10_000, 301);
    // A round trip that is known ends it: this connection is like any other.
    hand.ack = hand.ack.wrapping_add(536);
    hand.say(DATA, b"");
    assert_eq!(hand.flush(), [(Flags::ACK, 536); 2]);
    hand.now_us += 10_000;
    hand.ack = hand.ack.wrapping_add(2 * 536);
    hand.say(DATA, b"");
    assert_eq!(hand.stack.slots.at(0).initial_window(), 10 * 536);
    assert!(hand.stack.slots.at(0).rto_ms(200) < 300);
}

#[test]
fn time_wait_acknowledges_whatever_is_repeated() {
    let mut hand = Hand::open(|options| options.challenge_acks_a_second = 1);
    hand.stack.close(&mut hand.out, hand.id, Close::Graceful);
    hand.flush();
    hand.ack = hand.ack.wrapping_add(1);
    let data_at = hand.seq;
    hand.say(DATA, b"unread");
    hand.say(DATA | Flags::FIN, b"");
    assert_eq!(hand.stack.stats().in_use, 0);
    hand.sent();
    for (seq, flags, payload) in [
        (data_at, DATA, &b"unread"[..]),
        (hand.seq.wrapping_sub(1), DATA | Flags::FIN, b""),
        // A keepalive, and a SYN, which is challenged (RFC 5961, section 4.2).
        (hand.seq.wrapping_sub(1), DATA, b""),
        (hand.seq, Flags::SYN, b""),
    ] {
        hand.say_at(seq, flags, payload);
        let sent = hand.sent();
        assert_eq!(sent.len(), 1, "{flags:?}");
        assert_eq!(
            (sent[0].0.flags, sent[0].0.ack),
            (Flags::ACK, hand.seq),
            "{flags:?}"
        );
        assert_eq!(sent[0].0.seq, hand.ack);
    }
    // Nothing new, nobody's reset, and one SYN too many this second.
    for flags in [DATA, Flags::RST, Flags::SYN] {
        hand.say_at(hand.seq, flags, b"");
        assert_eq!(hand.sent().len(), 0, "{flags:?}");
    }
    assert_eq!((hand.stack.stats().resets_out, &hand.heard[..]), (0, &b""[..]));
}

#[test]
fn acknowledgements_that_find_no_room_to_wait_leave_at_once() {
    let mut hand = Hand::open(|_| {});
    hand.stack
        .owed
        .extend(std::iter::repeat_n((u64::MAX, 0), OWED_MAX));
    hand.say(DATA, b"question");
    assert_eq!(hand.flush(), [(Flags::ACK, 0)]);
    assert_eq!(
        (hand.stack.stats().owed_refused, hand.stack.owed.len()),
        (1, OWED_MAX)
    );
}

#[test]
fn what_came_early_twice_is_not_refused() {
    let mut hand = Hand::open(|_| {});
    (0..2).for_each(|_| hand.say_at(hand.seq.wrapping_add(4), DATA, b"late"));
    assert_eq!(
        (hand.stack.stats().out_of_order, hand.stack.stats().early_refused),
        (2, 0)
    );
    hand.stack.early_bytes += Early::SHARD_MAX_BYTES;
    hand.say_at(hand.seq.wrapping_add(4), DATA, b"late");
    assert_eq!(hand.stack.stats().early_refused, 0);
    hand.say_at(hand.seq.wrapping_add(12), DATA, b"later");
    assert_eq!(hand.stack.stats().early_refused, 1);
    hand.stack.early_bytes -= Early::SHARD_MAX_BYTES;
}

#[test]
fn a_server_that_nobody_is_connected_to_makes_room_for_another() {
    let mut hand = Hand::open(|_| {});
    let other = |port| SocketAddrV4::new(*SERVER.ip(), port);
    let ids: Vec<_> = (1_000..1_254)
        .map(|port| hand.stack.connect(other(port)).unwrap())
        .collect();
    assert!(hand.stack.connect(other(2_000)).is_err());
    assert_eq!(hand.stack.stats().targets_refused, 1);
    assert!(hand.stack.connect(other(1_007)).is_ok(), "one that is known");
    for id in &ids[..3] {
        hand.stack.close(&mut hand.out, *id, Close::Reset);
    }
    hand.flush();
    for port in [2_000, 2_001, 2_002] {
        hand.stack.connect(other(port)).unwrap();
        hand.stack.flush(&mut hand.out, hand.now_us);
        assert_eq!(hand.sent()[0].0.to.port, port);
    }
    assert!(hand.stack.connect(other(2_003)).is_err());
}
