//! One side of a connection: where its stream stands, what waits, and how far its peer has acknowledged.
//!
//! It does not know the other side. 80 B.

mod holes;

use super::numbers::{Numbers, Origin};
use super::store::Store;
use super::telling::SideTelling;
use crate::event::Sink;
use crate::skipped::Skip;

/// No window is larger (RFC 7323, section 2.3).
const WINDOW_MAX_BYTES: i64 = 1 << 30;
/// No FIN was seen.
const NO_FIN: u64 = u64::MAX;
/// No window scale was offered.
const NO_SCALE: u8 = u8::MAX;

/// What a segment says, without its header.
#[derive(Clone, Copy, Debug)]
pub(super) struct Said<'a> {
    /// Number of the first byte.
    pub(super) seq: u32,
    pub(super) bytes: &'a [u8],
    /// Length on the wire.
    pub(super) length: u32,
    pub(super) fin: bool,
    /// Whether the numbers of a stream that was joined may still be put right.
    pub(super) joined: bool,
}

#[derive(Debug)]
pub(super) struct Half {
    /// Bytes given out, gaps included.
    next: u64,
    /// Bytes that its peer acknowledged; a FIN counts as one more.
    acked: u64,
    /// Behind the last byte ever seen.
    highest: u64,
    /// Where its FIN stands.
    fin: u64,
    store: Store,
    numbers: Numbers,
    /// The window that its peer grants, bytes.
    pub(super) granted_bytes: u32,
    scale: u8,
    finished: bool,
    /// Whether it stands in the queue of that name.
    pub(super) grace_runs: bool,
    pub(super) silence_runs: bool,
}

impl Default for Half {
    fn default() -> Self {
        Self {
            next: 0,
            acked: 0,
            highest: 0,
            fin: NO_FIN,
            store: Store::default(),
            numbers: Numbers::default(),
            granted_bytes: 0,
            scale: NO_SCALE,
            finished: false,
            grace_runs: false,
            silence_runs: false,
        }
    }
}

impl Half {
    /// Whether all of its stream and its FIN were given out.
    pub(super) fn is_finished(&self) -> bool {
        self.finished
    }

    pub(super) fn is_unknown(&self) -> bool {
        self.numbers.origin() == Origin::Unknown
    }

    /// The window scale that its SYN offered.
    pub(super) fn scale(&self) -> Option<u8> {
        (self.scale != NO_SCALE).then_some(self.scale)
    }

    /// Whether nothing was heard of its stream but where it begins.
    pub(super) fn is_fresh(&self) -> bool {
        self.next == 0 && self.highest == 0 && self.fin == NO_FIN
    }

    /// Whether its stream begins with this number.
    pub(super) fn begins_at(&self, seq: u32) -> bool {
        self.numbers.begin_at(seq)
    }

    /// A SYN says where its stream begins, and the window scale it offers.
    pub(super) fn begin(&mut self, seq: u32, scale: Option<u8>) {
        self.scale = scale.unwrap_or(NO_SCALE);
        if self.is_unknown() || self.is_fresh() {
            self.numbers.set(seq, Origin::Known);
        }
    }

    /// How far its peer has acknowledged, without the FIN.
    pub(super) fn acked(&self) -> u64 {
        self.acked.min(self.fin)
    }

    /// Whether anything may be missing.
    pub(super) fn may_wait(&self) -> bool {
        self.acked > self.next || self.highest > self.next || (self.fin != NO_FIN && self.fin > self.next)
    }

    /// Whether its peer has acknowledged what never came.
    pub(super) fn is_passed(&self, other_finished: bool) -> bool {
        self.acked() > self.next && (other_finished || !self.lacks_fin())
    }

    /// Whether something is missing that may still come.
    pub(super) fn has_hole(&self) -> bool {
        self.may_wait() && self.acked.max(self.highest) > self.next && !self.lacks_fin()
            || (self.fin != NO_FIN && self.fin > self.next)
    }

    /// One number was acknowledged behind the last byte, and nothing else is known of it: a FIN that was not captured.
    fn lacks_fin(&self) -> bool {
        self.acked == self.next + 1
            && self.highest <= self.next
            && self.fin == NO_FIN
            && self.store.is_empty()
    }

