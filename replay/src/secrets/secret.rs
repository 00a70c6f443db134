//! One secret of a session, and which of them it is.
//!
//! It does not know whose it is, nor shows what it is.

use std::fmt;

use zeroize::Zeroizing;

/// Bytes of the longest secret: of SHA-384's output, and of TLS 1.2's master secret.
pub(crate) const SECRET_MAX_BYTES: usize = 48;

/// Which secret of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Label {
    /// TLS 1.2's master secret (RFC 5246, section 8.1).
    Master,
    /// TLS 1.3's, by what they protect (RFC 8446, section 7.1).
    ClientEarly,
    ClientHandshake,
    ServerHandshake,
    ClientApplication,
    ServerApplication,
}

/// A secret. Wiped when dropped.
#[derive(Clone)]
pub(crate) struct Secret {
    bytes: Zeroizing<[u8; SECRET_MAX_BYTES]>,
    length: u8,
}

impl Secret {
    /// `None` if it is longer than any.
    pub(crate) fn new(bytes: &[u8]) -> Option<Self> {
        let mut secret = Zeroizing::new([0; SECRET_MAX_BYTES]);
        secret.get_mut(..bytes.len())?.copy_from_slice(bytes);
        Some(Self {
            bytes: secret,
            length: bytes.len() as u8,
        })
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}
