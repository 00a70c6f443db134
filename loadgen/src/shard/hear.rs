//! What the server says: frames to events, events to the books, answers back in one write a batch.
//!
//! It does not know connections' lives, save that the session ends where the server breaks the protocol.

use reactor::{Id, Link, Taken};
use scenarios::To;
use wire::chat::{Body, Code, Event as Heard, GroupId, Number, ServerFrame};

use super::Shard;
use crate::body::Letter;
use crate::ledger::Event;
use crate::members::group_id;
use crate::tally::Count;
use crate::timing::{Metric, Timing};

/// Whether a session goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Session {
    GoesOn,
    Ended,
}

impl Shard {
    pub(super) fn hear<L: Link>(
        &mut self,
        link: &mut L,
        id: Id,
        user: u32,
        bytes: &[u8],
        now_us: u64,
    ) -> Taken {
        let mut out = std::mem::take(&mut self.answers);
        out.clear();
        let taken = self.frames(link, user, bytes, &mut out, now_us);
        self.tally.add(Count::BytesIn, taken as u64);
        if self.users.at(id) == Some(user) {
            if !out.is_empty() && !self.push(link, user, &out) {
                self.give_up(link, user, Count::Protocol, now_us);
            }
            // What he owes is written: now he may go.
            let state = self.users.user(user);
            if state.is_leaving() && state.is_online() && state.in_flight == 0 {
                self.disconnect(link, user);
            }
        }
        self.answers = out;
        Taken(taken)
    }

    /// Works off whole frames, as long as the session lasts. Returns the bytes done with.
    fn frames<L: Link>(
        &mut self,
        link: &mut L,
        user: u32,
        bytes: &[u8],
        out: &mut Vec<u8>,
        now_us: u64,
    ) -> usize {
        let mut taken = 0;
        while taken < bytes.len() {
            match ServerFrame::decode(&bytes[taken..]) {
                Ok(Some((frame, length))) => {
                    taken += length;
                    if self.frame(link, user, frame, out, now_us) == Session::Ended {
                        return bytes.len();
                    }
                }
                Ok(None) => break,
                Err(_) => {
                    self.give_up(link, user, Count::Protocol, now_us);
                    return bytes.len();
                }
            }
        }
        taken
    }

    fn frame<L: Link>(
        &mut self,
        link: &mut L,
        user: u32,
        frame: ServerFrame<'_>,
        out: &mut Vec<u8>,
        now_us: u64,
    ) -> Session {
        let who = self.population.identity(user);
        let client = &mut self.users.user_mut(user).client;
        let last_id = client.last_id();
        match client.receive(frame, &who, out) {
            Heard::Online { .. } => {
                self.welcomed(user, now_us);
                self.ask_for_groups(user, out);
                self.resend(user, last_id, out);
            }
            Heard::Accepted { id } => self.answered(user, id, now_us, |flight| Event::Accepted {
                first_copy: flight.first_copy,
                sender: user,
                to: flight.to(),
            }),
            Heard::Refused { id, code } => self.answered(user, id, now_us, |flight| Event::Refused {
                first_copy: flight.first_copy,
                sender: user,
                to: flight.to(),
                code,
            }),
            Heard::Message {
                from, group, body, ..
            } => self.message(user, from, group, body, now_us),
            Heard::Delivered { id, by } => self.second_tick(user, id, by, now_us),
            Heard::Bye { code: Code::BadProof } => {
                self.bar(link, user);
                return Session::Ended;
            }
            Heard::Bye { .. } | Heard::Unexpected => {
                self.give_up(link, user, Count::Protocol, now_us);
                return Session::Ended;
            }
            Heard::Group { group, .. } => self.group_made(user, group),
            Heard::Pong { .. } => self.tally.add(Count::Pongs, 1),
            Heard::LoggingIn | Heard::Typing { .. } | Heard::Presence { .. } | Heard::Error { .. } => {}
        }
        Session::GoesOn
    }

    /// Verifies a message and reports its copy.
    fn message(&mut self, user: u32, from: Number, group: Option<GroupId>, body: Body<'_>, now_us: u64) {
        let known = Letter::parse(body).ok().and_then(|letter| {
            let by_way_of = match letter.to {
                To::User(_) => None,
                To::Group(group) => Some(group_id(&*self.members, &self.population, group)?),
            };
            let position = self.members.position(letter.sender, letter.to, user)?;
            let right = by_way_of == group && self.population.user(from) == Some(letter.sender);
            right.then_some((letter, position))
        });
        let Some((letter, position)) = known else {
            self.report.event(Event::Corrupted);
            return;
        };
        if self.is_timed(user, letter.intended_us) {
            self.report
                .timing(Timing::since(Metric::Delivery, letter.intended_us, now_us));
        }
        self.report.event(Event::Delivered {
            copy: letter.first_copy + u64::from(position),
            sender: letter.sender,
            recipient: user,
            session: self.users.user(user).session(),
            since_ms: self.presence.since_ms(user),
        });
    }
}
