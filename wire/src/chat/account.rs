//! Keys, nonces and proofs: how a device shows that it holds its number's key.
//!
//! All of it is HMAC-SHA-256 (RFC 2104, FIPS 198-1). A provisioned number's key is derived from the server's secret,
//! so that five million accounts cost no memory; a registered number's key is random and stored.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

use super::Number;

type HmacSha256 = Hmac<Sha256>;

/// What the server sends first on each connection; never used twice.
pub type Nonce = [u8; 16];

/// The server's secret, from which provisioned keys and media tokens are derived.
#[derive(Clone)]
pub struct Secret {
    /// The keyed state, so that each derivation saves hashing the secret.
    mac: HmacSha256,
}

/// A device's key: 32 bytes. Its `Debug` shows nothing.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Key(pub [u8; 32]);

/// The proof of a key against a nonce: the first 16 bytes of an HMAC.
#[derive(Clone, Copy, Debug)]
pub struct Proof(pub [u8; 16]);

/// Lets its holder upload and download media by HTTP in a number's name.
#[derive(Clone, Copy)]
pub struct MediaToken(pub [u8; 16]);

impl Secret {
    /// A secret of any length; 32 random bytes are right.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Self {
        match HmacSha256::new_from_slice(bytes) {
            Ok(mac) => Self { mac },
            Err(_) => unreachable!("HMAC takes a key of any length (RFC 2104, section 2)"),
        }
    }

    /// The key of a provisioned number.
    #[must_use]
    pub fn key(&self, number: Number) -> Key {
        Key(self.derive(b"teem/1 key", number))
    }

    /// The media token of a number.
    #[must_use]
    pub fn media_token(&self, number: Number) -> MediaToken {
        MediaToken(truncate(self.derive(b"teem/1 media", number)))
    }

    fn derive(&self, label: &[u8], number: Number) -> [u8; 32] {
        let mut mac = self.mac.clone();
        mac.update(label);
        mac.update(&number.value().to_be_bytes());
        mac.finalize().into_bytes().into()
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(..)")
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(..)")
    }
}

impl std::fmt::Debug for MediaToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MediaToken(..)")
    }
}

impl Key {
    /// Proves this key for a number against the server's nonce.
    #[must_use]
    pub fn prove(&self, nonce: &Nonce, number: Number) -> Proof {
        let mut mac = match HmacSha256::new_from_slice(&self.0) {
            Ok(mac) => mac,
            Err(_) => unreachable!("HMAC takes a key of any length (RFC 2104, section 2)"),
        };
        mac.update(b"teem/1 login");
        mac.update(nonce);
        mac.update(&number.value().to_be_bytes());
        Proof(truncate(mac.finalize().into_bytes().into()))
    }

    /// Whether a proof is this key's, in constant time.
    #[must_use]
    pub fn verify(&self, nonce: &Nonce, number: Number, proof: &Proof) -> bool {
        self.prove(nonce, number).0.ct_eq(&proof.0).into()
    }
}

impl MediaToken {
    /// Whether two tokens are the same, in constant time.
    #[must_use]
    pub fn verify(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

fn truncate(bytes: [u8; 32]) -> [u8; 16] {
    let mut first = [0; 16];
    first.copy_from_slice(&bytes[..16]);
    first
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_holds_for_its_key_nonce_and_number_alone() {
        let secret = Secret::new(b"secret");
        let (ann, bob) = (Number::new(1).unwrap(), Number::new(2).unwrap());
        let proof = secret.key(ann).prove(&[7; 16], ann);
        assert!(secret.key(ann).verify(&[7; 16], ann, &proof));
        assert!(!secret.key(ann).verify(&[8; 16], ann, &proof));
        assert!(!secret.key(ann).verify(&[7; 16], bob, &proof));
        assert!(!secret.key(bob).verify(&[7; 16], ann, &proof));
        assert!(!Secret::new(b"other").key(ann).verify(&[7; 16], ann, &proof));
    }

    /// The vectors of `docs/protocol.md`, computed with `openssl dgst -sha256 -mac HMAC`.
    #[test]
    fn the_documented_vectors() {
        let number = Number::new(15_550_000_001).unwrap();
        let key = Secret::new(&[0x0b; 32]).key(number);
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        assert_eq!(hex(&key.0), KEY_VECTOR);
        assert_eq!(hex(&key.prove(&[0xa5; 16], number).0), PROOF_VECTOR);
    }

    const KEY_VECTOR: &str = "e7f882069beaa27fe292ee0254d7b79e7d16293efd6cf21a96f566cf94370e05";
    const PROOF_VECTOR: &str = "aca24518c01be526e364b23a8503832f";
}
