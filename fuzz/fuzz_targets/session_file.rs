//! Bytes that claim to be a file of sessions.
//!
//! What must hold is in `sessions.rs`, shared with the ordinary test that replays the kept corpus.

#![no_main]

#[path = "../sessions.rs"]
mod sessions;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| sessions::session_file(bytes));
