//! A block of a file of sessions: entries and the payload they speak of, each with its checksum, packed where that is smaller.
//!
//! It knows lengths, checksums and packing; it does not know what an entry is.

use std::io::{self, Read};

/// What a file of sessions begins with. The first byte is no text, so that nobody takes it for some.
pub(super) const MAGIC: [u8; 8] = *b"\x89teemses";
/// The version that is written, and the highest that is read.
pub(super) const VERSION: u16 = 1;
/// Magic, version, reserved, checksum.
pub(super) const FILE_HEADER_BYTES: usize = 16;
/// See [`Header`].
pub(super) const BLOCK_HEADER_BYTES: usize = 36;
/// What a block begins with.
const MARK: [u8; 4] = *b"TBLK";
/// The longest that entries or payload of a block may be, unpacked: what a reader holds of each.
pub(super) const SECTION_MAX_BYTES: usize = 1 << 20;
/// The level at which packing costs about what the disk does.
const ZSTD_LEVEL: i32 = 1;

const ENTRIES_PACKED: u32 = 1;
const PAYLOAD_PACKED: u32 = 2;

/// The first bytes of the file.
pub(super) fn file_header() -> [u8; FILE_HEADER_BYTES] {
    let mut header = [0; FILE_HEADER_BYTES];
    header[..8].copy_from_slice(&MAGIC);
    header[8..10].copy_from_slice(&VERSION.to_le_bytes());
    let sum = crc32c::crc32c(&header[..12]);
    header[12..].copy_from_slice(&sum.to_le_bytes());
    header
}

/// What is wrong with a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flaw {
    /// The file ends within it.
    Cut,
    /// It does not begin as a block does, or its lengths cannot be.
    Header,
    /// A checksum does not match.
    Checksum,
    /// It does not unpack to what it says.
    Packing,
}

/// A block's sections, unpacked. It is read into again and again: no allocation once it has grown.
#[derive(Debug, Default)]
pub(super) struct Block {
    pub(super) entries: Vec<u8>,
    pub(super) payload: Vec<u8>,
}

/// Where a block's payload lies in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stored {
    /// Bytes of the file before it.
    pub(super) offset: u64,
    pub(super) stored_bytes: u32,
    pub(super) bytes: u32,
    pub(super) packed: bool,
}

/// Little-endian, in this order: mark, stored and unpacked length of the entries, the same of the payload, packing, checksums
/// (CRC-32C) of both sections as stored, and of the header up to here.
struct Header {
    entries_stored: usize,
    entries_bytes: usize,
    payload_stored: usize,
    payload_bytes: usize,
    packing: u32,
    entries_sum: u32,
    payload_sum: u32,
}

/// Appends a block, each section packed where `pack` says so and it gets shorter.
pub(super) fn write(entries: &[u8], payload: &[u8], pack: bool, out: &mut Vec<u8>) -> io::Result<()> {
    let begin = out.len();
    out.resize(begin + BLOCK_HEADER_BYTES, 0);
    let (entries_packed, entries_sum) = write_section(entries, pack, out)?;
    let entries_stored = out.len() - begin - BLOCK_HEADER_BYTES;
    let (payload_packed, payload_sum) = write_section(payload, pack, out)?;
    let payload_stored = out.len() - begin - BLOCK_HEADER_BYTES - entries_stored;
    let header = Header {
        entries_stored,
        entries_bytes: entries.len(),
        payload_stored,
        payload_bytes: payload.len(),
        packing: (u32::from(entries_packed) * ENTRIES_PACKED) | (u32::from(payload_packed) * PAYLOAD_PACKED),
        entries_sum,
        payload_sum,
    };
    out[begin..begin + BLOCK_HEADER_BYTES].copy_from_slice(&header.encode());
    Ok(())
}

