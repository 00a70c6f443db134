//! Bytes that claim to be a capture, through the reader, the headers and reassembly.
//!
//! What must hold is in `captures.rs`, shared with the ordinary test that replays the kept corpus.

#![no_main]

#[path = "../captures.rs"]
#[allow(dead_code)] // each target uses one of the properties
mod captures;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| captures::capture(bytes));
