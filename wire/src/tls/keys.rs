//! Ready keys of the busy sessions, a shard together.
//!
//! It does not know what a connection is: a number names one, and whoever gives out a number again forgets its keys
//! first.
//!
//! A direct-mapped table: a look-up is one comparison, and a key that is not there is derived from its secret and put
//! in place of whatever was. About 700 bytes an entry, most of them the cipher's own.

use aws_lc_rs::aead::{Aad, LessSafeKey, Nonce, UnboundKey};

use super::record::{HEADER_BYTES, TAG_BYTES, nonce};
use super::secret::Secret;
use super::suite::Suite;
use super::{Alert, Fault, OwnFault};

/// Which key: of whom, in which direction, after how many *KeyUpdates*.
///
/// The last wraps, which is safe: each key serves at least the record that announces its successor, so what is in the
/// table for a connection and a direction is never older than the last but one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct KeyName {
    pub(super) connection: u64,
    pub(super) writes: bool,
    pub(super) epoch: u8,
}

/// A bounded table of ready keys.
#[derive(Debug)]
pub struct Keys {
    entries: Box<[Option<Entry>]>,
    records_max: u32,
    stats: KeysStats,
}

/// What the table counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeysStats {
    /// Keys found.
    pub hits: u64,
    /// Keys derived.
    pub misses: u64,
}

#[derive(Debug)]
struct Entry {
    name: KeyName,
    key: LessSafeKey,
    iv: [u8; 12],
}

impl Keys {
    /// A table of `entries`, made a power of two; a connection that reads and writes uses two.
    #[must_use]
    pub fn new(entries: usize) -> Self {
        let entries = entries.next_power_of_two().max(2);
        Self {
            entries: std::iter::repeat_with(|| None).take(entries).collect(),
            records_max: u32::MAX,
            stats: KeysStats::default(),
        }
    }

    /// Renews keys after this many records sealed, where the cipher's own limit is not lower.
    #[must_use]
    pub fn with_records_max(mut self, records: u32) -> Self {
        self.records_max = records.max(1);
        self
    }

    /// What was counted so far.
    #[must_use]
    pub fn stats(&self) -> KeysStats {
        self.stats
    }

    /// What the table takes, bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.entries.len() * size_of::<Option<Entry>>()
    }

    /// Wipes a connection's keys.
    pub fn forget(&mut self, connection: u64) {
        for writes in [false, true] {
            let at = self.place(connection, writes);
            if let Some(entry) = self.entries.get_mut(at)
                && entry
                    .as_ref()
                    .is_some_and(|entry| entry.name.connection == connection)
            {
                *entry = None;
            }
        }
    }

    pub(super) fn records_max(&self, suite: Suite) -> u32 {
        suite.records_max().min(self.records_max)
    }

    /// Appends a sealed record's body to `out`, whose tail from `from` on is the plaintext with its header before it.
    pub(super) fn seal(
        &mut self,
        (name, suite, secret): (KeyName, Suite, &Secret),
        sequence: u32,
        out: &mut Vec<u8>,
        from: usize,
    ) -> Result<(), Fault> {
        let entry = self.find(name, suite, secret)?;
        let (head, plaintext) = out.split_at_mut(from + HEADER_BYTES);
        let nonce = Nonce::assume_unique_for_key(nonce(&entry.iv, u64::from(sequence)));
        let tag = entry
            .key
            .seal_in_place_separate_tag(nonce, Aad::from(&head[from..]), plaintext)
            .map_err(|_| OwnFault::Crypto)?;
        out.extend_from_slice(tag.as_ref());
        Ok(())
    }

    /// Appends what a whole record holds to `plain`.
    pub(super) fn open(
        &mut self,
        (name, suite, secret): (KeyName, Suite, &Secret),
        sequence: u64,
        record: &[u8],
        plain: &mut Vec<u8>,
    ) -> Result<(), Fault> {
        let entry = self.find(name, suite, secret)?;
        let bad = Fault::violated(Alert::BAD_RECORD_MAC);
        let (header, body) = record.split_at_checked(HEADER_BYTES).ok_or(bad)?;
        let (ciphertext, tag) = body
            .len()
            .checked_sub(TAG_BYTES)
            .map(|at| body.split_at(at))
            .ok_or(bad)?;
        let from = plain.len();
        plain.resize(from + ciphertext.len(), 0);
        let nonce = Nonce::assume_unique_for_key(nonce(&entry.iv, sequence));
        entry
            .key
            .open_separate_gather(nonce, Aad::from(header), ciphertext, tag, &mut plain[from..])
            .map_err(|_| bad)
    }

    fn place(&self, connection: u64, writes: bool) -> usize {
        // Neighbours in an arena have neighbouring numbers: no hash spreads them better than they are spread.
        (2 * connection as usize + usize::from(writes)) & (self.entries.len() - 1)
    }

    fn find(&mut self, name: KeyName, suite: Suite, secret: &Secret) -> Result<&Entry, Fault> {
        let place = self.place(name.connection, name.writes);
        let slot = &mut self.entries[place];
        match slot {
            Some(entry) if entry.name == name => self.stats.hits += 1,
            _ => {
                self.stats.misses += 1;
                let material = secret.material(suite);
                let key = UnboundKey::new(suite.algorithm(), material.key()).map_err(|_| OwnFault::Crypto)?;
                *slot = Some(Entry {
                    name,
                    key: LessSafeKey::new(key),
                    iv: material.iv,
                });
            }
        }
        slot.as_ref().ok_or(OwnFault::Crypto.into())
    }
}
