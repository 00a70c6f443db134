//! Takes people out of what was said, the same person by the same name throughout: a stage between events and whoever takes them.
//!
//! It knows no file. What it hands on are the events it is given, at their times, with their offsets and lengths: only bytes differ. What
//! is masked is masked in whole values, lines and frames: bytes wait until the rest comes, and what came behind them waits, too, at
//! most [`WAITING_MAX_BYTES`] of all. What is of no protocol whose messages, lines or frames are known is blanked, unless the
//! rules say otherwise.

mod book;
mod chat;
mod handed;
mod held;
mod http;
mod pattern;
mod personal;
mod pseudonym;
mod queue;
mod rules;
mod spelling;

use std::collections::HashMap;

use crate::account::Account;
use crate::{Event, Flow, Protocol, Secrecy, Side, Sink, Start};

pub use book::Blanked;
pub use held::HELD_MAX_BYTES;
pub(crate) use http::is_harmless;
pub use pseudonym::MASK_KEY_BYTES;
pub use rules::{MaskError, MaskRules};

use book::Book;
use held::{Held, Rest, whole_lines};
use http::{Http, Masker};
use pseudonym::Pseudonyms;
use queue::Queue;

/// The most that waits, with what is behind it; where it is more, the first that waits is masked as it stands.
pub const WAITING_MAX_BYTES: usize = 16 << 20;
/// A piece so long was cut by the packet's size, not by who said it.
const FULL_BYTES: usize = 1_200;

/// A record's head and the kind of message in it (RFC 8446, sections 4 and 5.1).
const HELLO_BYTES: usize = 6;

/// A stage that hands on what is masked. It keeps 300 B of each open connection, as much again of HTTP, and what waits.
#[derive(Debug)]
pub struct Mask<S> {
    rules: MaskRules,
    book: Book,
    sink: S,
    open: HashMap<Flow, Masked>,
    queue: Queue,
    waiting_max_bytes: usize,
    crowded_bytes: u64,
}

/// What a mask did without.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MaskFigures {
    /// Bytes that were blanked in the middle of something because too much waited.
    pub crowded_bytes: u64,
    /// Tokens and cookies of servers that were forgotten: within other values they are not known again.
    pub forgotten_values: u64,
    /// Connections of HTTP of which only a part could be told apart.
    pub blanked: Blanked,
}

/// An open connection.
#[derive(Debug)]
struct Masked {
    account: Account,
    start: Start,
    http: Option<Box<Http>>,
    sides: [Held; 2],
    /// Something of it was masked before it was known what it is.
    begun: bool,
}

impl<S: Sink> Mask<S> {
    /// A stage with these rules. The key makes the pseudonyms; that of the rules comes before it.
    #[must_use]
    pub fn new(rules: MaskRules, key: [u8; MASK_KEY_BYTES], sink: S) -> Self {
        Self {
            book: Book::new(Pseudonyms::new(&rules.key.unwrap_or(key))),
            rules,
            sink,
            open: HashMap::new(),
            queue: Queue::default(),
            waiting_max_bytes: WAITING_MAX_BYTES,
            crowded_bytes: 0,
        }
    }

    /// Whom the events went to, and what was done without. What still waits of connections that never closed is blanked.
    pub fn finish(mut self) -> (S, MaskFigures) {
        let open: Vec<Flow> = self.open.keys().copied().collect();
        for flow in open {
            self.give_up(flow, Side::Client, Rest::Over);
            self.give_up(flow, Side::Server, Rest::Over);
        }
        self.queue.hand_on(&mut self.sink);
        let figures = MaskFigures {
            crowded_bytes: self.crowded_bytes,
            forgotten_values: self.book.handed.forgotten(),
            blanked: self.book.blanked,
        };
        (self.sink, figures)
    }

