//! Captures read, put together and compared: with tshark, with a known truth, and with what was kept from fuzzing.

#![allow(clippy::unwrap_used, clippy::expect_used)] // clippy.toml allows them in test functions, not in their helpers

mod corpus;
mod damage;
mod interfaces;
mod saved;
mod selected;
mod streams;
mod truth;
mod tshark;
mod wire;
