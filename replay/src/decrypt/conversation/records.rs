//! One record after the other: opened, and what it holds worked off.
//!
//! It does not know how keys are come by.

use super::Conversation;
use crate::decrypt::message::{self, Messages};
use crate::decrypt::opener::Opener;
use crate::decrypt::output::Output;
use crate::decrypt::record::{ALERT, APPLICATION, CHANGE_CIPHER_SPEC, HANDSHAKE, HEADER_BYTES, Header};
use crate::decrypt::report::{TlsOverhead, Undecrypted};
use crate::decrypt::side::{Half, Phase};
use crate::event::{Side, Sink};

/// Alerts that are no errors (RFC 8446, section 6.1).
const CLOSE_NOTIFY: u8 = 0;
const USER_CANCELED: u8 = 90;
/// An alert's level that says that the connection goes on; TLS 1.3 does not look at it.
const WARNING: u8 = 1;

/// Bytes that protection adds to data sent early: header, the inner content type, tag.
const EARLY_OVERHEAD_BYTES: usize = HEADER_BYTES + 1 + 16;
/// Bytes of the record that ends it, if nothing else is in it.
const END_OF_EARLY_DATA_BYTES: usize = EARLY_OVERHEAD_BYTES + message::HEADER_BYTES;

/// What was in a record.
#[derive(Clone, Copy)]
enum Held {
    /// So many bytes of this type.
    Content(u8, usize),
    /// What no key opened.
    Sealed,
}

impl Conversation {
    /// Reads the whole records at the front of `bytes`, as far as the side may be read by now, and says how many bytes they
    /// have.
    pub(super) fn records<S: Sink>(
        &mut self,
        side: Side,
        at_ns: u64,
        bytes: &[u8],
        out: &mut Output<'_, S>,
    ) -> (usize, Result<(), Undecrypted>) {
        let mut read = 0;
        while self.may_read(side) {
            let Some(header) = bytes[read..].first_chunk::<HEADER_BYTES>() else {
                break;
            };
            let Some(header) = Header::parse(*header) else {
                return (read, Err(Undecrypted::Malformed));
            };
            let Some(record) = bytes[read..].get(..header.record_bytes()) else {
                break;
            };
            let held = match self.record(side, at_ns, record, out) {
                Ok(held) => held,
                Err(why) => return (read, Err(why)),
            };
            read += record.len();
            let half = &mut self.halves[side as usize];
            half.count(record.len(), held, out);
            if half.closed {
                half.books
                    .off(TlsOverhead::Behind, bytes.len() - read, out.figures);
                return (bytes.len(), Ok(()));
            }
        }
        (read, Ok(()))
    }

    fn record<S: Sink>(
        &mut self,
        side: Side,
        at_ns: u64,
        record: &[u8],
        out: &mut Output<'_, S>,
    ) -> Result<Held, Undecrypted> {
        let half = &self.halves[side as usize];
        let in_the_open = half.phase() == Phase::Hello;
        let (content, body) = (record[0], &record[HEADER_BYTES..]);
        match content {
            // Under TLS 1.3 it means nothing, and may come anywhere (RFC 8446, appendix D.4).
            CHANGE_CIPHER_SPEC if self.tls13 || !self.is_answered() => {}
            CHANGE_CIPHER_SPEC if in_the_open => self.switch(side, Phase::Application)?,
            CHANGE_CIPHER_SPEC => return Err(Undecrypted::Renegotiated),
            ALERT if self.tls13 || in_the_open => self.alert(side, at_ns, body, out)?,
            HANDSHAKE if in_the_open => self.messages(side, body, out)?,
            // Data that was sent early, and that a HelloRetryRequest refused.
            APPLICATION if in_the_open && self.skips_early() => {
                out.figures.records_skipped += 1;
                return Ok(Held::Sealed);
            }
            _ if in_the_open => return Err(Undecrypted::Malformed),
            _ => {
                let mut plain = std::mem::take(out.plain);
                let opened = self.open(side, record, &mut plain, out);
                let result = match opened {
                    Ok(Some(content)) => self
                        .opened(side, at_ns, content, &plain, out)
                        .map(|()| Held::Content(content, plain.len())),
                    Ok(None) => Ok(Held::Sealed),
                    Err(why) => Err(why),
                };
                *out.plain = plain;
                return result;
            }
        }
        Ok(Held::Content(content, body.len()))
    }

    /// Opens a record and says what it holds; `None` if it is one of those that need not open.
    fn open<S: Sink>(
        &mut self,
        side: Side,
        record: &[u8],
        plain: &mut Vec<u8>,
        out: &mut Output<'_, S>,
    ) -> Result<Option<u8>, Undecrypted> {
        let half = &mut self.halves[side as usize];
        let mut content = match &mut half.opener {
            Some(opener) => opener.take(record, plain),
            None => None,
        };
        if content.is_none() && (half.opener.is_none() || half.skips) {
            content = self.open_ahead(side, record, plain);
        }
        let half = &mut self.halves[side as usize];
        let Some(content) = content else {
            if half.opener.is_none() || half.skips {
                out.figures.records_skipped += 1;
                half.skipped_bytes += record.len() as u64;
                if half.phase() == Phase::Early && record.len() != END_OF_EARLY_DATA_BYTES {
                    half.missed_bytes += record.len().saturating_sub(EARLY_OVERHEAD_BYTES) as u64;
                }
                return Ok(None);
            }
            return Err(
                if half.opener.as_ref().is_some_and(|opener| opener.sequence == 0) {
                    Undecrypted::SecretsWrong
                } else {
                    Undecrypted::RecordFailed
                },
            );
        };
        half.skips = false;
        if self.holding {
            self.settle_books(out);
        }
        self.about.records += 1;
        out.figures.records_opened += 1;
        Ok(Some(content))
    }