    fn data(&mut self, flow: Flow, side: Side, at_ns: u64, offset: u64, bytes: &[u8]) {
        // Of lines, what is cut off where the other side speaks stays so.
        self.settle(flow, side.other(), Rest::Paused);
        let Some(masked) = self.open.get_mut(&flow) else {
            return;
        };
        masked.account.data(side, bytes);
        let held = &mut masked.sides[side as usize];
        held.bytes.extend_from_slice(bytes);
        let event = self.queue.said(flow, side, at_ns, offset, bytes.len());
        held.pieces.push_back((event, bytes.len()));
        let rest = match bytes.len() < FULL_BYTES {
            true => Rest::Paused,
            false => Rest::Comes,
        };
        self.settle(flow, side, rest);
        self.queue.hand_on(&mut self.sink);
        while self.queue.bytes() > self.waiting_max_bytes
            && let Some((flow, side)) = self.queue.first()
        {
            self.crowd(flow, side);
            self.queue.hand_on(&mut self.sink);
        }
    }

    /// Masks what is whole of a side, and what is not where nothing follows it.
    fn settle(&mut self, flow: Flow, side: Side, rest: Rest) {
        let Some(masked) = self.open.get_mut(&flow) else {
            return;
        };
        while !masked.sides[side as usize].bytes.is_empty() {
            let whole = self.rules.mask(side, masked, rest, &mut self.book);
            if whole == 0 {
                return;
            }
            masked.begun = true;
            self.queue.fill(&mut masked.sides[side as usize], whole);
        }
    }

    /// All that will come of a side's bytes up to here is there.
    fn give_up(&mut self, flow: Flow, side: Side, rest: Rest) {
        self.settle(flow, side.other(), Rest::Paused);
        self.settle(flow, side, rest);
        // Part of a frame that never became whole.
        self.blank(flow, side);
    }

    /// Blanks what is held of a side. What follows lacks its beginning.
    fn blank(&mut self, flow: Flow, side: Side) {
        let Some(masked) = self.open.get_mut(&flow) else {
            return;
        };
        let held = &mut masked.sides[side as usize];
        if !held.bytes.is_empty() {
            self.book.pseudonyms.opaque(&mut held.bytes);
            self.queue.fill(held, held.bytes.len());
            held.lost = true;
        }
    }

    /// Too much waits for the rest of what this side says: it is blanked as far as it came.
    fn crowd(&mut self, flow: Flow, side: Side) {
        if let Some(masked) = self.open.get_mut(&flow) {
            let held = &mut masked.sides[side as usize];
            match &mut masked.http {
                Some(http) if http.became(side).is_none() => {
                    let mut masker = Masker {
                        rules: &self.rules,
                        book: &mut self.book,
                        side,
                    };
                    self.crowded_bytes += http.crowd(&mut held.bytes, &mut masker) as u64;
                    let done = http.release(side);
                    self.queue.fill(held, done);
                }
                _ => self.crowded_bytes += held.bytes.len() as u64,
            }
        }
        self.blank(flow, side);
    }
}

impl MaskRules {
    /// Masks what is held of a side in place; how much of it is done with.
    fn mask(&self, side: Side, masked: &mut Masked, rest: Rest, book: &mut Book) -> usize {
        let protocol = masked.account.protocol();
        if matches!(protocol, Protocol::Http | Protocol::WebSocket) && masked.http.is_none() {
            let is_whole = masked.start == Start::Handshake && !masked.begun;
            masked.http = Some(Box::new(match is_whole {
                true => Http::default(),
                false => Http::midway(book),
            }));
        }
        let held = &mut masked.sides[side as usize];
        if let Some(http) = &mut masked.http {
            return match http.became(side) {
                Some(protocol) => self.mask_other(protocol, side, held, rest, &book.pseudonyms),
                None => {
                    let mut masker = Masker {
                        rules: self,
                        book,
                        side,
                    };
                    http.mask(&mut held.bytes, rest, &mut masker)
                }
            };
        }
        match protocol {
            Protocol::Tls => self.mask_tls(held, &book.pseudonyms),
            Protocol::Chat => self.mask_chat(side, held, &book.pseudonyms),
            Protocol::Unknown if !masked.begun && !rest.is_none() && http::may_begin(&held.bytes) => 0,
            other => self.mask_other(other, side, held, rest, &book.pseudonyms),
        }
    }

