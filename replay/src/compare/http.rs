//! What counts of an HTTP response.
//!
//! It does not know the request.

use super::answer::{Answer, MASK, Masks};
use crate::http::{Head, Response, field};
use crate::mask::is_harmless;
use crate::rewrite::tokens;

/// The fields whose values change from answer to answer.
const VOLATILE: [&str; 15] = [
    "age",
    "alt-svc",
    "date",
    "etag",
    "expires",
    "last-modified",
    "location",
    "report-to",
    "server",
    "server-timing",
    "set-cookie",
    "via",
    "x-request-id",
    "x-response-time",
    "x-runtime",
];
/// Of a status line, what says no more than the status.
const STATUS_BYTES: usize = 12;
/// The fields that say how an answer travels, not what it is.
const TRAVEL: [&str; 4] = ["connection", "content-length", "keep-alive", "transfer-encoding"];
/// The field that says how its body was packed, which does not count where the body could be unpacked.
const PACKING: &str = "content-encoding";

/// A response as an answer: its head and body, chunks put together, unpacked; masked the values of volatile fields, how it
/// travels, the tokens in JSON, and what the rules say; where the recording is masked, its body and what else is a pseudonym. A
/// body that cannot be unpacked counts as it was sent.
pub(super) fn answer(response: Response<'_>, masks: Masks<'_>) -> Answer {
    let raw = [response.head, &response.sent.front].concat();
    let content = response.content();
    let is_open = content.is_some();
    let content = content.as_deref().unwrap_or(response.sent);
    let is_masked = masks.rules().http.masked;
    let mut masked = Vec::with_capacity(response.head.len() + content.front.len());
    if let Ok(Some(head)) = Head::parse(response.head) {
        for (place, line) in head.lines().enumerate() {
            let name = field(line).map_or(&[][..], |(name, _)| name);
            let among = |known: &[&str]| {
                known
                    .iter()
                    .any(|known| name.eq_ignore_ascii_case(known.as_bytes()))
            };
            let travels = among(&TRAVEL) || (is_open || is_masked) && among(&[PACKING]);
            if is_masked && place == 0 {
                masked.extend_from_slice(&line[..line.len().min(STATUS_BYTES)]);
                masked.extend_from_slice(b"\r\n");
            } else if travels {
                continue;
            } else if among(&VOLATILE) || (is_masked && !name.is_empty() && !is_harmless(name)) {
                masked.extend_from_slice(name);
                masked.extend_from_slice(b": *\r\n");
            } else {
                masked.extend_from_slice(line);
            }
        }
    } else {
        masked.extend_from_slice(response.head);
    }
    // What is beyond what is kept goes with the rest of its body.
    let is_bodiless = is_masked && !response.head.is_empty();
    let body = if is_bodiless { &[][..] } else { &content.front[..] };
    let mut copied = 0;
    if masks.rules().http.tokens {
        tokens(body, |_, token| {
            let start = token.as_ptr().addr() - body.as_ptr().addr();
            masked.extend_from_slice(&body[copied..start]);
            masked.push(b'*');
            copied = start + token.len();
        });
    }
    masked.extend_from_slice(&body[copied..]);
    let masked = masks.mask(&masked).into_owned();
    let kind = if response.head.is_empty() {
        "stream"
    } else {
        "response"
    };
    let mut answer = Answer::masked(kind, 0, &raw, masked);
    // A rule that takes all that is kept takes what is beyond, too.
    if answer.counts() != MASK && !is_bodiless {
        answer.beyond = content.beyond();
    }
    answer
}
