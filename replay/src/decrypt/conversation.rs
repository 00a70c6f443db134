//! A flow that speaks TLS, from its *ClientHello* on: both sides' records, and the plain bytes in them.
//!
//! It knows neither capture nor clock; other flows do not concern it. Until a first record opens, what was read is held:
//! should the secrets be wrong, the flow is handed on as it is. After that a side that cannot be read on is a gap.
//!
//! 608 bytes a flow after its handshake; beside them a record that is not whole, and nothing where none is cut.

mod gaps;
mod judgement;
mod opening;
mod records;

use opening::Opening;

use super::output::Output;
use super::record::RECORD_MAX_BYTES;
use super::report::{TlsFlow, TlsOverhead, Undecrypted};
use super::side::{Half, Place, Reading};
use crate::event::{Event, Flow, Side, Sink};

/// Bytes that a side's handshake may have to be held, and data sent early to wait for the server's answer.
const HELD_MAX_BYTES: usize = 1 << 16;
/// What a handshake needs, with the names in it.
const OPENING_BYTES: usize = size_of::<Opening>() + 512;

/// A TLS flow.
pub(super) struct Conversation {
    about: TlsFlow,
    /// The client's, then the server's.
    halves: [Half; 2],
    tls13: bool,
    /// Whether no record was opened yet, and all is held.
    holding: bool,
    /// What the handshake needs, until both sides have their last keys.
    opening: Option<Box<Opening>>,
}

impl Conversation {
    /// A flow whose sides said so many bytes before.
    pub(super) fn new(flow: Flow, client_offset: u64, server_offset: u64) -> Self {
        let half = |offset| Half {
            offset,
            plain_offset: offset,
            ..Half::default()
        };
        Self {
            about: TlsFlow::new(flow),
            halves: [half(client_offset), half(server_offset)],
            tls13: false,
            holding: true,
            opening: Some(Box::default()),
        }
    }

    /// Bytes held and not yet read, and what the handshake needs.
    pub(super) fn buffered_bytes(&self) -> usize {
        let opening = self.opening.as_ref().map_or(0, |_| OPENING_BYTES);
        let of = |half: &Half| half.buffer.capacity() + half.books.held_bytes();
        let held: usize = self.halves.iter().map(of).sum();
        held + opening
    }

    /// A side said more.
    ///
    /// # Errors
    /// It cannot be decrypted, and nothing of it was handed on yet: see [`Self::hand_back`].
    pub(super) fn data<S: Sink>(
        &mut self,
        side: Side,
        at_ns: u64,
        bytes: &[u8],
        out: &mut Output<'_, S>,
    ) -> Result<(), Undecrypted> {
        self.halves[side as usize]
            .books
            .came(side, bytes.len(), out.figures);
        self.take(side, at_ns, bytes, out)?;
        // What one side says may be what the other's waited for, and that again.
        self.read_on(side.other(), at_ns, out)?;
        self.read_on(side, at_ns, out)?;
        self.settle(at_ns, out)?;
        self.bound(at_ns, out)
    }

    /// A side will say no more.
    ///
    /// # Errors
    /// As [`Self::data`].
    pub(super) fn finish<S: Sink>(
        &mut self,
        side: Side,
        at_ns: u64,
        out: &mut Output<'_, S>,
    ) -> Result<(), Undecrypted> {
        self.end(side, at_ns, out)?;
        let place = self.place(side, at_ns);
        let half = &mut self.halves[side as usize];
        if !half.closed {
            out.figures.truncated += 1;
            half.close(place, out);
        }
        Ok(())
    }

    /// Nothing more comes.
    ///
    /// # Errors
    /// As [`Self::data`].
    pub(super) fn close<S: Sink>(&mut self, at_ns: u64, out: &mut Output<'_, S>) -> Result<(), Undecrypted> {
        self.end(Side::Client, at_ns, out)?;
        self.end(Side::Server, at_ns, out)
    }

    /// There is no room for what is buffered.
    ///
    /// # Errors
    /// As [`Self::data`].
    pub(super) fn evict<S: Sink>(&mut self, out: &mut Output<'_, S>) -> Result<(), Undecrypted> {
        if self.holding {
            return Err(Undecrypted::Room);
        }
        for half in &mut self.halves {
            half.lose(TlsOverhead::Sealed, out);
        }
        self.about.undecrypted.get_or_insert(Undecrypted::Room);
        Ok(())
    }

    /// Hands on what was held, as it is.
    pub(super) fn hand_back<S: Sink>(&mut self, at_ns: u64, out: &mut Output<'_, S>) {
        for side in [Side::Client, Side::Server] {
            let half = &mut self.halves[side as usize];
            let bytes = std::mem::take(&mut half.buffer);
            half.read_bytes = 0;
            half.books.give_back();
            half.books.went(side, bytes.len(), out.figures);
            if !bytes.is_empty() {
                out.sink.event(Event::Data {
                    flow: self.about.flow,
                    side,
                    at_ns,
                    offset: half.offset,
                    bytes: &bytes,
                });
            }
        }
    }

    /// What is known of the flow, whose bytes are counted to their end: what is left of them is not handed on.
    pub(super) fn about<S>(mut self, out: &mut Output<'_, S>) -> TlsFlow {
        for half in &mut self.halves {
            half.books.give_back();
            half.books.settle(out.figures);
            // While all is held, what was read is still there.
            let read_bytes = if self.holding { 0 } else { half.read_bytes };
            let left = half.buffer.len() - read_bytes;
            half.books.off(TlsOverhead::Torn, left, out.figures);
        }
        let closes = self.halves.iter().all(|half| half.books.closes());
        out.figures.unbalanced += u64::from(!closes);
        self.about
    }

