//! What is not as it was written: bodies, records, whole segments; and what opening makes of them.

use super::super::disk::{read_exact_at, write_all_at};
use super::super::record::ItemHead;
use super::*;

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
    assert!(disk.list().unwrap().contains(&format!("{name}.at3.damaged")));
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
    write_all_at(&*file, &bytes, 0).unwrap();
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
            read_exact_at(&*file, &mut content, 0).unwrap();
            content
        };
        disk.damage(&name, offset + 20);
        let before = content(&name);
        let (mut store, recovery) = recover(&disk);
        assert_eq!(bodies(&mut store, 1).len(), 4 - lost, "{number} {offset}");
        assert_eq!(recovery.damaged_tails, usize::from(kept), "{number} {offset}");
        assert!(recovery.torn_bytes > 0);
        let copy = format!("{name}.{offset}.at1.damaged");
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
fn copies_of_what_was_damaged_go_at_their_time_whether_the_store_runs_then_or_opens_later() {
    let options = Options {
        copies_kept_ms: 50_000,
        ..options(Durability::Commit)
    };
    let copies = |disk: &SimulatedDisk| {
        let mut names = disk.list().unwrap();
        names.retain(|name| name.ends_with(".damaged") || name.ends_with(".item"));
        names.len()
    };
    for restarts in [false, true] {
        let disk = SimulatedDisk::new(13);
        write_segment(&disk, 1, &[(500, 1, true), (501, 2, true)], 0);
        write_segment(&disk, 2, &[(502, 3, true), (503, 4, true)], 0);
        write_segment(&disk, 3, &[(504, 5, true)], 0);
        disk.damage("0000000000000001.segment", record::SEGMENT_BYTES + 20);
        disk.damage("0000000000000002.segment", 20);
        // A copy that does not say since when it is there has its time from now on.
        disk.create("0000000000000009.segment.64.damaged", 8).unwrap();
        let mut store = on(&disk, &options, 1_000);
        assert_eq!((copies(&disk), store.stats().copies), (3, 3));
        disk.damage(
            "0000000000000003.segment",
            record::SEGMENT_BYTES + record::ITEM_HEAD_BYTES,
        );
        maintain(&mut store, 1_000, 20_000);
        store.set_aside(1, 0).unwrap();
        maintain(&mut store, 21_000, 29_900);
        assert_eq!(
            (copies(&disk), store.stats().copies_expired),
            (4, 0),
            "not before"
        );
        if restarts {
            drop(store);
            store = on(&disk, &options, 60_000);
        }
        maintain(&mut store, 60_000, 1_000);
        assert_eq!((copies(&disk), store.stats().copies_expired), (1, 3));
        maintain(&mut store, 71_000, 1_000);
        assert_eq!((copies(&disk), store.stats().copies_expired), (0, 4));
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
    read_exact_at(&*file, &mut content, 0).unwrap();
    assert_eq!(content.windows(4).filter(|bytes| bytes == b"body").count(), 1);
    drop(store);
    assert_eq!(recover(&disk).1.torn_bytes, 0);
}
