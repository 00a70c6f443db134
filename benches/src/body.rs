//! A message's body: 100 readable bytes that name the message, its sender and its recipient, under a checksum.
//!
//! It does not know which protocol carries it: it is plain letters, so that XML can, too.

/// Length of every body.
pub(crate) const BODY_BYTES: usize = 100;

/// Where the sender stands, after 16 digits of the message's number.
const FROM: usize = 16;
const TO: usize = 24;
const FILLER: usize = 32;
const CHECKSUM: usize = 92;

/// What a body says of its message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Label {
    /// The message's number, unique in a run.
    pub(crate) number: u64,
    /// The sender's place among the connections.
    pub(crate) from: u32,
    /// The recipient's.
    pub(crate) to: u32,
}

impl Label {
    /// The body that says so.
    pub(crate) fn body(self) -> [u8; BODY_BYTES] {
        let mut body = [0; BODY_BYTES];
        put_hex(&mut body[..FROM], self.number);
        put_hex(&mut body[FROM..TO], u64::from(self.from));
        put_hex(&mut body[TO..FILLER], u64::from(self.to));
        for (place, byte) in body[FILLER..CHECKSUM].iter_mut().enumerate() {
            *byte = b'a' + ((self.number as usize + place) % 26) as u8;
        }
        let checksum = crc32c::crc32c(&body[..CHECKSUM]);
        put_hex(&mut body[CHECKSUM..], u64::from(checksum));
        body
    }

    /// Reads a body; `None` where a byte of it is wrong.
    pub(crate) fn parse(body: &[u8]) -> Option<Self> {
        if body.len() != BODY_BYTES {
            return None;
        }
        let checksum = hex(&body[CHECKSUM..])?;
        if checksum != u64::from(crc32c::crc32c(&body[..CHECKSUM])) {
            return None;
        }
        Some(Self {
            number: hex(&body[..FROM])?,
            from: hex(&body[FROM..TO])? as u32,
            to: hex(&body[TO..FILLER])? as u32,
        })
    }
}

/// Fills `out` with a value's hexadecimal digits.
fn put_hex(out: &mut [u8], value: u64) {
    let last = out.len() - 1;
    for (place, byte) in out.iter_mut().enumerate() {
        let digit = (value >> (4 * (last - place)) & 0xf) as usize;
        *byte = b"0123456789abcdef"[digit];
    }
}

/// Reads at most 16 hexadecimal digits as [`put_hex`] writes them: a capital is a byte that was changed.
pub(crate) fn hex(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || digits.len() > 16 {
        return None;
    }
    digits.iter().try_fold(0, |value, byte| {
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'f' => byte - b'a' + 10,
            _ => return None,
        };
        Some(value << 4 | u64::from(digit))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_digit_of_the_checksum_in_capitals_shows() {
        // Its checksum has letters.
        let label = Label {
            number: 8_985_087_178_492_431_004,
            from: 3_052_500_254,
            to: 1_310_571_710,
        };
        let mut body = label.body();
        body[94] ^= 32;
        assert!(body[94].is_ascii_uppercase());
        assert_eq!(Label::parse(&body), None);
    }

    proptest! {
        #[test]
        fn a_body_round_trips_and_any_change_shows(
            number: u64, from: u32, to: u32, place in 0..BODY_BYTES, flip in 1..=255u8,
        ) {
            let label = Label { number, from, to };
            let mut body = label.body();
            prop_assert!(body.iter().all(u8::is_ascii_alphanumeric));
            prop_assert_eq!(Label::parse(&body), Some(label));
            body[place] ^= flip;
            prop_assert_ne!(Label::parse(&body), Some(label));
        }
    }
}
