//! The store by example, in memory, on the simulated disk and on the real one.

use std::sync::Arc;

use super::disk::Disk;
use super::keeper::Keeper;
use super::simulated::SimulatedDisk;
use super::*;

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

#[test]
fn a_damaged_body_is_told_from_a_good_one() {
    let disk = SimulatedDisk::new(7);
    let mut store = on(&disk, &options(Durability::Commit), 1);
    let first = store.put_message(1, &message(7, 1, b"first")).unwrap();
    store.put_message(1, &message(7, 2, b"second")).unwrap();
    // Enough more to close the segment, so that it is read from the file.
    for id in 0..60 {
        store.put_message(2, &message(8, id, &[1; 200])).unwrap();
    }
    store.commit(2).unwrap();
    let name = disk.list().unwrap().remove(0);
    disk.damage(&name, record::SEGMENT_BYTES + record::ITEM_HEAD_BYTES);
    let mut out = Vec::new();
    assert!(matches!(store.next(1, 0, &mut out), Err(Error::Damaged { seq }) if seq == first));
    assert!(out.is_empty());
    let second = store.next(1, first, &mut out).unwrap().unwrap();
    assert_eq!(&out[second.body], b"second");
}

#[test]
fn a_damaged_item_is_set_aside_and_kept() {
    let disk = SimulatedDisk::new(7);
    let mut store = on(&disk, &options(Durability::Commit), 1);
    let first = store.put_message(1, &message(7, 1, b"first")).unwrap();
    store.put_message(1, &message(7, 2, b"second")).unwrap();
    for id in 0..60 {
        store.put_message(2, &message(8, id, &[1; 200])).unwrap();
    }
    store.commit(2).unwrap();
    let name = disk.list().unwrap().remove(0);
    disk.damage(&name, record::SEGMENT_BYTES + record::ITEM_HEAD_BYTES);
    disk.fail(true, true);
    assert!(store.put_message(1, &message(7, 3, b"third")).is_ok() && store.commit(3).is_err());
    assert!(store.set_aside(1, 0).is_none(), "it is the disk that fails");
    disk.fail(false, false);
    store.commit(4).unwrap();
    let aside = store.set_aside(1, 0).unwrap();
    assert_eq!((aside.item.seq, aside.item.id, aside.item.from), (first, 1, 7));
    assert_eq!(bodies(&mut store, 1), [b"second", &b"third"[..]]);
    assert_eq!((store.stats().items_aside, store.stats().items), (1, 62));
    // What is left of it can be read.
    let file = Disk::open(&disk, &aside.file.unwrap()).unwrap();
    let mut bytes = vec![0; file.size().unwrap() as usize];
    file.read_at(&mut bytes, 0).unwrap();
    let record::Parsed::Whole(record::Record::Item(item), _) = record::parse(&bytes, 0) else {
        panic!("no record");
    };
    assert_eq!((item.body, item.is_body_whole()), (&b"girst"[..], false));
    assert_eq!(item.recipients().collect::<Vec<_>>(), [(1, first)]);
    // Only so many: then it is the disk.
    for _ in store.stats().items_aside..1024 {
        store.put_message(3, &message(9, 1, b"")).unwrap();
        store.commit(5).unwrap();
        store.set_aside(3, 0).unwrap();
    }
    store.put_message(3, &message(9, 1, b"")).unwrap();
    store.commit(6).unwrap();
    assert!(store.set_aside(3, 0).is_none());
    assert_eq!(store.mailbox_len(3), 1);
}

#[test]
fn a_damaged_segment_is_put_aside_and_not_removed() {
    let disk = SimulatedDisk::new(8);
    let mut store = on(&disk, &options(Durability::Commit), 1);
    store.put_message(1, &message(7, 1, b"first")).unwrap();
    store.commit(2).unwrap();
    drop(store);
    let name = disk.list().unwrap().remove(0);
    disk.damage(&name, 20);
    let shared: Arc<dyn Disk> = Arc::new(disk.clone());
    let keeper = Keeper::inline(shared.clone());
    let (store, recovery) =
        Store::start(&options(Durability::Commit), Some(shared), Some(keeper), 3).unwrap();
    assert_eq!((recovery.damaged_files, store.stats().items), (1, 0));
    assert!(disk.list().unwrap().contains(&format!("{name}.damaged")));
}

