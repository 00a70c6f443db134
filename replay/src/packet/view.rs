//! A view of a packet from some header on: the bytes that were captured, and how many there were on the wire.
//!
//! It knows no header. Reading behind what was captured tells a snapped packet from one that is too short for what it says.

use crate::skipped::Skip;

/// What is left of a packet.
#[derive(Clone, Copy, Debug)]
pub(super) struct View<'a> {
    /// What was captured of it; never more than its length.
    pub(super) bytes: &'a [u8],
    /// Its length on the wire, bytes.
    pub(super) length: usize,
}

impl<'a> View<'a> {
    pub(super) fn new(bytes: &'a [u8], sent_bytes: u32) -> Self {
        Self {
            bytes,
            length: (sent_bytes as usize).max(bytes.len()),
        }
    }

    /// What is behind so many bytes.
    pub(super) fn skip(self, bytes: usize) -> Result<Self, Skip> {
        match self.bytes.get(bytes..) {
            Some(rest) => Ok(Self {
                bytes: rest,
                length: self.length - bytes,
            }),
            None => Err(self.missing(bytes)),
        }
    }

    /// The first bytes of that many on the wire: what is behind is padding or a checksum.
    pub(super) fn limit(self, length: usize) -> Self {
        Self {
            bytes: &self.bytes[..self.bytes.len().min(length)],
            length: self.length.min(length),
        }
    }

    /// A header's first bytes.
    pub(super) fn head<const BYTES: usize>(self) -> Result<&'a [u8; BYTES], Skip> {
        self.bytes.first_chunk().ok_or_else(|| self.missing(BYTES))
    }

    /// Why so many bytes cannot be had.
    fn missing(self, bytes: usize) -> Skip {
        if bytes <= self.length {
            Skip::Snapped
        } else {
            Skip::Malformed
        }
    }
}

/// The 16 bits at this place, in network order.
pub(super) fn u16_at<const BYTES: usize>(bytes: &[u8; BYTES], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}

/// The 32 bits at this place, in network order.
pub(super) fn u32_at<const BYTES: usize>(bytes: &[u8; BYTES], at: usize) -> u32 {
    u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}
