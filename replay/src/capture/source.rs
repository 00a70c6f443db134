//! Where a capture's bytes come from: a file, standard input or any reader, unpacked where gzip or zstd packed them.
//!
//! It does not know what the bytes say. Packing is told by its magic number, not by the file's name. Unpacking holds one
//! window: 32 KiB for gzip; with zstd 8 MiB at most, or 128 MiB where the first frame asks for more than that.

use std::fs::File;
use std::io::{self, BufReader, Cursor, Read};
use std::path::Path;

use super::CaptureError;
use super::frame::{self, HEAD_MAX_BYTES};

/// How much is read at once where something has to be unpacked, bytes.
const PACKED_BYTES: usize = 128 << 10;

/// Where a capture comes from.
pub struct Source {
    reader: Box<dyn Read + Send>,
    /// What was read of it to see how it is packed.
    first: Vec<u8>,
}

impl Source {
    /// This file; `-` is standard input.
    ///
    /// # Errors
    /// The file cannot be opened.
    pub fn open(path: &Path) -> Result<Self, CaptureError> {
        if path.as_os_str() == "-" {
            return Ok(Self::reader(io::stdin()));
        }
        let file = File::open(path).map_err(|source| CaptureError::Open {
            path: path.to_owned(),
            source,
        })?;
        Ok(Self::reader(file))
    }

    /// Any reader. It is read in large pieces, so it needs no buffer of its own.
    pub fn reader(reader: impl Read + Send + 'static) -> Self {
        Self {
            reader: Box::new(reader),
            first: Vec::new(),
        }
    }

    /// The most that unpacking it takes, bytes; reads its first bytes.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn window_bytes(&mut self) -> io::Result<u64> {
        Ok(match self.packing()? {
            Packing::None => 0,
            Packing::Gzip => 32 << 10,
            Packing::Zstd => 1 << frame::window_log(&self.first),
        })
    }

    fn packing(&mut self) -> io::Result<Packing> {
        let missing = HEAD_MAX_BYTES - self.first.len();
        self.reader
            .by_ref()
            .take(missing as u64)
            .read_to_end(&mut self.first)?;
        Ok(Packing::of(&self.first))
    }

    /// Looks at the first bytes and unpacks what is packed.
    pub(super) fn unpack(mut self) -> io::Result<Unpacked> {
        let packing = self.packing()?;
        let window_log = frame::window_log(&self.first);
        let whole = Cursor::new(self.first).chain(self.reader);
        let reader: Box<dyn Read + Send> = match packing {
            Packing::None => Box::new(whole),
            Packing::Gzip => {
                let packed = BufReader::with_capacity(PACKED_BYTES, whole);
                Box::new(flate2::bufread::MultiGzDecoder::new(packed))
            }
            Packing::Zstd => {
                let packed = BufReader::with_capacity(PACKED_BYTES, whole);
                let mut decoder = zstd::stream::read::Decoder::with_buffer(packed)?;
                decoder.window_log_max(window_log)?;
                Box::new(decoder)
            }
        };
        Ok(Unpacked { reader, packing })
    }
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Source")
    }
}

/// How a capture is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    /// Not at all.
    None,
    /// By gzip (RFC 1952), in one member or many.
    Gzip,
    /// By Zstandard (RFC 8878), in one frame or many.
    Zstd,
}

impl Packing {
    fn of(magic: &[u8]) -> Self {
        match magic {
            [0x1f, 0x8b, ..] => Self::Gzip,
            // A frame, or one to be skipped before it (RFC 8878, sections 3.1.1 and 3.1.2).
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Self::Zstd,
            _ => Self::None,
        }
    }
}

impl std::fmt::Display for Packing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::None => "no packing",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        })
    }
}

/// Bytes as the capture's writer wrote them.
pub(super) struct Unpacked {
    pub(super) reader: Box<dyn Read + Send>,
    pub(super) packing: Packing,
}
