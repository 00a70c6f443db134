//! The fuzz targets' kept corpus on the ordinary toolchain, so that what once was found stays found.

use std::path::Path;

#[path = "../../../fuzz/captures.rs"]
mod captures;

/// Runs a property over each file of a target's corpus, and says which file broke it.
fn replay(target: &str, property: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../fuzz/corpus")
        .join(target);
    let mut paths: Vec<_> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    assert!(!paths.is_empty(), "{} holds no file", folder.display());
    for path in paths {
        let bytes = std::fs::read(&path).unwrap();
        let held = std::panic::catch_unwind(|| property(&bytes)).is_ok();
        assert!(held, "the property broke on {}", path.display());
    }
}

#[test]
fn a_capture_says_the_same_however_it_is_cut() {
    replay("capture_reader", captures::capture);
}

#[test]
fn segments_keep_the_order_and_the_bounds() {
    replay("reassembler", captures::segments);
}