/// Appends a section; whether it was packed, and the checksum of what was appended.
fn write_section(bytes: &[u8], pack: bool, out: &mut Vec<u8>) -> io::Result<(bool, u32)> {
    if pack && !bytes.is_empty() {
        let packed = zstd::bulk::compress(bytes, ZSTD_LEVEL)?;
        // An eighth saved, or it is not worth unpacking.
        if packed.len() < bytes.len() - bytes.len() / 8 {
            out.extend_from_slice(&packed);
            return Ok((true, crc32c::crc32c(&packed)));
        }
    }
    out.extend_from_slice(bytes);
    Ok((false, crc32c::crc32c(bytes)))
}

impl Header {
    fn encode(&self) -> [u8; BLOCK_HEADER_BYTES] {
        let mut bytes = [0; BLOCK_HEADER_BYTES];
        bytes[..4].copy_from_slice(&MARK);
        let words = [
            self.entries_stored as u32,
            self.entries_bytes as u32,
            self.payload_stored as u32,
            self.payload_bytes as u32,
            self.packing,
            self.entries_sum,
            self.payload_sum,
        ];
        for (word, place) in words.iter().zip(bytes[4..32].chunks_exact_mut(4)) {
            place.copy_from_slice(&word.to_le_bytes());
        }
        let sum = crc32c::crc32c(&bytes[..32]);
        bytes[32..].copy_from_slice(&sum.to_le_bytes());
        bytes
    }

    fn decode(bytes: &[u8; BLOCK_HEADER_BYTES]) -> Result<Self, Flaw> {
        let word = |index: usize| {
            let at = 4 + 4 * index;
            u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
        };
        if bytes[..4] != MARK {
            return Err(Flaw::Header);
        }
        if word(7) != crc32c::crc32c(&bytes[..32]) {
            return Err(Flaw::Checksum);
        }
        let header = Self {
            entries_stored: word(0) as usize,
            entries_bytes: word(1) as usize,
            payload_stored: word(2) as usize,
            payload_bytes: word(3) as usize,
            packing: word(4),
            entries_sum: word(5),
            payload_sum: word(6),
        };
        let fits = |stored: usize, bytes: usize, packed: u32| {
            bytes <= SECTION_MAX_BYTES
                && if header.packing & packed == 0 {
                    stored == bytes
                } else {
                    stored < bytes
                }
        };
        let sound = header.packing <= (ENTRIES_PACKED | PAYLOAD_PACKED)
            && fits(header.entries_stored, header.entries_bytes, ENTRIES_PACKED)
            && fits(header.payload_stored, header.payload_bytes, PAYLOAD_PACKED);
        if sound { Ok(header) } else { Err(Flaw::Header) }
    }
}

/// Reads blocks one after the other.
#[derive(Debug)]
pub(super) struct Blocks<R> {
    source: R,
    /// Bytes of the file before the next block.
    offset: u64,
    stored: Vec<u8>,
}

impl<R: Read> Blocks<R> {
    /// From where the first block begins.
    pub(super) fn new(source: R) -> Self {
        Self {
            source,
            offset: FILE_HEADER_BYTES as u64,
            stored: Vec::new(),
        }
    }

    /// Bytes of the file before the next block.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// The next block into `block`, and where its payload lies; `None` at the end of the file.
    pub(super) fn next(&mut self, block: &mut Block) -> io::Result<Result<Option<Stored>, Flaw>> {
        let mut header = [0; BLOCK_HEADER_BYTES];
        match fill(&mut self.source, &mut header)? {
            0 => return Ok(Ok(None)),
            BLOCK_HEADER_BYTES => {}
            _ => return Ok(Err(Flaw::Cut)),
        }
        let header = match Header::decode(&header) {
            Ok(header) => header,
            Err(flaw) => return Ok(Err(flaw)),
        };
        self.stored
            .resize(header.entries_stored + header.payload_stored, 0);
        if fill(&mut self.source, &mut self.stored)? < self.stored.len() {
            return Ok(Err(Flaw::Cut));
        }
        let (entries, payload) = self.stored.split_at(header.entries_stored);
        if crc32c::crc32c(entries) != header.entries_sum || crc32c::crc32c(payload) != header.payload_sum {
            return Ok(Err(Flaw::Checksum));
        }
        let packed = header.packing & PAYLOAD_PACKED != 0;
        let unpacked = unpack(
            entries,
            header.packing & ENTRIES_PACKED != 0,
            header.entries_bytes,
            &mut block.entries,
        )
        .and_then(|()| unpack(payload, packed, header.payload_bytes, &mut block.payload));
        if let Err(flaw) = unpacked {
            return Ok(Err(flaw));
        }
        let stored = Stored {
            offset: self.offset + (BLOCK_HEADER_BYTES + header.entries_stored) as u64,
            stored_bytes: header.payload_stored as u32,
            bytes: header.payload_bytes as u32,
            packed,
        };
        self.offset += (BLOCK_HEADER_BYTES + self.stored.len()) as u64;
        Ok(Ok(Some(stored)))
    }
}

