//! The records of the mailbox log, byte by byte.
//!
//! It refuses to know which file a record is in and who still wants it. All numbers are little-endian and every
//! record starts at a multiple of 8:
//!
//! ```text
//! every record   0 head CRC32C u32, 4 type u8, 5 kind u8, 6 body length u16
//! item (1, 2)    8 recipients u32, 12 body CRC32C u32, 16 from, 24 id, 32 group, 40 time_ms,
//!                48 body, padded to 8; then for each recipient: number u64, sequence u64
//! ack (3)        8 recipient, 16 through sequence
//! window (4)     8 sender, 16 highest id, 24 bitmap of the 64 ids below, 32 last used, ms
//! segment (5)    8 number, 16 next sequence, 24 opened at, ms, 32 "teemlog1"
//! ```
//!
//! The head checksum covers all but the body and begins from the segment's number, so a record only counts in the
//! segment it was written for. The body has a checksum of its own, so that it can be overwritten with zeros when its
//! last recipient has it, while the log stays readable around it.

/// Type of a message's record.
pub(super) const MESSAGE: u8 = 1;
/// Type of a second tick that waits for its sender.
pub(super) const TICK: u8 = 2;
const ACK: u8 = 3;
const WINDOW: u8 = 4;
const SEGMENT: u8 = 5;
const MAGIC: u64 = u64::from_le_bytes(*b"teemlog1");

/// Bytes of an item before its body.
pub(super) const ITEM_HEAD_BYTES: usize = 48;
/// Bytes an item spends on each recipient, after its body.
pub(super) const RECIPIENT_BYTES: usize = 16;
/// Bytes of an acknowledgement.
pub(super) const ACK_BYTES: usize = 24;
/// Bytes of a sender's window.
pub(super) const WINDOW_BYTES: usize = 40;
/// Bytes of the record that opens a segment.
pub(super) const SEGMENT_BYTES: usize = 40;

/// What a record says.
#[derive(Clone, Copy, Debug)]
pub(super) enum Record<'a> {
    /// A message or a tick, with everyone it waits for.
    Item(ItemRecord<'a>),
    /// The recipient has everything up to a sequence number.
    Ack { to: u64, through: u64 },
    /// What is remembered of a sender's ids.
    Window(WindowRecord),
}

/// A message or a tick.
#[derive(Clone, Copy, Debug)]
pub(super) struct ItemRecord<'a> {
    pub(super) tick: bool,
    pub(super) kind: u8,
    pub(super) from: u64,
    pub(super) id: u64,
    pub(super) group: u64,
    pub(super) time_ms: u64,
    pub(super) body_crc: u32,
    pub(super) body: &'a [u8],
    recipients: &'a [u8],
}

/// What is remembered of a sender's ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct WindowRecord {
    pub(super) sender: u64,
    pub(super) highest: u64,
    pub(super) bitmap: u64,
    pub(super) last_used_ms: u64,
}

/// The record that opens a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SegmentHead {
    pub(super) number: u64,
    pub(super) next_seq: u64,
    pub(super) opened_ms: u64,
}

/// What stands at a place in a segment.
#[derive(Clone, Copy, Debug)]
pub(super) enum Parsed<'a> {
    /// A whole record and its length.
    Whole(Record<'a>, usize),
    /// A record of this length, if its head can be believed, which goes beyond the bytes at hand.
    Short(usize),
    /// Nothing was ever written here.
    End,
    /// Something that is no record of this segment.
    Torn,
}

impl<'a> ItemRecord<'a> {
    /// The recipients and their sequence numbers.
    pub(super) fn recipients(&self) -> impl ExactSizeIterator<Item = (u64, u64)> + use<'a> {
        self.recipients
            .chunks_exact(RECIPIENT_BYTES)
            .map(|pair| (u64_at(pair, 0), u64_at(pair, 8)))
    }

    /// Whether the body is what was once written.
    pub(super) fn is_body_whole(&self) -> bool {
        crc32c::crc32c(self.body) == self.body_crc
    }
}

