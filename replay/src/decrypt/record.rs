//! A record's header (RFC 8446, section 5.1; RFC 5246, section 6.2).
//!
//! It does not know keys.

/// Bytes of a record's header.
pub(super) const HEADER_BYTES: usize = 5;
/// Plaintext bytes of a record at most.
pub(super) const PLAIN_MAX_BYTES: usize = 1 << 14;
/// Bytes after the header at most: of TLS 1.2, whose bound is the wider one.
const BODY_MAX_BYTES: usize = PLAIN_MAX_BYTES + 2048;
/// Bytes of a whole record at most.
pub(super) const RECORD_MAX_BYTES: usize = HEADER_BYTES + BODY_MAX_BYTES;

/// Content types.
pub(super) const CHANGE_CIPHER_SPEC: u8 = 20;
pub(super) const ALERT: u8 = 21;
pub(super) const HANDSHAKE: u8 = 22;
pub(super) const APPLICATION: u8 = 23;
const HEARTBEAT: u8 = 24;

/// What stands before a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// What it holds, or is said to hold.
    pub(super) content: u8,
    /// Bytes that follow.
    pub(super) body_bytes: usize,
}

impl Header {
    /// The header that `bytes` begin with; `None` if that is none of TLS 1.0 to 1.3.
    pub(super) fn parse(bytes: [u8; HEADER_BYTES]) -> Option<Self> {
        let [content, major, minor, high, low] = bytes;
        let body_bytes = usize::from(u16::from_be_bytes([high, low]));
        let sound = (CHANGE_CIPHER_SPEC..=HEARTBEAT).contains(&content)
            && major == 3
            && minor <= 4
            && (1..=BODY_MAX_BYTES).contains(&body_bytes);
        sound.then_some(Self { content, body_bytes })
    }

    /// Bytes of the record, header and all.
    pub(super) fn record_bytes(self) -> usize {
        HEADER_BYTES + self.body_bytes
    }
}

/// A record's nonce: the sequence number exclusive-or the IV (RFC 8446, section 5.3; RFC 7905, section 2).
pub(super) fn nonce(iv: &[u8; 12], sequence: u64) -> [u8; 12] {
    let mut nonce = *iv;
    for (byte, number) in nonce[4..].iter_mut().zip(sequence.to_be_bytes()) {
        *byte ^= number;
    }
    nonce
}

/// What an opened record of TLS 1.3 holds, and how many bytes of it are content: the last byte that is not zero is the
/// type, and the zeros are padding (RFC 8446, section 5.4). `None` if there is nothing but padding.
pub(super) fn inner(opened: &[u8]) -> Option<(u8, usize)> {
    let at = opened.iter().rposition(|byte| *byte != 0)?;
    Some((opened[at], at))
}
