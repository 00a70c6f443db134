//! The store by example, in memory, on the simulated disk and on the real one.

use std::sync::Arc;

use super::disk::Disk;
use super::keeper::Keeper;
use super::simulated::SimulatedDisk;
use super::*;

mod damage;
mod files;

const SEGMENT: usize = 8 * 1024;

fn options(durability: Durability) -> Options {
    Options {
        durability,
        segment_bytes: SEGMENT,
        erase_within_ms: 4000,
        quota_bytes: 20 * SEGMENT as u64,
        ..Options::default()
    }
}

fn on(disk: &SimulatedDisk, options: &Options, now_ms: u64) -> Store {
    let disk: Arc<dyn Disk> = Arc::new(disk.clone());
    Store::start(options, Some(disk.clone()), Some(Keeper::inline(disk)), now_ms)
        .unwrap()
        .0
}

fn message(from: u64, id: u64, body: &[u8]) -> NewMessage<'_> {
    NewMessage {
        from,
        group: 0,
        id,
        time_ms: 77,
        kind: 3,
        body,
    }
}

fn bodies(store: &mut Store, to: u64) -> Vec<Vec<u8>> {
    let (mut out, mut after, mut bodies) = (Vec::new(), 0, Vec::new());
    while let Some(item) = store.next(to, after, &mut out).unwrap() {
        after = item.seq;
        bodies.push(out[item.body].to_vec());
    }
    bodies
}

/// Puts until the store is full; returns how many it took.
fn fill(store: &mut Store, now_ms: u64) -> u64 {
    for count in 0..10_000 {
        match store.put_message(count % 10, &message(1000 + count, 1, &[5; 200])) {
            Ok(_) => {}
            Err(Error::Full) => return count,
            Err(error) => panic!("{error}"),
        }
        store.commit(now_ms).unwrap();
    }
    panic!("it is never full");
}

fn maintain(store: &mut Store, from_ms: u64, for_ms: u64) {
    for now_ms in (from_ms..=from_ms + for_ms).step_by(100) {
        store.commit(now_ms).unwrap();
        store.maintain(now_ms);
    }
}

#[test]
fn a_message_is_read_until_it_is_acknowledged() {
    let mut store = Store::open(options(Durability::Memory), 0).unwrap().0;
    let seq = store.put_message(5, &message(9, 41, b"hello")).unwrap();
    store.put_tick(5, 8, 40, 2).unwrap();
    let mut out = b"kept".to_vec();
    let item = store.next(5, 0, &mut out).unwrap().unwrap();
    assert_eq!(
        (item.seq, item.tick, item.kind, item.from, item.id, item.time_ms),
        (seq, false, 3, 9, 41, 77)
    );
    assert_eq!((&out[..4], &out[item.body]), (&b"kept"[..], &b"hello"[..]));
    let tick = store.next(5, seq, &mut out).unwrap().unwrap();
    assert_eq!((tick.tick, tick.from, tick.id, tick.group), (true, 8, 40, 2));
    assert!(store.next(5, tick.seq, &mut out).unwrap().is_none());
    let mut erased = Vec::new();
    store.ack(5, seq, |item| erased.push(item.id));
    assert_eq!((erased, store.mailbox_len(5)), (vec![41], 1));
}

#[test]
fn what_was_sent_is_noted_only_while_something_waits() {
    let mut store = Store::open(options(Durability::Memory), 0).unwrap().0;
    assert!(!store.set_sent(5, 1, 1));
    let seq = store.put_message(5, &message(9, 1, b"")).unwrap();
    assert!(store.set_sent(5, seq, 1));
    assert_eq!(store.sent(5), (seq, 1));
    store.ack(5, seq, |_| {});
    assert_eq!(store.sent(5), (0, 0));
}

#[test]
fn too_much_is_refused_and_changes_nothing() {
    let small = Options {
        mailbox_max_items: 2,
        ..options(Durability::Memory)
    };
    let mut store = Store::open(small, 0).unwrap().0;
    let long = vec![1; BODY_BYTES_MAX + 1];
    assert!(matches!(
        store.put_message(1, &message(9, 1, &long)),
        Err(Error::TooLarge { .. })
    ));
    assert!(matches!(
        store.put_message(1, &message(9, 1, &long[1..])),
        Err(Error::TooLarge { .. })
    ));
    for id in 0..2 {
        store.put_message(1, &message(9, id, b"")).unwrap();
    }
    let refused = store.put_group_message(&[2, 1, 3], &message(9, 4, b""));
    assert!(matches!(refused, Err(Error::MailboxFull { to: 1 })));
    assert_eq!((store.stats().items, store.stats().mailbox_refusals), (2, 1));
}

#[test]
fn options_that_cannot_be_are_refused() {
    let good = options(Durability::Memory);
    let refused = [
        Options {
            segment_bytes: 4100,
            ..good.clone()
        },
        Options {
            segment_bytes: 64 << 20,
            quota_bytes: 1 << 40,
            ..good.clone()
        },
        Options {
            durability: Durability::Commit,
            ..good.clone()
        },
    ];
    for options in refused {
        assert!(matches!(Store::open(options, 0), Err(Error::Options(_))));
    }
    let small = Options {
        quota_bytes: 5 * SEGMENT as u64,
        ..good
    };
    let error = Store::open(small, 0).map(drop).unwrap_err().to_string();
    let (given, least) = (5 * SEGMENT, 6 * SEGMENT);
    assert!(
        error.contains(&format!("{given} bytes, and the least is {least}"))
            && error.contains("--store-quota"),
        "{error}"
    );
}

