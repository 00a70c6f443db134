//! A fact about a whole recording.
//!
//! It knows the facts' numbers and bytes; a fact of a later version is passed over.

use super::varint;

/// The longest text of a note, bytes.
const TEXT_MAX_BYTES: usize = 1_000;

/// A fact about a whole recording.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Note {
    /// When the capture's first packet was seen, nanoseconds since 1970.
    Began {
        /// Nanoseconds since 1970.
        unix_ns: u64,
    },
    /// The name of what it was made from.
    Source(String),
    /// What was said is masked.
    Masked,
    /// And so are what HTTP's messages say, and the values of their fields.
    MaskedHttp,
}

impl Note {
    /// Its number and its bytes.
    pub(super) fn encode(&self) -> (u64, Vec<u8>) {
        let mut value = Vec::new();
        let key = match self {
            Self::Began { unix_ns } => {
                varint::put(&mut value, *unix_ns);
                1
            }
            Self::Source(name) => {
                let end = name.floor_char_boundary(TEXT_MAX_BYTES);
                value.extend_from_slice(&name.as_bytes()[..end]);
                2
            }
            Self::Masked => 3,
            Self::MaskedHttp => 6,
        };
        (key, value)
    }

    /// The fact of a number and its bytes; `None` where this version does not know it.
    pub(super) fn decode(key: u64, mut value: &[u8]) -> Option<Self> {
        match key {
            1 => Some(Self::Began {
                unix_ns: varint::take(&mut value)?,
            }),
            2 if value.len() <= TEXT_MAX_BYTES => {
                Some(Self::Source(String::from_utf8_lossy(value).into_owned()))
            }
            3 => Some(Self::Masked),
            6 => Some(Self::MaskedHttp),
            _ => None,
        }
    }
}
