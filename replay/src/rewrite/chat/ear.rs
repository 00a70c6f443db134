//! What a server said to a session, the recorded one or the target, as far as the client's frames depend on it.
//!
//! It does not know which of the two it listens to.

use wire::chat::{FrameError, ServerFrame};

use crate::rewrite::feed::{Step, feed};

/// The most unacknowledged items that are remembered: a server sends 64 ahead.
const ITEMS_MAX: usize = 1024;

/// What one server said, as far as the client's frames depend on it.
#[derive(Debug, Default)]
pub(super) struct Ear {
    /// A frame that is not whole.
    held: Vec<u8>,
    /// Items that are not acknowledged, by `seq`.
    pub(super) items: Vec<u64>,
    /// Of *welcome*.
    pub(super) last_id: Option<u64>,
    /// It broke the protocol, or what it said was lost: nothing more can be learned.
    deaf: bool,
}

impl Ear {
    /// Reads frames, in pieces of any size; `also` sees each.
    pub(super) fn hear(&mut self, bytes: &[u8], mut also: impl FnMut(ServerFrame<'_>)) {
        if self.deaf {
            return;
        }
        let mut held = std::mem::take(&mut self.held);
        let read = feed(&mut held, bytes, |rest| match ServerFrame::decode(rest)? {
            None => Ok::<_, FrameError>(Step::Partial),
            Some((frame, length)) => {
                self.note(&frame);
                also(frame);
                Ok(Step::Took(length))
            }
        });
        self.held = held;
        self.deaf = read.is_err();
    }

    /// Some of what it said is lost, and where the next frame begins with it.
    pub(super) fn lose(&mut self) {
        (self.held, self.deaf) = (Vec::new(), true);
    }

    fn note(&mut self, frame: &ServerFrame<'_>) {
        match *frame {
            ServerFrame::Welcome { last_id, .. } => self.last_id = Some(last_id),
            ServerFrame::Deliver { seq, .. } | ServerFrame::Delivered { seq, .. }
                if seq != 0 && self.items.len() < ITEMS_MAX =>
            {
                self.items.push(seq);
            }
            _ => {}
        }
    }
}
