//! Bodies as they were before they were packed for the way (Content-Encoding; RFC 9110, section 8.4): gzip, deflate, zstd.
//!
//! It does not know what they say.
//!
//! A packed body of up to [`BODY_MAX_BYTES`] waits as it was sent until it is whole, and is unpacked where somebody asks what it says; a
//! longer one is unpacked as it comes, which takes its format's window for as long as that lasts: 32 KiB, with zstd 8 MiB at most.

use std::borrow::Cow;
use std::io::{self, Write};

use flate2::write::MultiGzDecoder;
use flate2::{Decompress, FlushDecompress, Status};
use zstd::stream::raw::{DParameter, Decoder, InBuffer, Operation as _, OutBuffer};

use super::{BODY_MAX_BYTES, Head};

/// The most that a body may say: one that unpacks to more is left packed. It bounds the work that a small body can make.
pub(crate) const UNPACKED_MAX_BYTES: u64 = 16 << 20;
/// The largest window of zstd on the way (RFC 9659, section 3), as a power of two: 8 MiB.
const WINDOW_LOG_MAX: u32 = 23;
/// How much is unpacked at once, bytes.
const PIECE_BYTES: usize = 16 << 10;

/// A body, or what it says: its front, and of what is beyond a sum.
#[derive(Clone, Debug, Default)]
pub(crate) struct Kept {
    /// The first [`BODY_MAX_BYTES`].
    pub(crate) front: Vec<u8>,
    /// All of it, bytes.
    pub(crate) bytes: u64,
    /// CRC-32C of what is beyond the front.
    pub(crate) sum: u32,
}

/// How a body is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coding {
    /// Not at all.
    None,
    /// RFC 1952.
    Gzip,
    /// RFC 1950; by some servers RFC 1951 alone.
    Deflate,
    /// RFC 8878.
    Zstd,
    /// In a way that is not known here, or in several.
    Other,
}

/// A body on its way that may be packed.
#[derive(Debug)]
pub(super) enum Packed {
    /// It is not.
    No,
    /// It is, and not yet too long to wait.
    Waits(Coding),
    /// It is unpacked as it comes.
    Comes(Box<Unpacker>),
    /// It is unpacked.
    Said(Kept),
    /// It cannot be unpacked: in a way that is not known, broken, or saying more than [`UNPACKED_MAX_BYTES`].
    Sealed,
}

/// Unpacks one body.
pub(super) enum Unpacker {
    Gzip(MultiGzDecoder<Bounded>),
    Pieces(Pieces),
}

/// Unpacks one body in pieces.
pub(super) struct Pieces {
    way: Way,
    /// The body may end here, by its own word.
    ended: bool,
    said: Bounded,
}

enum Way {
    Deflate(Decompress),
    Zstd(Decoder<'static>),
}

/// What is said, refused beyond the bound.
#[derive(Debug, Default)]
pub(super) struct Bounded(Kept);

impl Kept {
    /// More of it.
    pub(super) fn push(&mut self, part: &[u8]) {
        let room = BODY_MAX_BYTES.saturating_sub(self.front.len());
        let (front, beyond) = part.split_at(part.len().min(room));
        self.front.extend_from_slice(front);
        self.sum = crc32c::crc32c_append(self.sum, beyond);
        self.bytes += part.len() as u64;
    }

    /// How much is beyond the front, and its sum.
    pub(crate) fn beyond(&self) -> (u64, u32) {
        (self.bytes - self.front.len() as u64, self.sum)
    }
}

impl Coding {
    /// What a response's head says of its body.
    pub(super) fn of(head: Head<'_>) -> Self {
        let mut codings = head
            .fields()
            .filter(|(name, _)| name.eq_ignore_ascii_case(b"content-encoding"))
            .flat_map(|(_, value)| value.split(|byte| *byte == b','))
            .map(|word| word.trim_ascii().to_ascii_lowercase())
            .filter(|word| !word.is_empty() && word != b"identity");
        match (codings.next().as_deref(), codings.next()) {
            (None, _) => Self::None,
            (Some(b"gzip" | b"x-gzip"), None) => Self::Gzip,
            (Some(b"deflate"), None) => Self::Deflate,
            (Some(b"zstd"), None) => Self::Zstd,
            _ => Self::Other,
        }
    }
}

impl From<Coding> for Packed {
    fn from(coding: Coding) -> Self {
        match coding {
            Coding::None => Self::No,
            coding => Self::Waits(coding),
        }
    }
}

impl Packed {
    /// More of the body, before which `sent` was sent.
    pub(super) fn read(&mut self, sent: &Kept, part: &[u8]) {
        if let Self::Waits(coding) = self
            && sent.bytes + part.len() as u64 > BODY_MAX_BYTES as u64
        {
            let first = if sent.front.is_empty() { part } else { &sent.front };
            *self =
                Unpacker::new(*coding, first).map_or(Self::Sealed, |unpacker| Self::Comes(unpacker.into()));
            self.unpack(&sent.front);
        }
        self.unpack(part);
    }

