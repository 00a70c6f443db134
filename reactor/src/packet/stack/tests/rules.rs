//! The rules of the standards, one segment at a time.

use super::hand::{DATA, Hand, pushed};
use super::*;

#[test]
fn an_idle_connection_waits_for_nothing_and_borrows_nothing() {
    let mut hand = Hand::open(|_| {});
    hand.stack.send(hand.id, b"question", false).unwrap();
    assert_eq!(hand.flush(), [(pushed(), 8)]);
    hand.ack = hand.ack.wrapping_add(8);
    hand.say(DATA, b"answer");
    assert_eq!(hand.heard, b"answer");
    // The acknowledgement, then the entry that the retransmission's timer left.
    assert_eq!(hand.wait(), [(Flags::ACK, 0)]);
    while hand.stack.due_us() < u64::MAX {
        assert_eq!(hand.wait(), []);
    }
    assert!(hand.stack.slots.at(0).busy.is_none());
}

#[test]
fn an_acknowledgement_rides_on_the_reply() {
    let mut hand = Hand::open(|_| {});
    hand.say(DATA, b"question");
    assert_eq!(hand.flush(), [], "it is not sent by itself at once");
    hand.stack.send(hand.id, b"answer", false).unwrap();
    assert_eq!(hand.flush(), [(pushed(), 6)]);
    hand.ack = hand.ack.wrapping_add(6);
    hand.say(DATA, b"");
    while hand.stack.due_us() < u64::MAX {
        assert_eq!(hand.wait(), [], "nothing is owed");
    }
    assert_eq!(hand.stack.stats().bare_acks, 1, "the handshake's");
}

#[test]
fn every_second_segment_is_acknowledged_at_once_and_once_a_turn() {
    let mut hand = Hand::open(|_| {});
    (0..6).for_each(|_| hand.say(DATA, b"more"));
    assert_eq!(hand.flush(), [(Flags::ACK, 0)]);
    assert_eq!(hand.heard.len(), 24);
}

#[test]
fn an_acknowledgement_owed_again_waits_its_whole_time_again() {
    let mut hand = Hand::open(|_| {});
    hand.say(DATA, b"question");
    hand.now_us += 30_000;
    hand.stack.send(hand.id, b"answer", false).unwrap();
    assert_eq!(hand.flush(), [(pushed(), 6)]);
    hand.ack = hand.ack.wrapping_add(6);
    hand.say(DATA, b"another");
    let owed_us = hand.now_us;
    assert_eq!(hand.wait(), [], "the first entry is stale");
    assert_eq!(hand.wait(), [(Flags::ACK, 0)]);
    assert_eq!(hand.now_us - owed_us, 40_000);
}

#[test]
fn a_reset_counts_only_at_the_next_number() {
    let mut hand = Hand::open(|_| {});
    hand.say_at(hand.seq.wrapping_add(1), Flags::RST, b"");
    assert_eq!(
        hand.flush(),
        [(Flags::ACK, 0)],
        "a challenge (RFC 5961, section 3.2)"
    );
    hand.say_at(hand.seq.wrapping_sub(1), Flags::RST, b"");
    hand.say_at(hand.seq.wrapping_add(1 << 20), Flags::RST, b"");
    assert_eq!((hand.flush(), hand.ended), (vec![], None));
    hand.say(Flags::RST, b"");
    assert_eq!((hand.flush(), hand.ended), (vec![], Some(Closed::Reset)));
    assert_eq!(hand.stack.stats().in_use, 0);
}

#[test]
fn a_syn_and_a_wild_acknowledgement_are_challenged_so_many_times_a_second() {
    let mut hand = Hand::open(|options| options.challenge_acks_a_second = 5);
    hand.say_at(hand.seq, Flags::SYN, b"");
    hand.ack = hand.ack.wrapping_add(1_000_000);
    hand.say_at(hand.seq, DATA, b"ignored");
    assert_eq!(hand.flush(), [(Flags::ACK, 0); 2]);
    (0..10).for_each(|_| hand.say_at(hand.seq, Flags::SYN, b""));
    assert_eq!(hand.flush().len(), 3);
    assert_eq!(hand.stack.stats().challenge_acks_withheld, 7);
    hand.now_us += 1_000_000;
    hand.say_at(hand.seq, Flags::SYN, b"");
    assert_eq!(hand.flush().len(), 1);
    assert_eq!((hand.heard.len(), hand.ended), (0, None));
}

