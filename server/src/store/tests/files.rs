//! The store on real files.

use super::super::files::open_in;
use super::*;

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

#[test]
fn a_log_of_many_segments_has_few_files_open() {
    let directory = tempfile::tempdir().unwrap();
    let folder = directory.path().canonicalize().unwrap();
    // The keeper may be making one more just now.
    let few_are_open = || open_in(&folder) <= OPEN_MAX + 1;
    let long = Options {
        dir: Some(folder.clone()),
        segment_bytes: 1024,
        quota_bytes: 400 * 1024,
        ..options(Durability::Commit)
    };
    let (mut store, _) = Store::open(long.clone(), 1).unwrap();
    for id in 1..=1_000 {
        store.put_message(id % 10, &message(7, id, &[1; 100])).unwrap();
        if id % 10 == 0 {
            store.commit(id).unwrap();
            store.maintain(id);
        }
    }
    assert!(store.stats().segments > 4 * OPEN_MAX);
    assert!(few_are_open());
    store.close().unwrap();
    let (mut store, recovery) = Store::open(long, 2_000).unwrap();
    assert!(few_are_open());
    assert_eq!((recovery.items, recovery.torn_bytes), (1_000, 0));
    assert!((0..10).all(|to| bodies(&mut store, to).len() == 100));
    assert!(few_are_open());
}
