//! The office: who is online, what waits for whom, what was seen. One state machine, one thread, no socket.
//!
//! It knows neither how frames travel nor on which thread it runs. Shards hand it parcels of frames; it appends what
//! a crash would lose to the store, commits a whole batch at once, and only then gives out the answers. Because
//! everything that must agree (mailboxes, id windows, presence, accounts) is in one place, nothing of it is locked
//! and nothing can disagree.
//!
//! A message costs here: a look at the sender's window, one append, one mailbox entry, one look for the recipient, two
//! frames; its acknowledgement one look in the mailbox, one for the sender, one frame. No allocation.

mod directory;
mod frames;
pub(crate) mod groups;
mod login;
mod mail;
pub(crate) mod registrar;
mod runner;
mod trouble;
pub(crate) mod watches;

use std::collections::VecDeque;
use std::sync::Arc;

use rand_chacha::ChaCha12Rng;
use wire::chat::{Number, Secret, ServerFrame};

use crate::desk::Inquiry;
use crate::figures::OfficeFigures;
use crate::http;
use crate::knobs::Knobs;
use crate::parcel::{Content, Location, Outbox, Parcel};
use crate::sink::{Notice, Sink, Sms};
use crate::store::accounts::Accounts;
use crate::store::{Erased, Health, Store};
use directory::Directory;
use registrar::Registrar;
use trouble::Trouble;
use watches::Watches;

pub(crate) use runner::{Runner, unix_ms};

/// Frames for one shard in one batch, bytes, before what waits in mailboxes is left for the next batch.
const OUTBOX_MAX_BYTES: usize = 16 << 20;
/// Inquiries whose answers wait for a commit; more are told that the office is busy.
const HELD_MAX: usize = 16 * 1024;

/// Provisioned numbers: `base .. base + count`. Their keys are derived, so they take no memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Provisioned {
    /// The first.
    pub base: u64,
    /// How many.
    pub count: u64,
}

impl Provisioned {
    /// Whether a number is one of them.
    #[must_use]
    pub fn contains(&self, number: u64) -> bool {
        number.wrapping_sub(self.base) < self.count
    }
}

/// What the office is made of.
pub(crate) struct Parts {
    pub(crate) store: Store,
    pub(crate) accounts: Accounts,
    pub(crate) secret: Secret,
    pub(crate) provisioned: Provisioned,
    /// Numbers whose copies are also counted apart, if any are to be.
    pub(crate) apart: Option<Provisioned>,
    /// Whether senders learn that their messages have arrived.
    pub(crate) second_ticks: bool,
    pub(crate) knobs: Knobs,
    pub(crate) figures: Arc<OfficeFigures>,
    pub(crate) health: http::Health,
    pub(crate) sms: Sink<Sms>,
    pub(crate) push: Sink<Notice>,
    pub(crate) rng: ChaCha12Rng,
    pub(crate) shards: u16,
}

/// See the module.
pub(crate) struct Office {
    parts: Parts,
    directory: Directory,
    registrar: Registrar,
    watches: Watches,
    /// Members of all groups together, see [`groups::PLACES_MAX`].
    groups_max: usize,
    out: Vec<Outbox>,
    now_ms: u64,
    /// Whose mailboxes are to be read on in the next batch, because this one's outbox was full.
    late: VecDeque<(Location, Number)>,
    /// Inquiries answered in this batch, held back until it is committed.
    held: Vec<Box<dyn FnOnce() + Send>>,
    /// What waits because files refuse.
    trouble: Trouble,
    /// The first sequence number that this batch may give.
    batch_seq: u64,
    committed: bool,
    /// How the store last felt.
    store_feels: Health,
    /// An item's body on its way out.
    body: Vec<u8>,
    /// Messages just acknowledged whose senders are away.
    ticks_away: Vec<Erased>,
}

impl Office {
    pub(crate) fn new(parts: Parts) -> Self {
        let out = (0..parts.shards).map(|_| Outbox::default()).collect();
        parts.figures.counts_apart.set(u64::from(parts.apart.is_some()));
        Self {
            parts,
            directory: Directory::default(),
            registrar: Registrar::default(),
            watches: Watches::default(),
            groups_max: groups::PLACES_MAX,
            out,
            now_ms: 0,
            late: VecDeque::new(),
            held: Vec::new(),
            trouble: Trouble::default(),
            batch_seq: 0,
            committed: false,
            store_feels: Health::Good,
            body: Vec::new(),
            ticks_away: Vec::new(),
        }
    }

    /// Begins a batch, at this Unix time in milliseconds.
    pub(crate) fn begin(&mut self, now_ms: u64) {
        self.now_ms = now_ms;
        let wanted = self.parts.knobs.durability();
        if wanted != self.parts.store.durability()
            && let Err(error) = self.parts.store.set_durability(wanted, now_ms)
        {
            tracing::error!("the store cannot change to {wanted:?}: {error}");
        }
        self.batch_seq = self.parts.store.next_seq();
        for _ in 0..self.late.len() {
            let Some((at, who)) = self.late.pop_front() else {
                break;
            };
            if self.directory.location(who.value()) == Some(at) {
                self.pump(at, who);
            }
        }
    }

