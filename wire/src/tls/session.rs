//! What is left of a TLS connection after its handshake: 88 bytes, and the record protocol over them.
//!
//! It does not know how bytes travel, and keeps neither buffer nor key: a reader's and a writer's buffers and the
//! [`Keys`] are the shard's. A record costs one pass of the cipher; if its key is not among the ready ones, a derivation
//! and a key set-up more.
//!
//! Sequence numbers have 32 bits. A writer renews its key long before (RFC 8446, section 5.5); a reader that met 2^32
//! records under one key, which only a ChaCha20 peer could send, gives up.

mod wipe;

use super::keys::KeyName;
use super::message::{Message, key_update};
use super::record::{self, Content, FRAGMENT_MAX_BYTES, OVERHEAD_BYTES};
use super::secret::Secret;
use super::suite::Suite;
use super::tickets::Tickets;
use super::{Alert, Fault, Keys, OwnFault, PeerFault};

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

/// What a session holds beside, for as long as it must.
#[derive(Debug, Default)]
struct Aside {
    /// The beginning of a handshake message whose end has not come.
    fragment: Vec<u8>,
    /// Plaintext that the application has not taken.
    stash: Vec<u8>,
    /// The beginning of a record that came with the handshake's end.
    sealed: Vec<u8>,
    tickets: Option<Tickets>,
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

/// How a session stands once the records just sealed are sent.
///
/// Until it is committed the session is as it was. If the records are not sent, it is dropped together with them: the
/// next ones take their numbers. Sent and not committed, two records would share a nonce.
#[derive(Debug)]
#[must_use = "sent records that are not committed break the cipher"]
pub struct Written {
    secret: Option<Secret>,
    sequence: u32,
    epoch: u8,
    update_owed: bool,
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

    /// Appends `bytes` to `out` as application data: a record, or several where they do not fit in one, and a
    /// *KeyUpdate* before where one is due.
    ///
    /// # Errors
    /// Ours only; `out` may then hold a part, which must not be sent.
    pub fn seal(
        &self,
        keys: &mut Keys,
        connection: u64,
        bytes: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<Written, Fault> {
        let mut written = self.written();
        out.reserve(bytes.len() + bytes.len().div_ceil(FRAGMENT_MAX_BYTES) * OVERHEAD_BYTES);
        for fragment in bytes.chunks(FRAGMENT_MAX_BYTES) {
            if written.update_owed || written.sequence >= keys.records_max(self.suite) - 1 {
                self.put_update(&mut written, (&mut *keys, connection), false, out)?;
            }
            self.put(
                &mut written,
                (&mut *keys, connection),
                Content::Application,
                fragment,
                out,
            )?;
        }
        Ok(written)
    }

    /// Appends a *KeyUpdate* to `out`: what is sealed after it is under the next key, and so will be what the peer
    /// seals once it has read it, if that is `requested` (RFC 8446, section 4.6.3).
    ///
    /// # Errors
    /// Ours only.
    pub fn update(
        &self,
        keys: &mut Keys,
        connection: u64,
        requests: bool,
        out: &mut Vec<u8>,
    ) -> Result<Written, Fault> {
        let mut written = self.written();
        self.put_update(&mut written, (keys, connection), requests, out)?;
        Ok(written)
    }

    /// Appends an alert to `out`; nothing may be sealed after one.
    ///
    /// # Errors
    /// Ours only.
    pub fn alert(
        &self,
        keys: &mut Keys,
        connection: u64,
        alert: Alert,
        out: &mut Vec<u8>,
    ) -> Result<Written, Fault> {
        let mut written = self.written();
        let bytes = [alert.level(), alert.0];
        self.put(&mut written, (keys, connection), Content::Alert, &bytes, out)?;
        Ok(written)
    }

    /// The sealed records are on their way.
    pub fn commit(&mut self, written: Written) {
        if let Some(secret) = written.secret {
            self.write_secret = secret;
        }
        self.write_sequence = written.sequence;
        self.write_epoch = written.epoch;
        self.update_owed = written.update_owed;
    }

    fn written(&self) -> Written {
        Written {
            secret: None,
            sequence: self.write_sequence,
            epoch: self.write_epoch,
            update_owed: self.update_owed,
        }
    }

    fn put_update(
        &self,
        written: &mut Written,
        (keys, connection): (&mut Keys, u64),
        requests: bool,
        out: &mut Vec<u8>,
    ) -> Result<(), Fault> {
        self.put(
            written,
            (keys, connection),
            Content::Handshake,
            &key_update(requests),
            out,
        )?;
        let secret = written.secret.as_ref().unwrap_or(&self.write_secret).next();
        *written = Written {
            secret: Some(secret),
            sequence: 0,
            epoch: written.epoch.wrapping_add(1),
            update_owed: false,
        };
        Ok(())
    }

    fn put(
        &self,
        written: &mut Written,
        (keys, connection): (&mut Keys, u64),
        content: Content,
        fragment: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), Fault> {
        let next = written.sequence.checked_add(1).ok_or(OwnFault::Exhausted)?;
        let from = out.len();
        out.extend_from_slice(&record::sealed_header(fragment.len()));
        out.extend_from_slice(fragment);
        out.push(content as u8);
        let name = KeyName {
            connection,
            writes: true,
            epoch: written.epoch,
        };
        let secret = written.secret.as_ref().unwrap_or(&self.write_secret);
        keys.seal((name, self.suite, secret), written.sequence, out, from)?;
        written.sequence = next;
        Ok(())
    }

    /// Keeps plaintext for the application, which will have it with what comes next.
    pub fn stash(&mut self, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.aside().stash.extend_from_slice(bytes);
        }
    }

    /// Appends what was kept to `plain`, and keeps it no more.
    pub fn unstash(&mut self, plain: &mut Vec<u8>) {
        if let Some(aside) = &mut self.aside {
            plain.append(&mut std::mem::take(&mut aside.stash));
            self.tidy();
        }
    }

    /// Keeps the beginning of a record, where nobody else does.
    pub fn keep_sealed(&mut self, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.aside().sealed.extend_from_slice(bytes);
        }
    }

    /// Gives back what [`Session::keep_sealed`] kept.
    pub fn take_sealed(&mut self) -> Option<Vec<u8>> {
        let sealed = std::mem::take(&mut self.aside.as_mut()?.sealed);
        self.tidy();
        (!sealed.is_empty()).then_some(sealed)
    }

    fn aside(&mut self) -> &mut Aside {
        self.aside.get_or_insert_default()
    }

    fn tidy(&mut self) {
        if self.aside.as_ref().is_some_and(|aside| aside.is_empty()) {
            self.aside = None;
        }
    }
}

impl Aside {
    fn is_empty(&self) -> bool {
        let Self {
            fragment,
            stash,
            sealed,
            tickets,
        } = self;
        fragment.is_empty() && stash.is_empty() && sealed.is_empty() && tickets.is_none()
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
