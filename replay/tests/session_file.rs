//! Replays the kept corpus of the fuzz target `session_file` on the ordinary toolchain.
//!
//! It knows no fuzzing engine: the property and the files are those of `fuzz/`.

#![allow(clippy::unwrap_used, clippy::expect_used)] // clippy.toml allows them in test functions, not in their helpers

#[path = "../../fuzz/sessions.rs"]
mod sessions;

use std::fs;
use std::path::Path;

#[test]
fn any_bytes_are_read_or_refused() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus/session_file");
    let mut paths: Vec<_> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    assert!(!paths.is_empty(), "{} holds no file", folder.display());
    for path in paths {
        let bytes = fs::read(&path).unwrap();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let held = std::panic::catch_unwind(|| sessions::session_file(&bytes)).is_ok();
        assert!(held, "the property broke on {name}");
        let taken = bytes.len() > 1
            && bytes[0] & 1 == 0
            && replay::play(&bytes[1..], &mut |_: replay::Event<'_>| {}).is_ok();
        match name.split_once('-') {
            Some(("good", _)) => assert!(taken, "{name} is refused"),
            Some(("bad", _)) => assert!(!taken, "{name} is taken"),
            _ => {} // entries, put into a block
        }
    }
}
