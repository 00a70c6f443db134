//! Takes people out of what was said, the same person by the same name throughout: a stage between events and whoever takes them.
//!
//! It knows no file. Nothing gets longer or shorter, so offsets, lengths and frames stay right. What is masked is masked in whole
//! lines and whole frames: a part is held until the rest comes, at most [`HELD_MAX_BYTES`] a side; that of a line never past the
//! other side's next word. A line is taken for whole where a packet that was not full ends it.

mod chat;
mod http;
mod pseudonym;
mod rules;

use std::collections::HashMap;

use crate::account::Account;
use crate::{Event, Flow, Protocol, Secrecy, Side, Sink};

pub use pseudonym::MASK_KEY_BYTES;
pub use rules::{MaskError, MaskRules};

use pseudonym::Pseudonyms;

/// The most that is held of a side until a frame or a line is whole; then it is masked as it stands.
pub const HELD_MAX_BYTES: usize = 16 << 10;
/// A piece so long was cut by the packet's size, not by who said it.
const FULL_BYTES: usize = 1_200;

/// A stage that hands on what is masked. It keeps 250 B of each open connection, and what it holds.
#[derive(Debug)]
pub struct Mask<S> {
    rules: MaskRules,
    pseudonyms: Pseudonyms,
    sink: S,
    open: HashMap<Flow, Masked>,
}

/// An open connection.
#[derive(Debug)]
struct Masked {
    account: Account,
    sides: [Held; 2],
}

/// What is held of a side.
#[derive(Debug, Default)]
struct Held {
    offset: u64,
    bytes: Vec<u8>,
    /// Frames of the chat could not be told apart any more.
    lost: bool,
}

impl<S: Sink> Mask<S> {
    /// A stage with these rules. The key makes the pseudonyms; that of the rules comes before it.
    #[must_use]
    pub fn new(rules: MaskRules, key: [u8; MASK_KEY_BYTES], sink: S) -> Self {
        let pseudonyms = Pseudonyms::new(&rules.key.unwrap_or(key));
        Self {
            rules,
            pseudonyms,
            sink,
            open: HashMap::new(),
        }
    }

    /// Whom the events went to.
    pub fn finish(self) -> S {
        self.sink
    }

    fn data(&mut self, flow: Flow, side: Side, at_ns: u64, offset: u64, bytes: &[u8]) {
        self.let_go(flow, side.other(), at_ns, true);
        let Some(masked) = self.open.get_mut(&flow) else {
            return;
        };
        masked.account.data(side, bytes);
        let held = &mut masked.sides[side as usize];
        if held.bytes.is_empty() {
            held.offset = offset;
        }
        held.bytes.extend_from_slice(bytes);
        self.let_go(flow, side, at_ns, bytes.len() < FULL_BYTES);
    }

    /// Masks and hands on what is whole of a side; what is not, too, where the line `ends` here.
    fn let_go(&mut self, flow: Flow, side: Side, at_ns: u64, ends: bool) {
        let Some(masked) = self.open.get_mut(&flow) else {
            return;
        };
        let protocol = masked.account.protocol();
        let held = &mut masked.sides[side as usize];
        if held.bytes.is_empty() {
            return;
        }
        let whole = self.rules.mask(protocol, side, held, ends, &self.pseudonyms);
        if whole > 0 {
            let (offset, bytes) = (held.offset, &held.bytes[..whole]);
            self.sink.event(Event::Data {
                flow,
                side,
                at_ns,
                offset,
                bytes,
            });
            held.bytes.drain(..whole);
            held.offset += whole as u64;
        }
    }
}

