//! A stream of answers cut by what the protocol or a rule says: responses, lines, frames.
//!
//! It does not know which side says them.

use super::answer::{Answer, KEPT_MAX_BYTES, Masks};
use super::http;
use crate::http::{Asked, Body, Framing, Head, Responses};
use crate::rules::Length;

/// One side's stream.
#[derive(Clone, Debug)]
pub(super) enum Cutter {
    /// Responses of HTTP but for interim ones, and the requests that they answer.
    Http(Responses, Requests),
    /// Lines, and one that is not whole.
    Line(Vec<u8>),
    /// Frames, and one that is not whole.
    Frame(Length, Vec<u8>),
}

/// Takes answers.
pub(super) type Take<'a> = &'a mut dyn FnMut(Answer);

/// The recorded client's requests, read as far as they say how their responses end.
#[derive(Clone, Debug, Default)]
pub(super) struct Requests {
    head: Vec<u8>,
    body: Option<Body>,
}

impl Cutter {
    pub(super) fn http() -> Self {
        Self::Http(Responses::default(), Requests::default())
    }

    pub(super) fn line() -> Self {
        Self::Line(Vec::new())
    }

    pub(super) fn frame(length: Length) -> Self {
        Self::Frame(length, Vec::new())
    }

    /// The recorded client said this.
    pub(super) fn said(&mut self, bytes: &[u8]) {
        if let Self::Http(responses, requests) = self {
            requests.read(bytes, |asked| responses.asked(asked));
        }
    }

    /// The server said this.
    pub(super) fn hear(&mut self, bytes: &[u8], masks: Masks<'_>, take: Take<'_>) {
        match self {
            Self::Http(responses, _) => responses.read(bytes, |response| {
                if !response.interim {
                    take(http::answer(response, masks));
                }
            }),
            Self::Line(held) => {
                let line = |bytes: &[u8]| bytes.iter().position(|byte| *byte == b'\n').map(|at| at + 1);
                cut(held, bytes, line, |line| take(Answer::plain("line", line, masks)));
            }
            Self::Frame(length, held) => {
                let length = *length;
                let whole = |bytes: &[u8]| usize::try_from(length.read(bytes)??).ok();
                cut(held, bytes, whole, |frame| {
                    take(Answer::plain("frame", frame, masks))
                });
            }
        }
    }

    /// The server said something here that nobody has: what was under way is lost.
    pub(super) fn lose(&mut self) {
        match self {
            Self::Http(responses, requests) => (*responses, *requests) = Default::default(),
            Self::Line(held) | Self::Frame(_, held) => *held = Vec::new(),
        }
    }

    /// How much of what follows a loss is still a part of what was lost; all of it, where nothing tells.
    pub(super) fn lost(&self, bytes: &[u8]) -> usize {
        let end = bytes.iter().position(|byte| *byte == b'\n');
        match (self, end) {
            (Self::Line(_), Some(end)) => end + 1,
            _ => bytes.len(),
        }
    }

    /// The server says no more.
    pub(super) fn end(&mut self, masks: Masks<'_>, take: Take<'_>) {
        match self {
            Self::Http(responses, _) => responses.end(|response| take(http::answer(response, masks))),
            Self::Line(held) | Self::Frame(_, held) => {
                if !held.is_empty() {
                    take(Answer::plain("unfinished end", held, masks));
                }
            }
        }
    }
}

/// Cuts what is whole off a stream; what becomes too long to keep is cut where it is.
fn cut(
    held: &mut Vec<u8>,
    bytes: &[u8],
    whole: impl Fn(&[u8]) -> Option<usize>,
    mut take: impl FnMut(&[u8]),
) {
    let mut kept = std::mem::take(held);
    kept.extend_from_slice(bytes);
    let mut rest = kept.as_slice();
    while !rest.is_empty() {
        let length = match whole(rest) {
            Some(length) if length <= rest.len().min(KEPT_MAX_BYTES) => length.max(1),
            _ if rest.len() >= KEPT_MAX_BYTES => KEPT_MAX_BYTES,
            _ => break,
        };
        take(&rest[..length]);
        rest = &rest[length..];
    }
    *held = rest.to_vec();
}

impl Requests {
    fn read(&mut self, mut bytes: &[u8], mut asks: impl FnMut(Asked)) {
        while !bytes.is_empty() {
            if let Some(body) = &mut self.body {
                let length = body.read(bytes, |_| {});
                bytes = &bytes[length..];
                if body.ended() {
                    self.body = None;
                }
                continue;
            }
            let before = self.head.len();
            self.head.extend_from_slice(bytes);
            match Head::parse(&self.head) {
                Ok(None) => return,
                Ok(Some(head)) => {
                    asks(Asked::of(head));
                    let body = Body::from(Framing::of_request(head));
                    self.body = (!body.ended()).then_some(body);
                    bytes = &bytes[head.bytes().len() - before..];
                    self.head = Vec::new();
                }
                // No HTTP any more.
                Err(_) => {
                    self.body = Some(Body::Endless);
                    self.head = Vec::new();
                    return;
                }
            }
        }
    }
}
