//! Takes the traffic secrets of one handshake, and its exporter's, as they are announced to a key log.
//!
//! It knows nothing else of the handshake. One is made for each, so that secrets of two connections cannot be mixed up. Where somebody
//! wants a key log for himself, all that is announced is told on.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustls::KeyLog;

use super::secret::Secret;
use super::session::Role;

/// The labels of application traffic's first secrets.
const CLIENT_LABEL: &str = "CLIENT_TRAFFIC_SECRET_0";
const SERVER_LABEL: &str = "SERVER_TRAFFIC_SECRET_0";
const EXPORTER_LABEL: &str = "EXPORTER_SECRET";

#[derive(Debug, Default)]
pub(super) struct Capture {
    captured: Mutex<Captured>,
    /// Who is told all of it.
    witness: Option<Arc<dyn KeyLog>>,
}

#[derive(Debug, Default)]
struct Captured {
    client: Option<Secret>,
    server: Option<Secret>,
    exporter: Option<Secret>,
}

impl Capture {
    /// One that tells a witness, too.
    pub(super) fn before(witness: Option<Arc<dyn KeyLog>>) -> Self {
        Self {
            witness,
            ..Self::default()
        }
    }

    /// What one end writes with; each secret is given once, and wiped here.
    pub(super) fn take(&self, writer: Role) -> Option<Secret> {
        let mut captured = self.lock();
        let kept = match writer {
            Role::Client => &mut captured.client,
            Role::Server => &mut captured.server,
        };
        // `Option::take` would leave the bytes where they are.
        let secret = kept.as_mut().map(Secret::hand_over);
        *kept = None;
        secret
    }

    /// The exporter master secret (RFC 8446, section 7.5).
    pub(super) fn exporter(&self) -> Option<Secret> {
        self.lock().exporter.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Captured> {
        // A poisoned lock guards secrets that are whole or absent.
        self.captured.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl KeyLog for Capture {
    fn log(&self, label: &str, client_random: &[u8], secret: &[u8]) {
        if let Some(witness) = &self.witness {
            witness.log(label, client_random, secret);
        }
        let mut captured = self.lock();
        match label {
            CLIENT_LABEL => captured.client = Secret::new(secret),
            SERVER_LABEL => captured.server = Secret::new(secret),
            EXPORTER_LABEL => captured.exporter = Secret::new(secret),
            _ => {}
        }
    }

    fn will_log(&self, label: &str) -> bool {
        matches!(label, CLIENT_LABEL | SERVER_LABEL | EXPORTER_LABEL)
            || self
                .witness
                .as_ref()
                .is_some_and(|witness| witness.will_log(label))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_given_once_and_wiped_where_it_was() {
        let capture = Capture::default();
        capture.log(CLIENT_LABEL, &[], &[7; 32]);
        capture.log(SERVER_LABEL, &[], &[8; 32]);
        assert!(
            capture
                .take(Role::Client)
                .is_some_and(|secret| !secret.is_wiped())
        );
        assert!(capture.take(Role::Client).is_none());
        let mut captured = capture.lock();
        let server = captured.server.as_mut().unwrap();
        let given = server.hand_over();
        assert!(server.is_wiped() && !given.is_wiped());
    }
}