impl MaskRules {
    /// Masks what is held in place; how much of it is done with.
    fn mask(
        &self,
        protocol: Protocol,
        side: Side,
        held: &mut Held,
        ends: bool,
        pseudonyms: &Pseudonyms,
    ) -> usize {
        let ends = ends || held.bytes.len() >= HELD_MAX_BYTES;
        match protocol {
            _ if self.is_nothing() => held.bytes.len(),
            Protocol::Tls => held.bytes.len(),
            Protocol::Chat => self.mask_chat(side, held, pseudonyms),
            Protocol::Unknown if self.blank_unknown => {
                pseudonyms.opaque(&mut held.bytes);
                held.bytes.len()
            }
            _ => {
                let last = held
                    .bytes
                    .iter()
                    .rposition(|byte| *byte == b'\n')
                    .map_or(0, |at| at + 1);
                let whole = if ends { held.bytes.len() } else { last };
                let lines = &mut held.bytes[..whole];
                if matches!(protocol, Protocol::Http | Protocol::WebSocket) {
                    http::mask(&self.http, lines, pseudonyms);
                }
                self.mask_patterns(protocol, side, lines, pseudonyms);
                whole
            }
        }
    }

    /// Frames, whole ones only; what is none is blanked from there on.
    fn mask_chat(&self, side: Side, held: &mut Held, pseudonyms: &Pseudonyms) -> usize {
        let mut done = 0;
        while !held.lost && done < held.bytes.len() {
            match chat::mask(&self.chat, side, &mut held.bytes[done..], pseudonyms) {
                Ok(0) => return done,
                Ok(length) => {
                    let frame = &mut held.bytes[done..done + length];
                    self.mask_patterns(Protocol::Chat, side, frame, pseudonyms);
                    done += length;
                }
                Err(chat::NotAFrame) => held.lost = true,
            }
        }
        pseudonyms.opaque(&mut held.bytes[done..]);
        held.bytes.len()
    }

    fn mask_patterns(&self, protocol: Protocol, side: Side, bytes: &mut [u8], pseudonyms: &Pseudonyms) {
        for pattern in &self.patterns {
            if !pattern.applies(protocol, side) {
                continue;
            }
            let mut places = Vec::new();
            for found in pattern.find.captures_iter(bytes) {
                if let Some(place) = found.get(1).or_else(|| found.get(0)) {
                    places.push(place.range());
                }
            }
            for place in places {
                pseudonyms.text(&mut bytes[place]);
            }
        }
    }
}

impl<S: Sink> Sink for Mask<S> {
    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Open {
                flow, start, server, ..
            } => {
                let masked = Masked {
                    account: Account::new(start, server.port()),
                    sides: Default::default(),
                };
                self.open.insert(flow, masked);
            }
            Event::Data {
                flow,
                side,
                at_ns,
                offset,
                bytes,
            } => return self.data(flow, side, at_ns, offset, bytes),
            Event::Gap {
                flow, side, at_ns, ..
            } => {
                self.give_up(flow, at_ns);
                // Where the next frame begins is unknown.
                if let Some(masked) = self.open.get_mut(&flow) {
                    masked.sides[side as usize].lost = true;
                }
            }
            Event::Finish { flow, at_ns, .. } | Event::Close { flow, at_ns, .. } => self.give_up(flow, at_ns),
        }
        if let Event::Close { flow, .. } = event {
            self.open.remove(&flow);
        }
        self.sink.event(event);
    }

    fn secrecy(&mut self, flow: Flow, secrecy: Secrecy) {
        self.sink.secrecy(flow, secrecy);
    }
}

impl<S: Sink> Mask<S> {
    /// Hands on all that is held of a connection, whole or not.
    fn give_up(&mut self, flow: Flow, at_ns: u64) {
        for side in [Side::Client, Side::Server] {
            self.let_go(flow, side, at_ns, true);
            let Some(held) = self
                .open
                .get_mut(&flow)
                .map(|masked| &mut masked.sides[side as usize])
            else {
                return;
            };
            // Part of a frame that never became whole.
            let mut bytes = std::mem::take(&mut held.bytes);
            if !bytes.is_empty() {
                self.pseudonyms.opaque(&mut bytes);
                self.sink.event(Event::Data {
                    flow,
                    side,
                    at_ns,
                    offset: held.offset,
                    bytes: &bytes,
                });
            }
        }
    }
}

#[cfg(test)]
mod tests;
