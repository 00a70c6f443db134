//! Answers of a protocol of which nothing is known: what a server says between two sayings of its client.
//!
//! It does not know when the target is done with an answer. A target that has said as much as was recorded, and the same but
//! for what may differ, has answered. One that has said something else has answered when the client speaks again; one that is
//! late has time until the end.

use super::answer::{Answer, KEPT_MAX_BYTES, Masks};
use super::pairs::Pairs;
use crate::rewrite::Giver;

/// One session's answers under way.
#[derive(Debug, Default)]
pub(super) struct Turns {
    /// Of the recorded server, since its client spoke.
    recorded: Vec<u8>,
    /// Of the target, since its last answer.
    actual: Vec<u8>,
}

impl Turns {
    /// A server said this. An answer that is too long to keep is compared in parts.
    pub(super) fn hear(&mut self, giver: Giver, bytes: &[u8], masks: Masks<'_>, pairs: &mut Pairs) {
        for byte_run in bytes.chunks(KEPT_MAX_BYTES) {
            match giver {
                Giver::Recorded => {
                    self.recorded.extend_from_slice(byte_run);
                    while self.recorded.len() >= KEPT_MAX_BYTES {
                        let behind = self.recorded.split_off(KEPT_MAX_BYTES);
                        self.close(masks, pairs);
                        self.recorded = behind;
                    }
                }
                Giver::Target => self.actual.extend_from_slice(byte_run),
            }
            self.settle(masks, pairs);
            if self.actual.len() >= 2 * KEPT_MAX_BYTES {
                self.give_up(masks, pairs);
            }
        }
    }

    /// The client speaks: the recorded answer is whole, and the target's if it is another.
    pub(super) fn said(&mut self, masks: Masks<'_>, pairs: &mut Pairs) {
        self.close(masks, pairs);
        self.settle(masks, pairs);
        let late = |answer: &Answer| answer.raw.starts_with(&self.actual);
        if !self.actual.is_empty() && pairs.next_recorded().is_some_and(|answer| !late(answer)) {
            self.give_up(masks, pairs);
        }
    }

    /// The recording lacks what its server said here.
    pub(super) fn lose(&mut self) {
        self.recorded = Vec::new();
    }

    /// Nothing more comes.
    pub(super) fn end(&mut self, masks: Masks<'_>, pairs: &mut Pairs) {
        self.close(masks, pairs);
        self.settle(masks, pairs);
        self.give_up(masks, pairs);
    }

    /// The recorded answer is whole.
    fn close(&mut self, masks: Masks<'_>, pairs: &mut Pairs) {
        if !self.recorded.is_empty() {
            let answer = Answer::plain("answer", &std::mem::take(&mut self.recorded), masks);
            pairs.push(Giver::Recorded, answer);
        }
    }

    /// Takes the answers off what the target said that are as recorded.
    fn settle(&mut self, masks: Masks<'_>, pairs: &mut Pairs) {
        while let Some(recorded) = pairs.next_recorded()
            && self.actual.len() >= recorded.raw.len()
        {
            let length = recorded.raw.len();
            let answer = Answer::plain("answer", &self.actual[..length], masks);
            if !answer.agrees(recorded) {
                return;
            }
            pairs.push(Giver::Target, answer);
            self.actual = self.actual[length..].to_vec();
        }
    }

    /// What the target said is its answer, whatever it is.
    fn give_up(&mut self, masks: Masks<'_>, pairs: &mut Pairs) {
        if !self.actual.is_empty() {
            let answer = Answer::plain("answer", &std::mem::take(&mut self.actual), masks);
            pairs.push(Giver::Target, answer);
        }
    }
}
