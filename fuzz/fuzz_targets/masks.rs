//! Conversations behind a mask.
//!
//! What must hold is in `masks.rs`, shared with the ordinary test that replays the kept corpus.

#![no_main]

#[path = "../masks.rs"]
mod masks;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| masks::masked(bytes));
