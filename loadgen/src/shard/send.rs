//! Messages: sending, and sending again after a cut what was not answered.
//!
//! A message that was handed to the connection is in the ledger; one that was not never was. It does not know what the
//! server makes of it.

use reactor::Link;
use scenarios::To;
use wire::chat::{Address, Body, ClientFrame, Kind};

use super::Shard;
use super::flight::Flight;
use super::tick::{self, Kept};
use crate::body::Letter;
use crate::ledger::Event;
use crate::members::group_id;
use crate::tally::Count;
use crate::timing::{Metric, Timing};

/// The link of a media message whose media were not uploaded in this run: somebody passes on what he has.
const PASSED_ON: &str = "/media/passed-on";
/// The most copies a message may have; the ledger numbers them in a row.
const COPIES_MAX: u32 = wire::chat::MEMBERS_MAX as u32;

/// What a message carries.
#[derive(Clone, Copy, Debug)]
pub(super) struct Content<'a> {
    /// Length of the body; a short one is made as long as its header.
    pub(super) bytes: u16,
    /// Where its media are, if they were uploaded in this run.
    pub(super) link: Option<&'a str>,
    /// Whether it carries a link and a thumbnail.
    pub(super) media: bool,
}

impl Shard {
    /// Sends a message. Returns whether it went.
    pub(super) fn send<L: Link>(
        &mut self,
        link: &mut L,
        user: u32,
        to: To,
        content: &Content<'_>,
        intended_us: u64,
    ) -> bool {
        let state = self.users.user_mut(user);
        if !state.is_online() || !self.flights.has_room(user, state.client.last_id() + 1) {
            return false;
        }
        let (mut copies, mut away) = (0, 0);
        let at_us = intended_us.saturating_sub(self.begin_us);
        self.members.each_recipient(user, to, &mut |recipient| {
            copies += 1;
            away += u64::from(!self.members.is_planned_online(recipient, at_us));
        });
        if copies == 0 || copies > COPIES_MAX {
            return false;
        }
        let id = state.client.next_id();
        let flight = Flight::new(self.next_copy, intended_us, to, content.bytes, content.media);
        let mut bytes = std::mem::take(&mut self.out);
        bytes.clear();
        let sent =
            self.write_message(user, id, &flight, content.link, &mut bytes) && self.push(link, user, &bytes);
        self.out = bytes;
        if !sent {
            return false;
        }
        self.next_copy += u64::from(copies);
        self.users.user_mut(user).in_flight += 1;
        self.flights.insert(user, id, flight, content.link);
        // A tick of somebody who is away now is neither timed nor owed.
        let may_tick = match to {
            To::User(recipient) => self.presence.was_online(recipient, intended_us),
            To::Group(_) => true,
        };
        if may_tick && !self.ticks.insert(user, id, Kept::new(intended_us, to, copies)) {
            self.tally.add(Count::TicksUntimed, u64::from(copies));
        }
        self.report.event(Event::Sent {
            first_copy: flight.first_copy,
            sender: user,
            to,
        });
        self.tally.add(Count::MessagesSent, 1);
        self.tally.add(Count::CopiesSentAway, away);
        if matches!(to, To::Group(_)) {
            self.tally.add(Count::CopiesSentGroup, u64::from(copies));
        }
        true
    }

    /// Appends the frame of a message. Returns whether there is such a recipient.
    fn write_message(
        &mut self,
        user: u32,
        id: u64,
        flight: &Flight,
        link: Option<&str>,
        out: &mut Vec<u8>,
    ) -> bool {
        let to = flight.to();
        let address = match to {
            To::User(recipient) => Some(Address::Person(self.population.number(recipient))),
            To::Group(group) => group_id(&*self.members, &self.population, group).map(Address::Group),
        };
        let Some(address) = address else { return false };
        let letter = Letter {
            first_copy: flight.first_copy,
            intended_us: flight.intended_us,
            sender: user,
            to,
        };
        self.body.clear();
        let kind = if flight.media {
            letter.encode_media(link.unwrap_or(PASSED_ON), flight.bytes, &mut self.body);
            Kind::Media
        } else {
            letter.encode_text(flight.bytes, &mut self.body);
            Kind::Text
        };
        ClientFrame::Send {
            id,
            to: address,
            body: Body {
                kind,
                bytes: &self.body,
            },
        }
        .encode(out);
        true
    }

    /// Appends once more what a user sent and no answer came to, in its order and by the same ids: the server knows
    /// which it has. `last_id` is the highest the user had given before this session.
    pub(super) fn resend(&mut self, user: u32, last_id: u64, out: &mut Vec<u8>) {
        if self.users.user(user).in_flight == 0 {
            return;
        }
        // What is in flight of one user fits one window, and comes only after a cut: a copy is cheap enough.
        let again: Vec<_> = self
            .flights
            .of(user, last_id)
            .map(|(id, flight, link)| (id, *flight, link.map(str::to_owned)))
            .collect();
        for (id, flight, link) in again {
            self.write_message(user, id, &flight, link.as_deref(), out);
        }
    }

    /// The server answered a message.
    pub(super) fn answered(&mut self, user: u32, id: u64, now_us: u64, event: impl FnOnce(&Flight) -> Event) {
        // A repeat is answered, too, after the first answer was: nothing is in flight then.
        let Some(flight) = self.flights.remove(user, id) else {
            return;
        };
        let event = event(&flight);
        if matches!(event, Event::Refused { .. }) {
            self.ticks.forget(tick::key(user, id));
        }
        let at_us = flight.intended_us.saturating_sub(self.begin_us);
        if matches!(event, Event::Accepted { .. }) && self.members.reads(user, at_us) {
            self.report
                .timing(Timing::since(Metric::Accepted, flight.intended_us, now_us));
        }
        self.report.event(event);
        self.users.user_mut(user).in_flight -= 1;
    }
}
