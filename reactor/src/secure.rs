//! TLS between an application and a transport: neither knows of it.
//!
//! It does not know what either is. To the transport it is an application, to the application a [`SecureLink`] is its
//! transport. The application hears of a connection once its handshake is done.
//!
//! What a connection costs here: one 96 B slot, beside the transport's. A handshake costs some five kilobytes for as
//! long as it lasts, so their number and their time are bounded: at the bound no more are accepted, the kernel holds
//! them. Handshakes are worked off a few a turn, so that a storm of them delays nobody else's messages by more than
//! milliseconds. No system call is added to the transport's: what is sealed in one call is sent in one call.
//!
//! A record that is sealed must be sent, or its number is missing and the peer breaks off. So a session moves on only
//! once the transport has kept the bytes: after [`SendError::Full`] it is where it was, and the sealed bytes are dropped.

mod link;
mod slots;
mod tls;

use wire::tls::{ClientTls, ServerTls};

use crate::{App, Closed, Id, Link, Origin, Taken};

pub use link::SecureLink;
use tls::Tls;

/// An application under TLS: what a shard runs in the application's place.
#[derive(Debug)]
pub struct Secure<A> {
    app: A,
    tls: Tls,
}

/// Configurations and bounds.
#[derive(Clone, Debug)]
pub struct SecureOptions {
    /// For the connections that the application opens; without one it can open none.
    pub client: Option<ClientTls>,
    /// For those that it opens by a number ([`Link::connect_by`]); none is in the clear. A number beyond them is `client`'s.
    pub ways: Vec<Option<ClientTls>>,
    /// For those that are accepted; without one they are reset.
    pub server: Option<ServerTls>,
    /// Connections that are being opened at most; at the bound accepting rests.
    pub handshakes_max: u32,
    /// How long a handshake may take, once the transport has connected.
    pub handshake_timeout_us: u64,
    /// Flights worked off a turn at most; a client's and a server's together cost some 0.2 ms.
    pub flights_a_turn: u32,
    /// Plaintext that is kept while the application waits for the end of a frame.
    pub stash_max_bytes: usize,
    /// Ready keys of the busy; two a connection.
    pub keys: usize,
    /// Records under one key at most, where the cipher's own limit is not lower (RFC 8446, section 5.5).
    pub records_max: u32,
}

impl Default for SecureOptions {
    fn default() -> Self {
        Self {
            client: None,
            ways: Vec::new(),
            server: None,
            handshakes_max: 1024,
            handshake_timeout_us: 10_000_000,
            flights_a_turn: 128,
            stash_max_bytes: 1 << 20,
            keys: 4096,
            records_max: u32::MAX,
        }
    }
}

/// What is counted. A shard's own, without atomics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SecureStats {
    /// Handshakes that are done.
    pub handshakes: u64,
    /// Those of them that resumed an earlier connection.
    pub resumed: u64,
    /// Handshakes that failed, for whatever reason but time.
    pub failed: u64,
    /// Handshakes that took too long.
    pub timed_out: u64,
    /// Connections reset because too many were being opened, or because nobody serves their kind.
    pub refused: u64,
    /// Sessions that broke.
    pub faults: u64,
    /// Sessions that ended without a *close_notify*.
    pub truncated: u64,
    /// Times accepting rested because too many handshakes were under way.
    pub accept_rests: u64,
    /// Keys found ready.
    pub key_hits: u64,
    /// Keys derived.
    pub key_misses: u64,
}

impl<A> Secure<A> {
    /// Puts TLS under an application.
    #[must_use]
    pub fn new(app: A, options: SecureOptions) -> Self {
        Self {
            app,
            tls: Tls::new(options),
        }
    }

    /// The application.
    #[must_use]
    pub fn app(&self) -> &A {
        &self.app
    }

    /// The application again, alone.
    #[must_use]
    pub fn into_app(self) -> A {
        self.app
    }

    /// What was counted so far.
    #[must_use]
    pub fn stats(&self) -> SecureStats {
        self.tls.stats()
    }

