//! Watches a flow that is not TLS for the moment it becomes so.
//!
//! It knows what a *ClientHello* begins with and who spoke last, not what is said. A client says *ClientHello* first of
//! all, or in answer to the server: after STARTTLS (RFC 3207, section 4), a CONNECT, an SSLRequest. So only what a
//! client says after the server spoke is looked at, and what would be cut too short to tell is held until it can be told.
//!
//! 48 bytes a flow; a comparison an event.

use super::hello::{self, MARK_BYTES};
use super::message;
use super::record::{self, HEADER_BYTES, Header};
use super::report::Undecrypted;
use crate::event::{Side, Start};

/// Bytes by which a record is told from anything else, as far as that can be: its header and a message's type.
const BEGUN_BYTES: usize = HEADER_BYTES + 1;
/// In place of their number, once they were looked at.
const JUDGED: u8 = BEGUN_BYTES as u8 + 1;

/// What a flow's client may have begun to say.
#[derive(Clone, Copy, Debug)]
pub(super) struct Watch {
    start: Start,
    /// Who spoke last.
    last: Option<Side>,
    /// What the sides began with, the client first, until there is enough of it to tell.
    begun: [([u8; BEGUN_BYTES], u8); 2],
    held: [u8; MARK_BYTES],
    held_bytes: u8,
    /// Where in the client's stream the held ones are.
    held_at: u64,
}

/// What to do with bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Hand on what is held, then them.
    Plain,
    /// They are held.
    Held,
    /// What is held, and they, are TLS from its *ClientHello* on.
    Tls,
    /// They are TLS that cannot be decrypted.
    Lost(Undecrypted),
}

impl Watch {
    pub(super) fn new(start: Start) -> Self {
        Self {
            start,
            last: None,
            begun: [([0; BEGUN_BYTES], 0); 2],
            held: [0; MARK_BYTES],
            held_bytes: 0,
            held_at: 0,
        }
    }

    /// A side says something.
    pub(super) fn data(&mut self, side: Side, offset: u64, bytes: &[u8]) -> Verdict {
        let answers = self.last != Some(Side::Client);
        self.last = Some(side);
        self.note(side, bytes);
        if side == Side::Client && (answers || self.held_bytes > 0) {
            let verdict = self.hello(offset, bytes);
            if verdict != Verdict::Plain {
                return verdict;
            }
        }
        match self.stray(side) {
            // A capture may have the answer before the question: the first *ClientHello* is waited for.
            Some(Undecrypted::ClientHelloMissing) if self.begun[0].1 == 0 && bytes.len() >= BEGUN_BYTES => {
                Verdict::Tls
            }
            Some(why) => Verdict::Lost(why),
            None => Verdict::Plain,
        }
    }

    /// Takes out what is held, and where it is.
    pub(super) fn release(&mut self) -> (u64, [u8; MARK_BYTES], usize) {
        let bytes = std::mem::take(&mut self.held_bytes);
        (self.held_at, self.held, bytes.into())
    }

    fn hello(&mut self, offset: u64, bytes: &[u8]) -> Verdict {
        let held = usize::from(self.held_bytes);
        let mut mark = self.held;
        let more = bytes.len().min(MARK_BYTES - held);
        mark[held..held + more].copy_from_slice(&bytes[..more]);
        if !hello::may_begin(&mark[..held + more]) {
            return Verdict::Plain;
        }
        if held + more == MARK_BYTES {
            return Verdict::Tls;
        }
        if held == 0 {
            self.held_at = offset;
        }
        self.held = mark;
        self.held_bytes = (held + more) as u8;
        Verdict::Held
    }

    /// Keeps a side's first bytes, those that are held among them.
    fn note(&mut self, side: Side, bytes: &[u8]) {
        let (begun, have) = &mut self.begun[side as usize];
        if let Some(free) = begun.get_mut(usize::from(*have)..) {
            let more = bytes.len().min(free.len());
            free[..more].copy_from_slice(&bytes[..more]);
            *have += more as u8;
        }
    }

    /// Whether a side's first bytes are a record without what comes before it.
    fn stray(&mut self, side: Side) -> Option<Undecrypted> {
        let (begun, have) = &mut self.begun[side as usize];
        if usize::from(*have) != BEGUN_BYTES {
            return None;
        }
        *have = JUDGED;
        let (header, kind) = begun.split_first_chunk::<HEADER_BYTES>()?;
        let record = Header::parse(*header).filter(|_| matches!(header[2], 1..=3))?;
        if self.start == Start::Midway {
            return Some(Undecrypted::Midway);
        }
        let answers = record.content == record::HANDSHAKE && *kind == [message::SERVER_HELLO];
        (side == Side::Server && answers).then_some(Undecrypted::ClientHelloMissing)
    }
}
