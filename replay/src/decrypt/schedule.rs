//! From secrets to keys: TLS 1.3's labels (RFC 8446, section 7.3) and TLS 1.2's key block (RFC 5246, section 6.3).
//!
//! It does not know what is opened with them. The compact sessions of `wire` derive theirs for themselves: they have
//! one hash and prepared labels, for the sake of a connection's bytes; here either hash serves, and time is no matter.

use aws_lc_rs::{hkdf, tls_prf};
use zeroize::Zeroizing;

use super::opener::{KEY_MAX_BYTES, Material, Opener};
use super::suite::{Hash, Suite};
use crate::secrets::Secret;

/// A key under a traffic secret; `None` if the secret is not of the suite's hash.
pub(super) fn opener13(suite: &'static Suite, secret: &Secret) -> Option<Opener> {
    Some(Opener::new(suite, material(suite, secret.clone())?, false))
}

/// The secret after a *KeyUpdate* (RFC 8446, section 7.2).
pub(super) fn next(hash: Hash, secret: &Secret) -> Option<Secret> {
    let mut bytes = Zeroizing::new([0; 48]);
    let bytes = &mut bytes[..hash.bytes()];
    expand(hash, secret, b"traffic upd", bytes)?;
    Secret::new(bytes)
}

pub(super) fn material(suite: &Suite, secret: Secret) -> Option<Material> {
    let (mut key, mut iv) = (Zeroizing::new([0; KEY_MAX_BYTES]), [0; 12]);
    let key_bytes = suite.cipher.key_bytes();
    expand(suite.hash, &secret, b"key", &mut key[..key_bytes])?;
    expand(suite.hash, &secret, b"iv", &mut iv)?;
    Some(Material { key, iv, secret })
}

/// HKDF-Expand-Label with an empty context (RFC 8446, section 7.1).
fn expand(hash: Hash, secret: &Secret, label: &[u8], out: &mut [u8]) -> Option<()> {
    struct Length(usize);
    impl hkdf::KeyType for Length {
        fn len(&self) -> usize {
            self.0
        }
    }

    if secret.bytes().len() != hash.bytes() {
        return None;
    }
    let length = u16::try_from(out.len()).ok()?.to_be_bytes();
    let label_bytes = u8::try_from(b"tls13 ".len() + label.len()).ok()?;
    hkdf::Prk::new_less_safe(hash.hkdf(), secret.bytes())
        .expand(
            &[&length, &[label_bytes], b"tls13 ", label, &[0]],
            Length(out.len()),
        )
        .and_then(|output| output.fill(out))
        .ok()
}

/// Both sides' keys under a master secret, the client's first (RFC 5246, section 6.3).
pub(super) fn openers12(
    suite: &'static Suite,
    master: &Secret,
    (client_random, server_random): (&[u8; 32], &[u8; 32]),
    encrypt_then_mac: bool,
) -> Option<[Opener; 2]> {
    let key_bytes = suite.cipher.key_bytes();
    let mac_bytes = suite.cipher.block().map_or(0, |(_, mac)| mac.bytes());
    // A block cipher's IVs come with its records (RFC 5246, section 6.2.3.2).
    let iv_bytes = match suite.cipher.aead() {
        Some(algorithm)
            if algorithm.key_len() == 32 && suite.cipher == super::suite::Cipher::ChaCha20Poly1305 =>
        {
            12
        }
        Some(_) => 4,
        None => 0,
    };
    let block = tls_prf::Secret::new(suite.hash.prf(), master.bytes())
        .and_then(|master| {
            let bytes = 2 * (mac_bytes + key_bytes + iv_bytes);
            master.derive_with_seed_concatination(b"key expansion", server_random, client_random, bytes)
        })
        .ok()?;
    let mut rest = block.as_ref();
    let mut pair = |bytes: usize| {
        let (client, after) = rest.split_at_checked(bytes)?;
        let (server, after) = after.split_at_checked(bytes)?;
        rest = after;
        Some([client, server])
    };
    let (macs, keys, ivs) = (pair(mac_bytes)?, pair(key_bytes)?, pair(iv_bytes)?);
    let opener = |side: usize| {
        let (mut key, mut iv) = (Zeroizing::new([0; KEY_MAX_BYTES]), [0; 12]);
        key[..key_bytes].copy_from_slice(keys[side]);
        iv[..iv_bytes].copy_from_slice(ivs[side]);
        let secret = Secret::new(macs[side])?;
        Some(Opener::new(suite, Material { key, iv, secret }, encrypt_then_mac))
    };
    Some([opener(0)?, opener(1)?])
}
