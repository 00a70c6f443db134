//! What counts of an HTTP response.
//!
//! It does not know the request.

use super::answer::{Answer, MASK, Masks};
use crate::http::{Head, Response, field};
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
/// The fields that say how an answer travels, not what it is.
const TRAVEL: [&str; 4] = ["connection", "content-length", "keep-alive", "transfer-encoding"];
/// The field that says how its body was packed, which does not count where the body could be unpacked.
const PACKING: &str = "content-encoding";

/// A response as an answer: its head and body, chunks put together, unpacked; masked the values of volatile fields, how it
/// travels, the tokens in JSON, and what the rules say. A body that cannot be unpacked counts as it was sent.
pub(super) fn answer(response: Response<'_>, masks: Masks<'_>) -> Answer {
    let raw = [response.head, &response.sent.front].concat();
    let content = response.content();
    let is_open = content.is_some();
    let content = content.as_deref().unwrap_or(response.sent);
    let mut masked = Vec::with_capacity(response.head.len() + content.front.len());
    if let Ok(Some(head)) = Head::parse(response.head) {
        for line in head.lines() {
            let name = field(line).map_or(&[][..], |(name, _)| name);
            let among = |known: &[&str]| {
                known
                    .iter()
                    .any(|known| name.eq_ignore_ascii_case(known.as_bytes()))
            };
            let travels = among(&TRAVEL) || is_open && among(&[PACKING]);
            if among(&VOLATILE) {
                masked.extend_from_slice(name);
                masked.extend_from_slice(b": *\r\n");
            } else if !travels {
                masked.extend_from_slice(line);
            }
        }
    } else {
        masked.extend_from_slice(response.head);
    }
    let mut copied = 0;
    if masks.rules().http.tokens {
        tokens(&content.front, |_, token| {
            let start = token.as_ptr().addr() - content.front.as_ptr().addr();
            masked.extend_from_slice(&content.front[copied..start]);
            masked.push(b'*');
            copied = start + token.len();
        });
    }
    masked.extend_from_slice(&content.front[copied..]);
    let masked = masks.mask(&masked).into_owned();
    let kind = if response.head.is_empty() {
        "stream"
    } else {
        "response"
    };
    let mut answer = Answer::masked(kind, 0, &raw, masked);
    // A rule that takes all that is kept takes what is beyond, too.
    if answer.counts() != MASK {
        answer.beyond = content.beyond();
    }
    answer
}
