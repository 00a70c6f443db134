//! Replays the fuzz targets' kept corpus on the ordinary toolchain, so that what once was found stays found.
//!
//! It knows no fuzzing engine: the properties and the files are those of `fuzz/`.

#![allow(clippy::unwrap_used, clippy::expect_used)] // clippy.toml allows them in test functions, not in their helpers

#[path = "../../fuzz/properties.rs"]
mod properties;

use std::fs;
use std::path::Path;

/// Runs a property over each file of a target's corpus, and says which file broke it.
fn replay(target: &str, property: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../fuzz/corpus")
        .join(target);
    let mut names: Vec<_> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    names.sort();
    assert!(!names.is_empty(), "{} holds no file", folder.display());
    for name in names {
        let bytes = fs::read(&name).unwrap();
        let held = std::panic::catch_unwind(|| property(&bytes)).is_ok();
        assert!(held, "the property broke on {}", name.display());
    }
}

#[test]
fn client_frames_decode_or_are_refused() {
    replay("chat_client_frame", properties::client_frames);
}

#[test]
fn server_frames_decode_or_are_refused() {
    replay("chat_server_frame", properties::server_frames);
}

#[test]
fn a_client_keeps_its_side_whatever_the_server_sends() {
    replay("chat_session", properties::session);
}

#[test]
fn a_tls_handshake_comes_to_the_same_however_it_is_cut() {
    replay("tls_server", properties::tls_server);
}

#[test]
fn the_decoders_still_tell_the_kept_mistakes_apart() {
    // A corpus whose every file were refused would test little: each target keeps both kinds.
    use wire::chat::{ClientFrame, ServerFrame};
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus");
    for (target, takes) in [
        (
            "chat_client_frame",
            (|bytes| matches!(ClientFrame::decode(bytes), Ok(Some(_)))) as fn(&[u8]) -> bool,
        ),
        ("chat_server_frame", |bytes| {
            matches!(ServerFrame::decode(bytes), Ok(Some(_)))
        }),
    ] {
        for entry in fs::read_dir(folder.join(target)).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let bytes = fs::read(&path).unwrap();
            match name.split_once('-') {
                Some(("good", _)) => assert!(takes(&bytes), "{target}/{name} is refused"),
                Some(("bad", _)) => assert!(!takes(&bytes), "{target}/{name} is taken"),
                _ => {} // found by fuzzing, named for what it does
            }
        }
    }
}
