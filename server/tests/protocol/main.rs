//! The protocol over real sockets: the whole server in this process, phones of one thread, docs/protocol.md as judge.
//!
//! Phones know `wire` and nothing of the server's insides. Nothing here sleeps: phones wait by reading, and what has no
//! frame of its own (a file, a counter) is looked at between two round trips.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr)] // clippy.toml allows it in test functions, not in their helpers

mod accounts;
mod faults;
mod house;
mod limits;
mod mail;
mod phone;
mod tables;
mod veil;
