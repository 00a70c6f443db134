//! HTTP/1 behind a mask: two sides, message by message (RFC 9112), each head and each body by itself.
//!
//! It knows requests and responses as far as one tells where the other ends. What it cannot tell for certain it blanks: from where
//! bytes are missing at which a message may begin, from what is no HTTP/1 as the standard has it, from a response that nobody asked
//! for. A connection costs some 300 B, what it holds besides is bounded by a head (64 KiB) or a value (8 KiB) a side.

mod body;
mod cookie;
mod field;
mod frame;
mod head;
mod json;
mod lines;
mod members;
mod target;
mod walk;

use std::collections::VecDeque;

use super::book::Book;
use super::held::Rest;
use super::rules::MaskRules;
use crate::http::{Asked, BEGINNINGS, Head};
use crate::{Protocol, Side};
pub(crate) use field::is_harmless;
use head::Plan;
use walk::{At, Lost, Walk};

/// The most requests without a response that are remembered.
const ASKED_MAX: usize = 64;

/// A connection.
#[derive(Debug, Default)]
pub(super) struct Http {
    walks: [Walk; 2],
    asked: VecDeque<Wanted>,
    /// More was asked than is remembered: what responses belong to is unknown once those that are were answered.
    overfull: bool,
    /// The server changed to this (RFC 9110, section 15.2.2), or made a tunnel (section 9.3.6).
    became: Option<Protocol>,
    counted: bool,
}

/// What a request wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wanted {
    Answer(Asked),
    /// Another protocol.
    Upgrade,
}

/// What masks a side: what is wanted of it, and what is known of everybody.
pub(super) struct Masker<'a> {
    pub(super) rules: &'a MaskRules,
    pub(super) book: &'a mut Book,
    pub(super) side: Side,
}

impl Http {
    /// One of which a side is not known from its beginning on.
    pub(super) fn midway(book: &mut Book) -> Self {
        let mut http = Self::default();
        for side in [Side::Client, Side::Server] {
            http.lose(side, Lost::Midway, book);
        }
        http
    }

    /// What a side speaks now, if that is HTTP no more.
    pub(super) fn became(&self, side: Side) -> Option<Protocol> {
        self.became.filter(|_| self.walks[side as usize].at == At::Raw)
    }

    /// Masks what is held of a side in place, all of it if nothing follows it; how much is done with.
    pub(super) fn mask(&mut self, held: &mut [u8], rest: Rest, masker: &mut Masker<'_>) -> usize {
        let side = masker.side;
        loop {
            let walk = &mut self.walks[side as usize];
            match walk.at {
                At::Raw => break,
                At::Head => match walk.head(held) {
                    Ok(Some(length)) => {
                        if let Err(lost) = self.message(&mut held[..length], masker) {
                            self.lose(side, lost, masker.book);
                        }
                    }
                    Ok(None) => {
                        if rest.is_none() {
                            walk.blank(held, masker);
                        }
                        break;
                    }
                    Err(lost) => self.lose(side, lost, masker.book),
                },
                At::Body => match walk.body(held, rest, masker) {
                    Ok(true) => self.end(side),
                    Ok(false) => break,
                    Err(lost) => self.lose(side, lost, masker.book),
                },
                At::Wait if walk.walked < held.len() => self.lose(side, Lost::Unreadable, masker.book),
                At::Wait => break,
                At::Lost => {
                    walk.blank(held, masker);
                    break;
                }
            }
        }
        self.release(side)
    }

    /// A side's head is whole: what it begins, and the head masked.
    fn message(&mut self, held: &mut [u8], masker: &mut Masker<'_>) -> Result<(), Lost> {
        let from = self.walks[masker.side as usize].walked;
        let bytes = &mut held[from..];
        let head = match Head::parse(bytes) {
            Ok(Some(head)) => head,
            Ok(None) | Err(_) => return Err(Lost::Unreadable),
        };
        let mut plan = match masker.side {
            Side::Client => self.request(head)?,
            Side::Server => self.response(head)?,
        };
        if !self.counted && self.became == Some(Protocol::Unknown) && !masker.rules.leaves(Protocol::Unknown)
        {
            self.counted = true;
            masker.book.blanked.changed += 1;
        }
        plan.nature = body::Nature::of(head, masker.rules);
        head::mask(bytes, masker);
        self.walks[masker.side as usize].begin(held.len(), plan);
        Ok(())
    }

