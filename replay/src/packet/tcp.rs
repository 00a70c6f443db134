//! A TCP header (RFC 9293, section 3.1) and what is behind it.
//!
//! It knows no connection. Of the options it reads one, the window scale (RFC 7323, section 2), and that on a SYN alone.

use super::endpoint::{Endpoint, Path};
use super::ip::Carried;
use super::view::{u16_at, u32_at};
use crate::skipped::Skip;

const HEADER_BYTES: usize = 20;

/// The control bits that matter here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags(u8);

impl Flags {
    /// No more data.
    pub const FIN: Self = Self(0x01);
    /// Sequence numbers begin.
    pub const SYN: Self = Self(0x02);
    /// The connection is no more.
    pub const RST: Self = Self(0x04);
    /// The acknowledgement counts.
    pub const ACK: Self = Self(0x10);

    /// Whether all of these are set.
    #[must_use]
    pub fn has(self, flags: Self) -> bool {
        self.0 & flags.0 == flags.0
    }
}

impl std::ops::BitOr for Flags {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// A segment.
#[derive(Clone, Copy, Debug)]
pub struct Segment<'a> {
    /// Who sent it.
    pub source: Endpoint,
    /// To whom.
    pub to: Endpoint,
    /// The VLANs and tunnels it came through.
    pub path: Path,
    /// Number of its first byte, or of its SYN.
    pub seq: u32,
    /// The next number expected, where [`Flags::ACK`] is set.
    pub ack: u32,
    /// Its control bits.
    pub flags: Flags,
    /// Its window field, unscaled.
    pub window: u16,
    /// The window scale that a SYN offers.
    pub scale: Option<u8>,
    /// What was captured of its payload.
    pub payload: &'a [u8],
    /// Length of its payload on the wire, bytes.
    pub length: u32,
}

/// Reads a segment. Options that the snap length cut off are done without.
pub(super) fn read<'a>(carried: &Carried<'a>) -> Result<Segment<'a>, Skip> {
    let head = carried.view.head::<HEADER_BYTES>()?;
    let header_bytes = usize::from(head[12] >> 4) * 4;
    if header_bytes < HEADER_BYTES || header_bytes > carried.view.length {
        return Err(Skip::Malformed);
    }
    let bytes = carried.view.bytes;
    let flags = Flags(head[13]);
    let options = &bytes[HEADER_BYTES..header_bytes.min(bytes.len())];
    Ok(Segment {
        source: carried.source.with_port(u16_at(head, 0)),
        to: carried.to.with_port(u16_at(head, 2)),
        path: carried.path,
        seq: u32_at(head, 4),
        ack: u32_at(head, 8),
        flags,
        window: u16_at(head, 14),
        scale: if flags.has(Flags::SYN) {
            scale(options)
        } else {
            None
        },
        payload: bytes.get(header_bytes..).unwrap_or_default(),
        length: u32::try_from(carried.view.length - header_bytes).unwrap_or(u32::MAX),
    })
}

/// The window scale among a SYN's options.
fn scale(mut options: &[u8]) -> Option<u8> {
    const END: u8 = 0;
    const NOTHING: u8 = 1;
    const SCALE: u8 = 3;
    /// More than 14 counts as 14 (RFC 7323, section 2.3).
    const SCALE_MAX: u8 = 14;
    loop {
        options = match *options {
            [] | [END, ..] => return None,
            [NOTHING, ref rest @ ..] => rest,
            [SCALE, 3, scale, ..] => return Some(scale.min(SCALE_MAX)),
            [_, length, ..] if length >= 2 => options.get(usize::from(length)..)?,
            _ => return None,
        };
    }
}
