//! Compact TLS 1.3: rustls does the handshake, and then 88 bytes stay of it.
//!
//! It knows no socket and no clock: bytes in, bytes out. Randomness is the cryptographic library's, and the time by
//! which a certificate is judged is asked of whoever made the configuration.
//!
//! A [`Handshake`] lives for a few round trips and is large. What it leaves is a [`Session`]: two traffic secrets, two
//! sequence numbers, and a pointer that is null while the connection idles. The keys themselves are derived when a
//! record comes or goes, and [`Keys`] keeps those of the busy, a shard together. So a record of an idle connection
//! costs a derivation (two HMACs) and a key set-up more than one of a busy connection, and no connection costs a buffer.
//!
//! Only the suites over SHA-256 are offered: with them a secret is 32 bytes, and one of them is mandatory to
//! implement, so every TLS 1.3 peer has it (RFC 8446, section 9.1). The key share is X25519: a hybrid with ML-KEM
//! costs half as much again. P-256 is there for peers that ask for it.

mod capture;
mod client;
mod fault;
mod handshake;
mod identity;
mod keys;
mod message;
mod pinned;
mod record;
mod secret;
mod server;
mod session;
mod suite;
mod tickets;

pub use client::{ClientOptions, ClientTls, Trust};
pub use fault::{Alert, Fault, OwnFault, PeerFault};
pub use handshake::{Finished, Handshake, Progress};
pub use identity::{ConfigError, Identity, certificates};
pub use keys::{Keys, KeysStats};
pub use record::{FRAGMENT_MAX_BYTES, RECORD_MAX_BYTES};
pub use rustls::KeyLog;
pub use rustls::pki_types::UnixTime;
pub use rustls::time_provider::TimeProvider;
pub use server::{ServerOptions, ServerTls};
pub use session::{Event, Opened, Role, Session, Written};

use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs as lc;

/// What is offered and accepted, in order of preference.
fn provider() -> Arc<CryptoProvider> {
    Arc::new(CryptoProvider {
        cipher_suites: vec![
            lc::cipher_suite::TLS13_AES_128_GCM_SHA256,
            lc::cipher_suite::TLS13_CHACHA20_POLY1305_SHA256,
        ],
        kx_groups: vec![lc::kx_group::X25519, lc::kx_group::SECP256R1],
        ..lc::default_provider()
    })
}
