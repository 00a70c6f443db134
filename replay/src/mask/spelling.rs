//! How a value is spelled where it stands: percent-encoded in targets and forms (RFC 3986, section 2.1), with escapes in JSON (RFC 8259,
//! section 7). What it spells is masked, and spelled again in as many bytes.
//!
//! It does not know what a value is for. A value of no escapes is masked where it stands.

use std::borrow::Cow;

/// How a value is spelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spelling {
    /// `%41` for `A`.
    Percent,
    /// The same, and `+` for a blank, in queries and forms.
    Form,
    /// `\u0041` for `A`, `\n` for a line feed.
    Json,
}

/// Where a byte of what is spelled stands.
#[derive(Clone, Copy, Debug)]
enum Place {
    /// As itself.
    Itself(usize),
    /// In the two hexadecimal digits behind a percent sign.
    Percent(usize),
    /// In an escape that no mask changes: a line feed, a quote, a blank.
    Escape,
    /// In the four digits behind `\u`, the first byte of what these spell.
    Unicode(usize),
    /// A further one.
    Further,
}

impl Spelling {
    /// Masks what is spelled here. `mask` changes letters, digits and what is not ASCII into letters and digits, and nothing else.
    pub(super) fn mask(self, raw: &mut [u8], mask: impl FnOnce(&mut [u8])) {
        let Some((mut bytes, places)) = self.read(raw) else {
            return mask(raw);
        };
        let before = bytes.clone();
        mask(&mut bytes);
        for ((place, now), was) in places.into_iter().zip(bytes).zip(before) {
            match place {
                Place::Itself(at) => raw[at] = now,
                Place::Percent(at) if now != was => raw[at + 1..at + 3].copy_from_slice(&hex(now)),
                Place::Unicode(at) if now != was => {
                    raw[at + 2..at + 4].copy_from_slice(b"00");
                    raw[at + 4..at + 6].copy_from_slice(&hex(now));
                }
                Place::Percent(_) | Place::Unicode(_) | Place::Escape | Place::Further => {}
            }
        }
    }

    /// What is spelled here.
    pub(super) fn decoded(self, raw: &[u8]) -> Cow<'_, [u8]> {
        self.read(raw)
            .map_or(Cow::Borrowed(raw), |(bytes, _)| Cow::Owned(bytes))
    }

    /// Whether something does not stand for itself.
    pub(super) fn is_in(self, raw: &[u8]) -> bool {
        self.read(raw)
            .is_some_and(|(_, places)| places.iter().any(|place| !matches!(place, Place::Itself(_))))
    }

    /// What is spelled, and where each of its bytes stands; `None` where all of them stand for themselves.
    fn read(self, raw: &[u8]) -> Option<(Vec<u8>, Vec<Place>)> {
        let signs: &[u8] = match self {
            Self::Percent => b"%",
            Self::Form => b"%+",
            Self::Json => b"\\",
        };
        if !raw.iter().any(|byte| signs.contains(byte)) {
            return None;
        }
        let (mut bytes, mut places) = (Vec::with_capacity(raw.len()), Vec::with_capacity(raw.len()));
        let mut at = 0;
        while at < raw.len() {
            at += match (self, &raw[at..]) {
                (Self::Form, [b'+', ..]) => {
                    bytes.push(b' ');
                    places.push(Place::Escape);
                    1
                }
                (Self::Percent | Self::Form, [b'%', high, low, ..]) if is_hex(*high) && is_hex(*low) => {
                    bytes.push(value(&[*high, *low]) as u8);
                    places.push(Place::Percent(at));
                    3
                }
                (Self::Json, [b'\\', b'u', digits @ ..]) if spelled(digits).is_some() => {
                    let character = spelled(digits).unwrap_or_default();
                    let mut utf8 = [0; 4];
                    let utf8 = character.encode_utf8(&mut utf8).as_bytes();
                    bytes.extend_from_slice(utf8);
                    places.push(Place::Unicode(at));
                    places.resize(bytes.len(), Place::Further);
                    6
                }
                (Self::Json, [b'\\', escaped, ..]) if escape(*escaped).is_some() => {
                    bytes.extend(escape(*escaped));
                    places.push(Place::Escape);
                    2
                }
                (_, [byte, ..]) => {
                    bytes.push(*byte);
                    places.push(Place::Itself(at));
                    1
                }
                (_, []) => 0,
            };
        }
        Some((bytes, places))
    }

    /// How much of a value of which no end is in sight may be cut off within `most` without cutting through what spells one byte.
    pub(super) fn cut(self, raw: &[u8], most: usize) -> usize {
        let mut at = 0;
        while at < raw.len() {
            let length = match (self, &raw[at..]) {
                (Self::Percent | Self::Form, [b'%', ..]) => 3,
                (Self::Json, [b'\\', b'u', ..]) => 6,
                (Self::Json, [b'\\', ..]) => 2,
                _ => 1,
            };
            if at + length > most.min(raw.len()) {
                break;
            }
            at += length;
        }
        at.max(1)
    }
}