    /// From now on nothing is handed back.
    fn settle_books<S>(&mut self, out: &mut Output<'_, S>) {
        self.holding = false;
        for half in &mut self.halves {
            half.books.settle(out.figures);
        }
    }

    fn place(&self, side: Side, at_ns: u64) -> Place {
        (self.about.flow, side, at_ns)
    }

    fn take<S: Sink>(
        &mut self,
        side: Side,
        at_ns: u64,
        mut bytes: &[u8],
        out: &mut Output<'_, S>,
    ) -> Result<(), Undecrypted> {
        let half = &mut self.halves[side as usize];
        if half.closed {
            half.books.off(TlsOverhead::Behind, bytes.len(), out.figures);
            return Ok(());
        }
        if let Reading::Damaged(left) = &mut half.reading {
            let passed = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
            half.books.off(TlsOverhead::Torn, passed, out.figures);
            *left -= passed as u64;
            if *left == 0 {
                half.reading = Reading::Records;
            }
            bytes = &bytes[passed..];
        }
        match &mut half.reading {
            Reading::Lost(lost) => {
                *lost += bytes.len() as u64;
                half.books.off(TlsOverhead::Sealed, bytes.len(), out.figures);
            }
            Reading::Records if !self.holding && half.buffer.is_empty() => {
                // The common case: what is whole is read where it is.
                let (read, result) = self.records(side, at_ns, bytes, out);
                self.halves[side as usize].buffer = bytes[read..].to_vec();
                self.judge(side, result, out)?;
            }
            Reading::Records | Reading::Damaged(_) | Reading::Failed(_) | Reading::Searching(_) => {
                half.buffer.extend_from_slice(bytes)
            }
        }
        self.read_on(side, at_ns, out)
    }

    /// Reads what is buffered of a side, as far as it can be read by now.
    fn read_on<S: Sink>(
        &mut self,
        side: Side,
        at_ns: u64,
        out: &mut Output<'_, S>,
    ) -> Result<(), Undecrypted> {
        let half = &mut self.halves[side as usize];
        if half.buffer.len() == half.read_bytes {
            return Ok(());
        }
        if matches!(half.reading, Reading::Searching(_)) && !self.search(side, at_ns, out) {
            return Ok(());
        }
        let half = &mut self.halves[side as usize];
        if !matches!(half.reading, Reading::Records) {
            return Ok(());
        }
        let buffer = std::mem::take(&mut half.buffer);
        let from = half.read_bytes;
        let (read, result) = self.records(side, at_ns, &buffer[from..], out);
        let half = &mut self.halves[side as usize];
        half.buffer = buffer;
        half.read_bytes = from + read;
        self.judge(side, result, out)?;
        if !self.holding {
            self.halves.iter_mut().for_each(Half::compact);
        }
        Ok(())
    }

    /// Keeps what is held within its bound.
    fn bound<S: Sink>(&mut self, at_ns: u64, out: &mut Output<'_, S>) -> Result<(), Undecrypted> {
        if self
            .halves
            .iter()
            .all(|half| half.buffer.len() <= HELD_MAX_BYTES + RECORD_MAX_BYTES)
        {
            return Ok(());
        }
        if !self.is_answered() {
            return Err(self.unanswered());
        }
        if let Some(why) = self.failed() {
            return Err(why);
        }
        self.settle_books(out);
        self.accept_early(true);
        self.read_on(Side::Client, at_ns, out)?;
        self.halves.iter_mut().for_each(Half::compact);
        Ok(())
    }

    /// A side's stream is over: what is left of it is no record.
    fn end<S: Sink>(&mut self, side: Side, at_ns: u64, out: &mut Output<'_, S>) -> Result<(), Undecrypted> {
        if self.holding {
            return Err(match self.failed() {
                Some(why) => why,
                None if self.is_answered() => Undecrypted::HandshakeCut,
                None => self.unanswered(),
            });
        }
        if side == Side::Client {
            self.accept_early(true);
            self.read_on(side, at_ns, out)?;
        }
        let place = self.place(side, at_ns);
        let half = &mut self.halves[side as usize];
        let why = match half.reading {
            Reading::Searching(_) => Some(Undecrypted::Desynchronised),
            _ if half.skipped_bytes > 0 && half.opener.is_some() => Some(Undecrypted::SecretsWrong),
            _ if half.skipped_bytes > 0 => Some(Undecrypted::SecretsMissing),
            _ => None,
        };
        if self.about.undecrypted.is_none() {
            self.about.undecrypted = why;
        }
        half.lose(TlsOverhead::Torn, out);
        if let Reading::Lost(bytes) = &mut half.reading {
            let lost = std::mem::take(bytes);
            out.figures.lost_bytes += lost;
            if !half.closed {
                half.miss(place, lost, out);
            }
        }
        Ok(())
    }
}

impl Half {
    /// It says that it will say no more.
    fn close<S: Sink>(&mut self, (flow, side, at_ns): Place, out: &mut Output<'_, S>) {
        if !std::mem::replace(&mut self.closed, true) {
            out.sink.event(Event::Finish { flow, side, at_ns });
        }
    }
}
