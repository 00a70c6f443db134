//! Pseudonyms: the same for the same, of the same length and kind, and nothing to be had back without the key.
//!
//! It knows bytes and numbers, not what they mean. All of them are made by HMAC-SHA-256 (RFC 2104).

use std::net::Ipv4Addr;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// Bytes of a key.
pub const MASK_KEY_BYTES: usize = 32;

/// The most digits of a number (ITU-T E.164, section 6).
const DIGITS_MAX: usize = 15;
/// The shortest text that is taken for bytes in hexadecimal, and not for a word.
const HEX_FEWEST: usize = 16;
/// Where a UUID has its dashes (RFC 9562, section 4).
const DASHES: [usize; 4] = [8, 13, 18, 23];
const UUID_BYTES: usize = 36;
/// Rounds of the Feistel network; four suffice for a permutation that cannot be told from chance (Luby and Rackoff).
const ROUNDS: u8 = 8;

/// Domains, so that no use of the key can be played against another.
const TEXT: u8 = 1;
const OPAQUE: u8 = 2;
const NUMBER: u8 = 3;
const STREAM: u8 = 4;

/// A key's pseudonyms.
#[derive(Clone)]
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

    /// What lets somebody in, or names somebody: digits as a number, bytes in hexadecimal as those bytes, an address of IPv4 as
    /// one, all else as text.
    pub(super) fn secret(&self, bytes: &mut [u8]) {
        if bytes.is_empty() {
            return;
        }
        if is_number(bytes) {
            self.digits(bytes);
        } else if is_hex(bytes) {
            self.hex(bytes);
        } else if is_uuid(bytes) {
            let mut digits: Vec<u8> = bytes.iter().copied().filter(|byte| *byte != b'-').collect();
            self.hex(&mut digits);
            let places = bytes.iter_mut().filter(|byte| **byte != b'-');
            places.zip(digits).for_each(|(place, digit)| *place = digit);
        } else if is_ipv4(bytes) {
            self.text(bytes);
            // Of three digits none is above 199.
            for octet in bytes.split_mut(|byte| *byte == b'.') {
                if let [first, _, _] = octet {
                    *first = b'1';
                }
            }
        } else {
            self.text(bytes);
        }
    }

    /// A phone number in decimal, as [`Pseudonyms::number`]; what is none, as text.
    pub(super) fn digits(&self, bytes: &mut [u8]) {
        let text = std::str::from_utf8(bytes).ok().filter(|_| is_number(bytes));
        match text.and_then(|text| text.parse().ok()) {
            Some(number) => {
                let masked = self.number(number).to_string();
                if masked.len() == bytes.len() {
                    bytes.copy_from_slice(masked.as_bytes());
                }
            }
            None => self.text(bytes),
        }
    }

    /// Bytes in lower-case hexadecimal become what [`Pseudonyms::opaque`] makes of them, in hexadecimal.
    pub(super) fn hex(&self, digits: &mut [u8]) {
        let value = |digit: u8| char::from(digit).to_digit(16).unwrap_or(0) as u8;
        let mut bytes: Vec<u8> = digits
            .chunks_exact(2)
            .map(|pair| value(pair[0]) << 4 | value(pair[1]))
            .collect();
        self.opaque(&mut bytes);
        for (pair, byte) in digits.chunks_exact_mut(2).zip(bytes) {
            let digit = |half: u8| b"0123456789abcdef"[usize::from(half & 15)];
            pair.copy_from_slice(&[digit(byte >> 4), digit(byte)]);
        }
    }

    /// A phone number becomes another of as many digits, and no two the same: a permutation by a Feistel network, which is walked
    /// until it lands on such a number. Such a walk comes back to where it began at the latest.
    pub(super) fn number(&self, number: u64) -> u64 {
        let digits = number.max(1).ilog10();
        let lowest = 10_u64.pow(digits);
        let numbers = lowest..=lowest.saturating_mul(9).saturating_add(lowest - 1);
        // Two halves hold the highest of them.
        let half_bits = (u64::BITS - numbers.end().leading_zeros()).div_ceil(2);
        let mut value = number;
        loop {
            value = self.permuted(value, half_bits, digits as u8);
            if numbers.contains(&value) || value == number {
                return value;
            }
        }
    }

    fn permuted(&self, value: u64, half_bits: u32, digits: u8) -> u64 {
        let half = (1 << half_bits) - 1;
        let (mut left, mut right) = ((value >> half_bits) & half, value & half);
        for round in 0..ROUNDS {
            let digest = self.digest(NUMBER, &[&[digits, round], &right.to_be_bytes()]);
            let mixed = u64::from_be_bytes([
                digest[0], digest[1], digest[2], digest[3], digest[4], digest[5], digest[6], digest[7],
            ]);
            (left, right) = (right, left ^ (mixed & half));
        }
        (left << half_bits) | right
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

/// Whether these are the digits of a number: no zeros before it, no more than one can have.
pub(super) fn is_number(bytes: &[u8]) -> bool {
    bytes.len() <= DIGITS_MAX
        && bytes.first().is_some_and(|first| *first != b'0')
        && bytes.iter().all(u8::is_ascii_digit)
}

/// Whether these are whole bytes in lower-case hexadecimal, and not a decimal number.
fn is_hex(bytes: &[u8]) -> bool {
    let is_digit = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    bytes.len() >= HEX_FEWEST
        && bytes.len().is_multiple_of(2)
        && bytes.iter().all(is_digit)
        && bytes.iter().any(u8::is_ascii_lowercase)
}

/// Whether this is a UUID in lower case.
pub(super) fn is_uuid(bytes: &[u8]) -> bool {
    let is_in_place = |(at, byte): (usize, &u8)| match DASHES.contains(&at) {
        true => *byte == b'-',
        false => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
    };
    bytes.len() == UUID_BYTES && bytes.iter().enumerate().all(is_in_place)
}

fn is_ipv4(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_ok_and(|text| text.parse::<Ipv4Addr>().is_ok())
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
        fn numbers_stay_numbers_and_apart(numbers in prop::collection::hash_set(1..=999_999_999_999_999_u64, 0..40), scale in 0..15_u32) {
            let numbers: HashSet<u64> = numbers.iter().map(|number| (number / 10_u64.pow(scale)).max(1)).collect();
            let masked: HashSet<u64> = numbers.iter().map(|number| pseudonyms().number(*number)).collect();
            prop_assert_eq!(masked.len(), numbers.len());
            for number in numbers {
                prop_assert_eq!(pseudonyms().number(number).ilog10(), number.ilog10());
            }
        }
    }

    #[test]
    fn secrets_keep_their_kind_and_numbers_are_those_of_people() {
        let secret = |said: &str| {
            let mut bytes = said.as_bytes().to_vec();
            pseudonyms().secret(&mut bytes);
            String::from_utf8(bytes).unwrap()
        };
        assert_eq!(
            secret("4415550001"),
            pseudonyms().number(4_415_550_001).to_string()
        );
        let mut bytes = [0x03, 0xfd, 0x00, 0x46, 0xb1, 0xef, 0x98, 0x9a];
        pseudonyms().opaque(&mut bytes);
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(secret("03fd0046b1ef989a"), hex);
        assert_eq!(secret("000042"), text("000042"));
        assert_eq!(secret("4242"), pseudonyms().number(4242).to_string());
        let (uuid, digits) = (
            secret("550e8400-e29b-41d4-a716-446655440000"),
            secret("550e8400e29b41d4a716446655440000"),
        );
        assert!(
            is_uuid(uuid.as_bytes()) && uuid.replace('-', "") == digits,
            "{uuid}"
        );
        let address = secret("192.168.201.3");
        assert!(
            address != "192.168.201.3" && address.parse::<Ipv4Addr>().is_ok(),
            "{address}"
        );
        assert_eq!(secret("s3cret-and-L0ng"), text("s3cret-and-L0ng"));
    }

    #[test]
    fn another_key_makes_other_pseudonyms() {
        let other = Pseudonyms::new(&[8; MASK_KEY_BYTES]);
        assert_ne!(other.number(4_415_550_001), pseudonyms().number(4_415_550_001));
    }
}