fn is_hex(byte: u8) -> bool {
    byte.is_ascii_hexdigit()
}

fn value(digits: &[u8]) -> u32 {
    let digit = |byte: &u8| char::from(*byte).to_digit(16).unwrap_or(0);
    digits.iter().fold(0, |value, byte| value << 4 | digit(byte))
}

fn hex(byte: u8) -> [u8; 2] {
    let digit = |half: u8| b"0123456789abcdef"[usize::from(half & 15)];
    [digit(byte >> 4), digit(byte)]
}

/// The character of the four digits that these begin with; half of a pair is a replacement character.
fn spelled(digits: &[u8]) -> Option<char> {
    let digits = digits
        .first_chunk::<4>()
        .filter(|digits| digits.iter().copied().all(is_hex))?;
    Some(char::from_u32(value(digits)).unwrap_or(char::REPLACEMENT_CHARACTER))
}

/// What an escape of two bytes spells.
fn escape(byte: u8) -> Option<u8> {
    Some(match byte {
        b'"' | b'\\' | b'/' => byte,
        b'b' => 8,
        b'f' => 12,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each letter becomes the next one, what is not ASCII an `x`.
    fn next(bytes: &mut [u8]) {
        for byte in bytes {
            *byte = match *byte {
                b'a'..=b'y' | b'A'..=b'Y' => *byte + 1,
                0x80.. => b'x',
                other => other,
            };
        }
    }

    fn masked(spelling: Spelling, raw: &str) -> String {
        let mut raw = raw.as_bytes().to_vec();
        spelling.mask(&mut raw, next);
        String::from_utf8(raw).unwrap()
    }

    #[test]
    fn what_is_spelled_is_masked_and_spelled_in_as_many_bytes() {
        assert_eq!(masked(Spelling::Percent, "ada%40b.c"), "beb%40c.d");
        assert_eq!(masked(Spelling::Form, "ada+b"), "beb+c");
        assert_eq!(masked(Spelling::Percent, "%61d%C3%A9%2f%4"), "%62e%78%78%2f%4");
        assert_eq!(
            masked(Spelling::Json, r#"ad\n\"\u0061\u00e9\\u"#),
            r#"be\n\"\u0062\u0078\\v"#
        );
        assert_eq!(masked(Spelling::Json, r"\ud83d\ude00\z"), r"\u0078\u0078\z");
        assert_eq!(masked(Spelling::Json, "ad"), "be");
    }

    #[test]
    fn a_cut_goes_through_nothing_that_spells_a_byte() {
        assert_eq!(Spelling::Json.cut(br"abcdefgh\u00e9", 12), 8);
        assert_eq!(Spelling::Json.cut(br"abcdefgh\\\\u00", 12), 12);
        assert_eq!(Spelling::Json.cut(b"abcdefgh", 6), 6);
        assert_eq!(Spelling::Percent.cut(b"abcd%41", 6), 4);
        assert_eq!(Spelling::Json.cut(br"\\\\\\\\", 5), 4);
        assert_eq!(Spelling::Percent.cut(b"%", 1), 1);
    }
}
