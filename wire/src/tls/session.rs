//! What is left of a TLS connection after its handshake: 88 bytes, and the record protocol over them.
//!
//! It does not know how bytes travel, and keeps neither buffer nor key: a reader's and a writer's buffers and the
//! [`Keys`] are the shard's. A record costs one pass of the cipher; if its key is not among the ready ones, a derivation
//! and a key set-up more.
//!
//! Sequence numbers have 32 bits. A writer renews its key long before (RFC 8446, section 5.5); a reader that met 2^32
//! records under one key, which only a ChaCha20 peer could send, gives up.

mod aside;
mod wipe;
mod writing;

use super::keys::KeyName;
use super::message::Message;
use super::record::{self, Content};
use super::secret::Secret;
use super::suite::Suite;
use super::tickets::Tickets;
use super::{Alert, Fault, Keys, OwnFault, PeerFault};
use aside::Aside;
pub use writing::Written;

/// Which end of a connection this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Role {
    /// The end that sent the *ClientHello*.
    Client,
    /// The other one.
    Server,
}

/// One end of an established connection.
#[derive(Debug)]
pub struct Session {
    read_secret: Secret,
    write_secret: Secret,
    aside: Option<Box<Aside>>,
    read_sequence: u32,
    write_sequence: u32,
    read_epoch: u8,
    write_epoch: u8,
    suite: Suite,
    role: Role,
    /// The peer asked for a *KeyUpdate*: one goes before the next data (RFC 8446, section 4.6.3).
    update_owed: bool,
}

/// A record that was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opened {
    /// Bytes of it, to be dropped from the front of what was received.
    pub length: usize,
    /// What it was.
    pub event: Event,
}

/// What a record was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// Application data, now at the end of the plaintext.
    Data,
    /// Something between the two ends of the session alone.
    Control,
    /// A *close_notify*: nothing that comes after it counts (RFC 8446, section 6.1).
    Closed,
}

/// How a handshake leaves one direction.
#[derive(Debug)]
pub(super) struct Direction {
    pub(super) secret: Secret,
    pub(super) sequence: u32,
}

impl Session {
    pub(super) fn new(role: Role, suite: Suite, read: Direction, write: Direction) -> Self {
        Self {
            read_secret: read.secret,
            write_secret: write.secret,
            aside: None,
            read_sequence: read.sequence,
            write_sequence: write.sequence,
            read_epoch: 0,
            write_epoch: 0,
            suite,
            role,
            update_owed: false,
        }
    }

    pub(super) fn await_tickets(&mut self, tickets: Tickets) {
        self.aside().tickets = Some(tickets);
    }

    /// Which end this is.
    #[must_use]
    pub fn role(&self) -> Role {
        self.role
    }

    /// Whether it holds nothing but itself.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.aside.is_none()
    }

    /// Opens the first record of `bytes` and appends its application data to `plain`; `None` if it is not whole yet.
    ///
    /// # Errors
    /// The record is not one that may come (RFC 8446, sections 4.6, 5 and 6), or says that the peer gave up. The
    /// session is over; [`Fault::alert`] names what the peer should be told.
    pub fn open(
        &mut self,
        keys: &mut Keys,
        connection: u64,
        bytes: &[u8],
        plain: &mut Vec<u8>,
    ) -> Result<Option<Opened>, Fault> {
        if !record::is_sealed(bytes) {
            return Err(Fault::violated(Alert::UNEXPECTED_MESSAGE));
        }
        let Some(length) = record::length(bytes)? else {
            return Ok(None);
        };
        let Some(whole) = bytes.get(..length) else {
            return Ok(None);
        };
        let from = plain.len();
        let event = self.open_whole(keys, connection, whole, plain, from);
        if event != Ok(Event::Data) {
            plain.truncate(from);
        }
        Ok(Some(Opened {
            length,
            event: event?,
        }))
    }

    fn open_whole(
        &mut self,
        keys: &mut Keys,
        connection: u64,
        whole: &[u8],
        plain: &mut Vec<u8>,
        from: usize,
    ) -> Result<Event, Fault> {
        let name = KeyName {
            connection,
            writes: false,
            epoch: self.read_epoch,
        };
        let sequence = u64::from(self.read_sequence);
        keys.open((name, self.suite, &self.read_secret), sequence, whole, plain)?;
        self.read_sequence = self.read_sequence.checked_add(1).ok_or(OwnFault::Exhausted)?;
        let (content, length) = record::inner(&plain[from..])?;
        plain.truncate(from + length);
        let bytes = &plain[from..];
        let split = self
            .aside
            .as_ref()
            .is_some_and(|aside| !aside.fragment.is_empty());
        match content {
            // Nothing may come between the parts of a handshake message (RFC 8446, section 5.1).
            Content::Application | Content::Alert if split => Err(Fault::violated(Alert::UNEXPECTED_MESSAGE)),
            Content::Application => {
                self.end_tickets();
                Ok(Event::Data)
            }
            Content::Alert => alert(bytes),
            Content::Handshake if bytes.is_empty() => Err(Fault::violated(Alert::UNEXPECTED_MESSAGE)),
            Content::Handshake => self.messages(bytes).map(|()| Event::Control),
        }
    }

    /// Takes handshake messages, of which the first may have begun and the last may end elsewhere.
    fn messages(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        let mut joined = self
            .aside
            .as_mut()
            .map(|aside| std::mem::take(&mut aside.fragment))
            .unwrap_or_default();
        let mut rest = bytes;
        if !joined.is_empty() {
            joined.extend_from_slice(bytes);
            rest = &joined;
        }
        while let Some((message, length)) = Message::decode(rest)? {
            rest = &rest[length..];
            match message {
                Message::Ticket(ticket) => self.ticket(ticket)?,
                // What follows it is under another key, so in another record (RFC 8446, section 5.1).
                Message::KeyUpdate { .. } if !rest.is_empty() => {
                    return Err(Fault::violated(Alert::UNEXPECTED_MESSAGE));
                }
                Message::KeyUpdate { requested } => {
                    self.read_secret = self.read_secret.next();
                    self.read_sequence = 0;
                    self.read_epoch = self.read_epoch.wrapping_add(1);
                    self.update_owed |= requested;
                }
            }
        }
        if !rest.is_empty() {
            self.aside().fragment = rest.to_vec();
        }
        self.tidy();
        Ok(())
    }

    fn ticket(&mut self, ticket: &[u8]) -> Result<(), Fault> {
        if self.role == Role::Server {
            return Err(Fault::violated(Alert::UNEXPECTED_MESSAGE));
        }
        if let Some(aside) = &mut self.aside
            && let Some(tickets) = &mut aside.tickets
            && !tickets.take(ticket)?
        {
            aside.tickets = None;
        }
        Ok(())
    }

    fn end_tickets(&mut self) {
        if let Some(aside) = &mut self.aside
            && aside.tickets.take().is_some()
        {
            self.tidy();
        }
    }
}

/// An alert has a record of its own (RFC 8446, section 5.1); its level says nothing (section 6).
fn alert(bytes: &[u8]) -> Result<Event, Fault> {
    match bytes {
        [] => Err(Fault::violated(Alert::UNEXPECTED_MESSAGE)),
        [_, description] => match Alert(*description) {
            Alert::CLOSE_NOTIFY => Ok(Event::Closed),
            Alert::USER_CANCELED => Ok(Event::Control),
            alert => Err(PeerFault::Alerted(alert).into()),
        },
        _ => Err(Fault::violated(Alert::DECODE_ERROR)),
    }
}

#[cfg(test)]
mod tests;
