//! Cookies (RFC 6265, section 4): values, names that look personal, and attributes.
//!
//! It knows a field's value, not its name.

use super::{Masker, target};
use crate::mask::book::Book;
use crate::mask::personal::is_personal;

/// What dates are made of beside digits (RFC 9110, section 5.6.7).
const DATES: [&[u8]; 21] = [
    b"mon", b"tue", b"wed", b"thu", b"fri", b"sat", b"sun", b"jan", b"feb", b"mar", b"apr", b"may", b"jun",
    b"jul", b"aug", b"sep", b"oct", b"nov", b"dec", b"gmt", b"utc",
];
/// The most digits together of a date.
const YEAR_DIGITS: usize = 4;

/// Masks the cookies that a client sends.
pub(super) fn mask_sent(value: &mut [u8], book: &Book) {
    for pair in value.split_mut(|byte| *byte == b';') {
        mask_pair(pair, book);
    }
}

/// Masks the cookie that a server sets, and notes it.
pub(super) fn mask_set(value: &mut [u8], masker: &mut Masker<'_>) {
    let mut parts = value.split_mut(|byte| *byte == b';');
    if let Some(pair) = parts.next() {
        let (_, value) = named(pair);
        masker.book.handed.note(value);
        mask_pair(pair, masker.book);
    }
    for attribute in parts {
        mask_attribute(attribute, masker);
    }
}

fn mask_pair(pair: &mut [u8], book: &Book) {
    let (name, value) = named(pair);
    if is_personal(name) {
        book.pseudonyms.secret(name);
    }
    book.pseudonyms.secret(value);
}

/// What says how long a cookie lasts and how it travels stays, and the host it is for.
fn mask_attribute(attribute: &mut [u8], masker: &mut Masker<'_>) {
    let (name, value) = named(attribute);
    let (name, is_bare) = match name.is_empty() {
        // Without an equals sign all of it is the name.
        true => (value.to_ascii_lowercase(), true),
        false => (name.to_ascii_lowercase(), false),
    };
    let stays = match &name[..] {
        b"secure" | b"httponly" | b"partitioned" => is_bare,
        b"samesite" => [&b"strict"[..], b"lax", b"none"]
            .iter()
            .any(|known| value.eq_ignore_ascii_case(known)),
        b"max-age" => value.iter().all(|byte| byte.is_ascii_digit() || *byte == b'-'),
        b"expires" => is_date(value),
        b"domain" => {
            !is_bare
                && value
                    .iter()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(byte))
        }
        b"path" if !is_bare => return target::mask(value, masker),
        _ => false,
    };
    if !stays {
        masker.book.words(attribute);
    }
}

/// What is before the equals sign, and what is behind it, both without blanks; without one all of it is the value.
fn named(pair: &mut [u8]) -> (&mut [u8], &mut [u8]) {
    let (name, value) = match pair.iter().position(|byte| *byte == b'=') {
        Some(equals) => {
            let (name, value) = pair.split_at_mut(equals);
            (name, &mut value[1..])
        }
        None => pair.split_at_mut(0),
    };
    (trimmed(name), trimmed(value))
}

fn trimmed(bytes: &mut [u8]) -> &mut [u8] {
    let begin = bytes.len() - bytes.trim_ascii_start().len();
    let end = begin + bytes.trim_ascii().len();
    &mut bytes[begin..end]
}

fn is_date(value: &[u8]) -> bool {
    let is_of_date = |word: &[u8]| {
        (word.len() <= YEAR_DIGITS && word.iter().all(u8::is_ascii_digit))
            || DATES.iter().any(|known| word.eq_ignore_ascii_case(known))
    };
    value.split(|byte| b" ,:-".contains(byte)).all(is_of_date)
}
