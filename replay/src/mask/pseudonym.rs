//! Pseudonyms: the same for the same, of the same length and kind, and nothing to be had back without the key.
//!
//! It knows bytes and numbers, not what they mean. All of them are made by HMAC-SHA-256 (RFC 2104).

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// Bytes of a key.
pub const MASK_KEY_BYTES: usize = 32;

/// Bits of half a number: two halves hold every number of 15 digits.
const HALF_BITS: u32 = 25;
const HALF: u64 = (1 << HALF_BITS) - 1;
/// The highest number, 15 digits (ITU-T E.164, section 6).
const NUMBER_MAX: u64 = 999_999_999_999_999;
/// Rounds of the Feistel network; four suffice for a permutation that cannot be told from chance (Luby and Rackoff).
const ROUNDS: u8 = 8;

/// Domains, so that no use of the key can be played against another.
const TEXT: u8 = 1;
const OPAQUE: u8 = 2;
const NUMBER: u8 = 3;
const STREAM: u8 = 4;

/// A key's pseudonyms.
pub(super) struct Pseudonyms {
    mac: Hmac<Sha256>,
}

impl std::fmt::Debug for Pseudonyms {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Pseudonyms")
    }
}

impl Pseudonyms {
    pub(super) fn new(key: &[u8; MASK_KEY_BYTES]) -> Self {
        match Hmac::new_from_slice(key) {
            Ok(mac) => Self { mac },
            Err(_) => unreachable!("HMAC takes keys of any length"),
        }
    }

    /// Letters become letters and digits digits; what stands between them stays. A run of digits keeps from beginning with 0
    /// unless it did. What is not ASCII becomes letters.
    pub(super) fn text(&self, bytes: &mut [u8]) {
        let seed = self.digest(TEXT, &[bytes]);
        let mut after_digit = false;
        for (byte, chance) in bytes.iter_mut().zip(self.stream(&seed)) {
            let was_digit = byte.is_ascii_digit();
            *byte = match *byte {
                b'1'..=b'9' if !after_digit => b'1' + chance % 9,
                b'0' if !after_digit => b'0',
                b'0'..=b'9' => b'0' + chance % 10,
                b'A'..=b'Z' => b'A' + chance % 26,
                b'a'..=b'z' | 0x80..=0xff => b'a' + chance % 26,
                between => between,
            };
            after_digit = was_digit;
        }
    }

    /// Any bytes whatever become other bytes.
    pub(super) fn opaque(&self, bytes: &mut [u8]) {
        let seed = self.digest(OPAQUE, &[bytes]);
        for (byte, chance) in bytes.iter_mut().zip(self.stream(&seed)) {
            *byte = chance;
        }
    }

    /// A phone number becomes another, and no two the same: a permutation of 1 to 15 digits, by a Feistel network that is walked
    /// until it lands on a number.
    pub(super) fn number(&self, number: u64) -> u64 {
        let mut value = number;
        // One in nine steps lands beside; 64 in a row do not happen, and then the number is blanked to the highest.
        for _ in 0..64 {
            value = self.permuted(value);
            if (1..=NUMBER_MAX).contains(&value) {
                return value;
            }
        }
        NUMBER_MAX
    }

    fn permuted(&self, value: u64) -> u64 {
        let (mut left, mut right) = ((value >> HALF_BITS) & HALF, value & HALF);
        for round in 0..ROUNDS {
            let digest = self.digest(NUMBER, &[&[round], &right.to_be_bytes()]);
            let mixed = u64::from_be_bytes([
                digest[0], digest[1], digest[2], digest[3], digest[4], digest[5], digest[6], digest[7],
            ]);
            (left, right) = (right, left ^ (mixed & HALF));
        }
        (left << HALF_BITS) | right
    }

    fn digest(&self, domain: u8, parts: &[&[u8]]) -> [u8; 32] {
        let mut mac = self.mac.clone();
        mac.update(&[domain]);
        parts.iter().for_each(|part| mac.update(part));
        mac.finalize().into_bytes().into()
    }

    fn stream<'a>(&'a self, seed: &'a [u8; 32]) -> impl Iterator<Item = u8> + 'a {
        (0_u64..).flat_map(move |block| self.digest(STREAM, &[seed, &block.to_be_bytes()]))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    fn pseudonyms() -> Pseudonyms {
        Pseudonyms::new(&[7; MASK_KEY_BYTES])
    }

    fn text(said: &str) -> String {
        let mut bytes = said.as_bytes().to_vec();
        pseudonyms().text(&mut bytes);
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn text_keeps_its_shape() {
        let masked = text("Ada.Lovelace@example.org, +44 1815 12 10");
        assert_ne!(masked, "Ada.Lovelace@example.org, +44 1815 12 10");
        assert_eq!(
            masked,
            text("Ada.Lovelace@example.org, +44 1815 12 10"),
            "the same for the same"
        );
        let shape = |text: &str| -> String {
            let kind = |c: char| {
                if c.is_ascii_digit() {
                    '9'
                } else if c.is_uppercase() {
                    'A'
                } else if c.is_lowercase() {
                    'a'
                } else {
                    c
                }
            };
            text.chars().map(kind).collect()
        };
        assert_eq!(shape(&masked), shape("Ada.Lovelace@example.org, +44 1815 12 10"));
        assert_eq!(text("Zoë").len(), "Zoë".len());
        assert_eq!(text("0"), "0");
    }

    proptest! {
        #[test]
        fn numbers_stay_numbers_and_apart(numbers in prop::collection::hash_set(1..=NUMBER_MAX, 0..40)) {
            let masked: HashSet<u64> = numbers.iter().map(|number| pseudonyms().number(*number)).collect();
            prop_assert_eq!(masked.len(), numbers.len());
            prop_assert!(masked.iter().all(|number| (1..=NUMBER_MAX).contains(number)));
        }
    }

    #[test]
    fn another_key_makes_other_pseudonyms() {
        let other = Pseudonyms::new(&[8; MASK_KEY_BYTES]);
        assert_ne!(other.number(4_415_550_001), pseudonyms().number(4_415_550_001));
    }
}