#[test]
fn a_full_memory_is_emptied_by_acknowledgements() {
    let mut store = Store::open(options(Durability::Memory), 0).unwrap().0;
    let first = fill(&mut store, 1);
    for to in 0..10 {
        store.ack(to, u64::MAX, |_| {});
    }
    maintain(&mut store, 100, 3000);
    let again = fill(&mut store, 4000);
    assert!(again + 60 >= first, "{first} at first, then {again}");
}

#[test]
fn a_full_disk_takes_acknowledgements_and_empties() {
    let disk = SimulatedDisk::new(3);
    let mut store = on(&disk, &options(Durability::Commit), 1);
    disk.limit(9 * SEGMENT);
    fill(&mut store, 1);
    assert_eq!(store.health(), Health::Full);
    // Half of each mailbox goes: segments are all half alive, so space comes only by copying on the full disk.
    let before = store.stats().items;
    for to in 0..10 {
        let (mut out, mut seqs, mut after) = (Vec::new(), Vec::new(), 0);
        while let Some(item) = store.next(to, after, &mut out).unwrap() {
            after = item.seq;
            seqs.push(after);
        }
        store.ack(to, seqs[seqs.len() / 2], |_| {});
    }
    let left = store.stats().items;
    assert!(left <= before / 2);
    maintain(&mut store, 100, 3000);
    assert_eq!(store.stats().acks_unlogged, 0);
    store
        .put_message(1, &message(1, 1, b"there is room again"))
        .unwrap();
    store.commit(4000).unwrap();
    drop(store);
    disk.crash();
    assert_eq!(
        on(&disk, &options(Durability::Commit), 5000).stats().items,
        left + 1
    );
}

#[test]
fn memory_turns_into_files_and_back() {
    let disk = SimulatedDisk::new(4);
    let mut store = on(&disk, &options(Durability::Memory), 1);
    for id in 1..=100 {
        store
            .put_message(id % 3, &message(7, id, &[id as u8; 150]))
            .unwrap();
        store.accept(7, id, 1);
    }
    store.ack(0, u64::MAX, |_| {});
    assert_eq!(disk.used(), 0);
    store.set_durability(Durability::Commit, 10).unwrap();
    drop(store);
    disk.crash();
    let mut store = on(&disk, &options(Durability::Commit), 1000);
    assert_eq!(store.stats().items, 67);
    assert_eq!(store.check(7, 99), Seen::Repeated);
    let kept = bodies(&mut store, 1);
    store.set_durability(Durability::Memory, 2000).unwrap();
    store.put_message(1, &message(7, 101, b"in memory")).unwrap();
    let mut expected = kept;
    expected.push(b"in memory".to_vec());
    assert_eq!(bodies(&mut store, 1), expected);
    store.ack(1, u64::MAX, |_| {});
    store.ack(2, u64::MAX, |_| {});
    maintain(&mut store, 3000, 5000);
    assert_eq!(disk.used(), 0, "nothing is left in files");
}

#[test]
fn async_commits_are_synced_within_seconds() {
    let disk = SimulatedDisk::new(5);
    let mut store = on(&disk, &options(Durability::Async), 1);
    for id in 1..=200 {
        store.put_message(1, &message(7, id, &[1; 150])).unwrap();
        store.commit(id).unwrap();
    }
    maintain(&mut store, 300, 3000);
    drop(store);
    disk.crash();
    assert_eq!(on(&disk, &options(Durability::Commit), 9000).stats().items, 200);
}

#[test]
fn ids_are_remembered_through_collection_and_restarts_until_they_are_old() {
    let disk = SimulatedDisk::new(6);
    let short = Options {
        window_age_ms: 100_000,
        ..options(Durability::Commit)
    };
    let mut store = on(&disk, &short, 1);
    store
        .put_message(
            1,
            &NewMessage {
                time_ms: 1,
                ..message(42, 17, b"old")
            },
        )
        .unwrap();
    store.accept(42, 17, 1);
    for round in 0..2000 {
        store
            .put_message(
                1,
                &NewMessage {
                    time_ms: round,
                    ..message(7, round + 1, &[1; 300])
                },
            )
            .unwrap();
        store.accept(7, round + 1, round);
        store.ack(1, u64::MAX, |_| {});
        store.commit(round).unwrap();
        store.maintain(round);
    }
    assert!(store.stats().collected_segments > 50);
    drop(store);
    disk.crash();
    let mut store = on(&disk, &short, 50_000);
    assert_eq!(
        (store.check(42, 17), store.check(42, 18)),
        (Seen::Repeated, Seen::New)
    );
    assert_eq!((store.last_id(7), store.check(7, 1000)), (2000, Seen::Stale));
    store.maintain(103_000);
    assert_eq!((store.check(42, 17), store.stats().windows), (Seen::New, 0));
}

#[test]
fn an_item_takes_a_bounded_memory() {
    let large = Options {
        segment_bytes: 1 << 20,
        quota_bytes: 1 << 30,
        ..options(Durability::Memory)
    };
    let mut store = Store::open(large, 0).unwrap().0;
    for id in 0..200_000 {
        store.put_message(id % 1000, &message(7, id, b"")).unwrap();
    }
    let stats = store.stats();
    assert!(
        stats.index_bytes <= 200_000 * 44 + 400_000,
        "{}",
        stats.index_bytes
    );
    assert_eq!((stats.longest_mailbox, stats.mailboxes), (200, 1000));
}
