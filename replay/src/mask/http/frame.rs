//! Where a body's bytes are, and what frames them: as strict as the standard (RFC 9112, section 7.1), so that nothing passes for a frame.
//!
//! It does not know what a body says. It reads on from wherever it stopped.

use crate::http::{Body, Framing};

/// The most digits of a chunk's size.
const DIGITS_MAX: usize = 16;

/// A body under way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frames {
    body: Body,
}

/// What is next in a body, and how long that is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Portion {
    /// What the body says.
    Data(usize),
    /// What frames it; what a chunk's extension says is blanked.
    Frame(usize),
    /// A whole line of the trailer, perhaps the empty one.
    Trailer(usize),
    /// A line that is not whole, of a chunk's size or of the trailer.
    Partial,
    /// It is over.
    End,
}

/// Bytes that frame nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unframed;

impl From<Framing> for Frames {
    fn from(framing: Framing) -> Self {
        Self { body: framing.into() }
    }
}

impl Frames {
    /// Whether it ends with the connection.
    pub(super) fn is_endless(self) -> bool {
        self.body == Body::Endless
    }

    pub(super) fn is_over(self) -> bool {
        self.body.ended()
    }

    /// Reads on in `bytes`, of which there are some unless it is over.
    pub(super) fn next(&mut self, bytes: &mut [u8]) -> Result<Portion, Unframed> {
        match self.body {
            _ if self.is_over() => Ok(Portion::End),
            Body::Left(left) | Body::Chunk(left) if left > 0 => {
                let length = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
                Ok(Portion::Data(self.body.read(&bytes[..length], |_| {})))
            }
            Body::Endless => Ok(Portion::Data(bytes.len())),
            Body::Size(..) | Body::Trailer(_) => {
                let Some(end) = bytes.iter().position(|byte| *byte == b'\n') else {
                    return Ok(Portion::Partial);
                };
                let line = &mut bytes[..=end];
                let is_size = matches!(self.body, Body::Size(..));
                let length = self.body.read(line, |_| {});
                if is_size {
                    blank_extension(line)?;
                    return Ok(Portion::Frame(length));
                }
                Ok(Portion::Trailer(length))
            }
            // The end of a chunk's line.
            _ => match bytes.first() {
                Some(byte @ (b'\r' | b'\n')) => Ok(Portion::Frame(self.body.read(&[*byte], |_| {}))),
                Some(_) => Err(Unframed),
                None => Ok(Portion::Partial),
            },
        }
    }

    /// So many bytes are missing: whether all of them are of what the body says.
    pub(super) fn skip(&mut self, length: u64) -> bool {
        match &mut self.body {
            Body::Left(left) if *left >= length => *left -= length,
            // Where it ends is told by the line behind it, which has to be there.
            Body::Chunk(left) if *left > length => *left -= length,
            Body::Endless => {}
            _ => return false,
        }
        true
    }
}

/// Leaves of a chunk's line its size, and of what is behind it the punctuation.
fn blank_extension(line: &mut [u8]) -> Result<(), Unframed> {
    let digits = line.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    let behind = &mut line[digits..];
    let extension = behind.trim_ascii_start();
    let is_size = (1..=DIGITS_MAX).contains(&digits) && (extension.is_empty() || extension.starts_with(b";"));
    for byte in behind {
        if !byte.is_ascii_punctuation() && !byte.is_ascii_whitespace() {
            *byte = b'x';
        }
    }
    is_size.then_some(()).ok_or(Unframed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(said: &str) -> Result<(String, String), Unframed> {
        let (mut bytes, mut at) = (said.as_bytes().to_vec(), 0);
        let (mut frames, mut data) = (Frames::from(Framing::Chunked), String::new());
        while at < bytes.len() {
            at += match frames.next(&mut bytes[at..])? {
                Portion::Data(length) => {
                    data += std::str::from_utf8(&bytes[at..at + length]).unwrap();
                    length
                }
                Portion::Frame(length) | Portion::Trailer(length) => length,
                Portion::Partial | Portion::End => break,
            };
        }
        Ok((data, String::from_utf8(bytes).unwrap()))
    }

    #[test]
    fn chunks_are_told_from_their_frames_and_extensions_are_blanked() {
        let (data, said) = read("4;a=Ada \"L\"\r\nWiki\r\n05\r\npedia\r\n0\r\nT: 1\r\n\r\nGET").unwrap();
        assert_eq!(data, "Wikipedia");
        assert_eq!(
            said,
            "4;x=xxx \"x\"\r\nWiki\r\n05\r\npedia\r\n0\r\nT: 1\r\n\r\nGET"
        );
    }

    #[test]
    fn what_frames_nothing_is_found_out() {
        for said in [
            "hello\r\n",
            "\r\n",
            "4\r\nWikiX\r\n",
            "00000000000000001\r\n",
            "4x\r\n",
        ] {
            assert_eq!(read(said), Err(Unframed), "{said}");
        }
    }
}
