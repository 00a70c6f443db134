//! Answers of both sides, paired and judged.
//!
//! It does not know how answers are told apart. It holds those of the side that is ahead, within bounds.
//!
//! Where the order is kept, an answer that is not as recorded is held for a few more: the next that agree say what stood before them.
//! So one that is missing, or one too many, makes none after it different.

use std::collections::VecDeque;

use super::answer::Answer;
use super::{Compared, Difference};
use crate::rewrite::Giver;

/// The most answers that one side may be ahead by.
const AHEAD_MAX: usize = 256;
/// How many answers of either side are looked over for the next that agree, where the order is kept.
const WINDOW: usize = 8;
/// The most bytes that they may hold.
const AHEAD_MAX_BYTES: usize = 1 << 20;

/// Whether answers come in the order of the recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// The n-th answers the n-th: each request has its own.
    Strict,
    /// The same, but that one may be missing, or come besides.
    Kept,
    /// Answers may overtake one another: the same belong together, and of the rest those of a slot.
    Free,
}

/// Answers that wait for their like, and what the others came to.
#[derive(Debug)]
pub(super) struct Pairs {
    order: Order,
    ahead: [Waiting; 2],
    /// The recording lacks answers: what has no like may be one of them.
    blurred: bool,
    compared: Compared,
}

/// One side's answers that wait.
#[derive(Debug, Default)]
struct Waiting {
    answers: VecDeque<Answer>,
    bytes: usize,
}

impl Waiting {
    fn push(&mut self, answer: Answer) {
        self.bytes += answer.bytes();
        self.answers.push_back(answer);
    }

    fn remove(&mut self, place: usize) -> Option<Answer> {
        let answer = self.answers.remove(place)?;
        self.bytes -= answer.bytes();
        if self.answers.is_empty() {
            self.answers = VecDeque::new();
        }
        Some(answer)
    }

    fn full(&self) -> bool {
        self.answers.len() > AHEAD_MAX || self.bytes > AHEAD_MAX_BYTES
    }
}

impl Pairs {
    pub(super) fn new(order: Order) -> Self {
        Self {
            order,
            ahead: Default::default(),
            blurred: false,
            compared: Compared::default(),
        }
    }

    /// The recording lacks what its server said here: from now on answers are found again by what they say.
    pub(super) fn blur(&mut self) {
        self.blurred = true;
        if self.order == Order::Strict {
            self.order = Order::Kept;
        }
    }

    /// One more answer of a side.
    pub(super) fn push(&mut self, giver: Giver, answer: Answer) {
        let held = self.ahead[giver as usize].answers.len();
        let others = &mut self.ahead[giver.other() as usize].answers;
        let agrees = |other: &Answer| other.agrees(&answer);
        let place = match self.order {
            Order::Strict => (!others.is_empty()).then_some(0),
            Order::Kept if held > WINDOW => None,
            Order::Kept => others.iter().take(WINDOW).position(agrees),
            Order::Free => others.iter().position(agrees),
        };
        if let Some(place) = place {
            let before = if self.order == Order::Kept { place } else { 0 };
            if self.order == Order::Kept {
                self.align(giver, before);
            }
            let other = self.ahead[giver.other() as usize].remove(place - before);
            return self.judge_for(giver, Some(answer), other);
        }
        self.ahead[giver as usize].push(answer);
        if self.order == Order::Kept && held >= WINDOW {
            // None of them came again: the oldest of each side belong together.
            let other = self.ahead[giver.other() as usize].remove(0);
            if let Some(other) = other {
                let own = self.ahead[giver as usize].remove(0);
                return self.judge_for(giver, own, Some(other));
            }
        }
        if self.ahead[giver as usize].full() {
            self.give_up(giver);
        }
    }

    /// What stands on both sides before two that agree belongs together in its order; what is left over is missing, or besides.
    fn align(&mut self, giver: Giver, others: usize) {
        let own = self.ahead[giver as usize].answers.len();
        for place in 0..own.max(others) {
            let other = (place < others).then(|| self.ahead[giver.other() as usize].remove(0));
            let own = self.ahead[giver as usize].remove(0);
            self.judge_for(giver, own, other.flatten());
        }
    }

    fn judge_for(&mut self, giver: Giver, own: Option<Answer>, other: Option<Answer>) {
        match giver {
            Giver::Recorded => self.judge(own, other),
            Giver::Target => self.judge(other, own),
        }
    }

    /// The recorded answer that the target's next one stands for, if they are in order.
    pub(super) fn next_recorded(&self) -> Option<&Answer> {
        let held = self.ahead[Giver::Target as usize].answers.len();
        self.ahead[Giver::Recorded as usize].answers.get(held)
    }

    /// Nothing more comes.
    pub(super) fn finish(mut self) -> Compared {
        for giver in Giver::BOTH {
            while !self.ahead[giver as usize].answers.is_empty() {
                self.give_up(giver);
            }
        }
        self.compared
    }

    /// Judges a side's oldest answer by what there is.
    fn give_up(&mut self, giver: Giver) {
        let Some(answer) = self.ahead[giver as usize].remove(0) else {
            return;
        };
        let others = &mut self.ahead[giver.other() as usize];
        let alike = others.answers.iter().position(|other| other.slot == answer.slot);
        let other = alike.and_then(|place| others.remove(place));
        self.judge_for(giver, Some(answer), other);
    }

    fn judge(&mut self, recorded: Option<Answer>, actual: Option<Answer>) {
        let compared = &mut self.compared;
        let answer = compared.judged();
        let agreed = match (&recorded, &actual) {
            (Some(one), Some(other)) if one.repeats(other) => {
                compared.identical += 1;
                true
            }
            (Some(one), Some(other)) if one.agrees(other) => {
                compared.masked += 1;
                true
            }
            (Some(_), Some(_)) => {
                compared.different += 1;
                false
            }
            (Some(_), None) => {
                compared.missing += 1;
                false
            }
            (None, _) if self.blurred => {
                compared.unjudged += 1;
                true
            }
            (None, _) => {
                compared.extra += 1;
                false
            }
        };
        if !agreed && compared.first.is_none() {
            let difference = Difference::new(answer, recorded.as_ref(), actual.as_ref());
            compared.first = Some(Box::new(difference));
        }
    }
}

impl Compared {
    /// How many answers were judged: found to be one or the other.
    #[must_use]
    pub fn judged(&self) -> u64 {
        self.identical + self.masked + self.different + self.missing + self.extra
    }
}