    /// What was not decrypted is no use to a replay, and its hellos show names: of each side stays what says that it is TLS.
    fn mask_tls(&self, held: &mut Held, pseudonyms: &Pseudonyms) -> usize {
        let is_first = !std::mem::replace(&mut held.lost, true);
        if !self.tls.keep {
            let head = match held.bytes[..] {
                [0x16, 3, 0..=4, _, _, 1 | 2, ..] if is_first => HELLO_BYTES,
                _ => 0,
            };
            pseudonyms.opaque(&mut held.bytes[head..]);
        }
        held.bytes.len()
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
        // What a client says by WebSocket is disguised (RFC 6455, section 5.3): no pattern finds it.
        let is_disguised = protocol == Protocol::WebSocket && side == Side::Client;
        if is_disguised || !self.leaves(protocol) {
            pseudonyms.opaque(&mut held.bytes);
            return held.bytes.len();
        }
        let whole = whole_lines(&held.bytes, rest != Rest::Comes);
        let lost = held.blank_lost(whole, pseudonyms);
        let lines = &mut held.bytes[lost..whole];
        pattern::around(&self.patterns, protocol, side, lines, pseudonyms, |_| {});
        whole
    }

    /// Frames, whole ones only; what is none is blanked from there on.
    fn mask_chat(&self, side: Side, held: &mut Held, pseudonyms: &Pseudonyms) -> usize {
        let mut done = 0;
        while !held.lost && done < held.bytes.len() {
            let rest = &mut held.bytes[done..];
            let length = match chat::length(side, rest) {
                Ok(0) => return done,
                Ok(length) => length,
                Err(chat::NotAFrame) => 0,
            };
            let mut is_frame = length > 0;
            let frame = &mut rest[..length];
            pattern::around(&self.patterns, Protocol::Chat, side, frame, pseudonyms, |frame| {
                is_frame &= chat::mask(&self.chat, side, frame, pseudonyms).is_ok();
            });
            held.lost = !is_frame;
            if is_frame {
                done += length;
            }
        }
        pseudonyms.opaque(&mut held.bytes[done..]);
        held.bytes.len()
    }
}

impl<S: Sink> Sink for Mask<S> {
    fn event(&mut self, event: Event<'_>) {
        if self.rules.is_nothing() {
            return self.sink.event(event);
        }
        match event {
            Event::Open {
                flow, server, start, ..
            } => {
                let masked = Masked {
                    account: Account::new(start, server.port()),
                    start,
                    http: None,
                    sides: Default::default(),
                    begun: false,
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
                flow, side, length, ..
            } => {
                self.give_up(flow, side, Rest::Gap);
                if let Some(masked) = self.open.get_mut(&flow) {
                    // Where the next frame begins is unknown.
                    masked.sides[side as usize].lost = true;
                    masked.begun = true;
                    if let Some(http) = &mut masked.http {
                        http.gap(side, length, &mut self.book);
                    }
                }
            }
            Event::Finish { flow, side, .. } => self.give_up(flow, side, Rest::Over),
            Event::Close { flow, .. } => {
                self.give_up(flow, Side::Client, Rest::Over);
                self.give_up(flow, Side::Server, Rest::Over);
                self.open.remove(&flow);
            }
        }
        self.queue.other(event);
        self.queue.hand_on(&mut self.sink);
    }

    fn secrecy(&mut self, flow: Flow, secrecy: Secrecy) {
        self.queue.secrecy(flow, secrecy);
        self.queue.hand_on(&mut self.sink);
    }
}

#[cfg(test)]
mod tests;
