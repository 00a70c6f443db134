//! HTTP/1: a recorded client asks the target as the recording asked its server.
//!
//! It does not know what a request is for, and follows nothing: what is asked is what was asked.
//!
//! - **Host** becomes the target's, by its rule.
//! - **Cookies** are the target's: each that an answer set is put, by its name, in place of the one that the recorded
//!   answer set.
//! - **Tokens** out of JSON answers, packed for the way or not, and long cookies are put in place of the recorded ones wherever they stand.
//! - The n-th answer of either server is that to the n-th request: what it hands out belongs together, whatever others hand out.
//! - What the target handed out on one connection counts on all of the same person's; what is said as recorded because nobody has handed
//!   it out yet is remembered, to be told if somebody does.
//! - **Content-Length** follows the body. A body in chunks, or one that waits for *100 Continue*, passes as it is.

mod borne;
pub(super) mod lesson;

use std::net::{IpAddr, SocketAddr};
use std::ops::Range;

use super::common::Person;
use super::edit::Editor;
use super::feed::{Step, feed};
use super::values::{CHANCE_MAX_BYTES, Giver, Known, Values};
use super::{Patience, RewriteError, Said, Scene};
use crate::Session;
use crate::http::{Asked, Body, Framing, Head, Responses, blank_bytes};
use borne::Stranger;

/// The longest body that is rewritten; a longer one passes as it is.
const EDITED_MAX_BYTES: u64 = 1 << 20;

/// One connection.
#[derive(Debug)]
pub(super) struct Http {
    server: SocketAddr,
    client: IpAddr,
    /// When the turn began in the recording that is gone over.
    at_ns: u64,
    /// What the client said that is not whole.
    held: Vec<u8>,
    at: At,
    values: Values,
    /// None where the recording lacks a part of them, until the next request of a client that waits for its answers.
    recorded: Option<Responses>,
    actual: Responses,
    /// Requests so far.
    asked: u32,
    /// From the first to the last request whose recorded answer is lost, as far as the target has not answered them.
    lost: Range<u32>,
    /// Whether anything was asked before all was answered: behind a gap it cannot be told which answer comes next.
    pipelines: bool,
}

/// Where a client's stream stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    /// In a head, or before one.
    Head,
    /// In a body that passes as it is.
    Body(Body),
    /// Behind a request for another protocol: the recorded answer tells whether it was granted.
    Upgrade,
    /// In what is no HTTP.
    Raw,
}

impl Http {
    pub(super) fn new(session: &Session) -> Self {
        Self {
            server: session.server,
            client: session.client.ip(),
            at_ns: 0,
            held: Vec::new(),
            at: At::Head,
            values: Values::default(),
            recorded: Some(Responses::default()),
            actual: Responses::default(),
            asked: 0,
            lost: 0..0,
            pipelines: false,
        }
    }

    /// A turn of the recording begins.
    pub(super) fn turn(&mut self, at_ns: u64) {
        self.at_ns = at_ns;
    }

