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

mod answers;
mod borne;
pub(super) mod lesson;

use std::net::{IpAddr, SocketAddr};

use super::common::Person;
use super::edit::Editor;
use super::feed::{Step, feed};
use super::values::{CHANCE_MAX_BYTES, Known};
use super::{Patience, RewriteError, Said, Scene};
use crate::Session;
use crate::http::{Body, Framing, Head, blank_bytes};
use answers::Answers;
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
    answers: Answers,
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
            answers: Answers::default(),
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
        self.answers
            .values
            .share(scene.rules.common.of(self.person(scene)));
        let said = feed(&mut held, recorded, |bytes| {
            Ok(self.step(scene, patience, bytes, out))
        });
        self.held = held;
        self.answers.values.share(None);
        said
    }

    /// What was kept of a request that never became whole.
    pub(super) fn end(&mut self, out: &mut Vec<u8>) {
        out.append(&mut std::mem::take(&mut self.held));
    }

    pub(super) fn heard(&mut self, scene: &mut Scene, bytes: &[u8]) {
        let person = self.person(scene);
        self.answers.heard(scene, person, bytes);
    }

    pub(super) fn expected(&mut self, scene: &mut Scene, bytes: &[u8]) {
        let person = self.person(scene);
        self.answers.expected(scene, person, self.at_ns, bytes);
        // The change of protocol was the last that was asked for. All is answered, so it was not made: requests follow.
        if self.at == At::Upgrade && self.answers.are_in() {
            self.at = At::Head;
        }
    }

    /// The recording lacks what its server said here, the answer to a change of protocol perhaps.
    pub(super) fn gap(&mut self, scene: &mut Scene) {
        let person = self.person(scene);
        self.answers.lose(scene, person);
        if self.at == At::Upgrade {
            self.at = At::Raw;
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
        let edits = scene.chosen != 0 || !self.answers.values.is_empty();
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
        let Some(body_said) = Editor::new(scene, &self.answers.values, patience).edit(body) else {
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
        let person = self.person(scene);
        self.answers.asked(scene, person, head);
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
        let mut said = Editor::new(scene, &self.answers.values, patience)
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
                known = self.answers.values.known(Some(&name), cookie);
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
        Stranger::among(
            &self.answers.values,
            &scene.rules.early,
            self.person(scene),
            name,
            value,
        )
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
