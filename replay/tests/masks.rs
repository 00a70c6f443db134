//! Replays the kept corpus of the fuzz target `masks` on the ordinary toolchain.
//!
//! It knows no fuzzing engine: the property and the files are those of `fuzz/`.

#![allow(clippy::unwrap_used, clippy::expect_used)] // clippy.toml allows them in test functions, not in their helpers

#[path = "../../fuzz/masks.rs"]
mod masks;

use std::fs;
use std::path::Path;

#[test]
fn any_conversation_comes_out_as_it_went_in() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus/masks");
    let mut paths: Vec<_> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    assert!(!paths.is_empty(), "{} holds no file", folder.display());
    for path in paths {
        let bytes = fs::read(&path).unwrap();
        for how in 0..=u8::MAX {
            let held = std::panic::catch_unwind(|| masks::masked(&[&[how], &bytes[1..]].concat())).is_ok();
            assert!(held, "the property broke on {}, {how}", path.display());
        }
    }
}
