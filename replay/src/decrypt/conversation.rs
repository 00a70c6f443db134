//! A flow that speaks TLS, from its *ClientHello* on: both sides' records, and the plain bytes in them.
//!
//! It knows neither capture nor clock; other flows do not concern it. Until a first record opens, what was read is held:
//! should the secrets be wrong, the flow is handed on as it is. After that a side that cannot be read on is a gap.
//!
//! 576 bytes a flow after its handshake; beside them a record that is not whole, and nothing where none is cut.

mod gaps;
mod opening;
mod records;

use opening::Opening;

use super::output::Output;
use super::record::RECORD_MAX_BYTES;
use super::report::{TlsFlow, Undecrypted};
use super::resync::Search;
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
        let held: usize = self.halves.iter().map(|half| half.buffer.capacity()).sum();
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
    pub(super) fn evict(&mut self) -> Result<(), Undecrypted> {
        if self.holding {
            return Err(Undecrypted::Room);
        }
        for half in &mut self.halves {
            half.lose();
        }
        self.about.undecrypted.get_or_insert(Undecrypted::Room);
        Ok(())
    }

    /// Hands on what was held, as it is.
    pub(super) fn hand_back<S: Sink>(&mut self, at_ns: u64, out: &mut Output<'_, S>) {
        for side in [Side::Client, Side::Server] {
            let half = &mut self.halves[side as usize];
            let bytes = std::mem::take(&mut half.buffer);
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

    /// What is known of the flow.
    pub(super) fn about(self) -> TlsFlow {
        self.about
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
            return Ok(());
        }
        if let Reading::Damaged(left) = &mut half.reading {
            let passed = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
            *left -= passed as u64;
            if *left == 0 {
                half.reading = Reading::Records;
            }
            bytes = &bytes[passed..];
        }
        match &mut half.reading {
            Reading::Lost(lost) => *lost += bytes.len() as u64,
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

    /// What it means that a side's records cannot be read on.
    fn judge<S: Sink>(
        &mut self,
        side: Side,
        result: Result<(), Undecrypted>,
        out: &mut Output<'_, S>,
    ) -> Result<(), Undecrypted> {
        let Err(why) = result else { return Ok(()) };
        if self.holding {
            return self.fail(side, why);
        }
        let half = &mut self.halves[side as usize];
        if why == Undecrypted::RecordFailed && half.gapped && half.opener.is_some() {
            // What was missing may have held a KeyUpdate, or the boundary was not one.
            half.compact();
            half.reading = Reading::Searching(Search::default());
            return Ok(());
        }
        out.figures.records_failed += u64::from(matches!(
            why,
            Undecrypted::RecordFailed | Undecrypted::SecretsWrong
        ));
        half.lose();
        if why == Undecrypted::Renegotiated {
            self.halves[side.other() as usize].lose();
        }
        self.about.undecrypted.get_or_insert(why);
        Ok(())
    }

    /// A side cannot be read, and no record was opened yet. That ends it, unless the other side can still open one: what
    /// comes of a flow must not hang on which of the two was heard first.
    fn fail(&mut self, side: Side, why: Undecrypted) -> Result<(), Undecrypted> {
        if let Some(first) = self.failed() {
            return Err(first);
        }
        if side == Side::Server && !self.is_answered() {
            return Err(why);
        }
        self.halves[side as usize].reading = Reading::Failed(why);
        Ok(())
    }

    /// Why a side failed while nothing was opened.
    fn failed(&self) -> Option<Undecrypted> {
        self.halves.iter().find_map(|half| match half.reading {
            Reading::Failed(why) => Some(why),
            _ => None,
        })
    }

    /// Once a record is opened, judges a side that failed before as one that fails after.
    fn settle<S: Sink>(&mut self, at_ns: u64, out: &mut Output<'_, S>) -> Result<(), Undecrypted> {
        if self.holding {
            return Ok(());
        }
        for side in [Side::Client, Side::Server] {
            let reading = &mut self.halves[side as usize].reading;
            if let Reading::Failed(why) = *reading {
                *reading = Reading::Records;
                // An alert is now an end, and no refusal.
                if !matches!(why, Undecrypted::Refused(_)) {
                    self.judge(side, Err(why), out)?;
                }
                self.read_on(side, at_ns, out)?;
            }
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
        self.holding = false;
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
        half.lose();
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
