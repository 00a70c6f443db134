//! What a message says: who sent it when, which copies it is, and a checksum over all of it.
//!
//! It knows bytes only. A recipient can tell from the body alone whether it is whole and what the ledger calls it.
//!
//! Layout, network byte order: `teem`, first copy (8), intended instant (8), sender (4), recipient or group (4), 0 for a
//! person or 1 for a group (1), CRC-32C (4, over everything else, the link of a media message first), then padding.

use scenarios::To;
use wire::chat::{BODY_MAX_BYTES, Body, Kind, Media, THUMBNAIL_MAX_BYTES};

const MAGIC: [u8; 4] = *b"teem";
const CRC: std::ops::Range<usize> = 29..33;
/// The shortest body; a planned one that is shorter is made this long.
pub(crate) const HEADER_BYTES: usize = 33;

/// What a body says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Letter {
    /// The number of its first copy.
    pub(crate) first_copy: u64,
    /// When the plan wanted it sent, microseconds on the run's clock.
    pub(crate) intended_us: u64,
    pub(crate) sender: u32,
    pub(crate) to: To,
}

/// A body that is not what a sender of this swarm wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the body is damaged or a stranger's")]
pub(crate) struct Damaged;

impl Letter {
    /// Appends the body of a text message of that length, within the bounds there are.
    pub(crate) fn encode_text(&self, bytes: u16, out: &mut Vec<u8>) {
        self.encode(usize::from(bytes).clamp(HEADER_BYTES, BODY_MAX_BYTES), &[], out);
    }

    /// Appends the body of a media message: the link, and the letter in its thumbnail's place.
    pub(crate) fn encode_media(&self, link: &str, bytes: u16, out: &mut Vec<u8>) {
        let thumbnail_bytes = usize::from(bytes)
            .saturating_sub(2 + link.len())
            .clamp(HEADER_BYTES, THUMBNAIL_MAX_BYTES);
        out.extend_from_slice(&(link.len() as u16).to_be_bytes());
        out.extend_from_slice(link.as_bytes());
        self.encode(thumbnail_bytes, link.as_bytes(), out);
    }

    fn encode(&self, length: usize, before: &[u8], out: &mut Vec<u8>) {
        let start = out.len();
        let (group, to) = match self.to {
            To::User(user) => (0, user),
            To::Group(group) => (1, group),
        };
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&self.first_copy.to_be_bytes());
        out.extend_from_slice(&self.intended_us.to_be_bytes());
        out.extend_from_slice(&self.sender.to_be_bytes());
        out.extend_from_slice(&to.to_be_bytes());
        out.push(group);
        out.extend_from_slice(&[0; 4]);
        pad(self.first_copy, length - HEADER_BYTES, out);
        let crc = checksum(before, &out[start..]).to_be_bytes();
        out[start + CRC.start..start + CRC.end].copy_from_slice(&crc);
    }

    /// Reads and checks a body.
    pub(crate) fn parse(body: Body<'_>) -> Result<Self, Damaged> {
        let (before, bytes) = match body.kind {
            Kind::Text => (&[][..], body.bytes),
            Kind::Media => {
                let media = Media::parse(body.bytes).map_err(|_| Damaged)?;
                (media.link.as_bytes(), media.thumbnail)
            }
        };
        let header = bytes.first_chunk::<HEADER_BYTES>().ok_or(Damaged)?;
        if header[..4] != MAGIC || u32_at(header, CRC.start) != checksum(before, bytes) {
            return Err(Damaged);
        }
        let to = u32_at(header, 24);
        Ok(Self {
            first_copy: u64_at(header, 4),
            intended_us: u64_at(header, 12),
            sender: u32_at(header, 20),
            to: match header[28] {
                0 => To::User(to),
                1 => To::Group(to),
                _ => return Err(Damaged),
            },
        })
    }
}

fn checksum(before: &[u8], bytes: &[u8]) -> u32 {
    let crc = crc32c::crc32c_append(crc32c::crc32c(before), &bytes[..CRC.start]);
    crc32c::crc32c_append(crc, &bytes[CRC.end..])
}

/// Pseudo-random bytes (xorshift64*, Vigna 2016), so that no compression on the way flatters a server, and the same for the
/// same message, so that a repeat needs no copy of it.
fn pad(seed: u64, length: usize, out: &mut Vec<u8>) {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let end = out.len() + length;
    while out.len() < end {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        let word = state.wrapping_mul(0x2545_f491_4f6c_dd1d).to_le_bytes();
        out.extend_from_slice(&word[..(end - out.len()).min(8)]);
    }
}

fn u32_at(header: &[u8; HEADER_BYTES], at: usize) -> u32 {
    header[at..at + 4]
        .iter()
        .fold(0, |value, byte| value << 8 | u32::from(*byte))
}

fn u64_at(header: &[u8; HEADER_BYTES], at: usize) -> u64 {
    u64::from(u32_at(header, at)) << 32 | u64::from(u32_at(header, at + 4))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn letters() -> impl Strategy<Value = Letter> {
        let to = prop_oneof![any::<u32>().prop_map(To::User), any::<u32>().prop_map(To::Group)];
        (any::<u64>(), any::<u64>(), any::<u32>(), to).prop_map(|(first_copy, intended_us, sender, to)| {
            Letter {
                first_copy,
                intended_us,
                sender,
                to,
            }
        })
    }

    proptest! {
        #[test]
        fn bodies_round_trip_and_any_flipped_bit_is_noticed(
            letter in letters(),
            bytes: u16,
            link in prop::option::of("[a-z0-9/]{1,80}"),
            flip: prop::sample::Index,
            bit in 0u8..8,
        ) {
            let mut body = Vec::new();
            let kind = match &link {
                Some(link) => { letter.encode_media(link, bytes, &mut body); Kind::Media }
                None => { letter.encode_text(bytes, &mut body); Kind::Text }
            };
            prop_assert_eq!(Letter::parse(Body { kind, bytes: &body }), Ok(letter));
            prop_assert!(body.len() <= BODY_MAX_BYTES);
            let at = flip.index(body.len());
            body[at] ^= 1 << bit;
            prop_assert_eq!(Letter::parse(Body { kind, bytes: &body }), Err(Damaged));
        }

        #[test]
        fn strangers_bodies_are_refused(body in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert_eq!(Letter::parse(Body { kind: Kind::Text, bytes: &body }), Err(Damaged));
        }
    }

    #[test]
    fn planned_lengths_are_met() {
        let letter = Letter {
            first_copy: 1,
            intended_us: 2,
            sender: 3,
            to: To::User(4),
        };
        let (mut text, mut media) = (Vec::new(), Vec::new());
        letter.encode_text(100, &mut text);
        letter.encode_media("/media/abc", 300, &mut media);
        assert_eq!((text.len(), media.len()), (100, 300));
    }
}
