//! What a session says: records sealed, alerts, and a new key where one is due.
//!
//! It does not know whether they were sent until it is told.

use super::Session;
use crate::tls::keys::KeyName;
use crate::tls::message::key_update;
use crate::tls::record::{self, Content, FRAGMENT_MAX_BYTES, OVERHEAD_BYTES};
use crate::tls::secret::Secret;
use crate::tls::{Alert, Fault, Keys, OwnFault};

/// How a session stands once the records just sealed are sent.
///
/// Until it is committed the session is as it was. If the records are not sent, it is dropped together with them: the
/// next ones take their numbers. Sent and not committed, two records would share a nonce.
#[derive(Debug)]
#[must_use = "sent records that are not committed break the cipher"]
pub struct Written {
    secret: Option<Secret>,
    sequence: u32,
    epoch: u8,
    update_owed: bool,
}

impl Session {
    /// Appends `bytes` to `out` as application data: a record, or several where they do not fit in one, and a
    /// *KeyUpdate* before where one is due.
    ///
    /// # Errors
    /// Ours only; `out` may then hold a part, which must not be sent.
    pub fn seal(
        &self,
        keys: &mut Keys,
        connection: u64,
        bytes: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<Written, Fault> {
        let mut written = self.written();
        out.reserve(bytes.len() + bytes.len().div_ceil(FRAGMENT_MAX_BYTES) * OVERHEAD_BYTES);
        for fragment in bytes.chunks(FRAGMENT_MAX_BYTES) {
            if written.update_owed || written.sequence >= keys.records_max(self.suite) - 1 {
                self.put_update(&mut written, (&mut *keys, connection), false, out)?;
            }
            self.put(
                &mut written,
                (&mut *keys, connection),
                Content::Application,
                fragment,
                out,
            )?;
        }
        Ok(written)
    }

    /// Appends a *KeyUpdate* to `out`: what is sealed after it is under the next key, and so will be what the peer
    /// seals once it has read it, if that is `requested` (RFC 8446, section 4.6.3).
    ///
    /// # Errors
    /// Ours only.
    pub fn update(
        &self,
        keys: &mut Keys,
        connection: u64,
        requests: bool,
        out: &mut Vec<u8>,
    ) -> Result<Written, Fault> {
        let mut written = self.written();
        self.put_update(&mut written, (keys, connection), requests, out)?;
        Ok(written)
    }

    /// Appends an alert to `out`; nothing may be sealed after one.
    ///
    /// # Errors
    /// Ours only.
    pub fn alert(
        &self,
        keys: &mut Keys,
        connection: u64,
        alert: Alert,
        out: &mut Vec<u8>,
    ) -> Result<Written, Fault> {
        let mut written = self.written();
        let bytes = [alert.level(), alert.0];
        self.put(&mut written, (keys, connection), Content::Alert, &bytes, out)?;
        Ok(written)
    }

    /// The sealed records are on their way.
    pub fn commit(&mut self, written: Written) {
        if let Some(secret) = written.secret {
            self.write_secret = secret;
        }
        self.write_sequence = written.sequence;
        self.write_epoch = written.epoch;
        self.update_owed = written.update_owed;
    }

    fn written(&self) -> Written {
        Written {
            secret: None,
            sequence: self.write_sequence,
            epoch: self.write_epoch,
            update_owed: self.update_owed,
        }
    }

    fn put_update(
        &self,
        written: &mut Written,
        (keys, connection): (&mut Keys, u64),
        requests: bool,
        out: &mut Vec<u8>,
    ) -> Result<(), Fault> {
        self.put(
            written,
            (keys, connection),
            Content::Handshake,
            &key_update(requests),
            out,
        )?;
        let secret = written.secret.as_ref().unwrap_or(&self.write_secret).next();
        *written = Written {
            secret: Some(secret),
            sequence: 0,
            epoch: written.epoch.wrapping_add(1),
            update_owed: false,
        };
        Ok(())
    }

    fn put(
        &self,
        written: &mut Written,
        (keys, connection): (&mut Keys, u64),
        content: Content,
        fragment: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), Fault> {
        let next = written.sequence.checked_add(1).ok_or(OwnFault::Exhausted)?;
        let from = out.len();
        out.extend_from_slice(&record::sealed_header(fragment.len()));
        out.extend_from_slice(fragment);
        out.push(content as u8);
        let name = KeyName {
            connection,
            writes: true,
            epoch: written.epoch,
        };
        let secret = written.secret.as_ref().unwrap_or(&self.write_secret);
        keys.seal((name, self.suite, secret), written.sequence, out, from)?;
        written.sequence = next;
        Ok(())
    }
}
