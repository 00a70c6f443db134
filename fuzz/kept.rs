//! The kept corpus on the ordinary toolchain: every file of a target, handed to whatever holds of it.
//!
//! It knows no fuzzing engine and no property; the tests of the rooms have both.

use std::fs;
use std::path::Path;

/// Runs `holds` over each file of a target's corpus, by name, and says which file broke it.
pub(crate) fn each(target: &str, holds: impl Fn(&str, &[u8]) + std::panic::RefUnwindSafe) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../fuzz/corpus")
        .join(target);
    let mut paths: Vec<_> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    assert!(!paths.is_empty(), "{} holds no file", folder.display());
    for path in paths {
        let bytes = fs::read(&path).unwrap();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let held = std::panic::catch_unwind(|| holds(&name, &bytes)).is_ok();
        assert!(held, "the property broke on {}", path.display());
    }
}

/// Asserts that a file was taken or refused as its name says: `good-` or `bad-`. What fuzzing found is named for what it does.
#[track_caller]
pub(crate) fn as_named(name: &str, is_taken: bool) {
    match name.split_once('-') {
        Some(("good", _)) => assert!(is_taken, "{name} is refused"),
        Some(("bad", _)) => assert!(!is_taken, "{name} is taken"),
        _ => {}
    }
}
