//! The exchange with the office: a turn's parcel goes there, outboxes come back.
//!
//! It does not know what is in them, but for who has logged in and who is to be closed.

use reactor::{Close, Id, Link};

use super::{ServerShard, Way};
use crate::parcel::{Act, Outbox, Parcel};

/// Parcels a shard may have at the office: one being worked off, one waiting.
const PARCELS_OUT_MAX: u32 = 2;

impl ServerShard {
    pub(super) fn apply<L: Link>(&mut self, link: &mut L, outbox: &Outbox) {
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
    pub(super) fn exchange<L: Link>(&mut self, link: &mut L) {
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
}
