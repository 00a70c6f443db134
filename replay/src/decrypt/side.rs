//! One side of a TLS flow: its bytes not yet read, its key, and how many plain bytes it said.
//!
//! It does not know what its messages mean to the other side.

use super::books::Books;
use super::message::Messages;
use super::opener::Opener;
use super::output::Output;
use super::report::{TlsOverhead, Undecrypted};
use super::resync::Search;
use crate::event::{Event, Flow, Side, Sink};

/// Which of a side's keys protects its records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    /// None.
    Hello,
    /// That of data sent before the server answered (RFC 8446, section 2.3).
    Early,
    /// That of the handshake.
    Handshake,
    /// That of the application's data; under TLS 1.2 the only one.
    Application,
}

/// How a side's bytes are read.
#[derive(Debug, Default)]
pub(super) enum Reading {
    /// Record by record.
    #[default]
    Records,
    /// So many bytes belong to a record of which others are missing.
    Damaged(u64),
    /// A record is looked for that opens.
    Searching(Search),
    /// Not, for this reason: while nothing was opened, the other side may yet show that the secrets are right.
    Failed(Undecrypted),
    /// No more: so many bytes were given up and not yet told.
    Lost(u64),
}

/// A side.
#[derive(Default)]
pub(super) struct Half {
    /// Bytes that are not read yet, and before them those that are kept until it is certain that the secrets are right.
    pub(super) buffer: Vec<u8>,
    /// Bytes of the buffer that are read.
    pub(super) read_bytes: usize,
    /// Bytes of the side's stream before the buffer.
    pub(super) offset: u64,
    /// Plain bytes that it said, and those missing.
    pub(super) plain_offset: u64,
    pub(super) phase: Option<Phase>,
    pub(super) opener: Option<Opener>,
    pub(super) messages: Messages,
    pub(super) reading: Reading,
    /// Whether records may come that no key opens, as the server refuses data that was sent early.
    pub(super) skips: bool,
    /// Bytes of records skipped, before one was opened.
    pub(super) skipped_bytes: u64,
    /// Bytes of data among them that was sent early and that the server took.
    pub(super) missed_bytes: u64,
    /// Whether the capture lacks some of it.
    pub(super) gapped: bool,
    /// Whether it said that it will say no more.
    pub(super) closed: bool,
    /// Bytes that may still be spent on trials.
    pub(super) trials: Trials,
    pub(super) books: Books,
}

/// What searches of one side may still cost.
pub(super) struct Trials(pub(super) u64);

impl Default for Trials {
    fn default() -> Self {
        Self(super::resync::TRIAL_BYTES_MAX)
    }
}

impl Half {
    pub(super) fn phase(&self) -> Phase {
        self.phase.unwrap_or(Phase::Hello)
    }

    /// Frees what is read.
    pub(super) fn compact(&mut self) {
        if self.read_bytes == self.buffer.len() {
            self.buffer = Vec::new();
        } else {
            self.buffer.drain(..self.read_bytes);
        }
        self.offset += std::mem::take(&mut self.read_bytes) as u64;
    }

    /// Hands on what an application said.
    pub(super) fn say<S: Sink>(&mut self, (flow, side, at_ns): Place, bytes: &[u8], out: &mut Output<'_, S>) {
        if bytes.is_empty() {
            return;
        }
        out.figures.plain_bytes += bytes.len() as u64;
        self.books.went(side, bytes.len(), out.figures);
        out.sink.event(Event::Data {
            flow,
            side,
            at_ns,
            offset: self.plain_offset,
            bytes,
        });
        self.plain_offset += bytes.len() as u64;
    }

    /// Hands on that something is missing.
    pub(super) fn miss<S: Sink>(&mut self, (flow, side, at_ns): Place, length: u64, out: &mut Output<'_, S>) {
        if length == 0 {
            return;
        }
        out.sink.event(Event::Gap {
            flow,
            side,
            at_ns,
            offset: self.plain_offset,
            length,
        });
        self.plain_offset += length;
    }

    /// Gives up what is not read, which counts as `kind`, and all that comes.
    pub(super) fn lose<S>(&mut self, kind: TlsOverhead, out: &mut Output<'_, S>) {
        let unread = self.buffer.len() - self.read_bytes;
        self.books.off(kind, unread, out.figures);
        let mut bytes = unread as u64;
        bytes += match &self.reading {
            Reading::Records | Reading::Damaged(_) | Reading::Failed(_) => 0,
            Reading::Searching(search) => search.lost_bytes,
            Reading::Lost(bytes) => *bytes,
        };
        self.buffer = Vec::new();
        self.read_bytes = 0;
        self.opener = None;
        self.reading = Reading::Lost(bytes + std::mem::take(&mut self.skipped_bytes));
    }
}

/// Where and when something is said.
pub(super) type Place = (Flow, Side, u64);
