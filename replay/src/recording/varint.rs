//! Whole numbers in as few bytes as they need: seven bits a byte, the lowest first, the top bit set on all but the last.
//!
//! It knows nothing of what the numbers mean.

/// The longest varint, bytes: 64 bits by sevens.
const LONGEST: usize = 10;

/// Appends a number.
pub(super) fn put(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Takes a number off the front; `None` when it is cut short, longer than 64 bits, or longer than it needs to be.
pub(super) fn take(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for (index, &byte) in bytes.iter().take(LONGEST).enumerate() {
        let bits = u64::from(byte & 0x7f);
        if index == LONGEST - 1 && bits > 1 {
            return None;
        }
        value |= bits << (7 * index);
        if byte & 0x80 == 0 {
            let spelled_out = byte == 0 && index > 0;
            *bytes = &bytes[index + 1..];
            return (!spelled_out).then_some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_number_comes_back(value in any::<u64>(), shift in 0_u32..64, tail in any::<[u8; 3]>()) {
            let value = value >> shift;
            let mut bytes = Vec::new();
            put(&mut bytes, value);
            for cut in 0..bytes.len() {
                prop_assert_eq!(take(&mut &bytes[..cut]), None);
            }
            bytes.extend(tail);
            let mut rest = &bytes[..];
            prop_assert_eq!(take(&mut rest), Some(value));
            prop_assert_eq!(rest, &tail[..]);
        }
    }

    #[test]
    fn a_number_has_one_form() {
        assert_eq!(take(&mut &[0x80, 0][..]), None, "0 in two bytes");
        let mut longest = [0xff; 10];
        longest[9] = 1;
        assert_eq!(take(&mut &longest[..]), Some(u64::MAX));
        longest[9] = 2;
        assert_eq!(take(&mut &longest[..]), None, "65 bits");
    }
}
