//! What shards and the office hand each other: batches, one allocation for many messages.
//!
//! A shard collects a turn's frames in a [`Parcel`]; the office answers with an [`Outbox`] a shard. Neither is sent
//! per message: while the office works or commits, a shard goes on filling its next parcel.

use reactor::Id;
use wire::chat::{Nonce, ServerFrame};

use crate::source::Source;

/// Where a connection is: 8 bytes, because the office keeps one for everybody online.
///
/// The generation is the low half of the connection's: a stale location could name a stranger only if its slot were
/// let again 65,536 times within the instant a reply takes from the office to the shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Location {
    pub(crate) index: u32,
    pub(crate) generation: u16,
    pub(crate) shard: u16,
}

impl Location {
    pub(crate) fn new(shard: u16, id: Id) -> Self {
        Self {
            index: id.index,
            generation: id.generation as u16,
            shard,
        }
    }
}

/// From a shard to the office.
#[derive(Debug, Default)]
pub(crate) struct Parcel {
    pub(crate) shard: u16,
    pub(crate) letters: Vec<Letter>,
    pub(crate) bytes: Vec<u8>,
}

/// One frame, or the end of a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Letter {
    pub(crate) conn: Id,
    /// Who is logged in there; 0 for nobody.
    pub(crate) number: u64,
    pub(crate) what: Content,
    start: u32,
    end: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// A client's frame, whole.
    Frame,
    /// The nonce of the connection, then the frame.
    Login,
    /// Where it is asked from, then the frame.
    Register,
    /// The client has said its last, and waits for its answers.
    Finished,
    /// The connection ended.
    Closed,
}

impl Parcel {
    pub(crate) fn frame(&mut self, conn: Id, number: u64, frame: &[u8]) {
        self.push(conn, number, Content::Frame, &[frame]);
    }

    pub(crate) fn login(&mut self, conn: Id, nonce: &Nonce, frame: &[u8]) {
        self.push(conn, 0, Content::Login, &[nonce, frame]);
    }

    pub(crate) fn register(&mut self, conn: Id, number: u64, source: Source, frame: &[u8]) {
        self.push(conn, number, Content::Register, &[&source.to_bytes(), frame]);
    }

    pub(crate) fn finished(&mut self, conn: Id, number: u64) {
        self.push(conn, number, Content::Finished, &[]);
    }

    pub(crate) fn closed(&mut self, conn: Id, number: u64) {
        self.push(conn, number, Content::Closed, &[]);
    }

    pub(crate) fn content(&self, letter: &Letter) -> &[u8] {
        &self.bytes[letter.start as usize..letter.end as usize]
    }

    pub(crate) fn clear(&mut self) {
        self.letters.clear();
        self.bytes.clear();
    }

    fn push(&mut self, conn: Id, number: u64, what: Content, parts: &[&[u8]]) {
        let start = self.bytes.len() as u32;
        parts.iter().for_each(|part| self.bytes.extend_from_slice(part));
        self.letters.push(Letter {
            conn,
            number,
            what,
            start,
            end: self.bytes.len() as u32,
        });
    }
}

/// From the office to a shard.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    pub(crate) replies: Vec<Reply>,
    bytes: Vec<u8>,
    /// How many of the shard's parcels are worked off: the shard may have two under way.
    pub(crate) parcels_done: u32,
}

/// What a shard is to do with a connection. Frames to the same connection in a row are one reply and one `send`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reply {
    pub(crate) to: Location,
    pub(crate) act: Act,
    start: u32,
    end: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    /// Send the frames.
    Send,
    /// This number is logged in there now; send the frames.
    LoggedIn(u64),
    /// Send the frames, then close.
    Close,
}

impl Outbox {
    pub(crate) fn frames(&self, reply: &Reply) -> &[u8] {
        &self.bytes[reply.start as usize..reply.end as usize]
    }

    pub(crate) fn send(&mut self, to: Location, frame: &ServerFrame<'_>) {
        self.push(to, Act::Send, frame);
    }

