//! Where a body ends: by its length, by its chunks (RFC 9112, section 7.1), or with the connection.
//!
//! It does not know what a body says, and keeps none of it.

use super::Head;

/// How a body is delimited (RFC 9112, section 6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    /// So many bytes, perhaps none.
    Length(u64),
    /// Chunks.
    Chunked,
    /// All until the connection ends, or what is no HTTP any more.
    Close,
}

/// How far a body is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Body {
    /// So many bytes are to come.
    Left(u64),
    /// In the line of a chunk's size; the size so far, and whether its digits are over.
    Size(u64, bool),
    /// So many bytes of a chunk are to come, then its line's end.
    Chunk(u64),
    /// In the line's end behind a chunk.
    ChunkEnd,
    /// In a trailer's line; whether anything stands in it.
    Trailer(bool),
    /// It never ends.
    Endless,
}

impl Framing {
    /// A request's.
    pub(crate) fn of_request(head: Head<'_>) -> Self {
        if head.says("transfer-encoding", "chunked") {
            return Self::Chunked;
        }
        if head.method() == b"CONNECT"
            || head.field("upgrade").is_some() && head.says("connection", "upgrade")
        {
            return Self::Close;
        }
        Self::Length(head.content_length().unwrap_or(0))
    }

    /// A response's, to a request that wanted no body (`bodiless`, as HEAD) or a tunnel (CONNECT).
    pub(crate) fn of_response(head: Head<'_>, bodiless: bool, tunnel: bool) -> Self {
        match head.status() {
            101 => Self::Close,
            100..=199 | 204 | 304 => Self::Length(0),
            200..=299 if tunnel => Self::Close,
            _ if bodiless => Self::Length(0),
            _ if head.says("transfer-encoding", "chunked") => Self::Chunked,
            _ => head.content_length().map_or(Self::Close, Self::Length),
        }
    }
}

impl From<Framing> for Body {
    fn from(framing: Framing) -> Self {
        match framing {
            Framing::Length(length) => Self::Left(length),
            Framing::Chunked => Self::Size(0, false),
            Framing::Close => Self::Endless,
        }
    }
}

impl Body {
    /// Whether all of it was read.
    pub(crate) fn ended(self) -> bool {
        self == Self::Left(0)
    }

    /// Reads on: how many of `bytes` belong to the body. What it says, without chunks' frames, goes to `data`.
    pub(crate) fn read(&mut self, bytes: &[u8], mut data: impl FnMut(&[u8])) -> usize {
        let mut at = 0;
        while at < bytes.len() && !self.ended() {
            let rest = &bytes[at..];
            match self {
                Self::Endless => {
                    data(rest);
                    at = bytes.len();
                }
                Self::Left(left) | Self::Chunk(left) if *left > 0 => {
                    let length = usize::try_from(*left).unwrap_or(usize::MAX).min(rest.len());
                    data(&rest[..length]);
                    *left -= length as u64;
                    at += length;
                }
                _ => {
                    *self = self.after(rest[0]);
                    at += 1;
                }
            }
        }
        at
    }

    /// One more byte of what frames a chunk.
    fn after(self, byte: u8) -> Self {
        match (self, byte) {
            (Self::Size(0, _), b'\n') => Self::Trailer(false),
            (Self::Size(size, _), b'\n') => Self::Chunk(size),
            (Self::Size(size, false), digit) if digit.is_ascii_hexdigit() => {
                let digit = (digit as char).to_digit(16).unwrap_or(0);
                Self::Size(size.saturating_mul(16).saturating_add(digit.into()), false)
            }
            (Self::Size(size, _), _) => Self::Size(size, true),
            (Self::Chunk(_) | Self::ChunkEnd, b'\n') => Self::Size(0, false),
            (Self::Chunk(_) | Self::ChunkEnd, _) => Self::ChunkEnd,
            (Self::Trailer(false), b'\n') => Self::Left(0),
            (Self::Trailer(said), b'\r') => Self::Trailer(said),
            (Self::Trailer(_), other) => Self::Trailer(other != b'\n'),
            (Self::Left(_) | Self::Endless, _) => self,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const CHUNKS: &[u8] = b"4;x=1\r\nWiki\r\n6\r\npedia \r\nB\r\nin chunks..\r\n0\r\nT: 1\r\n\r\n";

    proptest! {
        #[test]
        fn chunks_end_where_they_end_however_they_come(cuts in prop::collection::vec(1usize..20, 0..20)) {
            let stream = [CHUNKS, b"HTTP/1.1 next"].concat();
            let (mut body, mut data, mut at) = (Body::from(Framing::Chunked), Vec::new(), 0);
            for cut in cuts.into_iter().chain([stream.len()]) {
                let end = stream.len().min(at + cut);
                at += body.read(&stream[at..end], |part| data.extend_from_slice(part));
            }
            prop_assert!(body.ended());
            prop_assert_eq!(at, CHUNKS.len());
            prop_assert_eq!(data, b"Wikipedia in chunks..");
        }
    }
}