    fn request(&mut self, head: Head<'_>) -> Result<Plan, Lost> {
        let plan = Plan::of_request(head).ok_or(Lost::Unreadable)?;
        self.overfull |= self.asked.len() == ASKED_MAX;
        if !self.overfull {
            self.asked
                .push_back(match plan.waits && Asked::of(head) != Asked::Tunnel {
                    true => Wanted::Upgrade,
                    false => Wanted::Answer(Asked::of(head)),
                });
        }
        Ok(plan)
    }

    fn response(&mut self, head: Head<'_>) -> Result<Plan, Lost> {
        // One that nobody asked for: its request, and with it where it ends, is not known.
        let lost = match self.overfull {
            true => Lost::Beyond,
            false => Lost::Unreadable,
        };
        let wanted = *self.asked.front().ok_or(lost)?;
        let asked = match wanted {
            Wanted::Answer(asked) => asked,
            Wanted::Upgrade => Asked::Body,
        };
        let plan = Plan::of_response(head, asked).ok_or(Lost::Unreadable)?;
        let status = head.status();
        let changes = match wanted {
            Wanted::Upgrade => status == 101,
            Wanted::Answer(Asked::Tunnel) => (200..300).contains(&status),
            Wanted::Answer(_) if status == 101 => return Err(Lost::Unreadable),
            Wanted::Answer(_) => false,
        };
        let client = &mut self.walks[Side::Client as usize];
        if changes {
            self.became = Some(match wanted {
                Wanted::Upgrade if head.says("upgrade", "websocket") => Protocol::WebSocket,
                Wanted::Upgrade | Wanted::Answer(_) => Protocol::Unknown,
            });
            // A client that did not wait said something else before.
            if client.at == At::Wait {
                client.at = At::Raw;
            }
        }
        if !(100..200).contains(&status) || changes {
            self.asked.pop_front();
            if client.at == At::Wait && self.asked.is_empty() {
                client.at = At::Head;
            }
        }
        Ok(plan)
    }

    /// A side's message is whole.
    fn end(&mut self, side: Side) {
        let walk = &mut self.walks[side as usize];
        walk.at = match side {
            Side::Server if self.became.is_some() => At::Raw,
            Side::Client if walk.waits => At::Wait,
            _ => At::Head,
        };
        // The response may have come before the end of what it answers.
        if walk.at == At::Wait && self.asked.is_empty() {
            walk.at = match self.became {
                Some(_) => At::Raw,
                None => At::Head,
            };
        }
    }

    /// Bytes of a side are missing, and nothing is held of it: whether it is known what follows them.
    pub(super) fn gap(&mut self, side: Side, length: u64, book: &mut Book) {
        let walk = &mut self.walks[side as usize];
        if matches!(walk.at, At::Raw | At::Lost) {
            return;
        }
        if !walk.skip(length) {
            self.lose(side, Lost::Gap, book);
        } else if walk.is_over() {
            self.end(side);
        }
    }

    /// There is no room for what is held of a side: how many bytes that are in the middle of something are to be blanked.
    pub(super) fn crowd(&mut self, held: &mut [u8], masker: &mut Masker<'_>) -> usize {
        let walk = &mut self.walks[masker.side as usize];
        let open = walk.crowd(held, masker);
        if walk.at == At::Lost {
            self.lose(masker.side, Lost::Crowded, masker.book);
        }
        open
    }

    /// How much of what is held of a side is done with, and let go.
    pub(super) fn release(&mut self, side: Side) -> usize {
        self.walks[side as usize].release()
    }

    fn lose(&mut self, side: Side, lost: Lost, book: &mut Book) {
        self.walks[side as usize].at = At::Lost;
        if !std::mem::replace(&mut self.counted, true) {
            *lost.counter(&mut book.blanked) += 1;
        }
    }
}

/// Whether these few bytes may be the beginning of a request or of a response.
pub(super) fn may_begin(bytes: &[u8]) -> bool {
    let begins = |method: &[u8]| match bytes.strip_prefix(method) {
        Some(target) => b"http".starts_with(target) && target.len() < 4,
        None => method.starts_with(bytes),
    };
    BEGINNINGS.into_iter().any(begins) || b"HTTP/1".starts_with(bytes)
}