    pub(super) fn say(
        &mut self,
        scene: &mut Scene,
        patience: Patience,
        recorded: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<Said, RewriteError> {
        let mut held = std::mem::take(&mut self.held);
        self.values.share(scene.rules.common.of(self.person(scene)));
        let said = feed(&mut held, recorded, |bytes| {
            Ok(self.step(scene, patience, bytes, out))
        });
        self.held = held;
        self.values.share(None);
        said
    }

    /// What was kept of a request that never became whole.
    pub(super) fn end(&mut self, out: &mut Vec<u8>) {
        out.append(&mut std::mem::take(&mut self.held));
    }

    pub(super) fn heard(&mut self, scene: &mut Scene, bytes: &[u8]) {
        self.hear(scene, Giver::Target, bytes);
    }

    pub(super) fn expected(&mut self, scene: &mut Scene, bytes: &[u8]) {
        self.hear(scene, Giver::Recorded, bytes);
        // The change of protocol was the last that was asked for. All is answered, so it was not made: requests follow.
        let is_answered = |recorded: &Responses| !recorded.are_awaited();
        if self.at == At::Upgrade && self.recorded.as_ref().is_some_and(is_answered) {
            self.at = At::Head;
        }
    }

    /// The recording lacks what its server said here, the answer to a change of protocol perhaps.
    pub(super) fn gap(&mut self, scene: &mut Scene) {
        self.lose(scene);
        if self.at == At::Upgrade {
            self.at = At::Raw;
        }
    }

    /// The recorded answers to all that was asked so far are lost.
    fn lose(&mut self, scene: &mut Scene) {
        self.recorded = None;
        if self.lost.end <= self.values.turn(Giver::Target) {
            self.lost.start = self.values.turn(Giver::Recorded);
        }
        self.lost.end = self.asked;
        let person = self.person(scene);
        let publish = |news| scene.rules.common.publish(person, news);
        scene.unlearned += self
            .values
            .turn_to(Giver::Recorded, self.asked, &self.lost, publish);
    }

    /// A request was made.
    fn asks(&mut self, scene: &mut Scene, head: Head<'_>) {
        self.pipelines |= self.values.turn(Giver::Recorded) < self.asked;
        self.asked = self.asked.saturating_add(1);
        if self.recorded.is_none() && self.pipelines {
            self.lose(scene);
        } else {
            self.recorded.get_or_insert_default().asked(Asked::of(head));
        }
        self.actual.asked(Asked::of(head));
    }

    fn hear(&mut self, scene: &mut Scene, giver: Giver, bytes: &[u8]) {
        let person = self.person(scene);
        let Self { values, at_ns, .. } = self;
        let responses = match giver {
            Giver::Recorded => self.recorded.as_mut(),
            Giver::Target => Some(&mut self.actual),
        };
        let Some(responses) = responses else { return };
        let publish = |news| scene.rules.common.publish(person, news);
        let mut unlearned = 0;
        responses.read(bytes, |response| {
            // Whether one is sent at all is up to the server.
            if response.interim {
                return;
            }
            let is_sealed = lesson::learn(scene, response, &mut |name, value| {
                if let Some(news) = values.learn(giver, name, value) {
                    if giver == Giver::Recorded {
                        scene.rules.early.handed_out(person, name, value, *at_ns);
                    }
                    publish(news);
                }
            });
            // One that nobody asked for shifts none of those after it.
            let next = values.turn(giver).saturating_add(1).min(self.asked);
            unlearned += u32::from(is_sealed) + values.turn_to(giver, next, &self.lost, publish);
        });
        let is_astray = giver == Giver::Recorded && responses.are_foreign();
        scene.unlearned += unlearned;
        if is_astray {
            // It began within an answer of which the recording lacks a part.
            self.lose(scene);
        }
    }

    fn step(&mut self, scene: &mut Scene, patience: Patience, bytes: &[u8], out: &mut Vec<u8>) -> Step {
        match &mut self.at {
            At::Raw | At::Upgrade => {
                out.extend_from_slice(bytes);
                Step::Took(bytes.len())
            }
            At::Body(body) => {
                let length = body.read(bytes, |_| {});
                if body.ended() {
                    self.at = At::Head;
                }
                out.extend_from_slice(&bytes[..length]);
                Step::Took(length)
            }
            // As they stand: the target is asked as the recorded server was.
            At::Head if blank_bytes(bytes) > 0 => {
                let length = blank_bytes(bytes);
                out.extend_from_slice(&bytes[..length]);
                Step::Took(length)
            }
            At::Head => match Head::parse(bytes) {
                Ok(Some(head)) => self.request(scene, patience, head, &bytes[head.bytes().len()..], out),
                Ok(None) => Step::Partial,
                Err(_) => {
                    self.at = At::Raw;
                    self.step(scene, patience, bytes, out)
                }
            },
        }
    }

    /// A request, of which `behind` is what was said after its head.
    fn request(
        &mut self,
        scene: &mut Scene,
        patience: Patience,
        head: Head<'_>,
        behind: &[u8],
        out: &mut Vec<u8>,
    ) -> Step {
        let framing = Framing::of_request(head);
        let edits = scene.chosen != 0 || !self.values.is_empty();
        let body = match framing {
            Framing::Length(length @ 1..=EDITED_MAX_BYTES)
                if edits && !head.says("expect", "100-continue") =>
            {
                match behind.get(..length as usize) {
                    Some(body) => body,
                    None => return Step::Partial,
                }
            }
            _ => &[],
        };
        let Some(body_said) = Editor::new(scene, &self.values, patience).edit(body) else {
            return Step::Waits;
        };
        let length = (body_said.len() != body.len()).then_some(body_said.len());
        let mut strangers = Vec::new();
        let Some(head_said) = self.head(scene, patience, head, length, &mut strangers) else {
            return Step::Waits;
        };
        for stranger in strangers {
            // A rule may have put another value in its place.
            if scene.chosen == 0 || stranger.stands_in(&head_said) {
                scene.rules.early.said(stranger.key, self.at_ns);
            }
        }
        out.extend_from_slice(&head_said);
        out.extend_from_slice(&body_said);
        self.asks(scene, head);
        self.at = match Body::from(framing) {
            _ if !body.is_empty() => At::Head,
            body if body.ended() => At::Head,
            Body::Endless => At::Upgrade,
            body => At::Body(body),
        };
        Step::Took(head.bytes().len() + body.len())
    }

    /// A head in its new form, its body `length` bytes long if that changed; `None` if it needs what is not known yet. What stays as it
    /// was recorded and may be handed out later goes to `strangers`.
    fn head<'a>(
        &self,
        scene: &mut Scene,
        patience: Patience,
        head: Head<'a>,
        length: Option<usize>,
        strangers: &mut Vec<Stranger<'a>>,
    ) -> Option<Vec<u8>> {
        let rules = std::sync::Arc::clone(&scene.rules);
        let mut said = Vec::with_capacity(head.bytes().len() + 64);
        for line in head.lines() {
            let Some((name, value)) = crate::http::field(line) else {
                said.extend_from_slice(line);
                continue;
            };
            let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
            let new = if is("host") {
                rules.host(self.server).map(|host| host.as_bytes().to_vec())
            } else if is("cookie") {
                Some(self.cookies(scene, patience, value, strangers)?)
            } else if is("authorization") {
                lesson::credential(scene, value)
            } else {
                None
            };
            if new.is_none()
                && let Some(borne) = borne::credential(name, value)
            {
                strangers.extend(self.stranger(scene, None, borne));
            }
            put(&mut said, line, value, new.as_deref());
        }
        let mut said = Editor::new(scene, &self.values, patience)
            .edit(&said)?
            .into_owned();
        if let (Some(length), Ok(Some(edited))) = (length, Head::parse(&said)) {
            let mut fixed = Vec::with_capacity(said.len() + 8);
            for line in edited.lines() {
                let field = crate::http::field(line);
                let is_length = |name: &[u8]| name.eq_ignore_ascii_case(b"content-length");
                let new = field
                    .filter(|(name, _)| is_length(name))
                    .map(|_| length.to_string());
                let value = field.map_or(&[][..], |(_, value)| value);
                put(&mut fixed, line, value, new.as_ref().map(String::as_bytes));
            }
            said = fixed;
        }
        Some(said)
    }

