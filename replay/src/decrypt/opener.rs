//! Opens the records of one side under one key.
//!
//! It does not know where records come from, nor which comes next: a sequence number is an argument, so that a lost
//! record's successor can be tried.
//!
//! No ready key is kept: 112 bytes a side stay, and a record costs a key set-up beside its opening.
//! Comparisons are not made in constant time: nobody can ask a recording questions.

use aws_lc_rs::aead::{Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::cipher::{DecryptingKey, DecryptionContext, UnboundCipherKey};
use aws_lc_rs::hmac;
use aws_lc_rs::iv::FixedLength;
use zeroize::Zeroizing;

use super::record::{HEADER_BYTES, Header, PLAIN_MAX_BYTES, inner, nonce};
use super::schedule;
use super::suite::{Cipher, Mac, Suite};
use crate::secrets::Secret;

/// The longest key of a suite.
pub(super) const KEY_MAX_BYTES: usize = 32;
/// Bytes of an AEAD's tag, with every suite.
const TAG_BYTES: usize = 16;
/// Bytes of AES-GCM's nonce that TLS 1.2 sends with each record (RFC 5288, section 3).
const EXPLICIT_NONCE_BYTES: usize = 8;
/// Bytes of a block of AES, and of its IV.
const BLOCK_BYTES: usize = 16;

/// A key, and how it protects.
#[derive(Clone)]
pub(super) struct Opener {
    suite: &'static Suite,
    encrypt_then_mac: bool,
    iv: [u8; 12],
    key: Zeroizing<[u8; KEY_MAX_BYTES]>,
    /// Of TLS 1.3 the traffic secret, of a block cipher the key of its MAC.
    secret: Secret,
    /// The next record's number.
    pub(super) sequence: u64,
}

/// What a key is made of.
pub(super) struct Material {
    pub(super) key: Zeroizing<[u8; KEY_MAX_BYTES]>,
    pub(super) iv: [u8; 12],
    pub(super) secret: Secret,
}

impl Opener {
    pub(super) fn new(suite: &'static Suite, material: Material, encrypt_then_mac: bool) -> Self {
        Self {
            suite,
            encrypt_then_mac,
            iv: material.iv,
            key: material.key,
            secret: material.secret,
            sequence: 0,
        }
    }

    /// What opens the records after a *KeyUpdate* (RFC 8446, section 7.2).
    pub(super) fn next(&self) -> Option<Self> {
        let material = schedule::material(self.suite, schedule::next(self.suite.hash, &self.secret)?)?;
        Some(Self::new(self.suite, material, false))
    }

    /// Bytes that protection adds to a record at least, its header among them.
    pub(super) fn overhead_bytes(&self) -> usize {
        HEADER_BYTES
            + match self.suite.cipher {
                _ if self.suite.is_tls13() => 1 + TAG_BYTES,
                Cipher::ChaCha20Poly1305 => TAG_BYTES,
                Cipher::Aes128Gcm | Cipher::Aes256Gcm => EXPLICIT_NONCE_BYTES + TAG_BYTES,
                Cipher::Aes128Cbc(mac) | Cipher::Aes256Cbc(mac) => BLOCK_BYTES + mac.bytes() + 1,
            }
    }

    /// Whether this header may stand before a record of these.
    pub(super) fn may_open(&self, header: Header) -> bool {
        header.record_bytes() >= self.overhead_bytes()
            && (!self.suite.is_tls13() || header.content == super::record::APPLICATION)
    }

    /// Opens the record of this number into `plain`, whose contents it replaces, and says what it holds; `None`
    /// if it does not authenticate.
    pub(super) fn open(&self, sequence: u64, record: &[u8], plain: &mut Vec<u8>) -> Option<u8> {
        plain.clear();
        let (header, body) = record.split_first_chunk::<HEADER_BYTES>()?;
        if self.suite.cipher.block().is_some() {
            self.open_block(sequence, header, body, plain)?;
            return Some(header[0]);
        }
        if !self.suite.is_tls13() {
            self.open_aead12(sequence, header, body, plain)?;
            return Some(header[0]);
        }
        self.open_aead(nonce(&self.iv, sequence), header, body, plain)?;
        let (content, bytes) = inner(plain)?;
        plain.truncate(bytes);
        (bytes <= PLAIN_MAX_BYTES).then_some(content)
    }

    /// AES-GCM and ChaCha20-Poly1305 in TLS 1.2 (RFC 5246, section 6.2.3.3; RFC 7905, section 2).
    fn open_aead12(
        &self,
        sequence: u64,
        header: &[u8; HEADER_BYTES],
        body: &[u8],
        plain: &mut Vec<u8>,
    ) -> Option<()> {
        let (nonce, sealed) = if self.suite.cipher == Cipher::ChaCha20Poly1305 {
            (nonce(&self.iv, sequence), body)
        } else {
            let (explicit, sealed) = body.split_first_chunk::<EXPLICIT_NONCE_BYTES>()?;
            let mut nonce = self.iv;
            nonce[4..].copy_from_slice(explicit);
            (nonce, sealed)
        };
        let length = sealed.len().checked_sub(TAG_BYTES)?;
        self.open_aead(nonce, &authenticated(sequence, header, length)?, sealed, plain)
    }

    fn open_aead(
        &self,
        nonce: [u8; 12],
        authenticated: &[u8],
        sealed: &[u8],
        plain: &mut Vec<u8>,
    ) -> Option<()> {
        let algorithm = self.suite.cipher.aead()?;
        let (ciphertext, tag) = sealed.split_at(sealed.len().checked_sub(TAG_BYTES)?);
        let key = UnboundKey::new(algorithm, &self.key[..self.suite.cipher.key_bytes()]).ok()?;
        plain.resize(ciphertext.len(), 0);
        LessSafeKey::new(key)
            .open_separate_gather(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(authenticated),
                ciphertext,
                tag,
                plain,
            )
            .ok()
    }

    /// AES-CBC with an HMAC inside (RFC 5246, section 6.2.3.2) or outside (RFC 7366, section 3).
    fn open_block(
        &self,
        sequence: u64,
        header: &[u8; HEADER_BYTES],
        body: &[u8],
        plain: &mut Vec<u8>,
    ) -> Option<()> {
        let (algorithm, mac) = self.suite.cipher.block()?;
        let body = if self.encrypt_then_mac {
            let (body, tag) = body.split_at(body.len().checked_sub(mac.bytes())?);
            self.verify(mac, sequence, header, body, tag)?;
            body
        } else {
            body
        };
        let (iv, ciphertext) = body.split_first_chunk::<BLOCK_BYTES>()?;
        plain.extend_from_slice(ciphertext);
        let key = UnboundCipherKey::new(algorithm, &self.key[..self.suite.cipher.key_bytes()]).ok()?;
        DecryptingKey::cbc(key)
            .ok()?
            .decrypt(plain, DecryptionContext::Iv128(FixedLength::from(iv)))
            .ok()?;
        let padding = *plain.last()?;
        let length = plain.len().checked_sub(1 + usize::from(padding))?;
        if plain[length..].iter().any(|byte| *byte != padding) {
            return None;
        }
        plain.truncate(length);
        if !self.encrypt_then_mac {
            let (content, tag) = plain.split_at(length.checked_sub(mac.bytes())?);
            self.verify(mac, sequence, header, content, tag)?;
            plain.truncate(length - mac.bytes());
        }
        Some(())
    }

    fn verify(
        &self,
        mac: Mac,
        sequence: u64,
        header: &[u8; HEADER_BYTES],
        bytes: &[u8],
        tag: &[u8],
    ) -> Option<()> {
        let mut context = hmac::Context::with_key(&hmac::Key::new(mac.hmac(), self.secret.bytes()));
        context.update(&authenticated(sequence, header, bytes.len())?);
        context.update(bytes);
        (context.sign().as_ref() == tag).then_some(())
    }
}

/// What is authenticated beside the content in TLS 1.2: the record's number, type, version and length (RFC 5246,
/// section 6.2.3).
fn authenticated(sequence: u64, header: &[u8; HEADER_BYTES], bytes: usize) -> Option<[u8; 13]> {
    let mut data = [0; 13];
    data[..8].copy_from_slice(&sequence.to_be_bytes());
    data[8..11].copy_from_slice(&header[..3]);
    data[11..].copy_from_slice(&u16::try_from(bytes).ok()?.to_be_bytes());
    Some(data)
}
