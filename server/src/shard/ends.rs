//! How connections end by the shard's doing: a word why, silence, guests that linger, the server's stop.
//!
//! It does not know what was said before.

use reactor::{Acceptor, Id, Link};
use wire::chat::{Code, ServerFrame};

use super::{ServerShard, seconds};

/// In how many looks at most a shard has seen all its slots.
const WALKS_A_ROUND: u32 = 60;
/// In how many parts of the idle timeout a silent connection is found, where that is shorter than a round.
const IDLE_PARTS: u32 = 30;
/// A connection that has not logged in by then is closed.
pub(crate) const GUEST_S: u32 = 60;

impl ServerShard {
    /// Says why and closes.
    pub(super) fn dismiss<L: Link>(&mut self, link: &mut L, id: Id, code: Code) {
        let mut farewell = Vec::new();
        ServerFrame::Bye { code }.encode(&mut farewell);
        link.farewell(id, &farewell);
        self.end(id);
    }

    /// Forgets a connection and tells the office who left.
    pub(super) fn end(&mut self, id: Id) {
        self.limits.forget(id.index);
        let number = self.sessions.end(id);
        if number != 0 {
            self.parcel.closed(id, number);
        }
    }

    /// Looks at a sixtieth of the slots: the silent are dismissed, guests that linger too.
    pub(super) fn walk<L: Link>(&mut self, link: &mut L, now_us: u64) {
        let now_s = seconds(now_us);
        let idle_s = self.parts.knobs.idle_timeout().as_secs().min(u64::from(u32::MAX)) as u32;
        let extent = self.sessions.extent();
        for _ in 0..extent.div_ceil((idle_s / IDLE_PARTS).clamp(1, WALKS_A_ROUND)) {
            self.walk_at = (self.walk_at + 1) % extent.max(1);
            if let Some((id, session)) = self.sessions.at(self.walk_at)
                && now_s.saturating_sub(session.heard_s) > idle_s
            {
                self.parts.figures.idle_closed.add(1);
                self.dismiss(link, id, Code::Idle);
            }
        }
        let late: Vec<u32> = self
            .sessions
            .guests_before(now_s.saturating_sub(GUEST_S))
            .collect();
        for index in late {
            if let Some((id, _)) = self.sessions.at(index) {
                self.parts.figures.idle_closed.add(1);
                self.dismiss(link, id, Code::Idle);
            }
        }
    }

    /// Farewell to all, where the knob leaves time for one; `None` once the shard may end, and whoever has not closed is
    /// reset. Saying it costs as much as resetting: with five million connections a minute.
    pub(super) fn stop<L: Acceptor>(&mut self, link: &mut L, now_us: u64) -> Option<u64> {
        let until_us = match self.stopping_until_us {
            Some(until_us) => until_us,
            None => {
                link.stop_listening();
                let farewell_us = self.parts.knobs.farewell().as_micros() as u64;
                if farewell_us > 0 {
                    self.dismiss_all(link);
                }
                *self.stopping_until_us.insert(now_us + farewell_us)
            }
        };
        let settled = self.parcels_out == 0 && self.parcel.letters.is_empty();
        if now_us >= until_us || (settled && link.sockets().held() == 0) {
            link.sockets().reset_all();
            return None;
        }
        Some(now_us + 10_000)
    }

    fn dismiss_all<L: Acceptor>(&mut self, link: &mut L) {
        for index in 0..self.sessions.extent() {
            if let Some((id, _)) = self.sessions.at(index) {
                self.dismiss(link, id, Code::ShuttingDown);
            }
        }
    }
}
