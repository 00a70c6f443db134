//! Answers of both sides, paired and judged.
//!
//! It does not know how answers are told apart. It holds those of the side that is ahead, within bounds.

use std::collections::VecDeque;

use super::answer::Answer;
use super::{Compared, Difference};
use crate::rewrite::Giver;

/// The most answers that one side may be ahead by.
const AHEAD_MAX: usize = 256;
/// The most bytes that they may hold.
const AHEAD_MAX_BYTES: usize = 1 << 20;

/// Whether answers come in the order of the recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// The n-th answers the n-th.
    Kept,
    /// Answers may overtake one another: the same belong together, and of the rest those of a slot.
    Free,
}

/// Answers that wait for their like, and what the others came to.
#[derive(Debug)]
pub(super) struct Pairs {
    order: Order,
    ahead: [Waiting; 2],
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
            compared: Compared::default(),
        }
    }

    /// One more answer of a side.
    pub(super) fn push(&mut self, giver: Giver, answer: Answer) {
        let others = &mut self.ahead[giver.other() as usize];
        let place = match self.order {
            Order::Kept => (!others.answers.is_empty()).then_some(0),
            Order::Free => others.answers.iter().position(|other| other.agrees(&answer)),
        };
        if let Some(other) = place.and_then(|place| others.remove(place)) {
            match giver {
                Giver::Recorded => self.judge(Some(answer), Some(other)),
                Giver::Target => self.judge(Some(other), Some(answer)),
            }
            return;
        }
        self.ahead[giver as usize].push(answer);
        if self.ahead[giver as usize].full() {
            self.give_up(giver);
        }
    }

    /// The first recorded answer that waits.
    pub(super) fn first_recorded(&self) -> Option<&Answer> {
        self.ahead[Giver::Recorded as usize].answers.front()
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
        match giver {
            Giver::Recorded => self.judge(Some(answer), other),
            Giver::Target => self.judge(other, Some(answer)),
        }
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
    /// How many answers were judged.
    #[must_use]
    pub fn judged(&self) -> u64 {
        self.identical + self.masked + self.different + self.missing + self.extra
    }
}