    /// Whether mailboxes are to be read on at once.
    pub(crate) fn has_more(&self) -> bool {
        !self.late.is_empty()
    }

    /// Works a parcel off.
    pub(crate) fn process(&mut self, parcel: &Parcel) {
        for letter in &parcel.letters {
            let at = Location::new(parcel.shard, letter.conn);
            match letter.what {
                Content::Closed => self.leave(at, letter.number),
                Content::Finished => self.end(at, letter.number),
                Content::Login => self.login(at, parcel.content(letter)),
                Content::Register => self.register(at, parcel.content(letter)),
                Content::Frame => self.frame(at, letter, parcel.content(letter)),
            }
        }
        self.parts.figures.letters_done.add(parcel.letters.len() as u64);
        if let Some(outbox) = self.out.get_mut(usize::from(parcel.shard)) {
            outbox.parcels_done += 1;
        }
    }

    /// Answers the HTTP side.
    pub(crate) fn inquire(&mut self, inquiry: Inquiry) {
        if self.held.len() >= HELD_MAX {
            // Dropped, it tells its asker that nobody has time.
            return;
        }
        match inquiry {
            Inquiry::Register {
                number,
                source,
                reply,
            } => {
                // The asker may have given up.
                _ = reply.send(self.issue_pin(number, source));
            }
            Inquiry::Prove { number, pin, reply } => {
                let answer = self.redeem_pin(number, pin);
                if answer.is_ok() {
                    self.void_device(number);
                }
                // The asker may have given up.
                self.hold(move || _ = reply.send(answer));
            }
            Inquiry::Exists { number, reply } => _ = reply.send(self.exists(number.value())),
        }
    }

    /// Ends the batch: what a crash would lose is on disk, and the answers may go out. Where files refuse, those answers
    /// that promise what is not safe are kept back until one commit succeeds.
    pub(crate) fn finish(&mut self) -> &mut [Outbox] {
        self.commit();
        self.publish();
        &mut self.out
    }

    /// Whether files refused, and are to be tried again soon.
    pub(crate) fn is_in_trouble(&self) -> bool {
        self.trouble.is_on()
    }

    /// Whether the last batch had to wait for the disk.
    pub(crate) fn committed(&self) -> bool {
        self.committed
    }

    /// Writes what is still unwritten, and ends.
    pub(crate) fn close(self) {
        if let Err(error) = self.parts.store.close() {
            tracing::error!("the store cannot be closed cleanly: {error}");
        }
    }

    /// Takes the only shard's outbox back, for its memory.
    pub(crate) fn recycle(&mut self, outbox: Outbox) {
        if let [only] = self.out.as_mut_slice() {
            *only = outbox;
        }
    }

    /// Housekeeping between batches: collection, erasure, lazy writes. Bounded work.
    pub(crate) fn maintain(&mut self, now_ms: u64) {
        self.parts.store.maintain(now_ms);
        self.publish();
    }

    fn reply(&mut self, at: Location, frame: &ServerFrame<'_>) {
        if let Some(outbox) = self.out.get_mut(usize::from(at.shard)) {
            outbox.send(at, frame);
        }
    }

    fn hold(&mut self, answer: impl FnOnce() + Send + 'static) {
        self.held.push(Box::new(answer));
    }

    /// Whether a number has an account, provisioned or registered.
    fn exists(&self, number: u64) -> bool {
        self.parts.provisioned.contains(number) || self.parts.accounts.account(number).is_some()
    }

    /// Whether copies for a number are counted apart.
    fn is_apart(&self, number: u64) -> bool {
        self.parts.apart.is_some_and(|apart| apart.contains(number))
    }

    fn publish(&mut self) {
        let feels = self.parts.store.health();
        if feels != std::mem::replace(&mut self.store_feels, feels) {
            match feels {
                Health::Good => {
                    tracing::info!("the store takes messages again");
                    self.parts.health.store_recovers();
                }
                Health::Full => {
                    tracing::warn!(
                        "the store takes no new messages: space is short; free some, or raise its quota"
                    );
                    self.parts.health.store_refuses("space is short");
                }
                Health::Failing(kind) => {
                    tracing::error!("the store takes no new messages: {kind}");
                    self.parts.health.store_refuses(kind.to_string());
                }
            }
        }
        let (figures, store) = (&self.parts.figures, self.parts.store.stats());
        figures.online.set(self.directory.online());
        figures.copies_queued.set((store.items - store.ticks) as u64);
        figures.ticks_queued.set(store.ticks as u64);
        figures.longest_mailbox.set(store.longest_mailbox as u64);
        figures.commits.set(store.commits);
        figures.commit_us.set(store.commit_us_total);
        figures.store_bytes.set(store.space_bytes);
        figures.store_full.set(u64::from(feels != Health::Good));
        figures.damaged_copies.set(store.copies as u64);
        figures.damaged_copies_expired.set(store.copies_expired);
    }
}

#[cfg(test)]
mod tests;
