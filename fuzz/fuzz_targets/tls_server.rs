//! Bytes that claim to be a client's TLS, through the handshake that the server uses.
//!
//! What must hold is in `properties.rs`, shared with the ordinary test that replays the kept corpus.

#![no_main]

#[path = "../properties.rs"]
#[allow(dead_code)] // each target uses one of the properties
mod properties;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| properties::tls_server(bytes));
