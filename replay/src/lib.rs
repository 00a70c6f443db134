//! What production really did, driven again: captures to sessions, sessions to a target.
//!
//! It knows captures, connections and bytes. It does not print, read arguments or decide what a run is worth.
//!
//! ```text
//! capture ─► packets ─► segments ─► reassembly ─► events ─► (decryption) ─► events ─► recording ─► driver
//! ```

mod decrypt;
mod event;
mod secrets;

pub use decrypt::{
    CipherSuite, Decryption, DecryptionFigures, DecryptionLimits, DecryptionReport, TlsFlow, TlsVersion,
    Undecrypted,
};
pub use event::{End, Event, Flow, Side, Sink, Start};
pub use secrets::{Malformed, SESSIONS_MAX, Secrets, SecretsError, SecretsFigures};
