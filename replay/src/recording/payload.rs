//! What was said in a recording: in memory where it is small, else read from the file where it is asked for.
//!
//! It knows positions and blocks; it does not know whose the bytes are. In memory a look-up costs nothing; a block of the file as
//! it is costs one system call for the bytes that are asked for, a packed one is read and unpacked whole and kept for whoever asks
//! next, which is who asks in the order of the recording.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::sync::{Mutex, PoisonError};

use super::block::{self, Stored};

/// What was said.
#[derive(Debug)]
pub(super) enum Payload {
    Memory(Vec<u8>),
    File(Box<Filed>),
}

/// What was said, in a file.
#[derive(Debug)]
pub(super) struct Filed {
    file: File,
    /// By position: bytes of payload before the block, and where it lies.
    blocks: Vec<(u64, Stored)>,
    /// The packed block that was unpacked last.
    unpacked: Mutex<Unpacked>,
}

#[derive(Debug, Default)]
struct Unpacked {
    /// Which of the blocks; `None` before the first.
    block: Option<usize>,
    bytes: Vec<u8>,
    stored: Vec<u8>,
}

impl Payload {
    /// Payload in a file's blocks.
    pub(super) fn filed(file: File, blocks: Vec<(u64, Stored)>) -> Self {
        Self::File(Box::new(Filed {
            file,
            blocks,
            unpacked: Mutex::default(),
        }))
    }

    /// `None` where there are no such bytes.
    pub(super) fn bytes<'a>(
        &'a self,
        position: u64,
        length: u32,
        scratch: &'a mut Vec<u8>,
    ) -> Option<io::Result<&'a [u8]>> {
        match self {
            Self::Memory(bytes) => {
                let begin = usize::try_from(position).ok()?;
                bytes.get(begin..begin.checked_add(length as usize)?).map(Ok)
            }
            Self::File(filed) => filed.bytes(position, length, scratch),
        }
    }
}

impl Filed {
    fn bytes<'a>(
        &self,
        position: u64,
        length: u32,
        scratch: &'a mut Vec<u8>,
    ) -> Option<io::Result<&'a [u8]>> {
        let index = self
            .blocks
            .partition_point(|(before, _)| *before <= position)
            .checked_sub(1)?;
        let (before, stored) = self.blocks[index];
        let within = position - before;
        if within + u64::from(length) > u64::from(stored.bytes) {
            return None;
        }
        scratch.resize(length as usize, 0);
        let read = if stored.packed {
            self.unpack(index, within as usize, scratch)
        } else {
            self.file.read_exact_at(scratch, stored.offset + within)
        };
        Some(read.map(|()| &scratch[..]))
    }

    /// Fills `out` from a packed block.
    fn unpack(&self, index: usize, within: usize, out: &mut [u8]) -> io::Result<()> {
        let stored = self.blocks[index].1;
        // A panic while it was held left no half-made block: `block` is set last.
        let mut unpacked = self.unpacked.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = &mut *unpacked;
        if kept.block != Some(index) {
            kept.block = None;
            kept.stored.resize(stored.stored_bytes as usize, 0);
            self.file.read_exact_at(&mut kept.stored, stored.offset)?;
            block::unpack(&kept.stored, true, stored.bytes as usize, &mut kept.bytes).map_err(|_| {
                io::Error::new(
                    io::ErrorKind::InvalidData,
                    "the file was changed while it was in use",
                )
            })?;
            kept.block = Some(index);
        }
        out.copy_from_slice(&kept.bytes[within..within + out.len()]);
        Ok(())
    }
}
