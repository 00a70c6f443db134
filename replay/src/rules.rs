//! What has to differ from the recording, and what an answer may differ in: a file of rules, read and checked.
//!
//! It knows neither files nor targets: a path or an address in it is only carried to whoever opens it. The language is
//! described in `docs/replay-rules.md`.

mod accounts;
mod error;
mod length;
mod place;
mod provision;
mod raw;
mod resolve;
mod template;

use std::borrow::Cow;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::Arc;

use loadgen::pins::Pins;
use regex::bytes::Regex;
use wire::chat::Secret;

use crate::rewrite::{Common, Early};
use crate::{Note, Protocol, Recording};

pub(crate) use accounts::Accounts;
pub use error::RuleError;
pub(crate) use length::Length;
pub use place::Place;
pub(crate) use provision::Provision;
pub(crate) use template::{Part, Template};

/// The most rules of a file: a session keeps its choice among them in 64 bits.
pub const RULES_MAX: usize = 64;
/// How far apart the numbers of two clones are unless the file says otherwise.
pub const STRIDE_DEFAULT: u64 = 1_000_000;

/// A file of rules; the default has none, and knows what is known of each protocol. The sessions that are driven by one of
/// them, and by copies of it, share what the target handed out to the same person.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    pub(crate) targets: Vec<Target>,
    pub(crate) chat: ChatRules,
    pub(crate) http: HttpRules,
    pub(crate) provisions: Vec<Provision>,
    pub(crate) rules: Vec<Rule>,
    pub(crate) common: Arc<Common>,
    pub(crate) early: Arc<Early>,
    pub(crate) accounts: Arc<Accounts>,
}

/// Where the sessions of a recorded server are driven.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The recorded servers it stands for.
    pub server: Place,
    /// Host and port to connect to.
    pub address: String,
    /// Whether it speaks TLS.
    pub tls: bool,
    /// The name to ask for in TLS (RFC 6066, section 3); else the host of `address`.
    pub sni: Option<String>,
    /// Certificates that it is checked against, PEM; else none is checked.
    pub ca: Option<PathBuf>,
    /// The client's certificate and key, PEM.
    pub identity: Option<Identity>,
}

/// A client's certificate for TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The chain, PEM.
    pub certificate: PathBuf,
    /// Its key, PEM.
    pub key: PathBuf,
}

/// teem's chat: who the clients are at the target.
#[derive(Clone, Debug)]
pub(crate) struct ChatRules {
    /// The target's secret, from which it derives keys.
    pub(crate) secret: Option<Secret>,
    /// Added to each number.
    pub(crate) offset: i64,
    /// Added to each number, times the clone's.
    pub(crate) stride: u64,
}

/// HTTP/1: what is rewritten without a rule.
#[derive(Clone, Debug)]
pub(crate) struct HttpRules {
    /// What becomes of *Host*.
    pub(crate) host: Host,
    /// Whether cookies are learned.
    pub(crate) cookies: bool,
    /// Whether tokens are learned from JSON answers.
    pub(crate) tokens: bool,
    /// Whether the recording's bodies are pseudonyms: no target says the like.
    pub(crate) masked: bool,
}

/// What becomes of HTTP's *Host*.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Host {
    /// The target's, where the rules name one; else as recorded.
    Target,
    /// As recorded.
    Keep,
    /// This.
    Named(String),
}

/// One rule: the sessions it is for, and what is done to them.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    /// Where the file has it, from 1; 0 where no file does.
    pub(crate) line: usize,
    pub(crate) protocol: Option<Protocol>,
    pub(crate) server: Place,
    pub(crate) unit: Option<Unit>,
    pub(crate) replace: Vec<Replace>,
    pub(crate) regex: Vec<Rewrite>,
    pub(crate) learn: Vec<Learn>,
    pub(crate) mask: Vec<Regex>,
}

/// What a client says at a time: the stretch within which an expression matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    /// All until the server speaks.
    Saying,
    /// Up to and with a line feed.
    Line,
    /// A frame with its length in front.
    Frame(Length),
}

/// Bytes for bytes.
#[derive(Clone, Debug)]
pub(crate) struct Replace {
    pub(crate) find: Vec<u8>,
    pub(crate) with: Template,
}

/// Bytes for what an expression matches.
#[derive(Clone, Debug)]
pub(crate) struct Rewrite {
    pub(crate) find: Regex,
    pub(crate) with: Template,
}

/// A value that the target hands out.
#[derive(Clone, Debug)]
pub(crate) struct Learn {
    pub(crate) name: String,
    /// Its first group is the value.
    pub(crate) from: Regex,
}

impl Target {
    /// The name that HTTP asks it by: without its port where that is the usual one (RFC 9110, section 7.2).
    fn host(&self) -> Cow<'_, str> {
        let (host, port) = self.address.rsplit_once(':').unwrap_or((&self.address, ""));
        let host = self.sni.as_deref().unwrap_or(host);
        match (port, self.tls) {
            ("80", false) | ("443", true) => Cow::Borrowed(host),
            _ => Cow::Owned(format!("{host}:{port}")),
        }
    }
}

impl Default for ChatRules {
    fn default() -> Self {
        Self {
            secret: None,
            offset: 0,
            stride: STRIDE_DEFAULT,
        }
    }
}

impl ChatRules {
    /// What is added to each number in a clone.
    pub(crate) fn shift(&self, clone: u32) -> i128 {
        i128::from(self.offset) + i128::from(self.stride) * i128::from(clone)
    }
}

