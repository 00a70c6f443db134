//! A traffic secret, and what is derived from it.
//!
//! It does not know what it encrypts.

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use zeroize::{Zeroize, Zeroizing};

use super::suite::Suite;

/// Bytes of a secret: of SHA-256's output.
pub(super) const SECRET_BYTES: usize = 32;
/// The longest key of a suite.
const KEY_MAX_BYTES: usize = 32;

/// A traffic secret of one direction (RFC 8446, section 7.1). Wiped when dropped.
#[derive(Clone)]
pub(super) struct Secret(Zeroizing<[u8; SECRET_BYTES]>);

/// A key with its initialization vector (RFC 8446, section 7.3). Wiped when dropped.
pub(super) struct Material {
    key: Zeroizing<[u8; KEY_MAX_BYTES]>,
    key_bytes: usize,
    pub(super) iv: [u8; 12],
}

impl Material {
    pub(super) fn key(&self) -> &[u8] {
        &self.key[..self.key_bytes]
    }
}

impl Secret {
    /// A secret from a hash of the right length.
    pub(super) fn new(bytes: &[u8]) -> Option<Self> {
        Some(Self(Zeroizing::new(bytes.try_into().ok()?)))
    }

    /// Leaves zeros.
    pub(super) fn wipe(&mut self) {
        self.0.zeroize();
    }

    /// Hands itself over: what is left behind is wiped.
    pub(super) fn hand_over(&mut self) -> Self {
        let secret = self.clone();
        self.wipe();
        secret
    }

    #[cfg(test)]
    pub(super) fn is_wiped(&self) -> bool {
        *self.0 == [0; SECRET_BYTES]
    }

    /// The key and IV under this secret (RFC 8446, section 7.3).
    pub(super) fn material(&self, suite: Suite) -> Material {
        let hmac = self.hmac();
        let key = match suite {
            Suite::Aes128Gcm => expand(hmac.clone(), b"\x00\x10\x09tls13 key\x00\x01"),
            Suite::ChaCha20Poly1305 => expand(hmac.clone(), b"\x00\x20\x09tls13 key\x00\x01"),
        };
        let whole_iv = expand(hmac, b"\x00\x0c\x08tls13 iv\x00\x01");
        let mut iv = [0; 12];
        iv.copy_from_slice(&whole_iv[..12]);
        Material {
            key,
            key_bytes: suite.algorithm().key_len(),
            iv,
        }
    }

    /// The secret after a *KeyUpdate* (RFC 8446, section 7.2).
    pub(super) fn next(&self) -> Self {
        Self(expand(self.hmac(), b"\x00\x20\x11tls13 traffic upd\x00\x01"))
    }

    /// Fills `output` as an exporter does whose master secret this is (RFC 8446, section 7.5); `None` if `label` or
    /// `output` is too long.
    pub(super) fn export(&self, label: &[u8], context: &[u8], output: &mut [u8]) -> Option<()> {
        let derived = expand(self.hmac(), &info(SECRET_BYTES, label, &Sha256::digest([]), 1)?);
        let hmac = Self(derived).hmac();
        let (length, context) = (output.len(), Sha256::digest(context));
        let mut previous: Option<Zeroizing<[u8; 32]>> = None;
        for (number, block) in (1..=u8::MAX).zip(output.chunks_mut(SECRET_BYTES)) {
            let mut hmac = hmac.clone();
            if let Some(previous) = &previous {
                hmac.update(&**previous);
            }
            let filled = expand(hmac, &info(length, b"exporter", &context, number)?);
            block.copy_from_slice(&filled[..block.len()]);
            previous = Some(filled);
        }
        Some(())
    }

    fn hmac(&self) -> Hmac<Sha256> {
        let mut block = Zeroizing::new([0; 64]);
        block[..SECRET_BYTES].copy_from_slice(&*self.0);
        // A key of the hash's block size is used as it is (RFC 2104, section 2), so zeros after it change nothing.
        Hmac::new((&*block).into())
    }
}

/// A label's structure (RFC 8446, section 7.1) and the number of the block of output (RFC 5869, section 2.3).
fn info(length: usize, label: &[u8], context: &[u8], block: u8) -> Option<Vec<u8>> {
    if length > 255 * SECRET_BYTES {
        return None;
    }
    let mut info = u16::try_from(length).ok()?.to_be_bytes().to_vec();
    info.push(u8::try_from(b"tls13 ".len() + label.len()).ok()?);
    info.extend_from_slice(b"tls13 ");
    info.extend_from_slice(label);
    info.push(u8::try_from(context.len()).ok()?);
    info.extend_from_slice(context);
    info.push(block);
    Some(info)
}

/// One block of HKDF-Expand-Label (RFC 8446, section 7.1; RFC 5869, section 2.3): `info` is the label's
/// structure with the block's number after it.
fn expand(mut hmac: Hmac<Sha256>, info: &[u8]) -> Zeroizing<[u8; 32]> {
    hmac.update(info);
    Zeroizing::new(hmac.finalize().into_bytes().into())
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unhex(hex: &str) -> Vec<u8> {
        (0..hex.len() / 2)
            .map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap())
            .collect()
    }

    #[test]
    fn keys_are_those_of_the_rfcs_trace() {
        // RFC 8448, section 3: "derive write traffic keys for application data", server.
        let secret = unhex("a11af9f05531f856ad47116b45a950328204b4f44bfb6b3a4b4f1f3fcb631643");
        let material = Secret::new(&secret).unwrap().material(Suite::Aes128Gcm);
        assert_eq!(material.key(), unhex("9f02283b6c9c07efc26bb9f2ac92e356"));
        assert_eq!(material.iv.to_vec(), unhex("cf782b88dd83549aadf1e984"));
    }
}
