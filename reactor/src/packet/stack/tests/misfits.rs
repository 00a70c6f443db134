//! Misfits on a virtual clock.

use super::hand::{DATA, Hand};

#[test]
fn a_slow_reader_reads_no_faster_than_it_says() {
    const WINDOW: u32 = 16 << 10;
    const A_SECOND: u32 = 64 << 10;
    let mut hand = Hand::open(|options| options.window_bytes = WINDOW);
    assert!(hand.stack.read_slowly(hand.id, A_SECOND));
    let (first, since_us) = (hand.seq, hand.now_us);
    let mut edge = first.wrapping_add(WINDOW);
    while hand.now_us < since_us + 4_000_000 {
        // The server fills whatever window it was told of.
        for (told, _) in hand.sent() {
            edge = told.ack.wrapping_add(u32::from(told.window));
        }
        while edge.wrapping_sub(hand.seq) as i32 > 0 {
            let length = edge.wrapping_sub(hand.seq).min(1_000) as usize;
            hand.say(DATA, &[7; 1_000][..length]);
        }
        hand.tick();
        let allowed = u64::from(WINDOW) + u64::from(A_SECOND) * (hand.now_us - since_us) / 1_000_000;
        assert!(
            u64::from(hand.seq.wrapping_sub(first)) <= allowed,
            "{}",
            hand.heard.len()
        );
        assert_eq!(hand.heard.len(), hand.seq.wrapping_sub(first) as usize);
    }
    // Nor much slower: all but the last window's worth.
    assert!(
        hand.heard.len() as u32 >= 4 * A_SECOND - WINDOW,
        "{}",
        hand.heard.len()
    );
}
