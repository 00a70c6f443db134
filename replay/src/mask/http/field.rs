//! A head's fields: credentials, addresses, references, and what is not known to be harmless.
//!
//! It knows one line at a time, not which message it is of.

use super::{Masker, target};
use crate::mask::book::Book;
use crate::mask::personal::is_personal;
use crate::mask::pseudonym::is_number;

/// Fields that say how a message travels, what it is and what its reader can do: they name nobody, and the framing stands on some of them.
const HARMLESS: [&str; 61] = [
    "accept",
    "accept-charset",
    "accept-encoding",
    "accept-language",
    "accept-patch",
    "accept-ranges",
    "age",
    "allow",
    "alt-svc",
    "cache-control",
    "connection",
    "content-encoding",
    "content-language",
    "content-length",
    "content-range",
    "content-type",
    "date",
    "dnt",
    "expect",
    "expires",
    "host",
    "http2-settings",
    "if-modified-since",
    "if-unmodified-since",
    "keep-alive",
    "last-modified",
    "max-forwards",
    "origin-agent-cluster",
    "permissions-policy",
    "pragma",
    "priority",
    "proxy-connection",
    "range",
    "referrer-policy",
    "retry-after",
    "save-data",
    "sec-gpc",
    "sec-websocket-accept",
    "sec-websocket-extensions",
    "sec-websocket-key",
    "sec-websocket-version",
    "server",
    "strict-transport-security",
    "te",
    "timing-allow-origin",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "upgrade-insecure-requests",
    "user-agent",
    "vary",
    "x-content-type-options",
    "x-dns-prefetch-control",
    "x-download-options",
    "x-forwarded-port",
    "x-forwarded-proto",
    "x-frame-options",
    "x-powered-by",
    "x-requested-with",
    "x-robots-tag",
    "x-xss-protection",
];
/// What the names of others that are as harmless begin with.
const HARMLESS_BEGINS: [&str; 4] = ["access-control-", "sec-ch-", "sec-fetch-", "cross-origin-"];
/// Fields that hold references (RFC 9110, sections 8.7, 10.1.3 and 10.2.2).
const REFERENCES: [&str; 5] = [
    "content-location",
    "location",
    "origin",
    "referer",
    "x-original-url",
];
/// The length of the media's token (docs/protocol.md, Media by HTTP).
const MEDIA_TOKEN_DIGITS: usize = 32;

/// Masks a field's line in place, its end left out.
pub(super) fn mask(line: &mut [u8], masker: &mut Masker<'_>) {
    let length = line.trim_ascii_end().len();
    let line = &mut line[..length];
    let colon = line
        .iter()
        .position(|byte| *byte == b':')
        .filter(|colon| is_name(&line[..*colon]));
    let Some(colon) = colon else {
        // What goes on from the line before (RFC 9112, section 5.2), or is no field.
        return masker.book.words(line);
    };
    let (name, value) = line.split_at_mut(colon);
    let value = &mut value[1..];
    let blanks = value.len() - value.trim_ascii_start().len();
    let value = &mut value[blanks..];
    let lower = name.to_ascii_lowercase();
    let http = &masker.rules.http;
    if http.keeps(name) {
        masker.book.handed(value);
    } else if http.is_credential(name) {
        mask_credential(&lower, value, masker);
    } else if is_harmless(&lower) && !value.iter().any(u8::is_ascii_control) {
        masker.book.handed(value);
    } else if REFERENCES.iter().any(|known| known.as_bytes() == lower) {
        target::mask(value, masker);
    } else {
        masker.book.words(value);
        if is_personal(name) {
            masker.book.pseudonyms.secret(name);
        }
    }
}

/// Whether a field of this name, in any case, names nobody: its value stays.
pub(crate) fn is_harmless(name: &[u8]) -> bool {
    let begins = |begin: &&str| {
        let name = name.get(..begin.len()).unwrap_or_default();
        name.eq_ignore_ascii_case(begin.as_bytes())
    };
    HARMLESS
        .iter()
        .any(|known| name.eq_ignore_ascii_case(known.as_bytes()))
        || HARMLESS_BEGINS.iter().any(begins)
}

/// Whether this is a field's name (RFC 9110, section 5.6.2).
fn is_name(name: &[u8]) -> bool {
    let is_in_token = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    !name.is_empty() && name.iter().all(is_in_token)
}

/// The credentials behind their scheme (RFC 9110, section 11.4), the values of cookies (RFC 6265, section 4), or all of a value.
fn mask_credential(name: &[u8], value: &mut [u8], masker: &mut Masker<'_>) {
    let book = &mut *masker.book;
    match name {
        b"authorization" | b"proxy-authorization" => {
            let scheme = value.iter().position(|byte| *byte == b' ').map_or(0, |at| at + 1);
            mask_authorization(masker.rules.chat.numbers, &mut value[scheme..], book);
        }
        b"cookie" => {
            for pair in value.split_mut(|byte| *byte == b';') {
                book.pseudonyms.secret(cookie(pair));
            }
        }
        b"set-cookie" => {
            if let Some(pair) = value.split_mut(|byte| *byte == b';').next() {
                let cookie = cookie(pair);
                book.handed.note(cookie);
                book.pseudonyms.secret(cookie);
            }
        }
        _ => book.value(value),
    }
}

/// A token; teem's own media are opened by a number and a token of the same person.
fn mask_authorization(numbers: bool, credential: &mut [u8], book: &Book) {
    let colon = credential.iter().position(|byte| *byte == b':');
    let is_media = |at: &usize| {
        let (number, token) = (&credential[..*at], &credential[*at + 1..]);
        let is_hex = token.iter().all(u8::is_ascii_hexdigit) && !token.iter().any(u8::is_ascii_uppercase);
        is_number(number) && token.len() == MEDIA_TOKEN_DIGITS && is_hex
    };
    match colon.filter(is_media) {
        Some(at) => {
            if numbers {
                book.pseudonyms.digits(&mut credential[..at]);
            }
            book.pseudonyms.hex(&mut credential[at + 1..]);
        }
        None => book.value(credential),
    }
}

/// What follows the equals sign, without blanks.
fn cookie(pair: &mut [u8]) -> &mut [u8] {
    let value = pair.iter().position(|byte| *byte == b'=').map_or(0, |at| at + 1);
    let value = &mut pair[value..];
    let begin = value.len() - value.trim_ascii_start().len();
    let end = begin + value.trim_ascii().len();
    &mut value[begin..end]
}
