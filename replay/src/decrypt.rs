//! Takes the TLS off recorded connections: events in, plain events out.
//!
//! It knows no packet, file or clock. What is not TLS passes as it is; so does TLS that cannot be decrypted, and the list
//! says why. A plain stream's offsets count its plain bytes, and its bytes have the time at which their record's last byte
//! came, but for data that a client sent before the server answered: whether it counts is known only then. A
//! *close_notify* is the end of a side. Bytes that cannot be decrypted are a gap, whose length is as near as the lengths of
//! the records allow; never is anything handed on that did not authenticate.
//!
//! A flow that is not TLS holds 56 bytes of the table and costs a comparison an event; one that is holds 608 besides after its
//! handshake, and a record costs the set-up of its key beside its opening. Both kinds of flow and all that is buffered are bounded.

mod books;
mod conversation;
mod hello;
mod limits;
mod message;
mod opener;
mod output;
mod plain;
mod record;
mod report;
mod resync;
mod schedule;
mod side;
mod suite;
mod watch;

pub use limits::DecryptionLimits;
pub use report::{CipherSuite, DecryptionFigures, TlsBytes, TlsFlow, TlsOverhead, TlsVersion, Undecrypted};

use foldhash::fast::RandomState;
use hashbrown::HashMap;

use crate::event::{Event, Flow, Sink};
use crate::secrets::{Secrets, SecretsFigures};
use conversation::Conversation;
use output::Output;
use watch::Watch;

/// A stage that hands on to `S` what it decrypts.
pub struct Decryption<S> {
    sink: S,
    secrets: Secrets,
    limits: DecryptionLimits,
    flows: HashMap<Flow, State, RandomState>,
    tls_flows: usize,
    buffered_bytes: usize,
    figures: DecryptionFigures,
    listed: Vec<TlsFlow>,
    /// An opened record.
    plain: Vec<u8>,
}

/// What a decryption came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DecryptionReport {
    /// Counts.
    pub figures: DecryptionFigures,
    /// The flows that speak TLS, in the order in which they ended or were given up.
    pub flows: Vec<TlsFlow>,
    /// What was found in the key logs.
    pub secrets: SecretsFigures,
}

/// How a flow is taken.
enum State {
    /// It is plain, so far.
    Plain(Watch, ServerBytes),
    /// It is decrypted.
    Tls(Box<Conversation>),
    /// It is TLS and passes as it is.
    Passed,
}

/// Bytes that a server said in plain.
type ServerBytes = u64;

impl<S: Sink> Decryption<S> {
    /// A decryption with these secrets.
    #[must_use]
    pub fn new(secrets: Secrets, limits: DecryptionLimits, sink: S) -> Self {
        Self {
            sink,
            secrets,
            limits,
            flows: HashMap::default(),
            tls_flows: 0,
            buffered_bytes: 0,
            figures: DecryptionFigures::default(),
            listed: Vec::new(),
            plain: Vec::new(),
        }
    }

    /// The secrets, to add those that a capture brings along. They must come before the *ServerHello* of their session.
    pub fn secrets_mut(&mut self) -> &mut Secrets {
        &mut self.secrets
    }

    /// Whom the events are handed on to.
    pub fn sink_mut(&mut self) -> &mut S {
        &mut self.sink
    }

    /// What was counted so far.
    #[must_use]
    pub fn figures(&self) -> &DecryptionFigures {
        &self.figures
    }

    /// Ends it: whom the events went to, and what came of them. Flows that were not closed are listed as they are.
    pub fn finish(mut self) -> (S, DecryptionReport) {
        let mut open: Vec<_> = self.flows.drain().collect();
        open.sort_unstable_by_key(|(flow, _)| *flow);
        for (_, state) in open {
            if let State::Tls(conversation) = state {
                let about = conversation.about(&mut self.output());
                self.list(about);
            }
        }
        let report = DecryptionReport {
            figures: self.figures,
            flows: self.listed,
            secrets: self.secrets.figures(),
        };
        (self.sink, report)
    }

