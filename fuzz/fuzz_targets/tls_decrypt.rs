//! Bytes that claim to be recorded TLS, through the decryption of captures.
//!
//! What must hold is in `decryption.rs`, shared with the ordinary test that replays the kept corpus.

#![no_main]

#[path = "../decryption.rs"]
#[allow(dead_code)] // the corpus' test looks at more
mod decryption;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| decryption::tls_decrypt(bytes));
