//! The windows of senders, against a model and at their bounds.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeSet;

const DAY_MS: u64 = 86_400_000;

#[test]
fn the_sender_that_was_quiet_longest_is_forgotten_first() {
    let mut windows = Windows::new(DAY_MS, 3);
    for sender in 1..=3 {
        windows.accept(sender, 10, sender * 1000);
    }
    windows.accept(1, 11, 4000);
    windows.accept(4, 10, 5000);
    assert_eq!(windows.len(), 3);
    assert_eq!(windows.check(2, 10), Seen::New);
    assert_eq!(
        [1, 3, 4].map(|sender| windows.check(sender, 10)),
        [Seen::Repeated; 3]
    );
    windows.evict(4000 + DAY_MS + 1, 100);
    assert_eq!(windows.len(), 1);
    assert_eq!(windows.check(4, 10), Seen::Repeated);
}

#[test]
fn a_window_is_recorded_once_a_segment() {
    let mut windows = Windows::new(DAY_MS, 9);
    windows.accept(7, 5, 1000);
    let record = windows.to_record(7, 3, 2000).unwrap();
    assert_eq!(
        record,
        WindowRecord {
            sender: 7,
            highest: 5,
            bitmap: 0,
            last_used_ms: 1000
        }
    );
    windows.note_recorded(7, 6);
    assert_eq!(windows.to_record(7, 5, 2000), None);
    assert!(windows.to_record(7, 6, 2000).is_some());
    assert_eq!(windows.to_record(7, 9, DAY_MS + 1001), None);
}

#[test]
fn recovered_windows_unite_whatever_their_order() {
    let old = WindowRecord {
        sender: 1,
        highest: 100,
        bitmap: 0b101,
        last_used_ms: 1000,
    };
    let ids = [100, 99, 97, 103, 150, 160];
    let check = |windows: &Windows| {
        for id in ids {
            assert_eq!(windows.check(1, id), Seen::Repeated, "{id}");
        }
        assert_eq!(windows.check(1, 98), Seen::New);
        assert_eq!(windows.check(1, 95), Seen::Stale);
    };
    let mut windows = Windows::new(DAY_MS, 9);
    windows.recover(&old, 1);
    [103, 160, 150]
        .into_iter()
        .for_each(|id| windows.recover_id(1, id, 2000));
    check(&windows);
    let mut windows = Windows::new(DAY_MS, 9);
    [103, 160, 150]
        .into_iter()
        .for_each(|id| windows.recover_id(1, id, 2000));
    windows.recover(&old, 1);
    windows.settle(3000);
    check(&windows);
}

proptest! {
    #[test]
    fn it_answers_as_a_set_of_all_ids_would(ids in proptest::collection::vec(0u64..400, 1..300)) {
        let mut windows = Windows::new(DAY_MS, 9);
        let mut all = BTreeSet::new();
        for id in ids {
            let expected = match all.last() {
                Some(&highest) if id + WINDOW_IDS < highest => Seen::Stale,
                _ if all.contains(&id) => Seen::Repeated,
                _ => Seen::New,
            };
            let seen = windows.check(1, id);
            prop_assert_eq!(seen, expected);
            if seen == Seen::New {
                windows.accept(1, id, 0);
                all.insert(id);
            }
        }
    }
}
