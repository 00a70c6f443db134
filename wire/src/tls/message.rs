//! Handshake messages that may come after the handshake (RFC 8446, section 4.6).
//!
//! It knows their framing and nothing of what they do.

use super::{Alert, Fault};

/// Bytes of a message's header: its type and a length of 24 bits.
const HEADER_BYTES: usize = 4;
/// Bytes of a message at most; a ticket may have 64 KB, none that is met has more than a few.
const MESSAGE_MAX_BYTES: usize = 1 << 16;

const NEW_SESSION_TICKET: u8 = 4;
const KEY_UPDATE: u8 = 24;

/// A whole message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Message<'a> {
    /// A ticket, to resume with.
    Ticket(&'a [u8]),
    /// The peer's next record comes under its next key.
    KeyUpdate {
        /// Whether it wants us to do the same.
        requested: bool,
    },
}

impl<'a> Message<'a> {
    /// The first message and its length, once it is whole.
    pub(super) fn decode(bytes: &'a [u8]) -> Result<Option<(Self, usize)>, Fault> {
        let Some((&[kind, a, b, c], rest)) = bytes.split_first_chunk::<HEADER_BYTES>() else {
            return Ok(None);
        };
        if !matches!(kind, NEW_SESSION_TICKET | KEY_UPDATE) {
            return Err(Fault::violated(Alert::UNEXPECTED_MESSAGE));
        }
        let length = u32::from_be_bytes([0, a, b, c]) as usize;
        if length > MESSAGE_MAX_BYTES || (kind == KEY_UPDATE && length != 1) {
            return Err(Fault::violated(Alert::DECODE_ERROR));
        }
        let Some(body) = rest.get(..length) else {
            return Ok(None);
        };
        let message = match (kind, body) {
            (KEY_UPDATE, [0]) => Self::KeyUpdate { requested: false },
            (KEY_UPDATE, [1]) => Self::KeyUpdate { requested: true },
            (KEY_UPDATE, _) => return Err(Fault::violated(Alert::ILLEGAL_PARAMETER)),
            _ => Self::Ticket(body),
        };
        Ok(Some((message, HEADER_BYTES + length)))
    }
}

/// A *KeyUpdate* (RFC 8446, section 4.6.3).
pub(super) fn key_update(requests: bool) -> [u8; 5] {
    [KEY_UPDATE, 0, 0, 1, u8::from(requests)]
}