    fn offset_of(&self, seq: u32) -> i64 {
        self.numbers.offset_of(seq, self.next)
    }

    /// Its peer acknowledges up to this number.
    pub(super) fn acknowledge(&mut self, ack: u32) {
        if self.is_unknown() {
            self.numbers.set(ack, Origin::Guessed);
            return;
        }
        let offset = self.offset_of(ack);
        let reach = self.next.max(self.acked).cast_signed() + WINDOW_MAX_BYTES;
        if offset <= reach {
            self.acked = self.acked.max(u64::try_from(offset).unwrap_or(0));
        }
    }

    /// Whether a reset with this number is believed: not below what its peer acknowledged, and within the window
    /// (RFC 9293, section 3.10.7.4).
    pub(super) fn is_in_window(&self, seq: u32) -> bool {
        let offset = self.offset_of(seq);
        let granted = i64::from(self.granted_bytes.max(1));
        let least = match self.numbers.origin() {
            Origin::Unknown => return true,
            Origin::Guessed | Origin::Unsaid => self.acked.cast_signed() - granted,
            Origin::Known => self.acked.cast_signed(),
        };
        let most = (self.next.max(self.acked).cast_signed() + granted).max(self.highest.cast_signed());
        (least..=most).contains(&offset)
    }

    /// Takes what a segment says.
    ///
    /// # Errors
    /// It is outside any window.
    pub(super) fn take<S: Sink + ?Sized>(
        &mut self,
        said: Said<'_>,
        telling: &mut SideTelling<'_, S>,
    ) -> Result<(), Skip> {
        if self.numbers.origin() != Origin::Known {
            self.place(said);
        }
        if said.length == 0 && !said.fin {
            return Ok(());
        }
        let offset = self.offset_of(said.seq);
        let reach = self.next.max(self.acked).cast_signed() + WINDOW_MAX_BYTES;
        if offset > reach || offset < self.next.cast_signed() - WINDOW_MAX_BYTES {
            return Err(Skip::Outside);
        }
        if said.length <= 1 && !said.fin && offset + 1 == self.next.cast_signed() {
            telling.ledger.figures.keepalive_bytes += said.bytes.len() as u64;
            return Ok(());
        }
        self.data(offset, said.bytes, u64::from(said.length), telling);
        let end = u64::try_from(offset + i64::from(said.length)).unwrap_or(0);
        if said.fin && self.fin == NO_FIN && end >= self.highest.max(self.next) {
            self.fin = end;
        }
        self.end(telling);
        Ok(())
    }

    /// The first that is heard of its own: in a stream that was joined, this is where it begins, whatever its peer acknowledged. What
    /// says nothing, or one byte, may be a keep-alive: then what is said next tells where it begins.
    fn place(&mut self, said: Said<'_>) {
        let offset = self.offset_of(said.seq);
        let short = said.length <= 1 && !said.fin;
        match self.numbers.origin() {
            Origin::Known => {}
            Origin::Unknown if short && said.joined => {
                // A single byte is taken for the keep-alive's; if it was said, it is the last of what was said before.
                let (first, origin) = match said.length {
                    0 => (said.seq, Origin::Unsaid),
                    _ => (said.seq.wrapping_add(1), Origin::Guessed),
                };
                self.numbers.set(first, origin);
            }
            Origin::Unknown => self.numbers.set(said.seq, Origin::Known),
            Origin::Guessed if !said.joined || (short && offset == -1) => {}
            Origin::Guessed if self.is_fresh() => self.rebase(said.seq, offset),
            Origin::Unsaid if said.length == 0 && !said.fin => {}
            Origin::Unsaid if self.is_fresh() && offset == 1 => self.rebase(said.seq, offset),
            Origin::Unsaid if short && offset == -1 => {}
            Origin::Guessed | Origin::Unsaid => self.numbers.confirm(),
        }
    }

    /// The stream begins with this number, that far from where it was thought to.
    fn rebase(&mut self, seq: u32, offset: i64) {
        self.numbers.set(seq, Origin::Known);
        self.acked = u64::try_from(self.acked.cast_signed() - offset).unwrap_or(0);
    }

