//! Takes people out of what was said, the same person by the same name throughout: a stage between events and whoever takes them.
//!
//! It knows no file. Nothing gets longer or shorter, so offsets, lengths and frames stay right. What is masked is masked in whole
//! lines and whole frames: a part is held until the rest comes, at most [`HELD_MAX_BYTES`] a side and [`HELD_TOTAL_MAX_BYTES`] of
//! all; that of a line never past the other side's next word. A line is taken for whole where a packet that was not full ends it,
//! but for a head's and JSON's. What is of no protocol whose lines or frames are known is blanked, unless the rules say otherwise.

mod chat;
mod handed;
mod held;
mod http;
mod pseudonym;
mod rules;

use std::collections::HashMap;

use crate::account::Account;
use crate::{Event, Flow, Protocol, Secrecy, Side, Sink};

pub use held::HELD_MAX_BYTES;
pub use pseudonym::MASK_KEY_BYTES;
pub use rules::{MaskError, MaskRules};

use handed::Handed;
use held::{Held, Rest};
use http::{Part, Tunnel};
use pseudonym::Pseudonyms;

/// The most that is held of all sides; what would be more is blanked at once.
pub const HELD_TOTAL_MAX_BYTES: usize = 32 << 20;
/// A piece so long was cut by the packet's size, not by who said it.
const FULL_BYTES: usize = 1_200;

/// A stage that hands on what is masked. It keeps 260 B of each open connection, and what it holds.
#[derive(Debug)]
pub struct Mask<S> {
    rules: MaskRules,
    book: Book,
    sink: S,
    open: HashMap<Flow, Masked>,
    held_bytes: usize,
    held_max_bytes: usize,
    figures: MaskFigures,
}

/// What a mask did without, for want of room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MaskFigures {
    /// Bytes that were blanked because too much was held.
    pub crowded_bytes: u64,
    /// Tokens and cookies of servers that were forgotten: where they stand by themselves they are not known again.
    pub forgotten_values: u64,
}

/// What is known of everybody.
#[derive(Debug)]
struct Book {
    pseudonyms: Pseudonyms,
    handed: Handed,
}

/// An open connection.
#[derive(Debug)]
struct Masked {
    account: Account,
    tunnel: Tunnel,
    sides: [Held; 2],
}

impl<S: Sink> Mask<S> {
    /// A stage with these rules. The key makes the pseudonyms; that of the rules comes before it.
    #[must_use]
    pub fn new(rules: MaskRules, key: [u8; MASK_KEY_BYTES], sink: S) -> Self {
        let book = Book {
            pseudonyms: Pseudonyms::new(&rules.key.unwrap_or(key)),
            handed: Handed::default(),
        };
        Self {
            rules,
            book,
            sink,
            open: HashMap::new(),
            held_bytes: 0,
            held_max_bytes: HELD_TOTAL_MAX_BYTES,
            figures: MaskFigures::default(),
        }
    }

    /// Whom the events went to, and what was done without.
    pub fn finish(self) -> (S, MaskFigures) {
        let forgotten_values = self.book.handed.forgotten();
        let figures = MaskFigures {
            forgotten_values,
            ..self.figures
        };
        (self.sink, figures)
    }

    fn data(&mut self, flow: Flow, side: Side, at_ns: u64, offset: u64, bytes: &[u8]) {
        self.let_go(flow, side.other(), at_ns, Rest::Over);
        let Some(masked) = self.open.get_mut(&flow) else {
            return;
        };
        masked.account.data(side, bytes);
        if masked.account.protocol() == Protocol::Http {
            // What it says next begins anew.
            masked.sides[side.other() as usize].lost = false;
        }
        let held = &mut masked.sides[side as usize];
        if held.bytes.is_empty() {
            held.offset = offset;
        }
        held.bytes.extend_from_slice(bytes);
        self.held_bytes += bytes.len();
        let rest = match bytes.len() < FULL_BYTES {
            true => Rest::Paused,
            false => Rest::Comes,
        };
        self.let_go(flow, side, at_ns, rest);
        if self.held_bytes > self.held_max_bytes {
            self.figures.crowded_bytes += self.blank(flow, side, at_ns);
        }
    }

    /// Masks and hands on what is whole of a side, and what is not where nothing follows it.
    fn let_go(&mut self, flow: Flow, side: Side, at_ns: u64, rest: Rest) {
        let Some(masked) = self.open.get_mut(&flow) else {
            return;
        };
        while !masked.sides[side as usize].bytes.is_empty() {
            let before = masked.tunnel;
            let whole = self.rules.mask(side, masked, rest, &mut self.book);
            if whole == 0 {
                return;
            }
            let held = &mut masked.sides[side as usize];
            let (offset, bytes) = (held.offset, &held.bytes[..whole]);
            self.sink.event(Event::Data {
                flow,
                side,
                at_ns,
                offset,
                bytes,
            });
            self.held_bytes -= whole;
            held.take(whole);
            // What follows a head that changes the protocol is looked at anew.
            if masked.tunnel == before {
                return;
            }
        }
    }
}

