//! Watches a flow that is not TLS for the moment it becomes so.
//!
//! It knows what a *ClientHello* begins with and who spoke last, not what is said. A client says *ClientHello* first of
//! all, or in answer to the server: after STARTTLS (RFC 3207, section 4), a CONNECT, an SSLRequest. So only what a
//! client says after the server spoke is looked at, and what would be cut too short to tell is held until it can be told.
//!
//! 40 bytes a flow; a comparison an event.

use super::hello::{self, MARK_BYTES};
use super::record::{self, HEADER_BYTES, Header};
use super::report::Undecrypted;
use crate::event::{Side, Start};

/// What a flow's client may have begun to say.
#[derive(Clone, Copy, Debug)]
pub(super) struct Watch {
    start: Start,
    /// Who spoke last.
    last: Option<Side>,
    /// Sides of which nothing was seen yet, the client's first.
    silent: [bool; 2],
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
            silent: [true; 2],
            held: [0; MARK_BYTES],
            held_bytes: 0,
            held_at: 0,
        }
    }

    /// A side says something.
    pub(super) fn data(&mut self, side: Side, offset: u64, bytes: &[u8]) -> Verdict {
        let first = std::mem::take(&mut self.silent[side as usize]);
        let answers = self.last != Some(Side::Client);
        self.last = Some(side);
        if side == Side::Client && (answers || self.held_bytes > 0) {
            let verdict = self.hello(offset, bytes);
            if verdict != Verdict::Plain {
                return verdict;
            }
        }
        match self.stray(side, bytes) {
            Some(why) if first => Verdict::Lost(why),
            _ => Verdict::Plain,
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

    /// Whether a side's first bytes are records without what comes before them.
    fn stray(&self, side: Side, bytes: &[u8]) -> Option<Undecrypted> {
        let (header, body) = bytes.split_first_chunk::<HEADER_BYTES>()?;
        let record = Header::parse(*header).filter(|_| matches!(header[2], 1..=3))?;
        if self.start == Start::Midway {
            return Some(Undecrypted::Midway);
        }
        let answers =
            record.content == record::HANDSHAKE && body.first() == Some(&super::message::SERVER_HELLO);
        (side == Side::Server && answers).then_some(Undecrypted::ClientHelloMissing)
    }
}