    fn unpack(&mut self, part: &[u8]) {
        if let Self::Comes(unpacker) = self
            && unpacker.read(part).is_err()
        {
            *self = Self::Sealed;
        }
    }

    /// The body is whole, or as whole as it gets.
    pub(super) fn end(self) -> Self {
        match self {
            Self::Comes(unpacker) => unpacker.end().map_or(Self::Sealed, Self::Said),
            other => other,
        }
    }

    /// What a whole body says; nothing where it cannot be unpacked.
    pub(super) fn content<'a>(&'a self, sent: &'a Kept) -> Option<Cow<'a, Kept>> {
        match self {
            Self::No => Some(Cow::Borrowed(sent)),
            // A body that has none: an answer to HEAD says how it would be packed.
            Self::Waits(_) if sent.bytes == 0 => Some(Cow::Borrowed(sent)),
            Self::Waits(coding) => {
                let mut unpacker = Unpacker::new(*coding, &sent.front).ok()?;
                unpacker.read(&sent.front).ok()?;
                unpacker.end().ok().map(Cow::Owned)
            }
            Self::Said(said) => Some(Cow::Borrowed(said)),
            Self::Comes(_) | Self::Sealed => None,
        }
    }
}

impl Unpacker {
    /// For a body that begins like this.
    fn new(coding: Coding, first: &[u8]) -> io::Result<Self> {
        let way = match coding {
            Coding::Gzip => return Ok(Self::Gzip(MultiGzDecoder::new(Bounded::default()))),
            Coding::Deflate => Way::Deflate(Decompress::new(has_zlib_header(first))),
            Coding::Zstd => {
                let mut decoder = Decoder::new()?;
                decoder.set_parameter(DParameter::WindowLogMax(WINDOW_LOG_MAX))?;
                Way::Zstd(decoder)
            }
            Coding::None | Coding::Other => return Err(io::ErrorKind::Unsupported.into()),
        };
        Ok(Self::Pieces(Pieces {
            way,
            ended: false,
            said: Bounded::default(),
        }))
    }

    /// More of the body.
    ///
    /// # Errors
    /// It is broken, says too much, or goes on behind its end.
    fn read(&mut self, part: &[u8]) -> io::Result<()> {
        match self {
            Self::Gzip(decoder) => decoder.write_all(part),
            Self::Pieces(pieces) => pieces.read(part),
        }
    }

    /// What was said.
    ///
    /// # Errors
    /// The body ended before its end, or its sum is another's.
    fn end(self) -> io::Result<Kept> {
        match self {
            Self::Gzip(decoder) => decoder.finish().map(|said| said.0),
            Self::Pieces(pieces) if pieces.ended => Ok(pieces.said.0),
            Self::Pieces(_) => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }
}

impl Pieces {
    fn read(&mut self, mut part: &[u8]) -> io::Result<()> {
        let mut piece = [0; PIECE_BYTES];
        while !part.is_empty() {
            // One frame of zstd may follow another; behind a deflated body there is nothing.
            if self.ended && matches!(self.way, Way::Deflate(_)) {
                return Err(io::ErrorKind::InvalidData.into());
            }
            loop {
                let (took, gave) = self.step(part, &mut piece)?;
                self.said.write_all(&piece[..gave])?;
                part = &part[took..];
                if self.ended || gave < piece.len() {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Unpacks one piece: how much it took and gave.
    fn step(&mut self, part: &[u8], piece: &mut [u8]) -> io::Result<(usize, usize)> {
        let (took, gave) = match &mut self.way {
            Way::Deflate(inflate) => {
                let before = (inflate.total_in(), inflate.total_out());
                let status = inflate.decompress(part, piece, FlushDecompress::None)?;
                self.ended = status == Status::StreamEnd;
                let (took, gave) = (inflate.total_in() - before.0, inflate.total_out() - before.1);
                (took as usize, gave as usize)
            }
            Way::Zstd(decoder) => {
                let (mut from, mut to) = (InBuffer::around(part), OutBuffer::around(piece));
                self.ended = decoder.run(&mut from, &mut to)? == 0;
                (from.pos(), to.pos())
            }
        };
        // A decoder that neither takes nor gives anything would be asked for ever.
        match (took, gave, part.is_empty()) {
            (0, 0, false) => Err(io::ErrorKind::InvalidData.into()),
            _ => Ok((took, gave)),
        }
    }
}

impl Write for Bounded {
    fn write(&mut self, said: &[u8]) -> io::Result<usize> {
        if self.0.bytes + said.len() as u64 > UNPACKED_MAX_BYTES {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.0.push(said);
        Ok(said.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl std::fmt::Debug for Unpacker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Unpacker")
    }
}

/// Whether a deflated body begins with a header (RFC 1950, section 2.2), as it should, or without, as from some servers.
fn has_zlib_header(first: &[u8]) -> bool {
    match first {
        [method, flags, ..] => method & 15 == 8 && (u16::from(*method) << 8 | u16::from(*flags)) % 31 == 0,
        _ => true,
    }
}

#[cfg(test)]
mod tests;