/// Writes a segment with one-recipient items (sequence, id, whether the body is whole), all from 7 to 1.
fn write_segment(disk: &SimulatedDisk, number: u64, items: &[(u64, u64, bool)], acknowledged: u64) {
    let mut bytes = Vec::new();
    record::append_segment(
        &mut bytes,
        &record::SegmentHead {
            number,
            next_seq: 1,
            opened_ms: 0,
        },
    );
    for (seq, id, whole) in items {
        let body_crc = if *whole { crc32c::crc32c(b"body") } else { 0 };
        let head = ItemHead {
            tick: false,
            kind: 0,
            from: 7,
            id: *id,
            group: 0,
            time_ms: 0,
            body_crc,
        };
        record::append_item(&mut bytes, number, &head, b"body", [(1, *seq)].into_iter());
    }
    record::append_ack(&mut bytes, number, 1, acknowledged);
    let file = disk
        .create(&format!("{number:016x}.segment"), SEGMENT as u64)
        .unwrap();
    super::disk::write_all_at(&*file, &bytes, 0).unwrap();
}

fn recover(disk: &SimulatedDisk) -> (Store, Recovery) {
    let disk: Arc<dyn Disk> = Arc::new(disk.clone());
    Store::start(
        &options(Durability::Commit),
        Some(disk.clone()),
        Some(Keeper::inline(disk)),
        1,
    )
    .unwrap()
}

#[test]
fn of_two_copies_the_whole_one_counts() {
    let disk = SimulatedDisk::new(9);
    write_segment(&disk, 1, &[(500, 1, true)], 0);
    write_segment(&disk, 2, &[(500, 1, false)], 0);
    let (mut store, recovery) = recover(&disk);
    assert_eq!(bodies(&mut store, 1), [b"body"]);
    assert_eq!((store.check(7, 1), recovery.torn_items), (Seen::Repeated, 0));
}

#[test]
fn a_message_whose_body_was_cut_may_be_sent_again() {
    let disk = SimulatedDisk::new(10);
    // The first was erased after its acknowledgement, the second never reached the disk, the third did.
    write_segment(&disk, 1, &[(500, 1, false), (501, 2, false), (502, 3, true)], 500);
    let (mut store, recovery) = recover(&disk);
    assert_eq!((recovery.items, recovery.torn_items), (1, 1));
    assert_eq!(
        [1, 2, 3].map(|id| store.check(7, id)),
        [Seen::Repeated, Seen::New, Seen::Repeated]
    );
    assert_eq!(bodies(&mut store, 1), [b"body"]);
}

#[test]
fn what_is_lost_behind_a_damaged_record_is_kept_unless_nothing_sound_is_left_of_the_log() {
    let first = record::SEGMENT_BYTES;
    let last = first + 2 * record::item_bytes(4, 1);
    // In which segment, in which of its records, how many items that loses, and whether what follows is kept.
    for (number, offset, lost, kept) in [
        (1, first, 2, true),
        (1, last, 0, true),
        (2, first, 2, true),
        (2, first + record::item_bytes(4, 1), 1, true),
        (2, last, 0, false),
    ] {
        let disk = SimulatedDisk::new(11);
        write_segment(&disk, 1, &[(500, 1, true), (501, 2, true)], 0);
        write_segment(&disk, 2, &[(502, 3, true), (503, 4, true)], 0);
        let name = format!("{number:016x}.segment");
        let content = |name: &str| {
            let file = disk.open(name).unwrap();
            let mut content = vec![0; file.size().unwrap() as usize];
            super::disk::read_exact_at(&*file, &mut content, 0).unwrap();
            content
        };
        disk.damage(&name, offset + 20);
        let before = content(&name);
        let (mut store, recovery) = recover(&disk);
        assert_eq!(bodies(&mut store, 1).len(), 4 - lost, "{number} {offset}");
        assert_eq!(recovery.damaged_tails, usize::from(kept), "{number} {offset}");
        assert!(recovery.torn_bytes > 0);
        let copy = format!("{name}.{offset}.damaged");
        assert_eq!(disk.list().unwrap().contains(&copy), kept, "{number} {offset}");
        if kept {
            let copied = content(&copy);
            assert!(before[offset..].starts_with(&copied) && copied.len() > 20);
        }
        assert!(content(&name)[offset..].iter().all(|byte| *byte == 0), "wiped");
        drop(store);
        assert_eq!(recover(&disk).1.damaged_tails, 0, "once");
    }
}

