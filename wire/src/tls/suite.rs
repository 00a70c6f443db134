//! The cipher suites that a compact session can have.
//!
//! It knows their sizes and limits, nothing of records.

use aws_lc_rs::aead;
use rustls::CipherSuite;

use super::{Fault, OwnFault};

/// An AEAD with SHA-256 (RFC 8446, appendix B.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Suite {
    Aes128Gcm,
    ChaCha20Poly1305,
}

impl Suite {
    pub(super) fn of(suite: CipherSuite) -> Result<Self, Fault> {
        match suite {
            CipherSuite::TLS13_AES_128_GCM_SHA256 => Ok(Self::Aes128Gcm),
            CipherSuite::TLS13_CHACHA20_POLY1305_SHA256 => Ok(Self::ChaCha20Poly1305),
            _ => Err(OwnFault::Config.into()),
        }
    }

    pub(super) fn algorithm(self) -> &'static aead::Algorithm {
        match self {
            Self::Aes128Gcm => &aead::AES_128_GCM,
            Self::ChaCha20Poly1305 => &aead::CHACHA20_POLY1305,
        }
    }

    /// Records to seal under one key at most. For AES-GCM 2^24.5 full ones are safe (RFC 8446, section 5.5); for
    /// ChaCha20 the sequence number would end first, and ours has 32 bits.
    pub(super) fn records_max(self) -> u32 {
        match self {
            Self::Aes128Gcm => 1 << 24,
            Self::ChaCha20Poly1305 => u32::MAX - 1,
        }
    }
}