    fn list(&mut self, about: TlsFlow) {
        self.sink.secrecy(about.flow, about.secrecy());
        match (about.undecrypted, about.version) {
            (Some(why), _) => *self.figures.undecrypted.entry(why.name()).or_default() += 1,
            (None, Some(version)) => *self.figures.decrypted.entry(version).or_default() += 1,
            (None, None) => {}
        }
        if self.listed.len() < self.limits.listed {
            self.listed.push(about);
        } else {
            self.figures.unlisted += 1;
        }
    }

    /// A TLS flow's event.
    fn decrypted(&mut self, event: Event<'_>, mut conversation: Box<Conversation>) -> Option<State> {
        let before = conversation.buffered_bytes();
        let out = &mut self.output();
        let result = match event {
            Event::Open { .. } => Ok(()),
            Event::Data {
                side, at_ns, bytes, ..
            } => conversation.data(side, at_ns, bytes, out),
            Event::Gap {
                side, at_ns, length, ..
            } => conversation.gap(side, at_ns, length, out),
            Event::Finish { side, at_ns, .. } => conversation.finish(side, at_ns, out),
            Event::Close { at_ns, .. } => conversation.close(at_ns, out),
        };
        self.converse(event, conversation, before, result)
    }

    /// What a TLS flow becomes after an event.
    fn converse(
        &mut self,
        event: Event<'_>,
        mut conversation: Box<Conversation>,
        before_bytes: usize,
        mut result: Result<(), Undecrypted>,
    ) -> Option<State> {
        self.buffered_bytes -= before_bytes;
        let is_over = matches!(event, Event::Close { .. });
        if self.buffered_bytes + conversation.buffered_bytes() > self.limits.buffered_bytes && !is_over {
            result = result.and_then(|()| conversation.evict(&mut self.output()));
        }
        if result.is_ok() && !is_over {
            self.buffered_bytes += conversation.buffered_bytes();
            self.figures.buffered_bytes_max = self.figures.buffered_bytes_max.max(self.buffered_bytes);
            return Some(State::Tls(conversation));
        }
        self.tls_flows -= 1;
        if result.is_err() {
            // The event's bytes are among those that are handed back; its other kinds still have to go on.
            conversation.hand_back(event.at_ns(), &mut self.output());
        }
        let mut about = conversation.about(&mut self.output());
        about.undecrypted = result.err().or(about.undecrypted);
        self.list(about);
        if is_over || (result.is_err() && !matches!(event, Event::Data { .. })) {
            self.sink.event(event);
        }
        (!is_over).then_some(State::Passed)
    }

    fn output(&mut self) -> Output<'_, S> {
        Output {
            sink: &mut self.sink,
            figures: &mut self.figures,
            secrets: &self.secrets,
            plain: &mut self.plain,
        }
    }
}

impl<S: Sink> Sink for Decryption<S> {
    fn event(&mut self, event: Event<'_>) {
        let flow = event.flow();
        if let Event::Open { start, .. } = event {
            if self.flows.len() < self.limits.flows {
                self.flows.insert(flow, State::Plain(Watch::new(start), 0));
            } else {
                self.figures.unwatched += 1;
            }
            self.sink.event(event);
            return;
        }
        // Taken out, so that one look-up serves; nothing below looks for another flow.
        let mut flows = std::mem::take(&mut self.flows);
        let is_over = match flows.get_mut(&flow) {
            Some(state) => {
                let next = match std::mem::replace(state, State::Passed) {
                    State::Plain(watch, server_bytes) => self.watched(event, watch, server_bytes),
                    State::Tls(conversation) => self.decrypted(event, conversation),
                    State::Passed => {
                        self.sink.event(event);
                        (!matches!(event, Event::Close { .. })).then_some(State::Passed)
                    }
                };
                next.map(|next| *state = next).is_none()
            }
            None => {
                self.sink.event(event);
                false
            }
        };
        if is_over {
            flows.remove(&flow);
        }
        self.flows = flows;
    }
}

#[cfg(test)]
mod tests;
