//! A record's header and inner form (RFC 8446, section 5).
//!
//! It does not know keys.

use super::{Alert, Fault};

/// Plaintext bytes of a record at most (RFC 8446, section 5.1).
pub const FRAGMENT_MAX_BYTES: usize = 1 << 14;
/// Bytes of a record's header.
pub(super) const HEADER_BYTES: usize = 5;
/// Bytes of an AEAD tag, with every suite.
pub(super) const TAG_BYTES: usize = 16;
/// Bytes after the header at most (RFC 8446, section 5.2).
pub(super) const CIPHERTEXT_MAX_BYTES: usize = FRAGMENT_MAX_BYTES + 256;
/// Bytes of a whole record at most.
pub const RECORD_MAX_BYTES: usize = HEADER_BYTES + CIPHERTEXT_MAX_BYTES;
/// Bytes that sealing adds: header, the inner content type, tag.
pub(super) const OVERHEAD_BYTES: usize = HEADER_BYTES + 1 + TAG_BYTES;

/// Content types (RFC 8446, section 5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Content {
    Alert = 21,
    Handshake = 22,
    Application = 23,
}

impl Content {
    fn of(byte: u8) -> Result<Self, Fault> {
        match byte {
            21 => Ok(Self::Alert),
            22 => Ok(Self::Handshake),
            23 => Ok(Self::Application),
            _ => Err(Fault::violated(Alert::UNEXPECTED_MESSAGE)),
        }
    }
}

/// The length of the first record, header and all, once the header is there: the version is not looked at
/// (RFC 8446, section 5.1).
///
/// # Errors
/// It claims more than a record may hold.
pub(super) fn length(bytes: &[u8]) -> Result<Option<usize>, Fault> {
    let Some((header, _)) = bytes.split_first_chunk::<HEADER_BYTES>() else {
        return Ok(None);
    };
    let length = usize::from(u16::from_be_bytes([header[3], header[4]]));
    if length > CIPHERTEXT_MAX_BYTES {
        return Err(Fault::violated(Alert::RECORD_OVERFLOW));
    }
    Ok(Some(HEADER_BYTES + length))
}

/// The header of a sealed record that carries `plaintext_bytes`: every one says *application_data* and TLS 1.2
/// (RFC 8446, section 5.2).
pub(super) fn sealed_header(plaintext_bytes: usize) -> [u8; HEADER_BYTES] {
    let length = (plaintext_bytes + 1 + TAG_BYTES) as u16;
    let [high, low] = length.to_be_bytes();
    [Content::Application as u8, 3, 3, high, low]
}

/// Whether the first byte may begin a record after the handshake: only sealed ones come then, neither a plain alert
/// nor a *change_cipher_spec*, which may not come after *Finished* (RFC 8446, section 5).
pub(super) fn is_sealed(bytes: &[u8]) -> bool {
    bytes
        .first()
        .is_none_or(|first| *first == Content::Application as u8)
}

/// Whether a record of our own is an alert: in the clear, or sealed, where no other of the handshake is that short.
pub(super) fn is_alert(record: &[u8]) -> bool {
    const SEALED_BYTES: usize = 2 + OVERHEAD_BYTES;
    match record.first() {
        Some(21) => true,
        Some(_) => record[0] == Content::Application as u8 && record.len() == SEALED_BYTES,
        None => false,
    }
}

/// An alert in the clear, as it is sent before there are keys.
pub(super) fn plain_alert(alert: Alert) -> [u8; 7] {
    [Content::Alert as u8, 3, 3, 0, 2, alert.level(), alert.0]
}

/// What an opened record holds, and how many bytes of it are content: the last byte that is not zero is the type, and
/// the zeros are padding, which counts (RFC 8446, section 5.4).
pub(super) fn inner(opened: &[u8]) -> Result<(Content, usize), Fault> {
    if opened.len() > FRAGMENT_MAX_BYTES + 1 {
        return Err(Fault::violated(Alert::RECORD_OVERFLOW));
    }
    let Some(at) = opened.iter().rposition(|byte| *byte != 0) else {
        return Err(Fault::violated(Alert::UNEXPECTED_MESSAGE));
    };
    Ok((Content::of(opened[at])?, at))
}

/// A record's nonce: the sequence number exclusive-or the IV (RFC 8446, section 5.3).
pub(super) fn nonce(iv: &[u8; 12], sequence: u64) -> [u8; 12] {
    let mut nonce = *iv;
    for (byte, number) in nonce[4..].iter_mut().zip(sequence.to_be_bytes()) {
        *byte ^= number;
    }
    nonce
}