    fn data<S: Sink + ?Sized>(
        &mut self,
        offset: i64,
        bytes: &[u8],
        length: u64,
        telling: &mut SideTelling<'_, S>,
    ) {
        let Some((mut from, mut bytes, end)) = self.within(offset, bytes, length, telling) else {
            return;
        };
        if from < self.next {
            let again = self.next.min(end) - from;
            let (old, rest) = split(bytes, again);
            self.again(from, old, telling);
            (from, bytes) = (from + again, rest);
        }
        if from >= end {
            return;
        }
        self.highest = self.highest.max(end);
        if from == self.next {
            let to = self.store.first().map_or(end, |first| first.min(end));
            let (new, rest) = split(bytes, to - from);
            self.say(new, to - from, telling);
            (from, bytes) = (to, rest);
        }
        if from < end || !self.store.is_empty() {
            self.keep(from, bytes, end - from, telling);
        }
    }

    /// What of a piece lies neither before the stream nor behind its FIN: from where, what, and up to where.
    fn within<'a, S: Sink + ?Sized>(
        &self,
        offset: i64,
        mut bytes: &'a [u8],
        length: u64,
        telling: &mut SideTelling<'_, S>,
    ) -> Option<(u64, &'a [u8], u64)> {
        let outlying = &mut telling.ledger.figures.outlying_bytes;
        let end = offset + length.cast_signed();
        if offset < 0 {
            let (before, rest) = split(bytes, offset.unsigned_abs());
            *outlying += before.len() as u64;
            bytes = rest;
        }
        let from = u64::try_from(offset).unwrap_or(0);
        let mut end = u64::try_from(end).ok()?;
        if end > self.fin {
            let (inside, behind) = split(bytes, self.fin.saturating_sub(from));
            *outlying += behind.len() as u64;
            bytes = inside;
            end = self.fin;
        }
        (from < end).then_some((from, bytes, end))
    }

    /// Gives out what is next; of the length on the wire only these bytes were captured.
    fn say<S: Sink + ?Sized>(&mut self, bytes: &[u8], length: u64, telling: &mut SideTelling<'_, S>) {
        let (flow, side) = (telling.flow, telling.side);
        telling.ledger.recollection.note(flow, side, self.next, bytes);
        telling.data(self.next, bytes);
        let captured = bytes.len() as u64;
        telling.gap(self.next + captured, length - captured);
        self.next += length;
    }

    /// Bytes that were given out before.
    #[cold]
    fn again<S: Sink + ?Sized>(&self, offset: u64, bytes: &[u8], telling: &mut SideTelling<'_, S>) {
        let ledger = &mut *telling.ledger;
        ledger.figures.retransmitted_bytes += bytes.len() as u64;
        ledger.figures.inconsistent_bytes +=
            ledger
                .recollection
                .differing(telling.flow, telling.side, offset, bytes);
    }

    /// Bytes that came early wait; what no longer does is given out. Where too much waits, the hole before it is given up.
    #[cold]
    fn keep<S: Sink + ?Sized>(
        &mut self,
        from: u64,
        bytes: &[u8],
        length: u64,
        telling: &mut SideTelling<'_, S>,
    ) {
        let before = self.store.cost_bytes();
        let overlap = self.store.insert(from, bytes, length);
        telling.ledger.waits(before, self.store.cost_bytes());
        let figures = &mut telling.ledger.figures;
        figures.retransmitted_bytes += overlap.bytes;
        figures.inconsistent_bytes += overlap.differing;
        self.drain(telling);
        while telling.ledger.is_over(self.store.cost_bytes()) {
            let Some(first) = self.store.first() else { return };
            telling.ledger.figures.overflows += 1;
            self.gap_to(first, telling);
            self.drain(telling);
        }
    }

    /// Finishes where the FIN is next.
    fn end<S: Sink + ?Sized>(&mut self, telling: &mut SideTelling<'_, S>) {
        if self.next == self.fin && !self.finished {
            self.finished = true;
            telling.finish();
        }
    }
}

/// The first so many bytes, or all, and the rest.
fn split(bytes: &[u8], at: u64) -> (&[u8], &[u8]) {
    bytes.split_at(usize::try_from(at).unwrap_or(usize::MAX).min(bytes.len()))
}