#[test]
fn a_segment_to_nobody_is_reset_and_a_reset_is_not() {
    let mut hand = Hand::open(|_| {});
    hand.client.port += 4;
    hand.say_at(77, DATA, b"");
    let reset = hand.sent();
    assert_eq!((reset[0].0.flags, reset[0].0.seq), (Flags::RST, hand.ack));
    hand.say_at(77, Flags::SYN, b"");
    let reset = hand.sent();
    assert_eq!((reset[0].0.flags, reset[0].0.ack), (Flags::RST | Flags::ACK, 78));
    hand.say_at(77, Flags::RST, b"");
    assert_eq!(hand.flush(), []);
}

#[test]
fn a_syn_is_sent_again_a_bounded_number_of_times() {
    let mut hand = Hand::opening(|options| options.syn_retries = 3);
    let (mut waits_ms, mut last_us) = (Vec::new(), hand.now_us);
    hand.out.clear();
    while hand.ended.is_none() {
        if hand.wait() == [(Flags::SYN, 0)] {
            waits_ms.push((hand.now_us - last_us) / 1000);
            last_us = hand.now_us;
        }
    }
    assert_eq!(waits_ms, [1010, 2010, 4010]);
    assert_eq!(hand.ended, Some(Closed::TimedOut));
    assert_eq!((hand.stack.stats().in_use, hand.stack.held()), (0, 0));
}

#[test]
fn data_are_sent_again_with_backoff_and_given_up() {
    let mut hand = Hand::open(|options| options.retries = 4);
    hand.stack.send(hand.id, b"anybody?", false).unwrap();
    assert_eq!(hand.flush(), [(pushed(), 8)]);
    let (mut waits_ms, mut last_us) = (Vec::new(), hand.now_us);
    while hand.ended.is_none() {
        let sent = hand.wait();
        if sent == [(pushed(), 8)] {
            waits_ms.push((hand.now_us - last_us) / 1000);
            last_us = hand.now_us;
        } else {
            assert!(sent.is_empty() || sent[0].0.has(Flags::RST), "{sent:?}");
        }
    }
    assert_eq!(waits_ms, [210, 410, 810, 1610]);
    assert_eq!(hand.ended, Some(Closed::TimedOut));
    assert_eq!(hand.stack.stats().in_use, 0);
}

#[test]
fn three_duplicates_bring_the_lost_segment_at_once() {
    let mut hand = Hand::open(|_| {});
    hand.stack.send(hand.id, &[7; 5 * 536], false).unwrap();
    assert_eq!(hand.flush().len(), 5);
    (0..3).for_each(|_| hand.say(DATA, b""));
    let sent = hand.sent();
    assert_eq!((sent.len(), sent[0].0.seq, sent[0].1), (1, hand.ack, 536));
    assert_eq!(hand.stack.stats().fast_retransmits, 1);
}

#[test]
fn a_gap_is_told_at_once_and_what_came_early_is_kept() {
    let mut hand = Hand::open(|_| {});
    let first = hand.seq;
    hand.say_at(first.wrapping_add(4), DATA, b"late");
    assert_eq!(
        hand.sent().len(),
        1,
        "a duplicate acknowledgement without waiting for the turn's end"
    );
    hand.say_at(first, DATA, b"soon");
    assert_eq!(hand.heard, b"soonlate");
    assert_eq!(hand.flush(), [(Flags::ACK, 0)]);
    assert!(hand.stack.slots.at(0).busy.is_none() && hand.stack.early_bytes == 0);
}

#[test]
fn the_peers_fin_ends_it_and_ours_goes_with_what_waits() {
    let mut hand = Hand::open(|_| {});
    hand.stack.send(hand.id, b"last", false).unwrap();
    hand.say(DATA | Flags::FIN, b"words");
    assert_eq!((&hand.heard[..], hand.ended), (&b"words"[..], Some(Closed::Peer)));
    assert_eq!(hand.flush(), [(pushed() | Flags::FIN, 4)]);
    assert_eq!((hand.stack.held(), hand.stack.stats().in_use), (0, 1));
    hand.ack = hand.ack.wrapping_add(5);
    hand.say(DATA, b"");
    assert_eq!(hand.stack.stats().in_use, 0);
}

