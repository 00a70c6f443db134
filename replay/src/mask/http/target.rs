//! Targets, references and forms: `scheme://host/segment/segment?name=value&name=value#fragment` (RFC 3986).
//!
//! It does not know where they stand. Hosts stay as they are.

use super::{Masker, lines};
use crate::mask::book::Book;
use crate::mask::personal::{is_personal, is_plain, is_token};
use crate::mask::spelling::Spelling;

/// Masks what in a target looks personal, and all that it asks; by the rules only parameters of certain names.
pub(super) fn mask(target: &mut [u8], masker: &mut Masker<'_>) {
    if !masker.rules.http.paths {
        lines::mask_parameters(&masker.rules.http, target, &masker.book.pseudonyms);
        if masker.rules.chat.numbers {
            lines::mask_account(target, &masker.book.pseudonyms);
        }
        return masker.book.handed(target);
    }
    let (target, fragment) = parted(target, b'#');
    masker.book.words(fragment);
    let (path, query) = parted(target, b'?');
    for pair in query.split_mut(|byte| b"&;".contains(byte)) {
        mask_pair(pair, masker);
    }
    mask_path(path, masker);
}

/// Masks `name=value`, of a query or of a form.
pub(super) fn mask_pair(pair: &mut [u8], masker: &mut Masker<'_>) {
    match pair.iter().position(|byte| *byte == b'=') {
        Some(equals) => {
            let (name, value) = pair.split_at_mut(equals);
            mask_value(name, &mut value[1..], masker);
            mask_word(name, masker.book);
        }
        None => mask_word(pair, masker.book),
    }
}

/// Masks the value of a name.
pub(super) fn mask_value(name: &[u8], value: &mut [u8], masker: &Masker<'_>) {
    if masker.rules.http.names(name) || !is_plain(value) {
        Spelling::Form.mask(value, |value| masker.book.value(value));
    }
}

fn mask_path(path: &mut [u8], masker: &mut Masker<'_>) {
    let host = path
        .windows(3)
        .position(|part| part == b"://")
        .map_or(0, |at| at + 3);
    let behind = &mut path[host..];
    if host > 0 {
        let end = behind
            .iter()
            .position(|byte| *byte == b'/')
            .unwrap_or(behind.len());
        // Who, before where.
        if let Some(at) = behind[..end].iter().rposition(|byte| *byte == b'@') {
            masker.book.words(&mut behind[..at]);
        }
        return mask_segments(&mut behind[end..], masker);
    }
    mask_segments(behind, masker);
}

fn mask_segments(path: &mut [u8], masker: &mut Masker<'_>) {
    let mut is_account = false;
    for segment in path.split_mut(|byte| *byte == b'/') {
        let names_account = segment == b"accounts";
        let (word, parameters) = parted(segment, b';');
        if is_account && masker.rules.chat.numbers && !word.is_empty() {
            masker.book.pseudonyms.digits(word);
        } else {
            mask_word(word, masker.book);
        }
        for pair in parameters.split_mut(|byte| *byte == b';') {
            mask_pair(pair, masker);
        }
        is_account = names_account;
    }
}

/// A word that may name somebody, or not.
fn mask_word(word: &mut [u8], book: &Book) {
    Spelling::Percent.mask(word, |word| {
        if is_personal(word) || is_token(word) {
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
