//! Whole responses out of a stream, each with as much of its body as is looked into.
//!
//! It does not know what they answer but for the two requests that change where a body ends.

use std::borrow::Cow;
use std::collections::VecDeque;

use super::coding::{Coding, Kept, Packed};
use super::{Body, Framing, Head};

/// What a request does to its response's body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// Nothing.
    Body,
    /// There is none: HEAD.
    NoBody,
    /// It is a tunnel: CONNECT.
    Tunnel,
}

/// A whole response.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Response<'a> {
    /// Its head; empty where the stream is no HTTP.
    pub(crate) head: &'a [u8],
    /// Its body as it was sent, without chunks' frames.
    pub(crate) sent: &'a Kept,
    packed: &'a Packed,
    /// It only tells of the one that is to come (RFC 9110, section 15.2): whether it is sent at all is up to the server.
    pub(crate) interim: bool,
}

/// A stream of responses. Between two of them it holds no buffer.
#[derive(Debug, Default)]
pub(crate) struct Responses {
    asked: VecDeque<Asked>,
    /// The head so far, or the whole one while its body comes.
    head: Vec<u8>,
    reading: Option<Box<Reading>>,
}

/// A response whose body comes.
#[derive(Debug)]
struct Reading {
    body: Body,
    sent: Kept,
    packed: Packed,
    /// A head of the 1xx kind: the answer is still to come (RFC 9110, section 15.2).
    interim: bool,
}

/// The most requests without an answer that are remembered; those beyond are taken for ones with a body.
const ASKED_MAX: usize = 1024;

impl Asked {
    /// What a request does.
    pub(crate) fn of(head: Head<'_>) -> Self {
        match head.method() {
            b"HEAD" => Self::NoBody,
            b"CONNECT" => Self::Tunnel,
            _ => Self::Body,
        }
    }
}

impl Response<'_> {
    /// What its body says; nothing where it is packed (Content-Encoding) and cannot be unpacked.
    pub(crate) fn content(&self) -> Option<Cow<'_, Kept>> {
        self.packed.content(self.sent)
    }
}

impl Responses {
    /// A request was made, whose response comes after those of the requests before.
    pub(crate) fn asked(&mut self, asked: Asked) {
        if self.asked.len() < ASKED_MAX {
            self.asked.push_back(asked);
        }
    }

    /// Whether a request has no whole response yet.
    pub(crate) fn are_awaited(&self) -> bool {
        !self.asked.is_empty()
    }

    /// Whether what comes is no HTTP.
    pub(crate) fn are_foreign(&self) -> bool {
        self.reading.is_some() && self.head.is_empty()
    }

    /// More of the stream; each response that it completes goes to `whole`.
    pub(crate) fn read(&mut self, mut bytes: &[u8], mut whole: impl FnMut(Response<'_>)) {
        while !bytes.is_empty() {
            if self.reading.is_none() {
                bytes = self.read_head(bytes);
            }
            let Some(reading) = &mut self.reading else {
                return;
            };
            bytes = &bytes[reading.read(bytes)..];
            if reading.body.ended() {
                self.complete(&mut whole);
            }
        }
    }

    /// The stream ends: what was under way is as whole as it gets.
    pub(crate) fn end(&mut self, mut whole: impl FnMut(Response<'_>)) {
        if self.reading.is_none() && !self.head.is_empty() {
            self.reading = Some(Box::new(Reading::new(Body::Endless, Coding::None)));
        }
        if self.reading.is_some() {
            self.complete(&mut whole);
        }
    }

    /// Reads on in a head; what follows it.
    fn read_head<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let before = self.head.len();
        self.head.extend_from_slice(bytes);
        let parsed = Head::parse(&self.head).map(|head| {
            head.map(|head| {
                let asked = self.asked.front().copied().unwrap_or(Asked::Body);
                let framing = Framing::of_response(head, asked == Asked::NoBody, asked == Asked::Tunnel);
                let mut reading = Reading::new(framing.into(), Coding::of(head));
                reading.interim = matches!(head.status(), 100 | 102..=199);
                (head.bytes().len(), reading)
            })
        });
        match parsed {
            Ok(None) => &[],
            Ok(Some((length, reading))) => {
                self.head.truncate(length);
                self.reading = Some(Box::new(reading));
                &bytes[length - before..]
            }
            // No HTTP: all that comes is one body without a head.
            Err(_) => {
                let mut reading = Reading::new(Body::Endless, Coding::None);
                reading.read(&std::mem::take(&mut self.head));
                self.reading = Some(Box::new(reading));
                &[]
            }
        }
    }

    fn complete(&mut self, whole: &mut impl FnMut(Response<'_>)) {
        let head = std::mem::take(&mut self.head);
        let Some(reading) = self.reading.take() else {
            return;
        };
        if !reading.interim {
            self.asked.pop_front();
        }
        whole(Response {
            head: &head,
            sent: &reading.sent,
            packed: &reading.packed.end(),
            interim: reading.interim,
        });
    }
}

impl Reading {
    fn new(body: Body, coding: Coding) -> Self {
        Self {
            body,
            sent: Kept::default(),
            packed: coding.into(),
            interim: false,
        }
    }

    fn read(&mut self, bytes: &[u8]) -> usize {
        let Self {
            body, sent, packed, ..
        } = self;
        body.read(bytes, |part| {
            packed.read(sent, part);
            sent.push(part);
        })
    }
}
