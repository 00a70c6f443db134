//! Replays the fuzz targets' kept corpus on the ordinary toolchain, so that what once was found stays found.
//!
//! It knows no fuzzing engine: the properties and the files are those of `fuzz/`.

#![allow(clippy::unwrap_used, clippy::expect_used)] // clippy.toml allows them in test functions, not in their helpers

#[path = "../../fuzz/kept.rs"]
mod kept;
#[path = "../../fuzz/properties.rs"]
mod properties;

use kept::{as_named, each};

#[test]
fn client_frames_decode_or_are_refused() {
    each("chat_client_frame", |_, bytes| properties::client_frames(bytes));
}

#[test]
fn server_frames_decode_or_are_refused() {
    each("chat_server_frame", |_, bytes| properties::server_frames(bytes));
}

#[test]
fn a_client_keeps_its_side_whatever_the_server_sends() {
    each("chat_session", |_, bytes| properties::session(bytes));
}

#[test]
fn a_tls_handshake_comes_to_the_same_however_it_is_cut() {
    each("tls_server", |_, bytes| properties::tls_server(bytes));
}

#[test]
fn the_decoders_still_tell_the_kept_mistakes_apart() {
    // A corpus whose every file were refused would test little: each target keeps both kinds.
    use wire::chat::{ClientFrame, ServerFrame};
    each("chat_client_frame", |name, bytes| {
        as_named(name, matches!(ClientFrame::decode(bytes), Ok(Some(_))));
    });
    each("chat_server_frame", |name, bytes| {
        as_named(name, matches!(ServerFrame::decode(bytes), Ok(Some(_))));
    });
}
