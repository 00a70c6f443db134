//! The door of a shard: when it accepts, when it reads, and where those go for whom there is no room.
//!
//! It does not know what is said inside.

use reactor::{Acceptor, Close, Id};
use wire::chat::Code;

use super::ServerShard;
use super::frames::LETTERS_MAX;

/// Letters and bytes in a parcel before the shard reads no more: TCP holds the clients then.
const LETTERS_PAUSE: usize = 2 * LETTERS_MAX;
const BYTES_PAUSE: usize = 32 << 20;
/// A shard that was full listens again once this part of its connections is free.
const LOW_WATER_PART: u32 = 32;
/// Connections that may wait to be accepted, a shard; the kernel cuts it to `net.core.somaxconn`.
pub(crate) const BACKLOG: i32 = 65_535;

/// Refused connections that may wait for their peers to close; more are reset, since they hold descriptors.
const LINGERING_MAX: u32 = 128;

impl ServerShard {
    /// Whether the connection that was just opened is one too many.
    ///
    /// In a table that all share, whatever has descriptors must leave some to the store.
    pub(super) fn is_crowded<L: Acceptor>(&mut self, link: &L, now_us: u64) -> bool {
        let here = u64::from(link.connections());
        let all = self.elsewhere(now_us) + here;
        let in_table = if self.parts.parted { here } else { all };
        all > self.parts.knobs.connections_max() || in_table > u64::from(self.parts.connections_max)
    }

    /// Says that there is no room, unless too many who were told so are still there.
    pub(super) fn refuse<L: Acceptor>(&mut self, link: &mut L, id: Id) {
        self.parts.figures.connections_refused.add(1);
        if link.sockets().held() - link.connections() < LINGERING_MAX {
            return self.dismiss(link, id, Code::ConnectionLimit);
        }
        link.close(id, Close::Reset);
        self.end(id);
    }

    /// Accepting pauses while the office is behind; reading, while it is far behind.
    ///
    /// A full shard closes its listener, so that clients come to others: merely not accepting would strand those
    /// whom the kernel has already connected. Where no other has room, it goes on to accept, and refuses with a code.
    pub(super) fn regulate<L: Acceptor>(&mut self, link: &mut L) {
        let letters = self.parcel.letters.len();
        let behind = letters as u64 > self.parts.knobs.accept_pause_queue();
        if behind != self.paused {
            self.paused = behind;
            self.parts.figures.accept_pauses.add(u64::from(behind));
            link.pause_accepting(behind);
        }
        link.sockets().pause_reading(self.is_far_behind());
        link.sockets()
            .set_out_max(self.parts.knobs.unread_max_bytes() as usize);
        self.hand_over(link);
    }

    /// Closes the listener of a full shard, if others have room. Called with each connection, so that none is accepted
    /// here only to be refused.
    pub(super) fn hand_over<L: Acceptor>(&mut self, link: &mut L) {
        let full = self.parts.parted && link.sockets().held() >= self.parts.connections_max;
        if full && self.listening && self.others_have_room() {
            self.listening = false;
            self.parts.figures.accept_pauses.add(1);
            link.stop_listening();
        }
    }

    pub(super) fn is_far_behind(&self) -> bool {
        self.parcel.letters.len() >= LETTERS_PAUSE || self.parcel.bytes.len() >= BYTES_PAUSE
    }

    /// Listens again, once there is room or nobody else has any.
    pub(super) fn reopen<L: Acceptor>(&mut self, link: &mut L) {
        let max = self.parts.connections_max;
        let has_room = link.sockets().held() + max / LOW_WATER_PART < max;
        if self.listening || (!has_room && self.others_have_room()) {
            return;
        }
        // Tried again in a second if the address cannot be had.
        if let Ok(listener) = reactor::listen(self.parts.address, BACKLOG) {
            link.sockets().listen(listener);
            self.listening = true;
        }
    }

    fn others_have_room(&self) -> bool {
        let max = u64::from(self.parts.connections_max);
        let mut others = (0u16..).zip(self.parts.others.iter());
        others.any(|(index, shard)| index != self.parts.index && shard.connections.level() < max)
    }

    /// Connections of the other shards, as they were when this turn asked first.
    pub(super) fn elsewhere(&mut self, now_us: u64) -> u64 {
        if self.elsewhere.1 != now_us {
            let others = (0u16..).zip(self.parts.others.iter());
            let level = others
                .filter(|(index, _)| *index != self.parts.index)
                .map(|(_, shard)| shard.connections.level())
                .sum();
            self.elsewhere = (level, now_us);
        }
        self.elsewhere.0
    }
}
