//! What travels on a connection: frames and sessions, as pure state machines.
//!
//! This crate knows no socket, no clock, no thread and no environment: bytes in, frames out, time as an argument.

pub mod chat;
pub mod tls;
