//! What goes out while files refuse to be written, and what is kept back until they are again.
//!
//! It does not know why they refuse. The batch whose commit failed has answers that promise what a crash would lose:
//! those wait. Everything else goes out, and what comes after is answered: a new message and a new key by *storage
//! full*, mail that was safe before by its delivery. Nothing here costs anything while commits succeed.

use foldhash::fast::FixedState;
use hashbrown::HashSet;
use wire::chat::{Number, ServerFrame};

use super::Office;
use crate::parcel::Outbox;
use crate::store::Durability;

/// How often files that refused are tried again, milliseconds.
const RETRY_MS: u64 = 50;
/// Kept back for one shard, bytes: beyond, an answer is dropped, and its asker repeats what has none.
const HELD_MAX_BYTES: usize = 16 << 20;

/// Which files refuse, and what waits for them.
#[derive(Debug, Default)]
pub(super) struct Trouble {
    since_ms: Option<u64>,
    retry_ms: u64,
    /// Of the batch that the store could not commit first: the first item. It and all after it are not safe.
    unsafe_from: Option<u64>,
    accounts: bool,
    /// A shard's answers that wait.
    held: Vec<Outbox>,
    /// Whose mailboxes were not read on because what comes next is not safe.
    waiting: HashSet<Number, FixedState>,
}

impl Trouble {
    /// Whether anything refuses.
    pub(super) fn is_on(&self) -> bool {
        self.since_ms.is_some()
    }

    /// Whether new keys and groups cannot be kept.
    pub(super) fn refuses_accounts(&self) -> bool {
        self.accounts
    }

    /// Whether an item must not be delivered yet; its mailbox is read on when it may.
    pub(super) fn holds(&mut self, to: Number, seq: u64) -> bool {
        let holds = self.unsafe_from.is_some_and(|from| seq >= from);
        if holds {
            self.waiting.insert(to);
        }
        holds
    }

    /// Whether an answer promises what is not safe.
    fn is_unsafe(&self, frame: &ServerFrame<'_>) -> bool {
        match frame {
            ServerFrame::Accepted { .. } => self.unsafe_from.is_some(),
            ServerFrame::Deliver { seq, .. } | ServerFrame::Delivered { seq, .. } => {
                self.unsafe_from.is_some_and(|from| *seq >= from)
            }
            ServerFrame::NewKey { .. } | ServerFrame::Group { .. } => self.accounts,
            _ => false,
        }
    }
}

impl Office {
    /// Makes the batch as safe as the durability says, as far as files allow, and keeps back what they do not.
    pub(super) fn commit(&mut self) {
        let was_on = self.trouble.is_on();
        let failure = self.try_files();
        let trouble = &mut self.trouble;
        if !trouble.accounts {
            self.held.drain(..).for_each(|answer| answer());
        }
        if trouble.unsafe_from.is_none() && !trouble.accounts {
            if was_on {
                self.recover();
            }
            return;
        }
        if let Some(error) = failure.filter(|_| !was_on) {
            tracing::error!("new messages are refused, and answers wait: files cannot be written: {error}");
            trouble.since_ms = Some(self.now_ms);
        }
        let mut held = std::mem::take(&mut trouble.held);
        held.resize_with(self.out.len(), Outbox::default);
        for (outbox, held) in self.out.iter_mut().zip(&mut held) {
            outbox.hold_back(held, HELD_MAX_BYTES, |frame| self.trouble.is_unsafe(frame));
        }
        self.trouble.held = held;
    }

    /// Commits what there is to commit; files that refused before only every now and then. Returns why one refused.
    fn try_files(&mut self) -> Option<crate::store::Error> {
        let (parts, trouble) = (&mut self.parts, &mut self.trouble);
        let durability = parts.store.durability();
        self.committed = durability == Durability::Commit && parts.store.needs_commit();
        let is_due = self.now_ms >= trouble.retry_ms;
        let mut failure = None;
        if parts.accounts.needs_commit() && (is_due || !trouble.accounts) {
            let done = parts.accounts.commit(durability == Durability::Commit);
            trouble.accounts = done.is_err();
            failure = done.err();
        }
        let wanted = match trouble.unsafe_from {
            Some(_) => is_due,
            None => parts.store.needs_commit(),
        };
        if wanted {
            match parts.store.commit(self.now_ms) {
                Ok(_) => trouble.unsafe_from = None,
                Err(error) => {
                    trouble.unsafe_from.get_or_insert(self.batch_seq);
                    failure = Some(error);
                }
            }
        }
        if failure.is_some() {
            trouble.retry_ms = self.now_ms + RETRY_MS;
        }
        failure
    }

    /// Everything is safe again: what was kept back goes out first, then what waited behind it.
    fn recover(&mut self) {
        let trouble = std::mem::take(&mut self.trouble);
        for (outbox, mut held) in self.out.iter_mut().zip(trouble.held) {
            held.append(outbox);
            *outbox = held;
        }
        for who in trouble.waiting {
            if let Some(at) = self.directory.location(who.value()) {
                self.pump(at, who);
            }
        }
        let lasted_ms = self
            .now_ms
            .saturating_sub(trouble.since_ms.unwrap_or(self.now_ms));
        tracing::warn!("files can be written again, after {lasted_ms} ms");
    }
}
