//! A message's head: what it says of its body, and what of it names somebody.
//!
//! It is stricter than who reads a head to rewrite it: what it takes for a head shows its lines, so what is none must not pass.

use super::Masker;
use super::body::Nature;
use super::{field, target};
use crate::http::{Asked, Framing, Head};
use crate::mask::pattern;
use crate::{Protocol, Side};

/// Methods (the registry of RFC 9110, section 16.1, as far as anybody uses them).
const METHODS: [&[u8]; 27] = [
    b"ACL",
    b"BIND",
    b"CHECKOUT",
    b"CONNECT",
    b"COPY",
    b"DELETE",
    b"GET",
    b"HEAD",
    b"LINK",
    b"LOCK",
    b"MERGE",
    b"MKCALENDAR",
    b"MKCOL",
    b"MOVE",
    b"NOTIFY",
    b"OPTIONS",
    b"PATCH",
    b"POST",
    b"PROPFIND",
    b"PROPPATCH",
    b"PURGE",
    b"PUT",
    b"QUERY",
    b"REPORT",
    b"SEARCH",
    b"TRACE",
    b"UNLOCK",
];
/// What responses say beside their status (RFC 9110, section 15, and what is usual besides); all else may be anything.
const REASONS: [&[u8]; 46] = [
    b"",
    b"Continue",
    b"Switching Protocols",
    b"Processing",
    b"Early Hints",
    b"OK",
    b"Created",
    b"Accepted",
    b"Non-Authoritative Information",
    b"No Content",
    b"Reset Content",
    b"Partial Content",
    b"Multi-Status",
    b"Multiple Choices",
    b"Moved Permanently",
    b"Found",
    b"See Other",
    b"Not Modified",
    b"Temporary Redirect",
    b"Permanent Redirect",
    b"Bad Request",
    b"Unauthorized",
    b"Payment Required",
    b"Forbidden",
    b"Not Found",
    b"Method Not Allowed",
    b"Not Acceptable",
    b"Request Timeout",
    b"Request Time-out",
    b"Conflict",
    b"Gone",
    b"Length Required",
    b"Precondition Failed",
    b"Payload Too Large",
    b"Content Too Large",
    b"URI Too Long",
    b"Unsupported Media Type",
    b"Expectation Failed",
    b"Unprocessable Entity",
    b"Unprocessable Content",
    b"Too Many Requests",
    b"Internal Server Error",
    b"Not Implemented",
    b"Bad Gateway",
    b"Service Unavailable",
    b"Gateway Timeout",
];
/// Bytes before the status of a response, and with it.
const VERSION_BYTES: usize = 9;
const STATUS_BYTES: usize = 12;

/// What follows a head.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    pub(super) framing: Framing,
    pub(super) nature: Nature,
    /// After it another protocol may begin.
    pub(super) waits: bool,
}

impl Plan {
    /// What follows a request; `None` for what is none (RFC 9112, sections 3 and 6.3).
    pub(super) fn of_request(head: Head<'_>) -> Option<Self> {
        let mut words = head.first().split(|byte| *byte == b' ');
        let [method, target, version] = [words.next()?, words.next()?, words.next()?];
        let is_target = matches!(target, [b'/' | b'*', ..]) || method == b"CONNECT" || absolute(target);
        let is_whole = words.next().is_none() && is_version(version);
        if !METHODS.contains(&method) || !is_target || !is_whole {
            return None;
        }
        let framing = match (transfer(head), length(head)?) {
            (Some(true), _) => Framing::Chunked,
            (Some(false), _) => return None,
            (None, length) => Framing::Length(length.unwrap_or(0)),
        };
        let upgrades = head.field("upgrade").is_some() && head.says("connection", "upgrade");
        Some(Self {
            framing,
            nature: Nature::Opaque,
            waits: upgrades || method == b"CONNECT",
        })
    }

    /// What follows a response to what was asked so; `None` for what is none.
    pub(super) fn of_response(head: Head<'_>, asked: Asked) -> Option<Self> {
        let line = head.first();
        let status = line.get(VERSION_BYTES..STATUS_BYTES)?;
        let begins = is_version(&line[..VERSION_BYTES - 1]) && line[VERSION_BYTES - 1] == b' ';
        if !begins
            || !status.iter().all(u8::is_ascii_digit)
            || line.get(STATUS_BYTES).is_some_and(|byte| *byte != b' ')
        {
            return None;
        }
        let length = length(head)?;
        let framing = match (head.status(), asked, transfer(head)) {
            (100..=199 | 204 | 304, ..) | (_, Asked::NoBody, _) | (200..=299, Asked::Tunnel, _) => {
                Framing::Length(0)
            }
            (.., Some(true)) => Framing::Chunked,
            (.., Some(false)) => Framing::Close,
            (.., None) => length.map_or(Framing::Close, Framing::Length),
        };
        Some(Self {
            framing,
            nature: Nature::Opaque,
            waits: false,
        })
    }
}

/// Masks a whole head in place.
pub(super) fn mask(head: &mut [u8], masker: &mut Masker<'_>) {
    let (rules, side) = (masker.rules, masker.side);
    // A pattern finds what was said, not what became of it.
    let key = masker.book.pseudonyms.clone();
    pattern::around(&rules.patterns, Protocol::Http, side, head, &key, |head| {
        let mut lines = head.split_inclusive_mut(|byte| *byte == b'\n');
        if let Some(first) = lines.next() {
            mask_first(first, masker);
        }
        lines.for_each(|line| field::mask(line, masker));
    });
}

/// The target of a request, what a response says beside its status.
fn mask_first(line: &mut [u8], masker: &mut Masker<'_>) {
    let length = line.trim_ascii_end().len();
    let line = &mut line[..length];
    match masker.side {
        Side::Client => {
            if let Some(target) = line.split_mut(|byte| *byte == b' ').nth(1) {
                target::mask(target, masker);
            }
        }
        Side::Server => {
            let reason = line.get_mut(STATUS_BYTES + 1..).unwrap_or_default();
            if !REASONS.contains(&&*reason) {
                masker.book.pseudonyms.text(reason);
            }
        }
    }
}

/// Whether a target has a scheme of its own (RFC 9112, section 3.2.2).
fn absolute(target: &[u8]) -> bool {
    target.starts_with(b"http://") || target.starts_with(b"https://")
}

fn is_version(version: &[u8]) -> bool {
    matches!(version, b"HTTP/1.1" | b"HTTP/1.0")
}

/// Whether a body comes in chunks, where how it is transferred is said at all (RFC 9112, section 6.1).
fn transfer(head: Head<'_>) -> Option<bool> {
    head.field("transfer-encoding")
        .map(|_| head.says("transfer-encoding", "chunked"))
}

/// The length that a head gives its body, if it does; `None` if nobody can tell which.
fn length(head: Head<'_>) -> Option<Option<u64>> {
    let mut said = None;
    for (_, value) in head
        .fields()
        .filter(|(name, _)| name.eq_ignore_ascii_case(b"content-length"))
    {
        let digits = value.iter().all(u8::is_ascii_digit);
        let length: u64 = std::str::from_utf8(value).ok().filter(|_| digits)?.parse().ok()?;
        if said.is_some_and(|other| other != length) {
            return None;
        }
        said = Some(length);
    }
    Some(said)
}