#[test]
fn time_wait_costs_no_block_and_still_answers_a_fin() {
    let mut hand = Hand::open(|_| {});
    hand.stack.close(&mut hand.out, hand.id, Close::Graceful);
    assert_eq!(hand.flush(), [(Flags::ACK | Flags::FIN, 0)]);
    hand.ack = hand.ack.wrapping_add(1);
    hand.say(DATA, b"unread");
    hand.say(DATA | Flags::FIN, b"");
    assert_eq!(hand.stack.stats().in_use, 0);
    hand.sent();
    hand.say_at(hand.seq.wrapping_sub(1), DATA | Flags::FIN, b"");
    let sent = hand.sent();
    assert_eq!((sent[0].0.flags, sent[0].0.ack), (Flags::ACK, hand.seq));
    assert_eq!(hand.heard, b"");
}

#[test]
fn who_has_said_its_last_still_listens() {
    let mut hand = Hand::open(|_| {});
    hand.stack.send(hand.id, b"all", false).unwrap();
    assert!(hand.stack.finish_sending(hand.id));
    assert_eq!(hand.stack.send(hand.id, b"more", false), Err(SendError::Gone));
    assert_eq!(hand.flush(), [(pushed() | Flags::FIN, 3)]);
    // Lost, it goes again.
    assert_eq!(hand.wait(), [(pushed() | Flags::FIN, 3)]);
    hand.ack = hand.ack.wrapping_add(4);
    hand.say(DATA, b"one answer");
    hand.say(DATA, b", another");
    assert_eq!(hand.heard, b"one answer, another");
    assert_eq!((hand.ended, hand.stack.held()), (None, 1));
    hand.flush();
    hand.say(DATA | Flags::FIN, b".");
    assert_eq!((&hand.heard[18..], hand.ended), (&b"r."[..], Some(Closed::Peer)));
    assert_eq!(hand.flush(), [(Flags::ACK, 0)], "both have finished");
    assert_eq!((hand.stack.held(), hand.stack.stats().in_use), (0, 0));
}

#[test]
fn who_closes_after_its_last_word_is_heard_of_once_more() {
    let closed = |acknowledged: bool| {
        let mut hand = Hand::open(|_| {});
        hand.stack.finish_sending(hand.id);
        hand.flush();
        if acknowledged {
            hand.ack = hand.ack.wrapping_add(1);
            hand.say(DATA, b"");
        }
        hand.stack.close(&mut hand.out, hand.id, Close::Graceful);
        (hand.flush(), hand.stack.held(), hand.stack.stats().in_use)
    };
    assert_eq!(closed(true), (vec![(Flags::RST | Flags::ACK, 0)], 0, 0));
    assert_eq!(closed(false), (vec![], 0, 1), "its FIN is under way");
}

#[test]
fn a_peer_that_never_sends_its_fin_is_not_waited_for_long() {
    let mut hand = Hand::open(|_| {});
    hand.stack.close(&mut hand.out, hand.id, Close::Graceful);
    hand.flush();
    hand.ack = hand.ack.wrapping_add(1);
    hand.say(DATA, b"");
    let since_us = hand.now_us;
    while hand.stack.stats().in_use > 0 {
        hand.wait();
    }
    assert_eq!((hand.now_us - since_us) / 10_000, 201);
}

#[test]
fn a_slots_next_number_is_above_its_last() {
    let mut hand = Hand::open(|_| {});
    let mut last = hand.ack;
    for _ in 0..100 {
        hand.stack.close(&mut hand.out, hand.id, Close::Reset);
        hand.sent();
        hand.id = hand.stack.connect(SERVER).unwrap();
        assert_eq!(hand.id.index, 0);
        hand.stack.flush(&mut hand.out, hand.now_us);
        let seq = hand.sent()[0].0.seq;
        assert!((ISN_STEP..1 << 25).contains(&seq.wrapping_sub(last)));
        last = seq;
    }
}

#[test]
fn a_peer_may_hold_its_window_shut_as_long_as_it_answers() {
    let mut hand = Hand::open(|options| options.retries = 3);
    hand.stack.send(hand.id, &[1; 30_000], false).unwrap();
    hand.stack.slots.at_mut(0).snd_wnd = 0;
    assert_eq!(hand.flush(), []);
    for probes in 0..20 {
        while hand.stack.stats().probes == probes {
            hand.wait();
        }
        hand.say_with(hand.seq, 0, DATA, b"");
    }
    assert_eq!(hand.ended, None);
    // Nobody answers any more.
    while hand.ended.is_none() {
        hand.wait();
    }
    assert_eq!(hand.ended, Some(Closed::TimedOut));
}