impl MaskRules {
    /// Masks what is held of a side in place; how much of it is done with.
    fn mask(&self, side: Side, masked: &mut Masked, rest: Rest, book: &mut Book) -> usize {
        let held = &mut masked.sides[side as usize];
        match masked.account.protocol() {
            _ if self.is_nothing() => held.bytes.len(),
            Protocol::Tls => held.bytes.len(),
            Protocol::Chat => self.mask_chat(side, held, &book.pseudonyms),
            Protocol::Http | Protocol::WebSocket if masked.tunnel != Tunnel::Dug => {
                self.mask_http(side, masked, rest, book)
            }
            Protocol::Http => self.mask_other(Protocol::WebSocket, side, held, rest, &book.pseudonyms),
            other => self.mask_other(other, side, held, rest, &book.pseudonyms),
        }
    }

    /// Lines, up to where another protocol begins.
    fn mask_http(&self, side: Side, masked: &mut Masked, rest: Rest, book: &mut Book) -> usize {
        let protocol = masked.account.protocol();
        let held = &mut masked.sides[side as usize];
        let all = match rest {
            Rest::Comes => false,
            Rest::Paused => !held.part.is_open(&held.bytes),
            Rest::Over => true,
        };
        let whole = held.whole(all);
        let lost = held.blank_lost(whole, &book.pseudonyms);
        let lines = &mut held.bytes[lost..whole];
        let until = match side {
            Side::Client => lines.len(),
            Side::Server => masked.tunnel.follow(lines),
        };
        let lines = &mut lines[..until];
        held.part.follow(lines);
        // Of a head's line that is too long, nothing tells what its rest is.
        held.lost |=
            rest != Rest::Over && held.part == Part::Head && !lines.is_empty() && !lines.ends_with(b"\n");
        http::mask(self, side, lines, book);
        self.mask_patterns(protocol, side, lines, &book.pseudonyms);
        lost + until
    }

    /// What is not taken apart: nothing is left of it, but where the rules say what is to be masked.
    fn mask_other(
        &self,
        protocol: Protocol,
        side: Side,
        held: &mut Held,
        rest: Rest,
        pseudonyms: &Pseudonyms,
    ) -> usize {
        if !self.leaves(protocol) {
            pseudonyms.opaque(&mut held.bytes);
            return held.bytes.len();
        }
        let whole = held.whole(rest != Rest::Comes);
        let lost = held.blank_lost(whole, pseudonyms);
        self.mask_patterns(protocol, side, &mut held.bytes[lost..whole], pseudonyms);
        whole
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
                    tunnel: Tunnel::default(),
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
                self.give_up(flow, side, at_ns);
                // Where the next frame begins is unknown.
                if let Some(masked) = self.open.get_mut(&flow) {
                    masked.sides[side as usize].lost = true;
                }
            }
            Event::Finish { flow, side, at_ns } => self.give_up(flow, side, at_ns),
            Event::Close { flow, at_ns, .. } => {
                self.give_up(flow, Side::Client, at_ns);
                self.give_up(flow, Side::Server, at_ns);
            }
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
    /// Hands on all that is held of a side, whole or not.
    fn give_up(&mut self, flow: Flow, side: Side, at_ns: u64) {
        self.let_go(flow, side.other(), at_ns, Rest::Over);
        self.let_go(flow, side, at_ns, Rest::Over);
        // Part of a frame that never became whole.
        self.blank(flow, side, at_ns);
    }

    /// Blanks what is held of a side and hands it on; how much that is. What follows lacks its beginning.
    fn blank(&mut self, flow: Flow, side: Side, at_ns: u64) -> u64 {
        let Some(masked) = self.open.get_mut(&flow) else {
            return 0;
        };
        let held = &mut masked.sides[side as usize];
        let count = held.bytes.len();
        if count == 0 {
            return 0;
        }
        self.book.pseudonyms.opaque(&mut held.bytes);
        self.sink.event(Event::Data {
            flow,
            side,
            at_ns,
            offset: held.offset,
            bytes: &held.bytes,
        });
        held.take(count);
        held.lost = true;
        self.held_bytes -= count;
        count as u64
    }
}

#[cfg(test)]
mod tests;