    /// A *Cookie* field's value with the target's cookies (RFC 6265, section 4.2).
    fn cookies<'a>(
        &self,
        scene: &mut Scene,
        patience: Patience,
        value: &'a [u8],
        strangers: &mut Vec<Stranger<'a>>,
    ) -> Option<Vec<u8>> {
        let mut said = Vec::with_capacity(value.len());
        for (place, pair) in value.split(|byte| *byte == b';').enumerate() {
            if place > 0 {
                said.push(b';');
            }
            let trimmed = pair.trim_ascii_start();
            said.extend_from_slice(&pair[..pair.len() - trimmed.len()]);
            let equals = trimmed
                .iter()
                .position(|byte| *byte == b'=')
                .unwrap_or(trimmed.len());
            let (name, cookie) = trimmed.split_at(equals);
            let mut known = Known::Stranger;
            if let Some(cookie) = cookie.get(1..) {
                let name = lesson::cookie_name(name);
                known = self.values.known(Some(&name), cookie);
                if known == Known::Stranger {
                    strangers.extend(self.stranger(scene, Some(&name), cookie));
                }
            }
            said.extend_from_slice(name);
            match known {
                Known::Given(given) => {
                    said.push(b'=');
                    said.extend_from_slice(given);
                }
                Known::Awaited if patience == Patience::Waits => return None,
                Known::Awaited | Known::Stranger => {
                    // Longer ones are looked for in all of the head, and counted there. The sign of equality stands before it.
                    let is_sought = cookie.len() > CHANCE_MAX_BYTES;
                    scene.unlearned += u32::from(known == Known::Awaited && !is_sought);
                    said.extend_from_slice(cookie);
                }
            }
        }
        Some(said)
    }

    /// A value, if nobody has handed it out yet.
    fn stranger<'a>(&self, scene: &Scene, name: Option<&[u8]>, value: &'a [u8]) -> Option<Stranger<'a>> {
        Stranger::among(&self.values, &scene.rules.early, self.person(scene), name, value)
    }

    /// Whose session it is.
    fn person(&self, scene: &Scene) -> Person {
        Person {
            client: self.client,
            clone: scene.clone,
        }
    }
}

/// A field's line, with another value if there is one: all else stays as it stands.
fn put(said: &mut Vec<u8>, line: &[u8], value: &[u8], new: Option<&[u8]>) {
    let Some(new) = new else {
        said.extend_from_slice(line);
        return;
    };
    let start = value
        .as_ptr()
        .addr()
        .saturating_sub(line.as_ptr().addr())
        .min(line.len());
    said.extend_from_slice(&line[..start]);
    said.extend_from_slice(new);
    said.extend_from_slice(line.get(start + value.len()..).unwrap_or_default());
}
