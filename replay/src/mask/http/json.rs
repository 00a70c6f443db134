//! JSON as it comes (RFC 8259): its values are masked in as many bytes, its punctuation, its names and `true`, `false` and `null` stay.
//!
//! It takes nothing for granted: where the grammar ends, the rest is not JSON, and nothing of it stays. Several values may follow one
//! another, as in lines of JSON.

use super::Masker;
use super::body::VALUE_MAX_BYTES;
use crate::Side;
use crate::mask::personal::is_personal;
use crate::mask::pseudonym::is_number;
use crate::mask::spelling::Spelling;
use crate::rewrite::is_token;

/// The most objects and arrays within one another.
const DEPTH_MAX: u32 = 128;
/// The most digits of an exponent: those of more are no double (IEEE 754), and something else.
const EXPONENT_MAX: usize = 3;
/// The longest number.
const NUMBER_MAX_BYTES: usize = 64;
/// Of a name, what is kept to know its value by.
const NAME_MAX_BYTES: usize = 64;
/// The member that holds one of the chat's numbers (docs/protocol.md, Accounts by HTTP).
const NUMBER: &[u8] = b"number";

/// Where in a text one is.
#[derive(Debug, Default)]
pub(super) struct Json {
    next: Next,
    /// Of what is open, innermost last: whether it is an object.
    objects: u128,
    depth: u32,
    /// Of the member whose value is next.
    name: Vec<u8>,
    /// In a string of which the beginning was masked; whether it is a name.
    within: Option<bool>,
    broken: bool,
}

/// What may come next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Next {
    #[default]
    Value,
    /// A value, or the end of an array.
    First,
    /// A name, or the end of an object.
    FirstName,
    Name,
    Colon,
    /// A comma, or the end of what is open; outside of all, another text.
    Comma,
}

/// What one step came to.
enum Step {
    /// So many bytes are done with.
    Done(usize),
    /// More has to come first.
    Partial,
    Broken,
}

impl Json {
    /// Whether the rest is no JSON.
    pub(super) fn is_broken(&self) -> bool {
        self.broken
    }

    /// Masks what is whole, or all if it ended; how much is done with. Where it breaks, what is left is not.
    pub(super) fn mask(&mut self, bytes: &mut [u8], ended: bool, masker: &mut Masker<'_>) -> usize {
        let mut done = 0;
        while done < bytes.len() {
            match self.step(&mut bytes[done..], masker) {
                Step::Done(length) => done += length,
                Step::Partial if !ended => break,
                Step::Partial | Step::Broken => {
                    self.broken = true;
                    break;
                }
            }
        }
        done
    }

    fn step(&mut self, bytes: &mut [u8], masker: &mut Masker<'_>) -> Step {
        if let Some(is_name) = self.within {
            return self.string(bytes, 0, is_name, masker);
        }
        // Behind a whole text another may begin.
        if self.next == Next::Comma && self.depth == 0 {
            self.next = Next::Value;
        }
        let Some(&first) = bytes.first() else {
            return Step::Partial;
        };
        match (first, self.next) {
            (b' ' | b'\t' | b'\r' | b'\n', _) => Step::Done(1),
            (b'{', Next::Value | Next::First) => self.open(true),
            (b'[', Next::Value | Next::First) => self.open(false),
            (b'}', Next::FirstName | Next::Comma) if self.is_in_object() => self.close(),
            (b']', Next::First | Next::Comma) if !self.is_in_object() => self.close(),
            (b',', Next::Comma) => {
                self.name.clear();
                self.then(
                    if self.is_in_object() {
                        Next::Name
                    } else {
                        Next::Value
                    },
                    1,
                )
            }
            (b':', Next::Colon) => self.then(Next::Value, 1),
            (b'"', Next::Name | Next::FirstName) => self.string(bytes, 1, true, masker),
            (b'"', Next::Value | Next::First) => self.string(bytes, 1, false, masker),
            (b'-' | b'0'..=b'9', Next::Value | Next::First) => self.number(bytes, masker),
            (b't' | b'f' | b'n', Next::Value | Next::First) => self.literal(bytes),
            _ => Step::Broken,
        }
    }

    fn then(&mut self, next: Next, length: usize) -> Step {
        self.next = next;
        Step::Done(length)
    }

