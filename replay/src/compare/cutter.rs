//! A stream of answers cut by what the protocol or a rule says: responses, lines, frames.
//!
//! It does not know which side says them.

use super::answer::{Answer, KEPT_MAX_BYTES, Masks};
use super::http;
use crate::http::{Asked, Body, Framing, Head, Responses, blank_bytes};
use crate::rules::Length;

/// One side's stream.
#[derive(Debug)]
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
    at: At,
}

/// Where the requests stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum At {
    /// In a head, or before one.
    #[default]
    Head,
    Body(Body),
    /// Behind a request for another protocol, or for a tunnel: the recorded answer tells whether it was granted.
    Upgrade,
    /// In what is no HTTP any more.
    Raw,
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

    /// Whether all that was asked is answered, a change of protocol at last, and that was not granted: requests follow.
    pub(super) fn is_denied(&self) -> bool {
        matches!(self, Self::Http(responses, requests) if requests.at == At::Upgrade && !responses.are_awaited())
    }

    /// The recorded server did not change the protocol: what its client says from here on are requests.
    pub(super) fn stay(&mut self) {
        if let Self::Http(_, requests) = self
            && requests.at == At::Upgrade
        {
            requests.at = At::Head;
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
                    take(Answer::frame(length, frame, masks));
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
            match &mut self.at {
                At::Head => match self.read_head(bytes, &mut asks) {
                    Some(length) => bytes = &bytes[length..],
                    None => return,
                },
                At::Body(body) => {
                    bytes = &bytes[body.read(bytes, |_| {})..];
                    if body.ended() {
                        self.at = At::Head;
                    }
                }
                At::Upgrade | At::Raw => return,
            }
        }
    }

    /// Reads on in a head, or before one: how much of `bytes` belongs to it once it is whole.
    fn read_head(&mut self, bytes: &[u8], asks: &mut impl FnMut(Asked)) -> Option<usize> {
        let before = self.head.len();
        self.head.extend_from_slice(bytes);
        let blank = blank_bytes(&self.head);
        let (at, length) = match Head::parse(&self.head[blank..]) {
            Ok(None) => {
                self.head.drain(..blank);
                return None;
            }
            Ok(Some(head)) => {
                asks(Asked::of(head));
                let at = match Body::from(Framing::of_request(head)) {
                    body if body.ended() => At::Head,
                    Body::Endless => At::Upgrade,
                    body => At::Body(body),
                };
                (at, blank + head.bytes().len() - before)
            }
            Err(_) => (At::Raw, bytes.len()),
        };
        (self.at, self.head) = (at, Vec::new());
        Some(length)
    }
}