#[test]
fn a_torn_log_opens_on_a_full_disk_and_a_damaged_one_does_not() {
    for (number, opens) in [(1, false), (2, true)] {
        let disk = SimulatedDisk::new(12);
        write_segment(&disk, 1, &[(500, 1, true), (501, 2, true)], 0);
        write_segment(&disk, 2, &[(502, 3, true), (503, 4, true)], 0);
        disk.damage(&format!("{number:016x}.segment"), record::SEGMENT_BYTES + 20);
        disk.limit(disk.used());
        let shared: Arc<dyn Disk> = Arc::new(disk.clone());
        let keeper = Keeper::inline(Arc::clone(&shared));
        let opened = Store::start(&options(Durability::Commit), Some(shared), Some(keeper), 1);
        let opened = opened.map(|(_, recovery)| recovery.damaged_tails);
        assert_eq!(opened.is_ok(), opens, "{opened:?}");
        assert!(opened.is_err() || opened.is_ok_and(|damaged_tails| damaged_tails == 0));
    }
}

#[test]
fn what_a_crash_cut_is_wiped() {
    let disk = SimulatedDisk::new(11);
    write_segment(&disk, 1, &[(500, 1, true), (501, 2, true)], 0);
    // The second item's head is lost, its body is there.
    disk.damage(
        "0000000000000001.segment",
        record::SEGMENT_BYTES + record::item_bytes(4, 1) + 20,
    );
    let (mut store, recovery) = recover(&disk);
    assert_eq!(bodies(&mut store, 1), [b"body"]);
    assert!(recovery.torn_bytes > 0);
    let file = disk.open("0000000000000001.segment").unwrap();
    let mut content = vec![0; SEGMENT];
    super::disk::read_exact_at(&*file, &mut content, 0).unwrap();
    assert_eq!(content.windows(4).filter(|bytes| bytes == b"body").count(), 1);
    drop(store);
    assert_eq!(recover(&disk).1.torn_bytes, 0);
}

#[test]
fn real_files_keep_and_forget() {
    let directory = tempfile::tempdir().unwrap();
    let durable = Options {
        dir: Some(directory.path().into()),
        ..options(Durability::Commit)
    };
    let (mut store, _) = Store::open(durable.clone(), 1).unwrap();
    for id in 1..=300 {
        let body = format!("body number {id} {}", "x".repeat(100));
        store
            .put_group_message(&[1, 2], &message(7, id, body.as_bytes()))
            .unwrap();
        store.accept(7, id, 1);
        store.commit(id).unwrap();
        if id <= 250 {
            store.ack(1, u64::MAX, |_| {});
        }
        if id <= 200 {
            store.ack(2, u64::MAX, |_| {});
        }
        store.maintain(id);
    }
    drop(store);
    let (mut store, recovery) = Store::open(durable.clone(), 1000).unwrap();
    assert_eq!(
        (recovery.items, recovery.windows, recovery.torn_items),
        (150, 1, 0)
    );
    assert_eq!(bodies(&mut store, 1).len(), 50);
    assert!(bodies(&mut store, 2)[0].starts_with(b"body number 201 "));
    for now_ms in (1000..10_000).step_by(50) {
        store.commit(now_ms).unwrap();
        store.maintain(now_ms);
    }
    store.close().unwrap();
    let mut content = Vec::new();
    for entry in std::fs::read_dir(directory.path()).unwrap() {
        content.extend(std::fs::read(entry.unwrap().path()).unwrap());
    }
    let shows = |id: u64| {
        let body = format!("body number {id} ");
        content.windows(body.len()).any(|bytes| bytes == body.as_bytes())
    };
    assert!((1..=200).all(|id| !shows(id)));
    assert!((201..=300).all(shows));
    let (store, _) = Store::open(durable, 20_000).unwrap();
    assert_eq!(store.stats().items, 150);
}
