//! What a server without known answers says, listened to for values.
//!
//! It does not know where an answer ends but by being told; it keeps a bounded end of what was said.

use super::values::{Giver, Values};
use crate::rules::Learn;

/// The most that is kept before it is searched.
const WINDOW_MAX_BYTES: usize = 64 * 1024;
/// The most that is kept of what was searched: a value that is longer, with what surrounds it, may be missed.
const TAIL_BYTES: usize = 4 * 1024;

/// One server's side of a session.
#[derive(Debug, Default)]
pub(super) struct Listener {
    window: Vec<u8>,
    /// How far each of the rules' expressions was searched for.
    searched: Vec<usize>,
}

impl Listener {
    /// It said this, in pieces of any size.
    pub(super) fn hear<'r>(
        &mut self,
        giver: Giver,
        bytes: &[u8],
        learns: impl Iterator<Item = &'r Learn> + Clone,
        values: &mut Values,
    ) {
        for piece in bytes.chunks(WINDOW_MAX_BYTES) {
            self.window.extend_from_slice(piece);
            if self.window.len() > WINDOW_MAX_BYTES {
                self.learn(giver, false, learns.clone(), values);
            }
        }
    }

    /// Searches what was said since the last time. What a match at the very end might still become is left for later, unless
    /// the answer has `ended`, or it is as long as the recorded one.
    pub(super) fn learn<'r>(
        &mut self,
        giver: Giver,
        ended: bool,
        learns: impl Iterator<Item = &'r Learn>,
        values: &mut Values,
    ) {
        if self.window.is_empty() {
            return;
        }
        for (place, learn) in learns.enumerate() {
            if self.searched.len() == place {
                self.searched.push(0);
            }
            let searched = &mut self.searched[place];
            while *searched < self.window.len()
                && let Some(captures) = learn.from.captures_at(&self.window, *searched)
            {
                let (Some(whole), value) = (captures.get(0), captures.get(1)) else {
                    break;
                };
                let value = value.map_or(&[][..], |value| value.as_bytes());
                let name = learn.name.as_bytes();
                let long_enough = || {
                    values
                        .awaited_bytes(name)
                        .is_some_and(|bytes| value.len() >= bytes)
                };
                if whole.end() == self.window.len() && !ended && !long_enough() {
                    break;
                }
                values.learn(giver, name, value);
                *searched = whole.end().max(*searched + 1);
            }
        }
        let kept = if ended {
            0
        } else {
            self.window.len().min(TAIL_BYTES)
        };
        let dropped = self.window.len() - kept;
        if dropped > 0 {
            self.window = self.window[dropped..].to_vec();
        }
        for searched in &mut self.searched {
            *searched = searched.saturating_sub(dropped);
        }
    }
}
