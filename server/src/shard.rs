//! A shard of the server: its connections, and their frames on the way to and from the office.
//!
//! It knows frames and sessions; it knows nothing of mailboxes, accounts or disks. An idle connection costs 48 B here
//! and in the transport, and nothing happens to it but a look a minute. A message costs one `recv` and one `send` an
//! end, and a copy into the turn's parcel.

mod door;
mod ends;
mod exchange;
mod frames;
mod limits;
mod measured;
mod sessions;
#[cfg(test)]
mod tests;
mod unread;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rand::RngExt as _;
use rand_chacha::ChaCha12Rng;
use reactor::{Acceptor, App, Closed, Id, Link, Origin, Queue, QueueReceiver, SendError, Taken};
use wire::chat::{ClientFrame, Code, Nonce, ServerFrame, VERSION};

use crate::figures::ShardFigures;
use crate::knobs::Knobs;
use crate::office::Runner;
use crate::parcel::{Outbox, Parcel};
pub(crate) use door::BACKLOG;
#[cfg(test)]
pub(crate) use ends::GUEST_S;
use limits::Limits;
pub(crate) use measured::Measured;
use sessions::Sessions;

/// How often a shard looks at its slots.
const WALK_US: u64 = 1_000_000;
/// How soon an inline office that could not commit tries again.
const RETRY_US: u64 = 50_000;

/// The way to the office.
pub(crate) enum Way {
    /// The office runs in this shard.
    Inline(Box<Runner>),
    /// The office has its own thread.
    Thread {
        parcels: Queue<Parcel>,
        outboxes: QueueReceiver<Outbox>,
    },
}

/// What a shard is made of.
pub(crate) struct ShardParts {
    pub(crate) index: u16,
    /// Where it listens.
    pub(crate) address: SocketAddr,
    pub(crate) way: Way,
    pub(crate) knobs: Knobs,
    pub(crate) figures: Arc<ShardFigures>,
    /// Connections of all shards, for the limit that all share.
    pub(crate) others: Arc<[Arc<ShardFigures>]>,
    /// Connections that the descriptor table can hold, and whether this shard has one of its own.
    pub(crate) connections_max: u32,
    pub(crate) parted: bool,
    pub(crate) stop: Arc<AtomicBool>,
    pub(crate) rng: ChaCha12Rng,
}

/// See the module.
pub(crate) struct ServerShard {
    parts: ShardParts,
    sessions: Sessions,
    limits: Limits,
    parcel: Parcel,
    spare: Vec<Parcel>,
    parcels_out: u32,
    outboxes: Vec<Outbox>,
    answer: Vec<u8>,
    walk_at: u32,
    walk_us: u64,
    paused: bool,
    /// Whether the listener is open: a full shard's is closed.
    listening: bool,
    /// Connections of the other shards, and the turn in which they were counted.
    elsewhere: (u64, u64),
    stopping_until_us: Option<u64>,
}

impl ServerShard {
    pub(crate) fn new(parts: ShardParts) -> Self {
        let parcel = Parcel {
            shard: parts.index,
            ..Parcel::default()
        };
        Self {
            parts,
            sessions: Sessions::default(),
            limits: Limits::default(),
            parcel,
            spare: Vec::new(),
            parcels_out: 0,
            outboxes: Vec::new(),
            answer: Vec::new(),
            walk_at: 0,
            walk_us: 0,
            paused: false,
            listening: true,
            elsewhere: (0, u64::MAX),
            stopping_until_us: None,
        }
    }

    fn send<L: Link>(&mut self, link: &mut L, id: Id, frame: &ServerFrame<'_>) {
        let mut answer = std::mem::take(&mut self.answer);
        answer.clear();
        frame.encode(&mut answer);
        self.send_bytes(link, id, &answer);
        self.answer = answer;
    }