    /// What it takes of memory, bytes: slots, handshakes at some five kilobytes each, ready keys. What a session holds
    /// while a record or a frame is incomplete comes on top.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.tls.bytes()
    }

    /// Connections that are being opened.
    #[must_use]
    pub fn opening(&self) -> u32 {
        self.tls.opening()
    }

    /// Works off what a handshake was sent, and tells the application what came of it.
    fn shake<L>(&mut self, link: &mut L, id: Id, now_us: u64)
    where
        L: Link,
        A: for<'a> App<SecureLink<'a, L>>,
    {
        match self.tls.shake(link, id) {
            tls::Shaken::Waiting => {}
            tls::Shaken::Open { origin, leftover } => {
                self.app.opened(&mut self.tls.link(link), id, origin, now_us);
                if !leftover.is_empty() {
                    let Taken(taken) = self.records(link, id, &leftover, now_us);
                    self.tls.keep_sealed(id, &leftover[taken..]);
                }
            }
            tls::Shaken::Lost { origin, why } => self.lost(link, id, origin, why, now_us),
        }
    }

    /// A connection ended before the application heard of it: only its own ones are its concern.
    fn lost<L>(&mut self, link: &mut L, id: Id, origin: Origin, why: Closed, now_us: u64)
    where
        L: Link,
        A: for<'a> App<SecureLink<'a, L>>,
    {
        if origin == Origin::Connected {
            self.app.closed(&mut self.tls.link(link), id, why, now_us);
        }
    }

    /// Opens the whole records of `bytes`, and hands what they hold to the application at once.
    fn records<L>(&mut self, link: &mut L, id: Id, bytes: &[u8], now_us: u64) -> Taken
    where
        L: Link,
        A: for<'a> App<SecureLink<'a, L>>,
    {
        let mut plain = self.tls.take_plain();
        let opened = self.tls.open(id, bytes, &mut plain);
        let mut end = opened.end;
        let mut rest = &plain[..];
        if opened.has_news {
            let Taken(taken) = self.app.received(&mut self.tls.link(link), id, &plain, now_us);
            rest = plain.get(taken..).unwrap_or_default();
        }
        if end.is_none() {
            end = self.tls.keep_plain(id, rest);
        }
        // A close_notify ends one direction (RFC 8446, section 6.1).
        if end == Some(Closed::Peer) && self.app.finished(&mut self.tls.link(link), id, now_us) {
            self.tls.note_finished(id);
            end = None;
        }
        if let Some(why) = end
            && self.tls.end(link, id, why)
        {
            self.app.closed(&mut self.tls.link(link), id, why, now_us);
        }
        self.tls.give_plain(plain);
        Taken(opened.taken)
    }
}

impl<L, A> App<L> for Secure<A>
where
    L: Link,
    A: for<'a> App<SecureLink<'a, L>>,
{
    fn opened(&mut self, link: &mut L, id: Id, origin: Origin, now_us: u64) {
        if self.tls.begin(link, id, origin, now_us) {
            self.app.opened(&mut self.tls.link(link), id, origin, now_us);
        }
    }

    fn received(&mut self, link: &mut L, id: Id, bytes: &[u8], now_us: u64) -> Taken {
        if self.tls.is_clear(id) {
            return self.app.received(&mut self.tls.link(link), id, bytes, now_us);
        }
        if self.tls.has_finished(id) {
            return Taken(bytes.len());
        }
        if self.tls.is_shaking(id) {
            // Taken over at once, worked off in its turn; a flight is small, so what is large is more than that.
            if self.tls.queue(id, bytes) {
                self.shake(link, id, now_us);
            }
            return Taken(bytes.len());
        }
        match self.tls.take_sealed(id) {
            None => self.records(link, id, bytes, now_us),
            Some(mut kept) => {
                kept.extend_from_slice(bytes);
                let Taken(taken) = self.records(link, id, &kept, now_us);
                self.tls.keep_sealed(id, &kept[taken..]);
                Taken(bytes.len())
            }
        }
    }

    fn finished(&mut self, link: &mut L, id: Id, now_us: u64) -> bool {
        if self.tls.is_clear(id) {
            return self.app.finished(&mut self.tls.link(link), id, now_us);
        }
        // Without a close_notify before it a FIN is a broken connection.
        self.tls.has_finished(id)
    }

    fn closed(&mut self, link: &mut L, id: Id, why: Closed, now_us: u64) {
        // What came before the end may say more of it, an alert for one.
        if self.tls.is_queued(id) {
            self.shake(link, id, now_us);
        }
        if let Some((origin, why)) = self.tls.closed(link, id, why) {
            self.lost(link, id, origin, why, now_us);
        }
    }

    fn turn(&mut self, link: &mut L, now_us: u64) -> Option<u64> {
        while let Some((id, origin)) = self.tls.expired(link, now_us) {
            self.lost(link, id, origin, Closed::TimedOut, now_us);
        }
        for _ in 0..self.tls.flights_a_turn() {
            let Some(id) = self.tls.next_queued() else { break };
            self.shake(link, id, now_us);
        }
        while let Some((id, why)) = self.tls.next_broken() {
            self.app.closed(&mut self.tls.link(link), id, why, now_us);
        }
        self.tls.settle_accepting(link);
        let due_us = self.app.turn(&mut self.tls.link(link), now_us)?;
        Some(due_us.min(self.tls.due_us(now_us)))
    }
}

#[cfg(test)]
mod tests;
