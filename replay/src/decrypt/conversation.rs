//! A flow that speaks TLS, from its *ClientHello* on: both sides' records, and the plain bytes in them.
//!
//! It knows neither capture nor clock; other flows do not concern it. Until a first record opens, what was read is held:
//! should the secrets be wrong, the flow is handed on as it is. After that a side that cannot be read on is a gap.
//!
//! About 700 bytes a flow after its handshake; beside them a record that is not whole, and nothing where none is cut.

mod opening;
mod records;

use opening::Opening;

use super::opener::Opener;
use super::output::Output;
use super::record::{HEADER_BYTES, Header, RECORD_MAX_BYTES};
use super::report::{TlsFlow, Undecrypted};
use super::resync::{Candidate, Found, Search};
use super::side::{Half, Phase, Place, Reading};
use crate::event::{Event, Flow, Side, Sink};

/// Bytes that a side's handshake may have to be held, and data sent early to wait for the server's answer.
const HELD_MAX_BYTES: usize = 1 << 16;

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

    /// Bytes held and not yet read.
    pub(super) fn buffered_bytes(&self) -> usize {
        self.halves.iter().map(|half| half.buffer.capacity()).sum()
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
        self.bound(at_ns, out)
    }

    /// The capture lacks some of what a side said.
    ///
    /// # Errors
    /// As [`Self::data`].
    pub(super) fn gap<S: Sink>(
        &mut self,
        side: Side,
        at_ns: u64,
        length: u64,
        out: &mut Output<'_, S>,
    ) -> Result<(), Undecrypted> {
        if self.holding {
            return Err(Undecrypted::HandshakeGap);
        }
        let place = self.place(side, at_ns);
        let half = &mut self.halves[side as usize];
        if half.closed {
            return Ok(());
        }
        half.gapped = true;
        half.reading = match std::mem::take(&mut half.reading) {
            Reading::Lost(bytes) => Reading::Lost(bytes + length),
            Reading::Damaged(left) if length < left => Reading::Damaged(left - length),
            Reading::Damaged(left) if length == left => Reading::Records,
            Reading::Damaged(left) => half.search(length - left),
            Reading::Searching(search) => half.search(search.lost_bytes + length),
            Reading::Records => half.damage(place, length, out),
        };
        Ok(())
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
            Reading::Records | Reading::Damaged(_) | Reading::Searching(_) => {
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
            return Err(why);
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

    /// Looks for a record that opens; whether there is one.
    fn search<S: Sink>(&mut self, side: Side, at_ns: u64, out: &mut Output<'_, S>) -> bool {
        let candidates = self.candidates(side);
        let half = &mut self.halves[side as usize];
        let Reading::Searching(search) = &mut half.reading else {
            return false;
        };
        match search.find(&half.buffer, &candidates, &mut half.trials.0, out.plain) {
            Found::Nothing { passed } => {
                search.lost_bytes += passed as u64;
                half.read_bytes = passed;
                half.compact();
                false
            }
            Found::Spent => {
                half.lose();
                self.about.undecrypted.get_or_insert(Undecrypted::Desynchronised);
                false
            }
            Found::Record {
                at,
                candidate,
                sequence,
            } => {
                let lost_bytes = search.lost_bytes + at as u64;
                half.read_bytes = at;
                self.resume(side, at_ns, &candidates[candidate], (sequence, lost_bytes), out)
            }
        }
    }

    /// The keys under which a side's next record may be, after a gap.
    fn candidates(&self, side: Side) -> Vec<Candidate> {
        let half = &self.halves[side as usize];
        let present = half.opener.as_ref().map(|opener| Candidate {
            opener: opener.clone(),
            from: opener.sequence,
            phase: half.phase(),
        });
        let updates = self.tls13 && half.phase() == Phase::Application;
        let updated = half.opener.as_ref().filter(|_| updates).and_then(Opener::next);
        let later = |phase| self.ahead(side, phase).filter(|_| phase > half.phase()).cloned();
        let first = |opener, phase| {
            Some(Candidate {
                opener: opener?,
                from: 0,
                phase,
            })
        };
        [
            present,
            first(updated, Phase::Application),
            first(later(Phase::Handshake), Phase::Handshake),
            first(later(Phase::Application), Phase::Application),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    /// Goes on at a record that was found, after so many bytes lost; whether that is possible.
    fn resume<S: Sink>(
        &mut self,
        side: Side,
        at_ns: u64,
        found: &Candidate,
        (sequence, lost_bytes): (u64, u64),
        out: &mut Output<'_, S>,
    ) -> bool {
        let place = self.place(side, at_ns);
        let before = self.halves[side as usize].phase();
        if found.phase > before && self.switch(side, found.phase).is_err() {
            return false;
        }
        let half = &mut self.halves[side as usize];
        let mut opener = found.opener.clone();
        opener.sequence = sequence;
        half.opener = Some(opener);
        half.reading = Reading::Records;
        half.messages.reset();
        half.compact();
        out.figures.resynchronised += 1;
        out.figures.lost_bytes += lost_bytes;
        // Before an application's first record nothing is the application's.
        if before == Phase::Application || (found.phase == Phase::Application && sequence > 0) {
            let overhead_bytes = (sequence - found.from) * found.opener.overhead_bytes() as u64;
            half.miss(place, lost_bytes.saturating_sub(overhead_bytes).max(1), out);
        }
        true
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
            return Err(Undecrypted::ServerHelloMissing);
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
            return Err(if self.is_answered() {
                Undecrypted::HandshakeCut
            } else {
                Undecrypted::ServerHelloMissing
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
    /// Gives up the boundaries of records, with what is buffered and so many bytes more.
    fn search(&mut self, bytes: u64) -> Reading {
        let lost_bytes = bytes + (self.buffer.len() - self.read_bytes) as u64;
        self.read_bytes = self.buffer.len();
        self.compact();
        self.messages.reset();
        Reading::Searching(Search { lost_bytes })
    }

    /// Bytes are missing where a record begins or goes on. If they end within a record whose header is there, only that
    /// one is lost.
    fn damage<S: Sink>(&mut self, place: Place, length: u64, out: &mut Output<'_, S>) -> Reading {
        let partial = &self.buffer[self.read_bytes..];
        let header = partial
            .first_chunk::<HEADER_BYTES>()
            .and_then(|header| Header::parse(*header));
        let missing = header.and_then(|header| header.record_bytes().checked_sub(partial.len()));
        let left = missing.and_then(|missing| (missing as u64).checked_sub(length));
        let phase = self.phase();
        let (Some(header), Some(left), Some(opener), Phase::Application) =
            (header, left, &mut self.opener, phase)
        else {
            return self.search(length);
        };
        opener.sequence += 1;
        let plain = header
            .record_bytes()
            .saturating_sub(opener.overhead_bytes())
            .max(1);
        self.read_bytes = self.buffer.len();
        self.compact();
        out.figures.lost_bytes += header.record_bytes() as u64;
        self.miss(place, plain as u64, out);
        if left == 0 {
            Reading::Records
        } else {
            Reading::Damaged(left)
        }
    }

    /// It says that it will say no more.
    fn close<S: Sink>(&mut self, (flow, side, at_ns): Place, out: &mut Output<'_, S>) {
        if !std::mem::replace(&mut self.closed, true) {
            out.sink.event(Event::Finish { flow, side, at_ns });
        }
    }
}
