//! Messages: accepted, delivered, acknowledged.

use wire::chat::{Address, Body, Code, DELIVER_WINDOW, GroupId, Kind, Number, ServerFrame};

use super::{OUTBOX_MAX_BYTES, Office};
use crate::figures::OfficeFigures;
use crate::parcel::Location;
use crate::sink::Notice;
use crate::store::{Erased, Error as StoreError, Item, NewMessage, Seen, Store};

impl Office {
    /// Takes a message; the answer goes out after the commit.
    pub(super) fn send(&mut self, from: Number, id: u64, to: Address, body: Body<'_>) -> Result<(), Code> {
        match self.parts.store.check(from.value(), id) {
            Seen::Repeated => {
                self.parts.figures.repeats_absorbed.add(1);
                return Ok(());
            }
            Seen::Stale => return Err(Code::StaleId),
            Seen::New => {}
        }
        match to {
            Address::Person(to) => self.send_to_person(from, id, to, body)?,
            Address::Group(group) => self.send_to_group(from, id, group, body)?,
        }
        self.parts.store.accept(from.value(), id, self.now_ms);
        Ok(())
    }

    fn send_to_person(&mut self, from: Number, id: u64, to: Number, body: Body<'_>) -> Result<(), Code> {
        if !self.exists(to.value()) {
            return Err(Code::NoSuchNumber);
        }
        if !self.has_room(to.value()) {
            return Err(Code::MailboxFull);
        }
        let message = NewMessage {
            from: from.value(),
            group: 0,
            id,
            time_ms: self.now_ms,
            kind: body.kind as u8,
            body: body.bytes,
        };
        let seq = self
            .parts
            .store
            .put_message(to.value(), &message)
            .map_err(refusal)?;
        self.parts.figures.copies_accepted.add(1);
        if self.is_apart(to.value()) {
            self.parts.figures.copies_accepted_apart.add(1);
        }
        self.offer(to, seq, from, None, id, body);
        Ok(())
    }

    fn send_to_group(&mut self, from: Number, id: u64, group: GroupId, body: Body<'_>) -> Result<(), Code> {
        let members = self
            .parts
            .accounts
            .group(group.value())
            .ok_or(Code::NoSuchGroup)?;
        if !members.contains(&from.value()) {
            return Err(Code::NotAMember);
        }
        // The list is copied because delivering may change everything but it: at most 256 numbers.
        let others: Vec<u64> = members
            .iter()
            .copied()
            .filter(|&member| member != from.value())
            .collect();
        if !others.iter().all(|&member| self.has_room(member)) {
            return Err(Code::MailboxFull);
        }
        let message = NewMessage {
            from: from.value(),
            group: group.value(),
            id,
            time_ms: self.now_ms,
            kind: body.kind as u8,
            body: body.bytes,
        };
        let first_seq = self
            .parts
            .store
            .put_group_message(&others, &message)
            .map_err(refusal)?;
        self.parts.figures.copies_accepted.add(others.len() as u64);
        if self.parts.apart.is_some() {
            let apart = others.iter().filter(|&&member| self.is_apart(member)).count();
            self.parts.figures.copies_accepted_apart.add(apart as u64);
        }
        for (place, member) in others.iter().enumerate() {
            if let Ok(to) = Number::new(*member) {
                self.offer(to, first_seq + place as u64, from, Some(group), id, body);
            }
        }
        Ok(())
    }

    /// Delivers a new message at once to a recipient who is online and has nothing else waiting.
    fn offer(&mut self, to: Number, seq: u64, from: Number, group: Option<GroupId>, id: u64, body: Body<'_>) {
        let Some(at) = self.directory.location(to.value()) else {
            let queued = self.parts.store.mailbox_len(to.value()) as u64;
            self.parts.push.push(Notice {
                number: to,
                from,
                queued,
            });
            return;
        };
        if self.is_crowded(at) {
            // If this is the only one unsent: else the mailbox is put off already, or waits for its window.
            let (_, in_flight) = self.parts.store.sent(to.value());
            if usize::from(in_flight) + 1 == self.parts.store.mailbox_len(to.value()) {
                self.put_off(at, to);
            }
            return;
        }
        // Only the newest item is unsent: what comes before it is in flight already.
        if claim_newest(&mut self.parts.store, to.value(), seq) {
            let time_ms = self.now_ms;
            self.parts.figures.copies_sent.add(1);
            self.reply(
                at,
                &ServerFrame::Deliver {
                    seq,
                    from,
                    group,
                    id,
                    time_ms,
                    body,
                },
            );
        }
    }

    /// Sends what waits, as far as the window allows.
    pub(super) fn pump(&mut self, at: Location, who: Number) {
        if self.is_crowded(at) {
            return self.put_off(at, who);
        }
        let Some(outbox) = self.out.get_mut(usize::from(at.shard)) else {
            return;
        };
        let (store, to) = (&mut self.parts.store, who.value());
        let (mut sent_through, mut in_flight) = store.sent(to);
        while in_flight < DELIVER_WINDOW && usize::from(in_flight) < store.mailbox_len(to) {
            self.body.clear();
            let item = match store.next(to, sent_through, &mut self.body) {
                Ok(Some(item)) => item,
                Ok(None) => break,
                Err(error) if set_aside(store, &self.parts.figures, who, sent_through, &error) => continue,
                // Its mailbox waits.
                Err(_) => break,
            };
            if self.trouble.holds(who, item.seq) {
                break;
            }
            if let Some(frame) = frame(&item, &self.body) {
                self.parts.figures.copies_sent.add(u64::from(!item.tick));
                outbox.send(at, &frame);
            }
            (sent_through, in_flight) = (item.seq, in_flight + 1);
        }
        store.set_sent(to, sent_through, in_flight);
    }

