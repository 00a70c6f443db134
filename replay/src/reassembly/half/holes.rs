//! What is missing of a stream: given up in time, or filled by what waited behind it.
//!
//! It does not know when: its callers have the queues and the clock of the packets.

use super::{Half, NO_FIN};
use crate::event::Sink;
use crate::reassembly::telling::SideTelling;

impl Half {
    /// Gives out what waited, as far as it is next.
    pub(super) fn drain<S: Sink + ?Sized>(&mut self, telling: &mut SideTelling<'_, S>) {
        let before = self.store.cost_bytes();
        while let Some(piece) = self.store.take(self.next) {
            self.say(&piece.bytes, piece.length, telling);
        }
        telling.ledger.waits(before, self.store.cost_bytes());
    }

    pub(super) fn gap_to<S: Sink + ?Sized>(&mut self, offset: u64, telling: &mut SideTelling<'_, S>) {
        let length = offset.saturating_sub(self.next);
        telling.gap(self.next, length);
        self.next += length;
    }

    /// Gives up what is missing up to this offset, which the peer acknowledged a while ago.
    pub(in crate::reassembly) fn give_up<S: Sink + ?Sized>(
        &mut self,
        upto: u64,
        other_finished: bool,
        telling: &mut SideTelling<'_, S>,
    ) {
        if self.lacks_fin() {
            if other_finished {
                self.fin = self.next;
                self.end(telling);
            }
            return;
        }
        let upto = upto.min(self.fin);
        while self.next < upto {
            let to = self.store.first().map_or(upto, |first| first.min(upto));
            self.gap_to(to, telling);
            self.drain(telling);
        }
        self.end(telling);
    }

    /// Gives up all that is missing.
    pub(in crate::reassembly) fn give_up_all<S: Sink + ?Sized>(&mut self, telling: &mut SideTelling<'_, S>) {
        while let Some(first) = self.store.first() {
            self.gap_to(first, telling);
            self.drain(telling);
        }
        if self.lacks_fin() {
            self.fin = self.next;
        }
        let end = if self.fin == NO_FIN { self.acked } else { self.fin };
        self.gap_to(end, telling);
        self.end(telling);
    }
}
