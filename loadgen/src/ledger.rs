//! The ledger: what became of every copy of every message, a copy being one message to one recipient.
//!
//! It is pure: events in, figures out. It does not know threads, sockets or clocks. Events of one user come in their
//! order; those of different users in any, so that a delivery may be observed before the send it delivers.
//!
//! At every moment `sent = accepted + refused + unanswered` and `accepted = delivered + queued + missing`.
//!
//! What it keeps: a byte a copy while the copy is in flight, queued or young; a few words a pair of people with copies
//! under way between them; five bytes a user.

mod chunk;
mod event;
mod figures;
mod pair;

use scenarios::To;
use wire::chat::Code;

use crate::members::Members;
use chunk::{Cell, Chunks, flag};
use pair::Pairs;

pub use event::Event;
pub use figures::Figures;

/// The ledger of a run.
pub type Ledger = Books<4_096>;

/// A ledger whose copies are kept in chunks of `CHUNK`.
#[derive(Debug)]
pub struct Books<const CHUNK: usize> {
    figures: Figures,
    refusals: [u64; Code::ALL.len()],
    chunks: Chunks<CHUNK>,
    pairs: Pairs,
    /// Accepted copies a user has yet to receive.
    waiting: Box<[u32]>,
    online: Box<[bool]>,
}

/// A copy and the two it concerns.
#[derive(Clone, Copy)]
struct Copy {
    number: u64,
    sender: u32,
    recipient: u32,
}

impl<const CHUNK: usize> Books<CHUNK> {
    /// An empty ledger for users `0..users`.
    #[must_use]
    pub fn new(users: u32) -> Self {
        Self {
            figures: Figures::default(),
            refusals: [0; Code::ALL.len()],
            chunks: Chunks::default(),
            pairs: Pairs::default(),
            waiting: vec![0; users as usize].into_boxed_slice(),
            online: vec![false; users as usize].into_boxed_slice(),
        }
    }

    /// How things stand.
    #[must_use]
    pub fn figures(&self) -> Figures {
        self.figures
    }

