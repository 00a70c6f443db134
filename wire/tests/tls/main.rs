//! Compact TLS against the TLS of others: OpenSSL's tools over loopback, rustls as it comes in memory.

#![allow(clippy::unwrap_used, clippy::expect_used)] // clippy.toml allows them in test functions, not in their helpers

mod openssl;
mod plain_rustls;
mod wired;
