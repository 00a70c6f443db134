//! Frames: two length bytes, a type, fields. Decoding borrows; encoding appends.
//!
//! The layout of each frame stands in `docs/protocol.md`. What a frame means, and when it may come, is not known here.

mod client;
mod kind;
mod members;
mod server;

use super::field::Fields;
use super::{BODY_MAX_BYTES, Code, FRAME_MAX_BYTES};

pub use client::ClientFrame;
pub use members::Members;
pub use server::ServerFrame;

/// The length field before each frame.
pub const HEADER_BYTES: usize = 2;

/// Why bytes are not a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// Fields missing, left over, or out of their range.
    #[error("malformed frame")]
    Malformed,
    /// Longer than the protocol allows.
    #[error("oversized frame")]
    Oversized,
    /// No such type.
    #[error("unknown frame type {0:#04x}")]
    UnknownType(u8),
}

impl From<FrameError> for Code {
    fn from(error: FrameError) -> Self {
        match error {
            FrameError::Malformed => Self::Malformed,
            FrameError::Oversized => Self::Oversized,
            FrameError::UnknownType(_) => Self::UnknownType,
        }
    }
}

/// What a message's body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// Opaque bytes, the clients' own.
    Text = 0,
    /// A [`Media`](super::Media): a link and a thumbnail.
    Media = 1,
}

/// A message's content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Body<'a> {
    /// What it is.
    pub kind: Kind,
    /// At most [`BODY_MAX_BYTES`].
    pub bytes: &'a [u8],
}

/// Whether a person is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Presence {
    /// Not connected.
    Away = 0,
    /// Connected.
    Online = 1,
}

impl From<super::AddressError> for FrameError {
    fn from(_: super::AddressError) -> Self {
        Self::Malformed
    }
}

/// Splits the first frame off: its type, its fields and the bytes it took; `None` while it is incomplete.
fn split(bytes: &[u8]) -> Result<Option<(u8, Fields<'_>, usize)>, FrameError> {
    let Some((header, rest)) = bytes.split_first_chunk::<HEADER_BYTES>() else {
        return Ok(None);
    };
    let length = usize::from(u16::from_be_bytes(*header));
    if length == 0 {
        return Err(FrameError::Malformed);
    }
    if length > FRAME_MAX_BYTES {
        return Err(FrameError::Oversized);
    }
    match rest.get(..length) {
        Some([kind, fields @ ..]) => Ok(Some((*kind, Fields::new(fields), HEADER_BYTES + length))),
        _ => Ok(None),
    }
}

/// Appends a frame: its type, its fields by `fill`, and its length in front.
fn frame(out: &mut Vec<u8>, kind: u8, fill: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&[0, 0, kind]);
    fill(out);
    let length = out.len() - start - HEADER_BYTES;
    debug_assert!(length <= FRAME_MAX_BYTES, "a frame of {length} bytes");
    out[start..start + HEADER_BYTES].copy_from_slice(&(length as u16).to_be_bytes());
}

impl<'a> Body<'a> {
    fn parse(mut fields: Fields<'a>) -> Result<Self, FrameError> {
        let kind = match fields.u8()? {
            0 => Kind::Text,
            1 => Kind::Media,
            _ => return Err(FrameError::Malformed),
        };
        let bytes = fields.rest(BODY_MAX_BYTES)?;
        if kind == Kind::Media {
            super::Media::parse(bytes).map_err(|_| FrameError::Malformed)?;
        }
        Ok(Self { kind, bytes })
    }

    fn encode(self, out: &mut Vec<u8>) {
        out.push(self.kind as u8);
        out.extend_from_slice(self.bytes);
    }
}

fn put(out: &mut Vec<u8>, value: u64) {
    out.extend_from_slice(&value.to_be_bytes());
}

#[cfg(test)]
mod tests;