/// A section as it was before it was packed, in place of what `out` held.
pub(super) fn unpack(stored: &[u8], packed: bool, bytes: usize, out: &mut Vec<u8>) -> Result<(), Flaw> {
    out.clear();
    if !packed {
        out.extend_from_slice(stored);
        return Ok(());
    }
    out.resize(bytes, 0);
    match zstd::bulk::decompress_to_buffer(stored, &mut out[..]) {
        Ok(length) if length == bytes => Ok(()),
        _ => Err(Flaw::Packing),
    }
}

/// Reads until the buffer is full or the source ends; how many bytes came.
pub(super) fn fill(source: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match source.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Entries and payload of a block.
    type Sections = (Vec<u8>, Vec<u8>);

    fn read(bytes: &[u8]) -> (Vec<Sections>, Result<(), Flaw>) {
        let (mut blocks, mut block, mut read) = (Blocks::new(bytes), Block::default(), Vec::new());
        loop {
            match blocks.next(&mut block).unwrap() {
                Ok(Some(_)) => read.push((block.entries.clone(), block.payload.clone())),
                Ok(None) => return (read, Ok(())),
                Err(flaw) => return (read, Err(flaw)),
            }
        }
    }

    #[test]
    fn what_is_written_is_read_packed_or_not() {
        let text = b"the same again and again, ".repeat(400);
        let noise: Vec<u8> = (0_u32..300)
            .flat_map(|n| crc32c::crc32c(&n.to_le_bytes()).to_le_bytes())
            .collect();
        for pack in [false, true] {
            let mut bytes = Vec::new();
            for (entries, payload) in [(&text[..], &noise[..]), (&noise, &text), (b"e", b"")] {
                write(entries, payload, pack, &mut bytes).unwrap();
            }
            let (read, end) = read(&bytes);
            assert_eq!(end, Ok(()));
            assert_eq!(
                read,
                [
                    (text.clone(), noise.clone()),
                    (noise.clone(), text.clone()),
                    (b"e".to_vec(), vec![])
                ]
            );
            assert_eq!(bytes.len() < text.len(), pack, "text is packed, noise is not");
        }
    }

    #[test]
    fn a_torn_or_altered_block_is_found_and_those_before_it_are_kept() {
        let mut bytes = Vec::new();
        write(b"first", b"one", false, &mut bytes).unwrap();
        let whole = bytes.len();
        write(b"second", &b"two ".repeat(100), true, &mut bytes).unwrap();
        for cut in whole + 1..bytes.len() {
            let (blocks, end) = read(&bytes[..cut]);
            assert_eq!((blocks.len(), end), (1, Err(Flaw::Cut)), "cut at {cut}");
        }
        for at in whole..bytes.len() {
            let mut altered = bytes.clone();
            altered[at] ^= 0x10;
            let (blocks, end) = read(&altered);
            assert_eq!(blocks.len(), 1, "altered at {at}");
            assert!(
                matches!(end, Err(Flaw::Header | Flaw::Checksum)),
                "altered at {at}: {end:?}"
            );
        }
    }
}
