//! The store on real files.

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
