//! A shard of the server: its connections, and their frames on the way to and from the office.
//!
//! It knows frames and sessions; it knows nothing of mailboxes, accounts or disks. An idle connection costs 48 B here
//! and in the transport, and nothing happens to it but a look a minute. A message costs one `recv` and one `send` an
//! end, and a copy into the turn's parcel.

mod door;
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
use reactor::{Acceptor, App, Close, Closed, Id, Link, Origin, Queue, QueueReceiver, SendError, Taken};
use wire::chat::{ClientFrame, Code, FrameError, Nonce, ServerFrame, VERSION};

use crate::figures::ShardFigures;
use crate::knobs::Knobs;
use crate::office::Runner;
use crate::parcel::{Act, Outbox, Parcel};
use crate::source::Source;
pub(crate) use door::BACKLOG;
use limits::Limits;
pub(crate) use measured::Measured;
use sessions::Sessions;

/// Parcels a shard may have at the office: one being worked off, one waiting.
const PARCELS_OUT_MAX: u32 = 2;
/// Letters in a parcel before new messages are refused as *busy*; everything else still goes in.
const LETTERS_MAX: usize = 32 * 1024;
/// How often a shard looks at its slots, and in how many looks at most it has seen all.
const WALK_US: u64 = 1_000_000;
const WALKS_A_ROUND: u32 = 60;
/// In how many parts of the idle timeout a silent connection is found, where that is shorter than a round.
const IDLE_PARTS: u32 = 30;
/// A connection that has not logged in by then is closed.
pub(crate) const GUEST_S: u32 = 60;
/// How soon an inline office that could not commit tries again.
const RETRY_US: u64 = 50_000;
/// When stopping: how long to wait for farewells to be read, before whoever has not closed is reset.
const FAREWELL_US: u64 = 1_000_000;

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
    stopping_us: Option<u64>,
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
            stopping_us: None,
        }
    }

    /// Takes one frame from `number`, or from nobody if that is 0. `Err` closes the connection with the code.
    fn frame<L: Acceptor>(
        &mut self,
        link: &mut L,
        (id, number): (Id, u64),
        frame: &ClientFrame<'_>,
        bytes: &[u8],
        now_us: u64,
    ) -> Result<(), Code> {
        match frame {
            ClientFrame::Ping { token } => self.send(link, id, &ServerFrame::Pong { token: *token }),
            ClientFrame::Login { .. } => {
                if number != 0 {
                    return Err(Code::AlreadyLoggedIn);
                }
                let nonce = self.sessions.take_nonce(id).ok_or(Code::AlreadyLoggedIn)?;
                self.parcel.login(id, &nonce, bytes);
            }
            ClientFrame::Register { .. } if self.is_too_fast(id, now_us) => self.slow_down(link, id, frame),
            ClientFrame::Register { .. } => {
                // Rare, so nobody keeps the address: a call each.
                let peer = link.sockets().peer(id).map_or(Source::UNKNOWN, Source::of);
                self.parcel.register(id, number, peer, bytes);
            }
            ClientFrame::Prove { .. } if self.is_too_fast(id, now_us) => self.slow_down(link, id, frame),
            ClientFrame::Prove { .. } => self.parcel.frame(id, number, bytes),
            _ if number == 0 => return Err(Code::NotLoggedIn),
            ClientFrame::Send { id: message, .. } => {
                self.parts.figures.messages_in.add(1);
                let refusal = if self.parcel.letters.len() >= LETTERS_MAX {
                    self.parts.figures.letters_refused.add(1);
                    Some(Code::Busy)
                } else if self.is_too_fast(id, now_us) {
                    Some(Code::RateLimited)
                } else {
                    None
                };
                match refusal {
                    None => self.parcel.frame(id, number, bytes),
                    Some(code) => {
                        self.parts.figures.messages_refused.add(1);
                        self.send(link, id, &ServerFrame::Refused { id: *message, code });
                    }
                }
            }
            // As many as there were messages for it: those are bounded, and what they erase is wanted.
            ClientFrame::Ack { .. } => self.parcel.frame(id, number, bytes),
            _ if self.is_too_fast(id, now_us) => self.slow_down(link, id, frame),
            _ => self.parcel.frame(id, number, bytes),
        }
        Ok(())
    }

    /// Whether a connection asks for more of the office than the knob allows.
    fn is_too_fast(&mut self, id: Id, now_us: u64) -> bool {
        let per_second = self.parts.knobs.messages_per_second();
        !self.limits.allow(id.index, per_second, now_us)
    }

    /// Refuses a frame of one who is too fast; one that is never answered is dropped.
    fn slow_down<L: Link>(&mut self, link: &mut L, id: Id, frame: &ClientFrame<'_>) {
        self.parts.figures.frames_limited.add(1);
        if !matches!(frame, ClientFrame::Typing { .. }) {
            let (code, about) = (Code::RateLimited, frame.kind());
            self.send(link, id, &ServerFrame::Error { code, about });
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

    /// Says why and closes.
    fn dismiss<L: Link>(&mut self, link: &mut L, id: Id, code: Code) {
        let mut farewell = Vec::new();
        ServerFrame::Bye { code }.encode(&mut farewell);
        link.farewell(id, &farewell);
        self.end(id);
    }

    /// Forgets a connection and tells the office who left.
    fn end(&mut self, id: Id) {
        self.limits.forget(id.index);
        let number = self.sessions.end(id);
        if number != 0 {
            self.parcel.closed(id, number);
        }
    }

    fn apply<L: Link>(&mut self, link: &mut L, outbox: &Outbox) {
        for reply in &outbox.replies {
            let Some(id) = self.sessions.find(reply.to) else {
                // Logged in after its connection had ended: the office must hear of the end, too.
                if let Act::LoggedIn(number) = reply.act {
                    let id = Id {
                        index: reply.to.index,
                        generation: u32::from(reply.to.generation),
                    };
                    self.parcel.closed(id, number);
                }
                continue;
            };
            if let Act::LoggedIn(number) = reply.act {
                self.sessions.log_in(id, number);
            }
            if !outbox.frames(reply).is_empty() {
                self.send_bytes(link, id, outbox.frames(reply));
            }
            if reply.act == Act::Close {
                link.close(id, Close::Graceful);
                self.end(id);
            }
        }
    }

    /// Sends the turn's parcel and works off what the office has answered.
    fn exchange<L: Link>(&mut self, link: &mut L) {
        let mut outboxes = std::mem::take(&mut self.outboxes);
        if let Way::Thread { outboxes: queue, .. } = &self.parts.way {
            queue.take(&mut outboxes);
        }
        for outbox in outboxes.drain(..) {
            self.parcels_out -= outbox.parcels_done;
            self.apply(link, &outbox);
        }
        self.outboxes = outboxes;
        match &mut self.parts.way {
            Way::Inline(runner) => {
                let mut parcel = std::mem::take(&mut self.parcel);
                let answers = runner.work(std::slice::from_ref(&parcel));
                let outbox = answers.first_mut().map(std::mem::take);
                parcel.clear();
                self.parcel = parcel;
                if let Some(mut outbox) = outbox {
                    self.apply(link, &outbox);
                    outbox.clear();
                    self.recycle(outbox);
                }
            }
            Way::Thread { parcels, .. } => {
                if self.parcel.letters.is_empty() || self.parcels_out >= PARCELS_OUT_MAX {
                    return;
                }
                let next = self.spare.pop().unwrap_or(Parcel {
                    shard: self.parts.index,
                    ..Parcel::default()
                });
                let letters = self.parcel.letters.len() as u64;
                let mut post = vec![std::mem::replace(&mut self.parcel, next)];
                match parcels.push_all(&mut post) {
                    Ok(()) => {
                        self.parcels_out += 1;
                        self.parts.figures.letters.add(letters);
                    }
                    // Cannot happen while the queue holds two parcels a shard; if it does, nothing is lost.
                    Err(_) => {
                        if let Some(parcel) = post.pop() {
                            self.spare.push(std::mem::replace(&mut self.parcel, parcel));
                        }
                    }
                }
            }
        }
    }

    /// Gives an inline office its outbox back, for its memory.
    fn recycle(&mut self, outbox: Outbox) {
        if let Way::Inline(runner) = &mut self.parts.way {
            runner.recycle(outbox);
        }
    }

    /// Ends the shard, and with it an inline office.
    pub(crate) fn close(self) {
        if let Way::Inline(runner) = self.parts.way {
            runner.close();
        }
    }

    /// Looks at a sixtieth of the slots: the silent are dismissed, guests that linger too.
    fn walk<L: Link>(&mut self, link: &mut L, now_us: u64) {
        let now_s = seconds(now_us);
        let idle_s = self.parts.knobs.idle_timeout().as_secs().min(u64::from(u32::MAX)) as u32;
        let extent = self.sessions.extent();
        for _ in 0..extent.div_ceil((idle_s / IDLE_PARTS).clamp(1, WALKS_A_ROUND)) {
            self.walk_at = (self.walk_at + 1) % extent.max(1);
            if let Some((id, session)) = self.sessions.at(self.walk_at)
                && now_s.saturating_sub(session.heard_s) > idle_s
            {
                self.parts.figures.idle_closed.add(1);
                self.dismiss(link, id, Code::Idle);
            }
        }
        let late: Vec<u32> = self
            .sessions
            .guests_before(now_s.saturating_sub(GUEST_S))
            .collect();
        for index in late {
            if let Some((id, _)) = self.sessions.at(index) {
                self.parts.figures.idle_closed.add(1);
                self.dismiss(link, id, Code::Idle);
            }
        }
    }

    fn publish<L: Link>(&self, link: &L) {
        let figures = &self.parts.figures;
        figures.connections.set(u64::from(link.connections()));
        figures.online.set(self.sessions.online());
        figures.parcel_letters.set(self.parcel.letters.len() as u64);
        figures.parcel_longest.raise(self.parcel.letters.len() as u64);
    }

    /// Farewell to all, a part of them a turn; `None` once the shard may end.
    fn stop<L: Acceptor>(&mut self, link: &mut L, now_us: u64) -> Option<u64> {
        let since_us = match self.stopping_us {
            Some(since_us) => since_us,
            None => {
                link.stop_listening();
                for index in 0..self.sessions.extent() {
                    if let Some((id, _)) = self.sessions.at(index) {
                        self.dismiss(link, id, Code::ShuttingDown);
                    }
                }
                self.stopping_us = Some(now_us);
                now_us
            }
        };
        let settled = self.parcels_out == 0 && self.parcel.letters.is_empty();
        if now_us > since_us + FAREWELL_US || (settled && link.sockets().held() == 0) {
            link.sockets().reset_all();
            return None;
        }
        Some(now_us + 10_000)
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
        if walks && self.stopping_us.is_none() {
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

impl ServerShard {
    fn malformed(&mut self, error: FrameError) -> Code {
        self.parts.figures.malformed.add(1);
        error.into()
    }
}

fn seconds(now_us: u64) -> u32 {
    (now_us / 1_000_000) as u32
}