    fn send_bytes<L: Link>(&mut self, link: &mut L, id: Id, bytes: &[u8]) {
        match link.send(id, bytes) {
            // Gone: the transport says so by itself.
            Ok(()) | Err(SendError::Gone) => {}
            Err(SendError::Full) => {
                self.parts.figures.slow_readers_cut.add(1);
                self.dismiss(link, id, Code::SlowReader);
            }
        }
    }

    /// Ends the shard, and with it an inline office.
    pub(crate) fn close(self) {
        if let Way::Inline(runner) = self.parts.way {
            runner.close();
        }
    }

    fn publish<L: Link>(&self, link: &L) {
        let figures = &self.parts.figures;
        figures.connections.set(u64::from(link.connections()));
        figures.online.set(self.sessions.online());
        figures.parcel_letters.set(self.parcel.letters.len() as u64);
        figures.parcel_longest.raise(self.parcel.letters.len() as u64);
    }
}

impl<L: Acceptor> App<L> for ServerShard {
    fn opened(&mut self, link: &mut L, id: Id, _: Origin, now_us: u64) {
        let nonce: Nonce = self.parts.rng.random();
        self.sessions.greet(id, nonce, seconds(now_us));
        if self.is_crowded(link, now_us) {
            return self.refuse(link, id);
        }
        self.hand_over(link);
        self.send(
            link,
            id,
            &ServerFrame::Hello {
                version: VERSION,
                nonce,
            },
        );
    }

    fn received(&mut self, link: &mut L, id: Id, bytes: &[u8], now_us: u64) -> Taken {
        let mut taken = 0;
        loop {
            let rest = &bytes[taken..];
            let fault = match ClientFrame::decode(rest) {
                Ok(None) => {
                    if self.is_far_behind() {
                        link.sockets().pause_reading(true);
                    }
                    return Taken(taken);
                }
                Ok(Some((frame, length))) => {
                    taken += length;
                    // An answer to the frame before may have ended the connection.
                    let Some(number) = self.sessions.hear(id, seconds(now_us)) else {
                        return Taken(bytes.len());
                    };
                    match self.frame(link, (id, number), &frame, &rest[..length], now_us) {
                        Ok(()) => continue,
                        Err(code) => code,
                    }
                }
                Err(error) => self.malformed(error),
            };
            self.dismiss(link, id, fault);
            break;
        }
        Taken(bytes.len())
    }

    fn finished(&mut self, _: &mut L, id: Id, _: u64) -> bool {
        let session = self.sessions.at(id.index).filter(|(at, _)| *at == id);
        let nothing_owed = self.parcels_out == 0 && self.parcel.letters.is_empty();
        match session {
            // The office answers this after whatever came before it.
            Some((_, session)) if !nothing_owed => self.parcel.finished(id, session.number),
            _ => return false,
        }
        true
    }

    fn closed(&mut self, _: &mut L, id: Id, _: Closed, _: u64) {
        self.end(id);
    }

    fn turn(&mut self, link: &mut L, now_us: u64) -> Option<u64> {
        let walks = now_us >= self.walk_us;
        if walks {
            self.walk_us = now_us + WALK_US;
            self.walk(link, now_us);
        }
        self.exchange(link);
        self.bound_unread(link);
        self.regulate(link);
        if walks && self.stopping_until_us.is_none() {
            self.reopen(link);
        }
        self.publish(link);
        self.parts.figures.transport(&link.sockets().stats());
        if self.parts.stop.load(Ordering::Relaxed) {
            return self.stop(link, now_us);
        }
        // What this turn left for an inline office, or that for its next batch, does not wait for an event.
        match &self.parts.way {
            Way::Inline(runner) if !self.parcel.letters.is_empty() || runner.has_more() => Some(now_us),
            Way::Inline(runner) if runner.is_in_trouble() => Some(now_us + RETRY_US),
            _ => Some(self.walk_us),
        }
    }
}

fn seconds(now_us: u64) -> u32 {
    (now_us / 1_000_000) as u32
}
