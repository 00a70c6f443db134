//! What a capture lacks of a side: which records that costs, and where reading goes on.
//!
//! It does not know how a record is looked for, nor what one says.

use super::Conversation;
use crate::decrypt::opener::Opener;
use crate::decrypt::output::Output;
use crate::decrypt::record::{HEADER_BYTES, Header};
use crate::decrypt::report::{TlsOverhead, Undecrypted};
use crate::decrypt::resync::{Candidate, Found, Search};
use crate::decrypt::side::{Half, Phase, Place, Reading};
use crate::event::{Side, Sink};

impl Conversation {
    /// The capture lacks some of what a side said.
    ///
    /// # Errors
    /// As [`Self::data`].
    pub(in crate::decrypt) fn gap<S: Sink>(
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
            failed @ Reading::Failed(_) => failed,
            Reading::Damaged(left) if length < left => Reading::Damaged(left - length),
            Reading::Damaged(left) if length == left => Reading::Records,
            Reading::Damaged(left) => half.search(length - left, out),
            Reading::Searching(search) => half.search(search.lost_bytes + length, out),
            Reading::Records => half.damage(place, length, out),
        };
        Ok(())
    }

    /// Looks for a record that opens; whether there is one.
    pub(super) fn search<S: Sink>(&mut self, side: Side, at_ns: u64, out: &mut Output<'_, S>) -> bool {
        let candidates = self.candidates(side);
        let half = &mut self.halves[side as usize];
        let Reading::Searching(search) = &mut half.reading else {
            return false;
        };
        match search.find(&half.buffer, &candidates, &mut half.trials.0, out.plain) {
            Found::Nothing { passed } => {
                search.lost_bytes += passed as u64;
                half.books.off(TlsOverhead::Torn, passed, out.figures);
                half.read_bytes = passed;
                half.compact();
                false
            }
            Found::Spent => {
                half.lose(TlsOverhead::Sealed, out);
                self.about.undecrypted.get_or_insert(Undecrypted::Desynchronised);
                false
            }
            Found::Record {
                at,
                candidate,
                sequence,
            } => {
                search.lost_bytes += at as u64;
                let lost_bytes = search.lost_bytes;
                half.books.off(TlsOverhead::Torn, at, out.figures);
                half.read_bytes = at;
                half.compact();
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
        out.figures.resynchronised += 1;
        out.figures.lost_bytes += lost_bytes;
        // Before an application's first record nothing is the application's.
        if before == Phase::Application || (found.phase == Phase::Application && sequence > 0) {
            let overhead_bytes = (sequence - found.from) * found.opener.overhead_bytes() as u64;
            half.miss(place, lost_bytes.saturating_sub(overhead_bytes).max(1), out);
        }
        true
    }
}

impl Half {
    /// Gives up the boundaries of records, with what is buffered and so many bytes more.
    fn search<S>(&mut self, bytes: u64, out: &mut Output<'_, S>) -> Reading {
        let unread = self.buffer.len() - self.read_bytes;
        let lost_bytes = bytes + unread as u64;
        self.books.off(TlsOverhead::Torn, unread, out.figures);
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
            return self.search(length, out);
        };
        opener.sequence += 1;
        let plain = header
            .record_bytes()
            .saturating_sub(opener.overhead_bytes())
            .max(1);
        self.books.off(TlsOverhead::Torn, partial.len(), out.figures);
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
}
