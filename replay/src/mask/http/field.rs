//! A head's fields: credentials, addresses, references, and what is not known to be harmless.
//!
//! It knows one line at a time, not which message it is of.

use super::{Masker, cookie, target};
use crate::mask::book::Book;
use crate::mask::personal::is_personal;
use crate::mask::pseudonym::is_number;
use crate::mask::spelling::Spelling;

/// Fields that say how a message travels, what it is and what its reader can do: they name nobody, and the framing stands on some of them.
const HARMLESS: [&str; 99] = [
    "accept",
    "accept-charset",
    "accept-encoding",
    "accept-language",
    "accept-patch",
    "accept-ranges",
    "access-control-allow-credentials",
    "access-control-allow-headers",
    "access-control-allow-methods",
    "access-control-allow-private-network",
    "access-control-expose-headers",
    "access-control-max-age",
    "access-control-request-headers",
    "access-control-request-method",
    "access-control-request-private-network",
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
    "cross-origin-embedder-policy",
    "cross-origin-embedder-policy-report-only",
    "cross-origin-opener-policy",
    "cross-origin-opener-policy-report-only",
    "cross-origin-resource-policy",
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
    "sec-ch-device-memory",
    "sec-ch-dpr",
    "sec-ch-prefers-color-scheme",
    "sec-ch-prefers-reduced-motion",
    "sec-ch-prefers-reduced-transparency",
    "sec-ch-ua",
    "sec-ch-ua-arch",
    "sec-ch-ua-bitness",
    "sec-ch-ua-form-factors",
    "sec-ch-ua-full-version",
    "sec-ch-ua-full-version-list",
    "sec-ch-ua-mobile",
    "sec-ch-ua-model",
    "sec-ch-ua-platform",
    "sec-ch-ua-platform-version",
    "sec-ch-ua-wow64",
    "sec-ch-viewport-height",
    "sec-ch-viewport-width",
    "sec-ch-width",
    "sec-fetch-dest",
    "sec-fetch-mode",
    "sec-fetch-site",
    "sec-fetch-storage-access",
    "sec-fetch-user",
    "sec-gpc",
    "sec-purpose",
    "sec-websocket-accept",
    "sec-websocket-extensions",
    "sec-websocket-key",
    "sec-websocket-version",
    "server",
    "strict-transport-security",
    "te",
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
/// Of these, those whose values are numbers, dates, hosts and sums, however long.
const COUNTS: [&str; 17] = [
    "access-control-max-age",
    "age",
    "alt-svc",
    "cache-control",
    "content-length",
    "content-range",
    "date",
    "expires",
    "host",
    "http2-settings",
    "keep-alive",
    "max-forwards",
    "range",
    "retry-after",
    "sec-websocket-accept",
    "sec-websocket-key",
    "strict-transport-security",
];
/// Of these, those that list names of fields.
const LISTS: [&str; 6] = [
    "access-control-allow-headers",
    "access-control-expose-headers",
    "access-control-request-headers",
    "connection",
    "trailer",
    "vary",
];
/// Schemes of credentials (the registry of RFC 9110, section 16.4, and what is usual besides).
const SCHEMES: [&str; 18] = [
    "apikey",
    "aws4-hmac-sha256",
    "basic",
    "bearer",
    "concealed",
    "digest",
    "dpop",
    "gnap",
    "hoba",
    "mutual",
    "negotiate",
    "ntlm",
    "oauth",
    "privatetoken",
    "scram-sha-1",
    "scram-sha-256",
    "token",
    "vapid",
];
/// What parts the words of a value that stays.
const PARTS: &[u8] = b" \t,;()<>[]{}\"'";
/// So many digits in a value that stays are a number of somebody's.
const DIGITS_FEWEST: usize = 7;
/// But not these, which a great many say.
const GECKO: &[u8] = b"Gecko/20100101";
/// Fields that hold references (RFC 9110, sections 8.7, 10.1.3 and 10.2.2).
const REFERENCES: [&str; 7] = [
    "access-control-allow-origin",
    "content-location",
    "location",
    "origin",
    "referer",
    "timing-allow-origin",
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
        mask_harmless(&lower, value, masker.book);
    } else if is_among(&REFERENCES, &lower) {
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
    is_among(&HARMLESS, name)
}

fn is_among(names: &[&str], name: &[u8]) -> bool {
    names
        .iter()
        .any(|known| name.eq_ignore_ascii_case(known.as_bytes()))
}

/// Masks what does not belong into a field that names nobody: addresses, long numbers, what is not ASCII, parameters that nobody needs.
fn mask_harmless(name: &[u8], value: &mut [u8], book: &Book) {
    if is_among(&LISTS, name) {
        for word in value.split_mut(|byte| b" \t,\"".contains(byte)) {
            if is_personal(word) {
                book.pseudonyms.secret(word);
            }
        }
    } else if name == b"content-type" {
        let mut parts = value.split_mut(|byte| *byte == b';');
        if let Some(kind) = parts.next() {
            mask_words(kind, true, book);
        }
        for parameter in parts {
            let equals = parameter.iter().position(|byte| *byte == b'=');
            let name = parameter[..equals.unwrap_or(0)].trim_ascii();
            match is_among(&["boundary", "charset"], name) {
                true => mask_words(parameter, false, book),
                false => book.words(parameter),
            }
        }
    } else {
        mask_words(value, !is_among(&COUNTS, name), book);
    }
    book.handed(value);
}

/// Masks addresses and what is not ASCII, and perhaps long numbers.
fn mask_words(value: &mut [u8], numbers: bool, book: &Book) {
    for word in value.split_mut(|byte| PARTS.contains(byte)) {
        let said = Spelling::Percent.decoded(word);
        if said.iter().any(|byte| *byte == b'@' || !byte.is_ascii()) {
            Spelling::Percent.mask(word, |word| book.words(word));
        } else if numbers && word != GECKO {
            for digits in word.split_mut(|byte| !byte.is_ascii_digit()) {
                if digits.len() >= DIGITS_FEWEST {
                    book.pseudonyms.secret(digits);
                }
            }
        }
    }
}

/// Whether this is a field's name (RFC 9110, section 5.6.2).
fn is_name(name: &[u8]) -> bool {
    let is_in_token = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    !name.is_empty() && name.iter().all(is_in_token)
}

/// The credentials behind a scheme that is known (RFC 9110, section 11.4), cookies, or all of a value.
fn mask_credential(name: &[u8], value: &mut [u8], masker: &mut Masker<'_>) {
    match name {
        b"authorization" | b"proxy-authorization" => {
            let blank = value.iter().position(|byte| *byte == b' ');
            let scheme = blank.filter(|at| is_among(&SCHEMES, &value[..*at]));
            let credential = &mut value[scheme.map_or(0, |at| at + 1)..];
            mask_authorization(masker.rules.chat.numbers, credential, masker.book);
        }
        b"cookie" => cookie::mask_sent(value, masker.book),
        b"set-cookie" => cookie::mask_set(value, masker),
        _ => masker.book.value(value),
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