/// The length of an item's record in bytes.
pub(super) fn item_bytes(body_bytes: usize, recipients: usize) -> usize {
    ITEM_HEAD_BYTES + padded(body_bytes) + RECIPIENT_BYTES * recipients
}

/// The length of a body with its padding.
pub(super) fn padded(body_bytes: usize) -> usize {
    body_bytes.next_multiple_of(8)
}

/// The fields of an item's record that do not depend on who gets it.
#[derive(Clone, Copy, Debug)]
pub(super) struct ItemHead {
    pub(super) tick: bool,
    pub(super) kind: u8,
    pub(super) from: u64,
    pub(super) id: u64,
    pub(super) group: u64,
    pub(super) time_ms: u64,
    pub(super) body_crc: u32,
}

/// Appends an item for `recipients` (number, sequence) to `out`. The caller has bounded the body (65,535) and
/// knows that it fits.
pub(super) fn append_item(
    out: &mut Vec<u8>,
    segment: u64,
    item: &ItemHead,
    body: &[u8],
    recipients: impl Iterator<Item = (u64, u64)>,
) {
    let start = out.len();
    let mut head = [0u8; ITEM_HEAD_BYTES];
    head[4] = if item.tick { TICK } else { MESSAGE };
    head[5] = item.kind;
    head[6..8].copy_from_slice(&(body.len() as u16).to_le_bytes());
    head[12..16].copy_from_slice(&item.body_crc.to_le_bytes());
    for (index, value) in [item.from, item.id, item.group, item.time_ms]
        .into_iter()
        .enumerate()
    {
        head[16 + index * 8..24 + index * 8].copy_from_slice(&value.to_le_bytes());
    }
    out.extend_from_slice(&head);
    out.extend_from_slice(body);
    let tail = start + ITEM_HEAD_BYTES + padded(body.len());
    out.resize(tail, 0);
    let mut count = 0u32;
    for (to, seq) in recipients {
        out.extend_from_slice(&to.to_le_bytes());
        out.extend_from_slice(&seq.to_le_bytes());
        count += 1;
    }
    out[start + 8..start + 12].copy_from_slice(&count.to_le_bytes());
    let crc = item_crc(&out[start..start + ITEM_HEAD_BYTES], &out[tail..], segment);
    out[start..start + 4].copy_from_slice(&crc.to_le_bytes());
}

/// Appends an acknowledgement.
pub(super) fn append_ack(out: &mut Vec<u8>, segment: u64, to: u64, through: u64) {
    append_words(out, segment, ACK, &[to, through]);
}

/// Appends a sender's window.
pub(super) fn append_window(out: &mut Vec<u8>, segment: u64, window: &WindowRecord) {
    let words = [window.sender, window.highest, window.bitmap, window.last_used_ms];
    append_words(out, segment, WINDOW, &words);
}

/// Appends the record that opens a segment.
pub(super) fn append_segment(out: &mut Vec<u8>, head: &SegmentHead) {
    append_words(
        out,
        head.number,
        SEGMENT,
        &[head.number, head.next_seq, head.opened_ms, MAGIC],
    );
}

/// Reads the record that opens a segment.
pub(super) fn parse_segment(bytes: &[u8]) -> Option<SegmentHead> {
    let bytes = bytes.get(..SEGMENT_BYTES)?;
    let head = SegmentHead {
        number: u64_at(bytes, 8),
        next_seq: u64_at(bytes, 16),
        opened_ms: u64_at(bytes, 24),
    };
    let sound = bytes[4] == SEGMENT
        && u64_at(bytes, 32) == MAGIC
        && crc(&bytes[4..], head.number) == u32_at(bytes, 0);
    sound.then_some(head)
}

