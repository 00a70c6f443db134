//! Items as they come in: a record in the log, an entry in the index for each recipient.
//!
//! It refuses to know who sends and why; what it refuses it has not begun.

use super::error::Error;
use super::index::{NewEntry, Place};
use super::item::NewMessage;
use super::log::Purpose;
use super::record::{self, ItemHead};
use super::{BODY_BYTES_MAX, Store, slab};

impl Store {
    /// Puts a message for one recipient; returns its sequence number. It is safe after the next good commit.
    ///
    /// # Errors
    /// [`Error::Full`], [`Error::MailboxFull`], [`Error::TooLarge`], [`Error::Failed`]; nothing was put then.
    pub fn put_message(&mut self, to: u64, message: &NewMessage<'_>) -> Result<u64, Error> {
        self.put_group_message(&[to], message)
    }

    /// Puts one message for several recipients, all or none; the n-th gets the returned sequence number plus n.
    ///
    /// # Errors
    /// As [`Self::put_message`].
    pub fn put_group_message(&mut self, to: &[u64], message: &NewMessage<'_>) -> Result<u64, Error> {
        let head = ItemHead {
            tick: false,
            kind: message.kind,
            from: message.from,
            id: message.id,
            group: message.group,
            time_ms: message.time_ms,
            body_crc: crc32c::crc32c(message.body),
        };
        self.put(to, &head, message.body)
    }

    /// Puts a second tick for a sender who is away: `by` has message `id`. Returns its sequence number.
    ///
    /// # Errors
    /// As [`Self::put_message`].
    pub fn put_tick(&mut self, to: u64, by: u64, id: u64, group: u64) -> Result<u64, Error> {
        let head = ItemHead {
            tick: true,
            kind: 0,
            from: by,
            id,
            group,
            time_ms: 0,
            body_crc: 0,
        };
        self.put(&[to], &head, &[])
    }

    fn put(&mut self, recipients: &[u64], head: &ItemHead, body: &[u8]) -> Result<u64, Error> {
        if body.len() > BODY_BYTES_MAX {
            return Err(Error::TooLarge {
                bytes: body.len(),
                max: BODY_BYTES_MAX,
            });
        }
        let first = self.log.next_seq;
        if recipients.is_empty() {
            return Ok(first);
        }
        if let Some(&to) = recipients
            .iter()
            .find(|to| self.index.len(**to) >= self.mailbox_max_items)
        {
            self.counts.mailbox_refusals += 1;
            return Err(Error::MailboxFull { to });
        }
        let bytes = record::item_bytes(body.len(), recipients.len());
        let appended = self.log.append(bytes, Purpose::Message, |out, segment| {
            record::append_item(out, segment, head, body, recipients.iter().copied().zip(first..));
        });
        let (order, offset) = appended.inspect_err(|error| {
            self.counts.full_refusals += u64::from(matches!(error, Error::Full));
        })?;
        let shared = recipients.len() > 1;
        let place = Place {
            segment: order as u16,
            offset,
            shared,
        };
        if shared {
            self.shared
                .insert((place.segment, offset), recipients.len() as u32);
        }
        let Self { log, index, .. } = self;
        let slots = recipients.iter().zip(first..).map(|(to, seq)| {
            let new = NewEntry {
                seq,
                from: head.from,
                id: head.id,
                group: head.group,
                kind: head.kind,
                tick: head.tick,
                body_bytes: body.len() as u16,
                place,
            };
            index.push(*to, &new).unwrap_or(slab::NONE)
        });
        log.count_item(bytes, slots);
        log.next_seq += recipients.len() as u64;
        self.pending_items += 1;
        self.appended_bytes += bytes;
        Ok(first)
    }
}
