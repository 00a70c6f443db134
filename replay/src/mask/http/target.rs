//! Targets, references and forms: `scheme://host/segment/segment?name=value&name=value#fragment` (RFC 3986).
//!
//! It does not know where they stand. The host that a target begins with stays unless it is none; all that is behind it is looked at.

use super::{Masker, lines};
use crate::mask::book::Book;
use crate::mask::personal::{is_personal, is_plain, is_token};
use crate::mask::spelling::Spelling;

/// What is spelled in percent signs more often than that is masked as it stands.
const SPELLED_MAX: usize = 3;

/// Masks what in a target looks personal, and all that it asks; by the rules only parameters of certain names.
pub(super) fn mask(target: &mut [u8], masker: &mut Masker<'_>) {
    if !masker.rules.http.paths {
        lines::mask_parameters(&masker.rules.http, target, &masker.book.pseudonyms);
        if masker.rules.chat.numbers {
            lines::mask_account(target, &masker.book.pseudonyms);
        }
        return masker.book.handed(target);
    }
    let path = mask_authority(target, masker.book);
    let (target, fragment) = parted(&mut target[path..], b'#');
    masker.book.words(fragment);
    let (path, query) = parted(target, b'?');
    // A semicolon is of a value (URL Standard, section 5.1).
    for pair in query.split_mut(|byte| *byte == b'&') {
        mask_pair(pair, masker);
    }
    mask_segments(path, masker);
}

/// Masks `name=value`, of a query, a path or a form; what has no equals sign is a name.
pub(super) fn mask_pair(pair: &mut [u8], masker: &mut Masker<'_>) {
    match pair.iter().position(|byte| *byte == b'=') {
        Some(equals) => {
            let (name, value) = pair.split_at_mut(equals);
            mask_value(name, &mut value[1..], masker);
            mask_word(Spelling::Form, name, masker.book);
        }
        None => mask_word(Spelling::Form, pair, masker.book),
    }
}

/// Masks the value of a name.
pub(super) fn mask_value(name: &[u8], value: &mut [u8], masker: &Masker<'_>) {
    if masker.rules.http.names(name) || !is_plain(value) {
        Spelling::Form.mask(value, |value| masker.book.value(value));
    }
}

/// Masks who is named before the host that a target begins with, and that host if it is none; where its path begins.
fn mask_authority(target: &mut [u8], book: &Book) -> usize {
    let scheme = target.windows(3).position(|part| part == b"://");
    let Some(scheme) = scheme.filter(|end| is_scheme(&target[..*end])) else {
        return 0;
    };
    let begin = scheme + 3;
    let behind = &mut target[begin..];
    let slash = behind.iter().position(|byte| *byte == b'/');
    let slash = slash.unwrap_or(behind.len());
    let mark = behind[..slash].iter().position(|byte| b"?#".contains(byte));
    let who = behind[..slash].iter().rposition(|byte| *byte == b'@');
    let end = match (who, mark) {
        // A password with a mark in it, or an address in what is asked: where the host ends is not known.
        (Some(who), Some(mark)) if who > mark => {
            book.words(&mut behind[..slash]);
            return begin + slash;
        }
        (_, mark) => mark.unwrap_or(slash),
    };
    let host = who.map_or(0, |at| at + 1);
    if let Some(at) = who {
        book.words(&mut behind[..at]);
    }
    if !is_host(&behind[host..end]) {
        Spelling::Percent.mask(&mut behind[host..end], |host| book.value(host));
    }
    begin + end
}

/// Whether this is a scheme (RFC 3986, section 3.1), and names nobody.
fn is_scheme(scheme: &[u8]) -> bool {
    let is_in_scheme = |byte: &u8| byte.is_ascii_alphanumeric() || b"+-.".contains(byte);
    scheme.first().is_some_and(u8::is_ascii_alphabetic)
        && scheme.iter().all(is_in_scheme)
        && !is_personal(scheme)
}

/// Whether these are a host and perhaps its port, or an address of IPv6, as they stand without percent signs.
fn is_host(host: &[u8]) -> bool {
    if let Some(address) = host.strip_prefix(b"[") {
        return address
            .iter()
            .all(|byte| byte.is_ascii_hexdigit() || b":.]".contains(byte));
    }
    let mut parts = host.split(|byte| *byte == b':');
    let name = parts.next().unwrap_or_default();
    let port = parts.next().unwrap_or_default();
    let is_in_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._".contains(byte);
    name.iter().all(is_in_name) && port.iter().all(u8::is_ascii_digit) && parts.next().is_none()
}

fn mask_segments(path: &mut [u8], masker: &mut Masker<'_>) {
    let mut is_account = false;
    for segment in path.split_mut(|byte| *byte == b'/') {
        let names_account = segment == b"accounts";
        let (word, parameters) = parted(segment, b';');
        if is_account && masker.rules.chat.numbers && !word.is_empty() {
            masker.book.pseudonyms.digits(word);
        } else {
            mask_word(Spelling::Percent, word, masker.book);
        }
        for pair in parameters.split_mut(|byte| *byte == b';') {
            mask_pair(pair, masker);
        }
        is_account = names_account;
    }
}

/// A word that may name somebody, or not.
fn mask_word(spelling: Spelling, word: &mut [u8], book: &Book) {
    mask_spelled(spelling, word, SPELLED_MAX, book);
}

/// The same of one that may be spelled so many times over.
fn mask_spelled(spelling: Spelling, word: &mut [u8], times: usize, book: &Book) {
    spelling.mask(word, |word| {
        let is_spelled = Spelling::Percent.is_in(word);
        if is_spelled && times > 1 {
            mask_spelled(Spelling::Percent, word, times - 1, book);
        } else if is_spelled || is_personal(word) || is_token(word) {
            book.value(word);
        } else {
            book.handed(word);
        }
    });
}

/// What is before a mark, and what is behind it.
fn parted(bytes: &mut [u8], mark: u8) -> (&mut [u8], &mut [u8]) {
    let at = bytes.iter().position(|byte| *byte == mark);
    let (before, behind) = bytes.split_at_mut(at.unwrap_or(bytes.len()));
    (before, behind.get_mut(1..).unwrap_or_default())
}
