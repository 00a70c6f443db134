//! What goes wrong with a session: nothing of it is lost from the books.

use reactor::{Close, Closed, Id, Link};

use super::Driver;
use crate::drive::cause::{Cause, Failure};
use crate::drive::part::{Mute, Wait, target_ends};
use crate::drive::schedule::Schedule;

impl Driver {
    /// The target, or the network, ended a connection.
    pub(super) fn ended(&mut self, id: Id, why: Closed) {
        let Some(part) = self.parts.get(id) else { return };
        let session = &self.program.recording.sessions()[part.session as usize];
        if part.wait == Wait::Connection {
            self.opening -= 1;
            return self.fail(id, why);
        }
        let is_as_recorded = part.left == 0
            && match why {
                Closed::Peer => true,
                Closed::Reset => target_ends(session.end) || part.is_answered(),
                _ => false,
            };
        if is_as_recorded {
            self.settle(id, None);
        } else {
            self.fail(id, why);
        }
    }

    /// A session failed whose connection is gone, or never was.
    pub(super) fn fail(&mut self, id: Id, failure: impl Into<Failure>) {
        self.settle(id, Some(failure.into()));
        self.control.failed();
    }

    /// A session failed whose connection is open.
    pub(super) fn fail_open<L: Link>(&mut self, link: &mut L, id: Id, failure: impl Into<Failure>) {
        if let Some(part) = self.parts.get(id) {
            link.close(part.connection, Close::Reset);
        }
        self.fail(id, failure);
    }

    /// Ends everything now: who is under way and who has not begun count as stopped.
    pub(super) fn stop<L: Link>(&mut self, link: &mut L, schedule: &mut Schedule) {
        for index in 0..self.parts.extent() {
            let Some((id, part)) = self.parts.at(index) else {
                continue;
            };
            link.close(part.connection, Close::Reset);
            self.settle(id, Some(Cause::Stopped.into()));
        }
        for start in schedule.give_up_starts() {
            let (_, sends) = self.program.chosen(start.place);
            self.books.tally.fail(Cause::Stopped, u64::from(sends));
        }
        std::mem::take(&mut self.books).hand_in(&self.board);
    }
}

impl From<Mute> for Failure {
    fn from(mute: Mute) -> Self {
        let cause = match mute {
            Mute::Recording(_) => Cause::Recording,
            Mute::Rewrite(_) => Cause::Rewrite,
        };
        Self {
            cause,
            why: mute.to_string(),
        }
    }
}
