//! A flow that is plain so far: its events go on as they are, until one turns out to begin TLS.
//!
//! It does not know what a *ClientHello* looks like, nor how a record is opened.

use super::conversation::Conversation;
use super::report::{TlsFlow, Undecrypted};
use super::watch::{Verdict, Watch};
use super::{Decryption, ServerBytes, State};
use crate::event::{Event, Flow, Side, Sink};

impl<S: Sink> Decryption<S> {
    /// A plain flow's event.
    pub(super) fn watched(
        &mut self,
        event: Event<'_>,
        mut watch: Watch,
        mut server_bytes: ServerBytes,
    ) -> Option<State> {
        match event {
            Event::Data {
                side, offset, bytes, ..
            } => {
                let verdict = watch.data(side, offset, bytes);
                if side == Side::Server {
                    server_bytes = offset + bytes.len() as u64;
                }
                match verdict {
                    Verdict::Held => return Some(State::Plain(watch, server_bytes)),
                    Verdict::Plain => {}
                    Verdict::Lost(why) => return self.passed(event, watch, why),
                    Verdict::Tls if self.tls_flows < self.limits.tls_flows => {
                        return self.begun(event, watch, server_bytes);
                    }
                    Verdict::Tls => return self.passed(event, watch, Undecrypted::Room),
                }
            }
            Event::Gap {
                side, offset, length, ..
            } => {
                watch.gap(side);
                if side == Side::Server {
                    server_bytes = offset + length;
                }
            }
            Event::Open { .. } | Event::Finish { .. } | Event::Close { .. } => {}
        }
        self.release(event.flow(), event.at_ns(), &mut watch);
        self.sink.event(event);
        let is_over = matches!(event, Event::Close { .. });
        (!is_over).then_some(State::Plain(watch, server_bytes))
    }

    /// It begins TLS with what a side says.
    fn begun(&mut self, event: Event<'_>, mut watch: Watch, server_bytes: ServerBytes) -> Option<State> {
        let Event::Data {
            flow,
            side,
            at_ns,
            offset,
            bytes,
        } = event
        else {
            return Some(State::Plain(watch, server_bytes));
        };
        let held = watch.release();
        let mut conversation = Box::new(match side {
            Side::Client => {
                let client_offset = if held.client().is_empty() {
                    offset
                } else {
                    held.client_at
                };
                let server_offset = if held.server().is_empty() { server_bytes } else { 0 };
                Conversation::new(flow, client_offset, server_offset)
            }
            // It answers a client that was not heard yet.
            Side::Server => Conversation::new(flow, 0, 0),
        });
        self.tls_flows += 1;
        let (other, own) = match side {
            Side::Client => (held.server(), held.client()),
            Side::Server => (held.client(), held.server()),
        };
        let said = [own, bytes].concat();
        let out = &mut self.output();
        // What is held of the other side is less than a record's begin: there is nothing in it to fail by.
        let result = conversation
            .data(side.other(), at_ns, other, out)
            .and_then(|()| conversation.data(side, at_ns, &said, out));
        self.converse(event, conversation, 0, result)
    }

    /// It is TLS, and goes on as it is.
    fn passed(&mut self, event: Event<'_>, mut watch: Watch, why: Undecrypted) -> Option<State> {
        self.release(event.flow(), event.at_ns(), &mut watch);
        self.sink.event(event);
        self.list(TlsFlow {
            undecrypted: Some(why),
            ..TlsFlow::new(event.flow())
        });
        Some(State::Passed)
    }

    /// Hands on what a watch held.
    fn release(&mut self, flow: Flow, at_ns: u64, watch: &mut Watch) {
        let held = watch.release();
        for (side, offset, bytes) in [
            (Side::Server, 0, held.server()),
            (Side::Client, held.client_at, held.client()),
        ] {
            if !bytes.is_empty() {
                self.sink.event(Event::Data {
                    flow,
                    side,
                    at_ns,
                    offset,
                    bytes,
                });
            }
        }
    }
}
