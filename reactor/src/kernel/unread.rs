//! What waits for peers that do not take it: how much, and for whom the most.
//!
//! It does not decide who goes. Keeping count costs an addition where a socket is full, and nothing elsewhere; asking who has the
//! most is a walk over all slots.

use super::Kernel;
use super::conn::{Conn, State};
use super::options::KernelStats;
use crate::{Close, Id, Link as _};

impl Conn {
    pub(super) fn unread_bytes(&self) -> u64 {
        self.out.as_ref().map_or(0, |out| out.len() as u64)
    }
}

impl KernelStats {
    /// Where the bytes of a connection in this state are counted.
    pub(super) fn unread(&mut self, state: State) -> &mut u64 {
        match state {
            State::Lingering => &mut self.leaving_bytes,
            _ => &mut self.unread_bytes,
        }
    }
}

impl Kernel {
    /// The connections for which the most waits, until theirs together are as many bytes as were asked for; those that we have
    /// closed already are not among them.
    #[must_use]
    pub fn slowest(&self, bytes: u64) -> Vec<(Id, u64)> {
        let mut all: Vec<(Id, u64)> = (0..self.conns.extent())
            .filter_map(|index| self.conns.at(index))
            .filter(|(_, conn)| conn.out.is_some() && conn.state != State::Lingering)
            .map(|(id, conn)| (id, conn.unread_bytes()))
            .collect();
        all.sort_unstable_by_key(|(id, unread_bytes)| (std::cmp::Reverse(*unread_bytes), id.index));
        let mut sum = 0;
        let enough = all.iter().position(|(_, unread_bytes)| {
            sum += unread_bytes;
            sum >= bytes
        });
        all.truncate(enough.map_or(all.len(), |last| last + 1));
        all
    }

    /// Resets those that we have closed and that still leave something unread; returns how many.
    pub fn reset_leaving(&mut self) -> u32 {
        let mut reset = 0;
        for index in 0..self.conns.extent() {
            if let Some((id, conn)) = self.conns.at(index)
                && conn.state == State::Lingering
                && conn.out.is_some()
            {
                self.close(id, Close::Reset);
                reset += 1;
            }
        }
        reset
    }
}
