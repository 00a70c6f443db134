//! Bytes that claim to come from a client, through the decoder the server uses.
//!
//! What must hold is in `properties.rs`, shared with the ordinary test that replays the kept corpus.

#![no_main]

#[path = "../properties.rs"]
#[allow(dead_code)] // each target uses one of the properties
mod properties;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| properties::client_frames(bytes));
