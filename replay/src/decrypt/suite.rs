//! The cipher suites whose records can be opened.
//!
//! It knows numbers, names and algorithms (the IANA registry *TLS Cipher Suites*), nothing of records.

use aws_lc_rs::{aead, cipher, hkdf, hmac, tls_prf};

/// A hash of the key schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hash {
    Sha256,
    Sha384,
}

impl Hash {
    pub(super) fn bytes(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha384 => 48,
        }
    }

    pub(super) fn hkdf(self) -> hkdf::Algorithm {
        match self {
            Self::Sha256 => hkdf::HKDF_SHA256,
            Self::Sha384 => hkdf::HKDF_SHA384,
        }
    }

    pub(super) fn prf(self) -> &'static tls_prf::Algorithm {
        match self {
            Self::Sha256 => &tls_prf::P_SHA256,
            Self::Sha384 => &tls_prf::P_SHA384,
        }
    }
}

/// What authenticates the records of a block cipher.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mac {
    Sha1,
    Sha256,
    Sha384,
}

impl Mac {
    pub(super) fn hmac(self) -> hmac::Algorithm {
        match self {
            Self::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => hmac::HMAC_SHA256,
            Self::Sha384 => hmac::HMAC_SHA384,
        }
    }

    pub(super) fn bytes(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha384 => 48,
        }
    }
}

/// What protects the records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cipher {
    Aes128Gcm,
    Aes256Gcm,
    ChaCha20Poly1305,
    Aes128Cbc(Mac),
    Aes256Cbc(Mac),
}

impl Cipher {
    pub(super) fn key_bytes(self) -> usize {
        match self {
            Self::Aes128Gcm | Self::Aes128Cbc(_) => 16,
            Self::Aes256Gcm | Self::ChaCha20Poly1305 | Self::Aes256Cbc(_) => 32,
        }
    }

    /// Of the AEADs.
    pub(super) fn aead(self) -> Option<&'static aead::Algorithm> {
        match self {
            Self::Aes128Gcm => Some(&aead::AES_128_GCM),
            Self::Aes256Gcm => Some(&aead::AES_256_GCM),
            Self::ChaCha20Poly1305 => Some(&aead::CHACHA20_POLY1305),
            Self::Aes128Cbc(_) | Self::Aes256Cbc(_) => None,
        }
    }

    /// Of the block ciphers.
    pub(super) fn block(self) -> Option<(&'static cipher::Algorithm, Mac)> {
        match self {
            Self::Aes128Cbc(mac) => Some((&cipher::AES_128, mac)),
            Self::Aes256Cbc(mac) => Some((&cipher::AES_256, mac)),
            Self::Aes128Gcm | Self::Aes256Gcm | Self::ChaCha20Poly1305 => None,
        }
    }
}

/// A suite. How its keys were agreed on and signed for is of no concern to who has the secrets.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Suite {
    pub(super) number: u16,
    pub(super) name: &'static str,
    pub(super) cipher: Cipher,
    pub(super) hash: Hash,
}

impl Suite {
    /// `None` if it cannot be opened.
    pub(super) fn of(number: u16) -> Option<&'static Self> {
        SUITES.iter().find(|suite| suite.number == number)
    }

    /// Whether it is one of TLS 1.3, whose suites are no others' (RFC 8446, appendix B.4).
    pub(super) fn is_tls13(&self) -> bool {
        self.number >> 8 == 0x13
    }
}

const fn suite(number: u16, name: &'static str, cipher: Cipher, hash: Hash) -> Suite {
    Suite {
        number,
        name,
        cipher,
        hash,
    }
}

use Cipher::{Aes128Cbc, Aes128Gcm, Aes256Cbc, Aes256Gcm, ChaCha20Poly1305};
use Hash::{Sha256, Sha384};

