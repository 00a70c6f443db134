//! The reference chat server.

pub mod desk;
pub mod figures;
pub mod http;
pub mod knobs;
pub mod sink;
pub mod store;