impl Default for HttpRules {
    fn default() -> Self {
        Self {
            host: Host::Target,
            cookies: true,
            tokens: true,
            masked: false,
        }
    }
}

impl Rules {
    /// Reads a file of rules; `file` is only for messages.
    ///
    /// # Errors
    /// The first mistake, with its line and column, what was expected, and the nearest valid name.
    pub fn parse(text: &str, file: &str) -> Result<Self, RuleError> {
        resolve::parse(text).map_err(|mistake| mistake.locate(file, text))
    }

    /// The same rules with the secret of the chat target, as if the file had it.
    #[must_use]
    pub fn with_chat_secret(mut self, secret: Secret) -> Self {
        self.chat.secret = Some(secret);
        self
    }

    /// The same rules for a recording with this note: of one whose messages of HTTP are masked, answers are compared without what is
    /// a pseudonym.
    #[must_use]
    pub fn with_note(mut self, note: &Note) -> Self {
        self.http.masked |= *note == Note::MaskedHttp;
        self
    }

    /// The same rules for a chat target whose PINs can be had: registrations are proved by them. Whoever made the desk keeps a
    /// handle of it for as long as it is asked: the last one ends it, and must not be on a thread with a descriptor table of its own.
    #[must_use]
    pub fn with_pins(mut self, pins: Pins) -> Self {
        self.accounts = Arc::new(Accounts::with_pins(pins));
        self
    }

    /// How many numbers were given a key by the chat target.
    #[must_use]
    pub fn accounts(&self) -> u64 {
        self.accounts.count()
    }

    /// The same rules with other numbers for the people of chats: `offset` is added to each, and `stride` once more for
    /// each clone.
    #[must_use]
    pub fn with_chat_numbers(mut self, offset: i64, stride: u64) -> Self {
        (self.chat.offset, self.chat.stride) = (offset, stride);
        self
    }

    /// The same rules with a target for the recorded servers that the file has none for.
    #[must_use]
    pub fn with_target(mut self, target: Target) -> Self {
        self.targets.push(target);
        self
    }

    /// Where the sessions of a recorded server are driven: the first target that stands for it.
    #[must_use]
    pub fn target(&self, server: SocketAddr) -> Option<&Target> {
        self.targets.iter().find(|target| target.server.holds(server))
    }

    /// Which numbers the recorded ones of a span become, over so many people: the lowest to the highest, and all between.
    #[must_use]
    pub fn numbers(&self, recorded: &RangeInclusive<u64>, people: u32) -> RangeInclusive<u64> {
        let shifted = |number: u64, clone: u32| {
            let shifted = i128::from(number) + self.chat.shift(clone);
            shifted.clamp(0, i128::from(u64::MAX)) as u64
        };
        shifted(*recorded.start(), 0)..=shifted(*recorded.end(), people.saturating_sub(1))
    }

    /// Values that were not shared among a person's sessions for want of room.
    #[must_use]
    pub fn unshared(&self) -> u64 {
        self.common.refused()
    }

    /// Values that were shared among a person's sessions, and forgotten for newer ones of the same person; and those of which it was
    /// forgotten that somebody had said them, before anybody could tell whether that was early.
    #[must_use]
    pub fn forgotten(&self) -> u64 {
        self.common.forgotten() + self.early.forgotten()
    }

    /// Values that a person said as recorded because the answer that hands them out was not come to yet, which in the recording it
    /// was; each value of a person counts once.
    #[must_use]
    pub fn early(&self) -> u64 {
        self.early.count()
    }

    /// Lines of the file with rules that are for none of these sessions (places in [`Recording::sessions`]): of another protocol, or
    /// another recorded server. Whether an expression of the others ever matched is not looked at.
    #[must_use]
    pub fn unfitting(&self, recording: &Recording, sessions: &[u32]) -> Vec<usize> {
        let chosen = sessions
            .iter()
            .filter_map(|place| recording.sessions().get(*place as usize));
        let fitting = chosen.fold(0, |bits, session| {
            bits | self.choose(session.protocol, session.server)
        });
        let rules = (0..).zip(&self.rules);
        rules
            .filter(|(place, _)| fitting >> place & 1 == 0)
            .map(|(_, rule)| rule.line)
            .collect()
    }

    /// What HTTP's *Host* becomes for a recorded server; `None` as recorded.
    pub(crate) fn host(&self, server: SocketAddr) -> Option<Cow<'_, str>> {
        match &self.http.host {
            Host::Keep => None,
            Host::Named(name) => Some(Cow::Borrowed(name)),
            Host::Target => self.target(server).map(Target::host),
        }
    }

    /// The rules for a session, as bits by their place in the file.
    pub(crate) fn choose(&self, protocol: Protocol, server: SocketAddr) -> u64 {
        let chosen =
            |rule: &Rule| rule.protocol.is_none_or(|wanted| wanted == protocol) && rule.server.holds(server);
        (0..)
            .zip(&self.rules)
            .filter(|(_, rule)| chosen(rule))
            .fold(0, |bits, (place, _)| bits | 1 << place)
    }

    /// The rules whose bits are set.
    pub(crate) fn chosen(&self, bits: u64) -> impl Iterator<Item = &Rule> + Clone {
        (0..)
            .zip(&self.rules)
            .filter(move |(place, _)| bits >> place & 1 == 1)
            .map(|(_, rule)| rule)
    }
}

#[cfg(test)]
mod tests;