#[rustfmt::skip]
static SUITES: [Suite; 39] = [
    suite(0x1301, "TLS_AES_128_GCM_SHA256", Aes128Gcm, Sha256),
    suite(0x1302, "TLS_AES_256_GCM_SHA384", Aes256Gcm, Sha384),
    suite(0x1303, "TLS_CHACHA20_POLY1305_SHA256", ChaCha20Poly1305, Sha256),
    suite(0xc02b, "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", Aes128Gcm, Sha256),
    suite(0xc02c, "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", Aes256Gcm, Sha384),
    suite(0xc02f, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", Aes128Gcm, Sha256),
    suite(0xc030, "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", Aes256Gcm, Sha384),
    suite(0xcca8, "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", ChaCha20Poly1305, Sha256),
    suite(0xcca9, "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", ChaCha20Poly1305, Sha256),
    suite(0xccaa, "TLS_DHE_RSA_WITH_CHACHA20_POLY1305_SHA256", ChaCha20Poly1305, Sha256),
    suite(0x009c, "TLS_RSA_WITH_AES_128_GCM_SHA256", Aes128Gcm, Sha256),
    suite(0x009d, "TLS_RSA_WITH_AES_256_GCM_SHA384", Aes256Gcm, Sha384),
    suite(0x009e, "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256", Aes128Gcm, Sha256),
    suite(0x009f, "TLS_DHE_RSA_WITH_AES_256_GCM_SHA384", Aes256Gcm, Sha384),
    suite(0x00a8, "TLS_PSK_WITH_AES_128_GCM_SHA256", Aes128Gcm, Sha256),
    suite(0x00a9, "TLS_PSK_WITH_AES_256_GCM_SHA384", Aes256Gcm, Sha384),
    suite(0xccab, "TLS_PSK_WITH_CHACHA20_POLY1305_SHA256", ChaCha20Poly1305, Sha256),
    suite(0xccac, "TLS_ECDHE_PSK_WITH_CHACHA20_POLY1305_SHA256", ChaCha20Poly1305, Sha256),
    suite(0x002f, "TLS_RSA_WITH_AES_128_CBC_SHA", Aes128Cbc(Mac::Sha1), Sha256),
    suite(0x0033, "TLS_DHE_RSA_WITH_AES_128_CBC_SHA", Aes128Cbc(Mac::Sha1), Sha256),
    suite(0x0035, "TLS_RSA_WITH_AES_256_CBC_SHA", Aes256Cbc(Mac::Sha1), Sha256),
    suite(0x0039, "TLS_DHE_RSA_WITH_AES_256_CBC_SHA", Aes256Cbc(Mac::Sha1), Sha256),
    suite(0x003c, "TLS_RSA_WITH_AES_128_CBC_SHA256", Aes128Cbc(Mac::Sha256), Sha256),
    suite(0x003d, "TLS_RSA_WITH_AES_256_CBC_SHA256", Aes256Cbc(Mac::Sha256), Sha256),
    suite(0x0067, "TLS_DHE_RSA_WITH_AES_128_CBC_SHA256", Aes128Cbc(Mac::Sha256), Sha256),
    suite(0x006b, "TLS_DHE_RSA_WITH_AES_256_CBC_SHA256", Aes256Cbc(Mac::Sha256), Sha256),
    suite(0x008c, "TLS_PSK_WITH_AES_128_CBC_SHA", Aes128Cbc(Mac::Sha1), Sha256),
    suite(0x008d, "TLS_PSK_WITH_AES_256_CBC_SHA", Aes256Cbc(Mac::Sha1), Sha256),
    suite(0xc009, "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA", Aes128Cbc(Mac::Sha1), Sha256),
    suite(0xc00a, "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA", Aes256Cbc(Mac::Sha1), Sha256),
    suite(0xc013, "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", Aes128Cbc(Mac::Sha1), Sha256),
    suite(0xc014, "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA", Aes256Cbc(Mac::Sha1), Sha256),
    suite(0xc023, "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256", Aes128Cbc(Mac::Sha256), Sha256),
    suite(0xc024, "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384", Aes256Cbc(Mac::Sha384), Sha384),
    suite(0xc027, "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256", Aes128Cbc(Mac::Sha256), Sha256),
    suite(0xc028, "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384", Aes256Cbc(Mac::Sha384), Sha384),
    suite(0xc035, "TLS_ECDHE_PSK_WITH_AES_128_CBC_SHA", Aes128Cbc(Mac::Sha1), Sha256),
    suite(0xc036, "TLS_ECDHE_PSK_WITH_AES_256_CBC_SHA", Aes256Cbc(Mac::Sha1), Sha256),
    suite(0xc037, "TLS_ECDHE_PSK_WITH_AES_128_CBC_SHA256", Aes128Cbc(Mac::Sha256), Sha256),
];
