//! A medium's id: 128 random bits, 32 lower-case hexadecimal digits.
//!
//! It is the only name of a file that a request can give. It parses from exactly those digits, so no request can name
//! anything outside the folder; it is random, so a link cannot be guessed.

use std::fmt;
use std::str::FromStr;

use super::super::credential::{decode, encode};

/// An id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MediaId([u8; 16]);

/// Not an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not 32 lower-case hexadecimal digits")]
pub(crate) struct NotAnId;

impl MediaId {
    /// A new one.
    pub(super) fn random() -> Self {
        Self(rand::random())
    }
}

impl FromStr for MediaId {
    type Err = NotAnId;

    fn from_str(text: &str) -> Result<Self, NotAnId> {
        decode(text).map(Self).ok_or(NotAnId)
    }
}

impl fmt::Display for MediaId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&encode(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_could_leave_the_folder_is_no_id() {
        for text in [
            "",
            "..",
            "../../../../../../../../../etc/passwd",
            "/0123456789abcdef0123456789abcde",
        ] {
            assert_eq!(text.parse::<MediaId>(), Err(NotAnId), "{text}");
        }
    }

    proptest! {
        #[test]
        fn an_id_has_one_spelling(bytes: [u8; 16], text in "[0-9a-fA-F./]{30,34}|\\PC{32}") {
            let id = MediaId(bytes);
            prop_assert_eq!(id.to_string().parse(), Ok(id));
            if let Ok(id) = text.parse::<MediaId>() {
                prop_assert_eq!(id.to_string(), text);
            }
        }
    }
}