    /// Copies refused, by the codes that occurred.
    pub fn refusals(&self) -> impl Iterator<Item = (Code, u64)> + '_ {
        Code::ALL
            .into_iter()
            .zip(self.refusals)
            .filter(|(_, copies)| *copies > 0)
    }

    /// Takes one event. `now_ms` never falls.
    pub fn observe(&mut self, event: Event, members: &dyn Members, now_ms: u32) {
        match event {
            Event::Online { user } => self.presence(user, true),
            Event::Offline { user } => self.presence(user, false),
            Event::Sent {
                first_copy,
                sender,
                to,
            } => {
                each_copy(members, first_copy, sender, to, |copy| self.sent(copy, now_ms));
            }
            Event::Accepted {
                first_copy,
                sender,
                to,
            } => {
                each_copy(members, first_copy, sender, to, |copy| {
                    self.accepted(copy, now_ms)
                });
            }
            Event::Refused {
                first_copy,
                sender,
                to,
                code,
            } => {
                each_copy(members, first_copy, sender, to, |copy| {
                    self.refused(copy, code, now_ms)
                });
            }
            Event::Delivered {
                copy,
                sender,
                recipient,
                session,
                since_ms,
            } => {
                self.delivered(
                    Copy {
                        number: copy,
                        sender,
                        recipient,
                    },
                    session,
                    since_ms,
                    now_ms,
                );
            }
            Event::Corrupted => self.figures.corrupted += 1,
        }
    }

    /// Lets go of what is settled and old. To be called every few seconds.
    pub fn sweep(&mut self, now_ms: u32) {
        self.chunks.sweep(now_ms);
        self.pairs.shrink();
    }

    fn presence(&mut self, user: u32, online: bool) {
        let user = user as usize;
        if std::mem::replace(&mut self.online[user], online) == online {
            return;
        }
        let waiting = u64::from(self.waiting[user]);
        let (from, to) = match online {
            true => (&mut self.figures.queued, &mut self.figures.missing),
            false => (&mut self.figures.missing, &mut self.figures.queued),
        };
        *from -= waiting;
        *to += waiting;
    }

    fn sent(&mut self, copy: Copy, now_ms: u32) {
        let Cell::Known(state) = self.chunks.cell(copy.number) else {
            debug_assert!(false, "copy {} was sent twice", copy.number);
            return;
        };
        self.figures.sent += 1;
        let mut new = state | flag::SENT;
        if state & flag::DELIVERED != 0 {
            self.pairs.caught_up(copy.sender, copy.recipient);
        } else if self.pairs.send(copy.sender, copy.recipient, copy.number) {
            new |= flag::OVERTAKEN;
        }
        self.chunks.set(copy.number, new, now_ms);
    }

    fn accepted(&mut self, copy: Copy, now_ms: u32) {
        // A repeat may be answered again, even after the ledger has forgotten it.
        let Cell::Known(state) = self.chunks.cell(copy.number) else {
            return;
        };
        if state & (flag::ACCEPTED | flag::REFUSED) != 0 {
            return;
        }
        self.figures.accepted += 1;
        if state & flag::DELIVERED != 0 {
            self.figures.delivered_unanswered -= 1;
            self.figures.delivered += 1;
        } else {
            self.figures.misordered += u64::from(state & flag::OVERTAKEN != 0);
            self.waiting[copy.recipient as usize] += 1;
            *self.awaited(copy.recipient) += 1;
        }
        self.chunks.set(copy.number, state | flag::ACCEPTED, now_ms);
    }

    fn refused(&mut self, copy: Copy, code: Code, now_ms: u32) {
        let Cell::Known(state) = self.chunks.cell(copy.number) else {
            return;
        };
        if state & (flag::ACCEPTED | flag::REFUSED) != 0 {
            return;
        }
        self.figures.refused += 1;
        self.refusals[usize::from(code.value()) - 1] += 1;
        if state & flag::DELIVERED != 0 {
            self.figures.delivered_unanswered -= 1;
            self.figures.delivered_refused += 1;
        } else {
            self.pairs.withdraw(copy.sender, copy.recipient, copy.number);
        }
        self.chunks.set(copy.number, state | flag::REFUSED, now_ms);
    }

    fn delivered(&mut self, copy: Copy, session: u8, since_ms: u32, now_ms: u32) {
        let state = match self.chunks.cell(copy.number) {
            Cell::Known(state) if state & flag::DELIVERED == 0 => state,
            Cell::Known(state) => return self.again(flag::session(state) != session % flag::SESSIONS),
            // Settled by then; a session that began later is not the one that received it first.
            Cell::Forgotten { settled_ms } => return self.again(since_ms > settled_ms),
        };
        if state & flag::REFUSED == 0 {
            let (chunks, figures) = (&mut self.chunks, &mut self.figures);
            let early = state & flag::SENT == 0;
            let name = |overtaken| {
                if let Cell::Known(state) = chunks.cell(overtaken)
                    && state & flag::OVERTAKEN == 0
                {
                    figures.misordered += u64::from(state & flag::ACCEPTED != 0);
                    chunks.set(overtaken, state | flag::OVERTAKEN, now_ms);
                }
            };
            let is_overtaken = self
                .pairs
                .deliver(copy.sender, copy.recipient, copy.number, early, name);
            // Of one whose *sent* was observed, its state tells.
            self.figures.misordered += u64::from(early && is_overtaken);
        }
        if state & flag::ACCEPTED != 0 {
            self.figures.delivered += 1;
            self.waiting[copy.recipient as usize] -= 1;
            *self.awaited(copy.recipient) -= 1;
        } else {
            // Overtaken and not yet accepted: that it arrived shows that the server had taken it.
            self.figures.misordered +=
                u64::from(state & (flag::OVERTAKEN | flag::REFUSED) == flag::OVERTAKEN);
            match state & flag::REFUSED {
                0 => self.figures.delivered_unanswered += 1,
                _ => self.figures.delivered_refused += 1,
            }
        }
        let answers = state & (flag::SENT | flag::ACCEPTED | flag::REFUSED);
        self.chunks.set(
            copy.number,
            answers | flag::DELIVERED | flag::of_session(session),
            now_ms,
        );
    }

    fn again(&mut self, in_a_later_session: bool) {
        if in_a_later_session {
            self.figures.redelivered += 1;
        } else {
            self.figures.duplicated += 1;
        }
    }

    /// The figure that an accepted copy counts in until its recipient has it.
    fn awaited(&mut self, recipient: u32) -> &mut u64 {
        if self.online[recipient as usize] {
            &mut self.figures.missing
        } else {
            &mut self.figures.queued
        }
    }
}

fn each_copy(members: &dyn Members, first_copy: u64, sender: u32, to: To, mut each: impl FnMut(Copy)) {
    let mut number = first_copy;
    members.each_recipient(sender, to, &mut |recipient| {
        each(Copy {
            number,
            sender,
            recipient,
        });
        number += 1;
    });
}

#[cfg(test)]
mod tests;
