//! One answer: what was said, and what of it counts.
//!
//! It does not know which side said it.

use std::borrow::Cow;

use crate::Rules;
use crate::rules::Length;

/// The most of an answer that is kept; of what is beyond only a sum is compared.
pub(super) const KEPT_MAX_BYTES: usize = 64 * 1024;
/// What stands where something may differ.
pub(super) const MASK: &[u8] = b"*";

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    /// What it is, such as the kind of a frame.
    pub(super) kind: &'static str,
    /// With what of the other side it may be compared where the order is free.
    pub(super) slot: u64,
    /// What was said.
    pub(super) raw: Box<[u8]>,
    /// The same with what may differ masked; `None` where nothing is.
    masked: Option<Box<[u8]>>,
    /// How much is beyond what is kept, and its CRC-32C.
    pub(super) beyond: (u64, u32),
}

/// The expressions of a session's rules for what may differ.
#[derive(Clone, Copy, Debug)]
pub(super) struct Masks<'a> {
    rules: &'a Rules,
    chosen: u64,
}

impl<'a> Masks<'a> {
    pub(super) fn new(rules: &'a Rules, chosen: u64) -> Self {
        Self { rules, chosen }
    }

    /// The rules of the file.
    pub(super) fn rules(self) -> &'a Rules {
        self.rules
    }

    /// Masks what the rules say may differ.
    pub(super) fn mask(self, bytes: &[u8]) -> Cow<'_, [u8]> {
        let mut masked = Cow::Borrowed(bytes);
        for expression in self.rules.chosen(self.chosen).flat_map(|rule| &rule.mask) {
            if let Cow::Owned(replaced) = expression.replace_all(&masked, regex::bytes::NoExpand(MASK)) {
                masked = Cow::Owned(replaced);
            }
        }
        masked
    }
}

impl Answer {
    /// An answer of which the rules alone say what may differ.
    pub(super) fn plain(kind: &'static str, bytes: &[u8], masks: Masks<'_>) -> Self {
        let (kept, beyond) = bytes.split_at(bytes.len().min(KEPT_MAX_BYTES));
        let masked = match masks.mask(kept) {
            Cow::Borrowed(_) => None,
            Cow::Owned(masked) => Some(masked.into()),
        };
        Self {
            kind,
            slot: 0,
            raw: kept.into(),
            masked,
            beyond: (beyond.len() as u64, crc32c::crc32c(beyond)),
        }
    }

    /// A frame. Where something of it may differ its length may, too.
    pub(super) fn frame(length: Length, bytes: &[u8], masks: Masks<'_>) -> Self {
        let mut answer = Self::plain("frame", bytes, masks);
        let mut blanked = answer.raw.to_vec();
        if let Some(field) = blanked.get_mut(length.offset..length.header_bytes()) {
            field.fill(MASK[0]);
            if let Cow::Owned(masked) = masks.mask(&blanked) {
                answer.masked = Some(masked.into());
            }
        }
        answer
    }

    /// An answer that is known better.
    pub(super) fn masked(kind: &'static str, slot: u64, raw: &[u8], masked: Vec<u8>) -> Self {
        Self {
            kind,
            slot,
            masked: (masked != raw).then(|| masked.into()),
            raw: raw.into(),
            beyond: (0, 0),
        }
    }

    /// What counts.
    pub(super) fn counts(&self) -> &[u8] {
        self.masked.as_deref().unwrap_or(&self.raw)
    }

    /// Whether another says the same but for what may differ.
    pub(super) fn agrees(&self, other: &Self) -> bool {
        self.counts() == other.counts() && self.beyond == other.beyond
    }

    /// Whether another is the same to the byte.
    pub(super) fn repeats(&self, other: &Self) -> bool {
        self.raw == other.raw && self.beyond == other.beyond
    }

    /// What it holds in memory.
    pub(super) fn bytes(&self) -> usize {
        size_of::<Self>() + self.raw.len() + self.masked.as_ref().map_or(0, |masked| masked.len())
    }
}