/// Reads what stands at the start of `bytes` in segment number `segment`.
pub(super) fn parse(bytes: &[u8], segment: u64) -> Parsed<'_> {
    if bytes.len() < 8 {
        return Parsed::Short(8);
    }
    match bytes[4] {
        MESSAGE | TICK => parse_item(bytes, segment),
        ACK => match words(bytes, segment, ACK_BYTES) {
            Ok(words) => Parsed::Whole(
                Record::Ack {
                    to: u64_at(words, 8),
                    through: u64_at(words, 16),
                },
                ACK_BYTES,
            ),
            Err(parsed) => parsed,
        },
        WINDOW => match words(bytes, segment, WINDOW_BYTES) {
            Ok(words) => {
                let window = WindowRecord {
                    sender: u64_at(words, 8),
                    highest: u64_at(words, 16),
                    bitmap: u64_at(words, 24),
                    last_used_ms: u64_at(words, 32),
                };
                Parsed::Whole(Record::Window(window), WINDOW_BYTES)
            }
            Err(parsed) => parsed,
        },
        _ if u64_at(bytes, 0) == 0 => Parsed::End,
        _ => Parsed::Torn,
    }
}

fn parse_item(bytes: &[u8], segment: u64) -> Parsed<'_> {
    if bytes.len() < ITEM_HEAD_BYTES {
        return Parsed::Short(ITEM_HEAD_BYTES);
    }
    let body_bytes = usize::from(u16::from_le_bytes([bytes[6], bytes[7]]));
    let tail = ITEM_HEAD_BYTES + padded(body_bytes);
    let length = item_bytes(body_bytes, u32_at(bytes, 8) as usize);
    if bytes.len() < length {
        return Parsed::Short(length);
    }
    if item_crc(&bytes[..ITEM_HEAD_BYTES], &bytes[tail..length], segment) != u32_at(bytes, 0) {
        return Parsed::Torn;
    }
    let item = ItemRecord {
        tick: bytes[4] == TICK,
        kind: bytes[5],
        from: u64_at(bytes, 16),
        id: u64_at(bytes, 24),
        group: u64_at(bytes, 32),
        time_ms: u64_at(bytes, 40),
        body_crc: u32_at(bytes, 12),
        body: &bytes[ITEM_HEAD_BYTES..ITEM_HEAD_BYTES + body_bytes],
        recipients: &bytes[tail..length],
    };
    Parsed::Whole(Record::Item(item), length)
}

/// The time and the body's checksum from an item's head, without looking at its recipients.
pub(super) fn time_and_body_crc(head: &[u8]) -> (u64, u32) {
    (u64_at(head, 40), u32_at(head, 12))
}

fn append_words(out: &mut Vec<u8>, segment: u64, kind: u8, words: &[u64]) {
    let start = out.len();
    out.extend_from_slice(&[0, 0, 0, 0, kind, 0, 0, 0]);
    for word in words {
        out.extend_from_slice(&word.to_le_bytes());
    }
    let crc = crc(&out[start + 4..], segment);
    out[start..start + 4].copy_from_slice(&crc.to_le_bytes());
}

fn words(bytes: &[u8], segment: u64, length: usize) -> Result<&[u8], Parsed<'_>> {
    let bytes = bytes.get(..length).ok_or(Parsed::Short(length))?;
    if crc(&bytes[4..], segment) == u32_at(bytes, 0) {
        Ok(bytes)
    } else {
        Err(Parsed::Torn)
    }
}

fn item_crc(head: &[u8], recipients: &[u8], segment: u64) -> u32 {
    crc32c::crc32c_append(crc(&head[4..], segment), recipients)
}

fn crc(bytes: &[u8], segment: u64) -> u32 {
    crc32c::crc32c_append(segment as u32, bytes)
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let mut word = [0; 4];
    word.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(word)
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    let mut word = [0; 8];
    word.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(word)
}

#[cfg(test)]
mod tests;