    /// Whether a shard's outbox holds so much that mail must wait for the next: one recipient adds half a megabyte.
    fn is_crowded(&self, at: Location) -> bool {
        self.out
            .get(usize::from(at.shard))
            .is_some_and(|outbox| outbox.bytes() >= OUTBOX_MAX_BYTES)
    }

    /// Leaves a mailbox for the next batch, if anything would have gone out of it.
    fn put_off(&mut self, at: Location, who: Number) {
        let (_, in_flight) = self.parts.store.sent(who.value());
        let has_unsent = usize::from(in_flight) < self.parts.store.mailbox_len(who.value());
        if has_unsent && in_flight < DELIVER_WINDOW {
            self.late.push_back((at, who));
        }
    }

    /// Whether a mailbox may take one more item, as the knob stands now; the store has a bound of its own.
    fn has_room(&self, to: u64) -> bool {
        (self.parts.store.mailbox_len(to) as u64) < self.parts.knobs.mailbox_max_items()
    }

    /// Erases what the recipient has, ticks its senders, and sends more. What it was not sent it does not have: no number,
    /// however high, erases that.
    pub(super) fn acknowledge(&mut self, at: Location, who: Number, through: u64) {
        let Self {
            parts,
            directory,
            out,
            ticks_away,
            ..
        } = self;
        let (sent_through, in_flight) = parts.store.sent(who.value());
        let (mut erased_items, figures) = (0_usize, &parts.figures);
        let is_apart = parts.apart.is_some_and(|apart| apart.contains(who.value()));
        parts.store.ack(who.value(), through.min(sent_through), |erased| {
            erased_items += 1;
            if erased.tick {
                return;
            }
            figures.copies_acknowledged.add(1);
            figures.copies_acknowledged_apart.add(u64::from(is_apart));
            if !parts.second_ticks {
                return;
            }
            match directory.location(erased.from) {
                Some(sender) => {
                    if let Some(outbox) = out.get_mut(usize::from(sender.shard)) {
                        outbox.send(
                            sender,
                            &ServerFrame::Delivered {
                                seq: 0,
                                id: erased.id,
                                by: who,
                            },
                        );
                    }
                }
                None => ticks_away.push(erased),
            }
        });
        let erased_items = u16::try_from(erased_items).unwrap_or(u16::MAX);
        parts
            .store
            .set_sent(who.value(), sent_through, in_flight.saturating_sub(erased_items));
        for Erased { from, id, group, .. } in ticks_away.drain(..) {
            // A tick that finds no room is dropped: the message itself was delivered.
            let has_room = (parts.store.mailbox_len(from) as u64) < parts.knobs.mailbox_max_items();
            if !has_room || parts.store.put_tick(from, who.value(), id, group).is_err() {
                figures.ticks_dropped.add(1);
            }
        }
        self.pump(at, who);
    }
}

/// Sets an item that cannot be read aside, the first after a sequence number; whether it did.
fn set_aside(
    store: &mut Store,
    figures: &OfficeFigures,
    who: Number,
    after: u64,
    error: &StoreError,
) -> bool {
    let Some(aside) = store.set_aside(who.value(), after) else {
        tracing::error!(%who, "an item cannot be read, and its mailbox waits: {error}");
        return false;
    };
    figures.copies_set_aside.add(u64::from(!aside.item.tick));
    let (from, id) = (aside.item.from, aside.item.id);
    let kept = aside.file.as_deref().unwrap_or("nowhere");
    tracing::error!(%who, from, id, kept, "an item cannot be read and is set aside: {error}");
    true
}

/// Claims a mailbox's newest item for sending, if everything before it is in flight already and the window has room.
fn claim_newest(store: &mut Store, to: u64, seq: u64) -> bool {
    let (_, in_flight) = store.sent(to);
    let is_next = usize::from(in_flight) + 1 == store.mailbox_len(to);
    is_next && in_flight < DELIVER_WINDOW && store.set_sent(to, seq, in_flight + 1)
}

/// The frame of a stored item.
fn frame<'a>(item: &Item, bytes: &'a [u8]) -> Option<ServerFrame<'a>> {
    let from = Number::new(item.from).ok()?;
    if item.tick {
        return Some(ServerFrame::Delivered {
            seq: item.seq,
            id: item.id,
            by: from,
        });
    }
    let kind = if item.kind == Kind::Media as u8 {
        Kind::Media
    } else {
        Kind::Text
    };
    Some(ServerFrame::Deliver {
        seq: item.seq,
        from,
        group: GroupId::from_value(item.group).ok(),
        id: item.id,
        time_ms: item.time_ms,
        body: Body {
            kind,
            bytes: bytes.get(item.body.clone())?,
        },
    })
}

fn refusal(error: StoreError) -> Code {
    match error {
        StoreError::MailboxFull { .. } => Code::MailboxFull,
        _ => Code::StorageFull,
    }
}
