//! Watches a flow that is not TLS for the moment it becomes so.
//!
//! It knows what a *ClientHello* begins with and who spoke last, not what is said. A client says *ClientHello* first of
//! all, or in answer to the server: after STARTTLS (RFC 3207, section 4), a CONNECT, an SSLRequest. So only what a
//! client says after the server spoke is looked at, and what would be cut too short to tell is held until it can be told.
//! A capture may have the answer before the question: so what a server begins with is looked at, too, while its client
//! has said nothing, and held in the same way.
//!
//! 56 bytes a flow; a comparison an event.

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
    /// How many bytes, the server's first, are held.
    held_of_server: u8,
    /// Whether bytes of the client are missing.
    gapped: bool,
}

/// What was held of both sides.
#[derive(Clone, Copy, Debug)]
pub(super) struct Released {
    client: ([u8; MARK_BYTES], u8),
    server: ([u8; BEGUN_BYTES], u8),
    /// Where in the client's stream its bytes are; the server's are where that begins.
    pub(super) client_at: u64,
}

impl Released {
    pub(super) fn client(&self) -> &[u8] {
        &self.client.0[..usize::from(self.client.1)]
    }

    pub(super) fn server(&self) -> &[u8] {
        &self.server.0[..usize::from(self.server.1)]
    }
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
            held_of_server: 0,
            gapped: false,
        }
    }

    /// A side says something.
    pub(super) fn data(&mut self, side: Side, offset: u64, bytes: &[u8]) -> Verdict {
        let answers = self.last != Some(Side::Client);
        self.last = Some(side);
        if side == Side::Server
            && let Some(verdict) = self.answer(offset, bytes)
        {
            return verdict;
        }
        self.note(side, bytes);
        if side == Side::Client && (answers || self.held_bytes > 0) {
            let verdict = self.hello(offset, bytes);
            if verdict != Verdict::Plain {
                return verdict;
            }
        }
        match self.stray(side) {
            Some(why) => Verdict::Lost(why),
            None => Verdict::Plain,
        }
    }

    /// The capture lacks some of what a side said.
    pub(super) fn gap(&mut self, side: Side) {
        self.gapped |= side == Side::Client;
    }

    /// Takes out what is held.
    pub(super) fn release(&mut self) -> Released {
        Released {
            client: (self.held, std::mem::take(&mut self.held_bytes)),
            server: (self.begun[1].0, std::mem::take(&mut self.held_of_server)),
            client_at: self.held_at,
        }
    }

    /// What a server says first, while nothing of its client was handed on: `None` where it answers no *ClientHello*.
    fn answer(&mut self, offset: u64, bytes: &[u8]) -> Option<Verdict> {
        let (mut begun, have) = self.begun[1];
        let is_first = self.held_of_server > 0 || (offset == 0 && have == 0);
        let is_silent = self.begun[0].1 == 0 && !self.gapped;
        let is_alone = is_silent || self.held_bytes > 0 && self.held_at == 0;
        if self.start == Start::Midway || !is_first || !is_alone {
            return None;
        }
        let have = usize::from(have);
        let more = bytes.len().min(BEGUN_BYTES - have);
        begun[have..have + more].copy_from_slice(&bytes[..more]);
        let told = have + more;
        let fits = |at: usize, fits: bool| at >= told || fits;
        let may_answer = fits(0, begun[0] == record::HANDSHAKE)
            && fits(1, begun[1] == 3)
            && fits(2, matches!(begun[2], 1..=3))
            && fits(
                4,
                begun
                    .first_chunk()
                    .is_some_and(|header| Header::parse(*header).is_some()),
            )
            && fits(5, begun[5] == message::SERVER_HELLO);
        if !may_answer {
            return None;
        }
        if told == BEGUN_BYTES {
            return Some(Verdict::Tls);
        }
        self.begun[1] = (begun, told as u8);
        self.held_of_server = told as u8;
        Some(Verdict::Held)
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
