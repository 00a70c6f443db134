//! Segments in any order, with any flags, through reassembly with small bounds.
//!
//! What must hold is in `captures.rs`, shared with the ordinary test that replays the kept corpus.

#![no_main]

#[path = "../captures.rs"]
#[allow(dead_code)] // each target uses one of the properties
mod captures;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| captures::segments(bytes));
