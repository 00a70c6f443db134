//! The kept corpus of the decryption's fuzz target on the ordinary toolchain.
//!
//! It knows no fuzzing engine: the property and the files are those of `fuzz/`.

use std::fs;
use std::path::Path;

#[path = "../../../fuzz/decryption.rs"]
mod property;

#[test]
fn what_was_recorded_comes_to_the_same_however_it_is_cut() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus/tls_decrypt");
    let mut names: Vec<_> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    names.sort();
    assert!(!names.is_empty(), "{} holds no file", folder.display());
    for path in names {
        let bytes = fs::read(&path).unwrap();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        for piece in [bytes[0], 1, 7] {
            let mut bytes = bytes.clone();
            bytes[0] = piece;
            let held = std::panic::catch_unwind(|| property::tls_decrypt(&bytes)).is_ok();
            assert!(held, "the property broke on {name}, in pieces of {piece}");
        }
        // What is named good is decrypted to its end, what is named bad is not.
        let (_, report) = property::decrypt(&bytes[1..], usize::MAX).unwrap();
        let decrypted = report
            .flows
            .iter()
            .any(|flow| flow.undecrypted.is_none() && flow.records > 0);
        match name.split_once('-') {
            Some(("good", _)) => assert!(decrypted, "{name}: {report:?}"),
            Some(("bad", _)) => assert!(!decrypted, "{name}: {report:?}"),
            _ => {} // found by fuzzing, named for what it does
        }
    }
}