    /// Tries the keys of later phases: the key log may lack that of the present one.
    fn open_ahead(&mut self, side: Side, record: &[u8], plain: &mut Vec<u8>) -> Option<u8> {
        let present = self.halves[side as usize].phase();
        for phase in [Phase::Handshake, Phase::Application] {
            if phase <= present {
                continue;
            }
            if let Some(ahead) = self.ahead(side, phase)
                && let Some(content) = ahead.open(0, record, plain)
            {
                self.switch(side, phase).ok()?;
                if let Some(opener) = &mut self.halves[side as usize].opener {
                    opener.sequence = 1;
                }
                return Some(content);
            }
        }
        None
    }

    /// Works off what a record held.
    fn opened<S: Sink>(
        &mut self,
        side: Side,
        at_ns: u64,
        content: u8,
        plain: &[u8],
        out: &mut Output<'_, S>,
    ) -> Result<(), Undecrypted> {
        let place = self.place(side, at_ns);
        let half = &mut self.halves[side as usize];
        half.skipped_bytes = 0;
        let missed_bytes = std::mem::take(&mut half.missed_bytes);
        half.miss(place, missed_bytes, out);
        match content {
            APPLICATION if half.phase() != Phase::Handshake => {
                half.say(place, plain, out);
                Ok(())
            }
            HANDSHAKE => self.messages(side, plain, out),
            ALERT => self.alert(side, at_ns, plain, out),
            APPLICATION => Err(Undecrypted::Malformed),
            _ => Ok(()),
        }
    }

    fn messages<S: Sink>(
        &mut self,
        side: Side,
        mut bytes: &[u8],
        out: &mut Output<'_, S>,
    ) -> Result<(), Undecrypted> {
        let mut messages: Messages = std::mem::take(&mut self.halves[side as usize].messages);
        let mut result = Ok(());
        while let Some((kind, body)) = messages.next(&mut bytes) {
            result = result.and_then(|()| self.message(side, kind, body, out));
        }
        self.halves[side as usize].messages = messages;
        result
    }

    fn message<S: Sink>(
        &mut self,
        side: Side,
        kind: u8,
        body: &[u8],
        out: &mut Output<'_, S>,
    ) -> Result<(), Undecrypted> {
        let half = &mut self.halves[side as usize];
        match (half.phase(), kind, side) {
            (Phase::Hello, message::CLIENT_HELLO, Side::Client) => self.client_hello(body),
            (Phase::Hello, message::SERVER_HELLO, Side::Server) => self.server_hello(body, out),
            (Phase::Early, message::END_OF_EARLY_DATA, Side::Client) => self.switch(side, Phase::Handshake),
            (Phase::Handshake, message::ENCRYPTED_EXTENSIONS, Side::Server) => self.extensions(body),
            (Phase::Handshake, message::FINISHED, _) => self.switch(side, Phase::Application),
            (Phase::Application, message::KEY_UPDATE, _) if self.tls13 => {
                let next = half.opener.as_ref().and_then(Opener::next);
                half.opener = Some(next.ok_or(Undecrypted::RecordFailed)?);
                out.figures.key_updates += 1;
                Ok(())
            }
            (Phase::Application, message::CLIENT_HELLO | message::SERVER_HELLO, _) if !self.tls13 => {
                Err(Undecrypted::Renegotiated)
            }
            _ => Ok(()),
        }
    }

    fn alert<S: Sink>(
        &mut self,
        side: Side,
        at_ns: u64,
        body: &[u8],
        out: &mut Output<'_, S>,
    ) -> Result<(), Undecrypted> {
        let place = self.place(side, at_ns);
        let &[level, what] = body else { return Ok(()) };
        if what != CLOSE_NOTIFY && (what == USER_CANCELED || (level == WARNING && !self.tls13)) {
            return Ok(());
        }
        if self.holding {
            return Err(Undecrypted::Refused(what));
        }
        out.figures.alerts += u64::from(what != CLOSE_NOTIFY);
        self.halves[side as usize].close(place, out);
        Ok(())
    }
}

impl Half {
    /// Counts what is taken off of a record that was read.
    fn count<S>(&mut self, record_bytes: usize, held: Held, out: &mut Output<'_, S>) {
        let Held::Content(content, bytes) = held else {
            self.books.off(TlsOverhead::Sealed, record_bytes, out.figures);
            return;
        };
        self.books.off(TlsOverhead::Header, HEADER_BYTES, out.figures);
        let protection = record_bytes - HEADER_BYTES - bytes;
        self.books.off(TlsOverhead::Protection, protection, out.figures);
        let kind = match content {
            APPLICATION => return,
            HANDSHAKE | CHANGE_CIPHER_SPEC => TlsOverhead::Handshake,
            _ => TlsOverhead::Alert,
        };
        self.books.off(kind, bytes, out.figures);
    }
}

impl Opener {
    /// Opens the next record, if it is that.
    fn take(&mut self, record: &[u8], plain: &mut Vec<u8>) -> Option<u8> {
        let content = self.open(self.sequence, record, plain)?;
        self.sequence += 1;
        Some(content)
    }
}