    pub(crate) fn logged_in(&mut self, to: Location, number: u64, frame: &ServerFrame<'_>) {
        self.push(to, Act::LoggedIn(number), frame);
    }

    pub(crate) fn close(&mut self, to: Location, frame: &ServerFrame<'_>) {
        self.push(to, Act::Close, frame);
    }

    /// Closes without a word.
    pub(crate) fn end(&mut self, to: Location) {
        let (act, start) = (Act::Close, self.bytes.len() as u32);
        self.replies.push(Reply {
            to,
            act,
            start,
            end: start,
        });
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.replies.is_empty() && self.parcels_done == 0
    }

    /// Bytes of all frames.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.len()
    }

    pub(crate) fn clear(&mut self) {
        self.replies.clear();
        self.bytes.clear();
        self.parcels_done = 0;
    }

    /// Moves the frames that `is_held` names behind those that are held, as far as these have room; the others stay, in
    /// order. Decodes every frame: for when a commit failed.
    pub(crate) fn hold_back(
        &mut self,
        held: &mut Self,
        held_max_bytes: usize,
        is_held: impl Fn(&ServerFrame<'_>) -> bool,
    ) {
        let all = std::mem::take(self);
        self.parcels_done = all.parcels_done;
        for reply in &all.replies {
            let (mut act, mut bytes) = (reply.act, all.frames(reply));
            if bytes.is_empty() && act == Act::Close {
                self.end(reply.to);
            }
            while let Ok(Some((frame, length))) = ServerFrame::decode(bytes) {
                bytes = &bytes[length..];
                if !is_held(&frame) {
                    self.push(reply.to, std::mem::replace(&mut act, Act::Send), &frame);
                } else if held.bytes() < held_max_bytes {
                    held.push(reply.to, Act::Send, &frame);
                }
            }
        }
    }

    /// Moves another outbox's replies behind these.
    pub(crate) fn append(&mut self, other: &mut Self) {
        let shift = self.bytes.len() as u32;
        let shifted = |reply: &Reply| Reply {
            start: reply.start + shift,
            end: reply.end + shift,
            ..*reply
        };
        self.replies.extend(other.replies.iter().map(shifted));
        self.bytes.extend_from_slice(&other.bytes);
        self.parcels_done += other.parcels_done;
        other.clear();
    }

    fn push(&mut self, to: Location, act: Act, frame: &ServerFrame<'_>) {
        let start = self.bytes.len() as u32;
        frame.encode(&mut self.bytes);
        let end = self.bytes.len() as u32;
        match self.replies.last_mut() {
            Some(last) if last.to == to && act == Act::Send && last.act != Act::Close => last.end = end,
            _ => self.replies.push(Reply { to, act, start, end }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_in_a_row_to_one_connection_are_one_reply() {
        let at = |index| Location {
            index,
            generation: 0,
            shard: 0,
        };
        let mut outbox = Outbox::default();
        outbox.logged_in(at(1), 7, &ServerFrame::Pong { token: 1 });
        outbox.send(at(1), &ServerFrame::Pong { token: 2 });
        outbox.send(at(2), &ServerFrame::Pong { token: 3 });
        outbox.close(at(2), &ServerFrame::Pong { token: 4 });
        outbox.send(at(2), &ServerFrame::Pong { token: 5 });
        let acts: Vec<_> = outbox
            .replies
            .iter()
            .map(|reply| (reply.to.index, reply.act))
            .collect();
        assert_eq!(
            acts,
            [
                (1, Act::LoggedIn(7)),
                (2, Act::Send),
                (2, Act::Close),
                (2, Act::Send)
            ]
        );

        let mut both = Outbox::default();
        both.send(at(9), &ServerFrame::Pong { token: 9 });
        both.append(&mut outbox);
        let last = both.replies[4];
        let (frame, _) = ServerFrame::decode(both.frames(&last)).unwrap().unwrap();
        assert!(matches!(frame, ServerFrame::Pong { token: 5 }), "{frame:?}");
    }
}