    fn is_in_object(&self) -> bool {
        self.depth > 0 && self.objects & 1 == 1
    }

    fn open(&mut self, is_object: bool) -> Step {
        if self.depth == DEPTH_MAX {
            return Step::Broken;
        }
        self.objects = self.objects << 1 | u128::from(is_object);
        self.depth += 1;
        self.name.clear();
        self.then(if is_object { Next::FirstName } else { Next::First }, 1)
    }

    fn close(&mut self) -> Step {
        if self.depth == 0 {
            return Step::Broken;
        }
        self.objects >>= 1;
        self.depth -= 1;
        self.then(Next::Comma, 1)
    }

    /// A string whose first byte stands at `begin`, or its next piece.
    fn string(&mut self, bytes: &mut [u8], begin: usize, is_name: bool, masker: &mut Masker<'_>) -> Step {
        let goes_on = self.within.is_some();
        let text = &mut bytes[begin..];
        let end = end(text);
        let length = match end {
            Some(end) if end <= VALUE_MAX_BYTES => end,
            None if text.len() <= VALUE_MAX_BYTES => return Step::Partial,
            _ => Spelling::Json.cut(text, VALUE_MAX_BYTES),
        };
        let is_whole = end == Some(length);
        let text = &mut text[..length];
        if is_name {
            self.name.clear();
            if is_whole && !goes_on && length <= NAME_MAX_BYTES {
                self.name.extend_from_slice(text);
            }
            Spelling::Json.mask(text, |text| {
                if goes_on || !is_whole || is_personal(text) {
                    masker.book.value(text);
                }
            });
        } else {
            self.value(text, is_whole && !goes_on, masker);
        }
        self.within = (!is_whole).then_some(is_name);
        if !is_whole {
            return Step::Done(begin + length);
        }
        self.then(
            if is_name { Next::Colon } else { Next::Comma },
            begin + length + 1,
        )
    }

    /// A string's text, or a piece of it.
    fn value(&mut self, text: &mut [u8], is_whole: bool, masker: &mut Masker<'_>) {
        let is_handed = is_token(&self.name, text) || masker.rules.http.names(&self.name);
        if is_handed && is_whole {
            if masker.side == Side::Server {
                masker.book.handed.note(text);
            }
            return Spelling::Json.mask(text, |text| masker.book.pseudonyms.secret(text));
        }
        Spelling::Json.mask(text, |text| masker.book.value(text));
    }

    fn number(&mut self, bytes: &mut [u8], masker: &mut Masker<'_>) -> Step {
        let is_in_number = |byte: &u8| byte.is_ascii_digit() || b"+-.eE".contains(byte);
        let length = bytes.iter().take_while(|byte| is_in_number(byte)).count();
        if length > NUMBER_MAX_BYTES {
            return Step::Broken;
        }
        // At the top a text may end with its number; it never begins with one.
        if length == bytes.len() {
            return Step::Partial;
        }
        let sign = usize::from(bytes[0] == b'-');
        let mantissa = bytes[sign..length]
            .iter()
            .take_while(|byte| !b"eE".contains(byte))
            .count();
        let exponent = bytes[sign + mantissa..length]
            .iter()
            .filter(|byte| byte.is_ascii_digit());
        if exponent.count() > EXPONENT_MAX {
            return Step::Broken;
        }
        let digits = &mut bytes[sign..sign + mantissa];
        if digits.iter().any(|byte| b"+-".contains(byte)) || !digits.first().is_some_and(u8::is_ascii_digit) {
            return Step::Broken;
        }
        let stays = self.name == NUMBER && !masker.rules.chat.numbers;
        if !(stays && is_number(digits)) {
            masker.book.pseudonyms.secret(digits);
        }
        self.then(Next::Comma, length)
    }

    fn literal(&mut self, bytes: &[u8]) -> Step {
        for word in [&b"true"[..], b"false", b"null"] {
            if bytes.starts_with(word) {
                return self.then(Next::Comma, word.len());
            }
            if word.starts_with(bytes) {
                return Step::Partial;
            }
        }
        Step::Broken
    }
}

/// Where a string ends.
fn end(text: &[u8]) -> Option<usize> {
    let mut escaped = false;
    text.iter().position(|byte| {
        let ends = *byte == b'"' && !escaped;
        escaped = *byte == b'\\' && !escaped;
        ends
    })
}
