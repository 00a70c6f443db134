//! What a session asked and was not answered yet: since when, and where in what its server says each answer begins.
//!
//! It knows offsets and instants, and no bytes. The first question is kept in place; a second one that is asked before the
//! first is answered moves those behind the first onto the heap, 512 B at most, until they are answered. What does not fit,
//! and what is never answered, is not forgotten but counted: a target that slows down would look fast by the answers that
//! are left.
//!
//! Answers are told apart by their recorded lengths, in the order in which they were recorded. A target whose answers are
//! longer or shorter than the recorded ones shifts the beginnings of those under way; a silence sets that right.

use std::collections::VecDeque;

/// Questions that may be open behind the first.
const BEHIND_MAX: usize = 31;
/// A server that has begun all its answers and is silent for so long has ended them, however long they were recorded.
const SILENCE_MS: i32 = 100;

/// A question: 16 B.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::drive) struct Question {
    /// When it was due, nanoseconds; 0 where there is none.
    pub(in crate::drive) asked_ns: u64,
    /// How long the recorded answer took, microseconds.
    pub(in crate::drive) recorded_us: u32,
    /// Bytes heard before its answer's first, modulo 2^32.
    begins: u32,
}

/// Those behind the first.
#[derive(Debug, Default)]
struct Behind(VecDeque<Question>);

/// A session's open questions, in the order in which they were asked.
#[derive(Debug, Default)]
pub(super) struct Questions {
    first: Question,
    behind: Option<Box<Behind>>,
    /// Bytes to be heard before what the server was not recorded to have said yet, modulo 2^32.
    expected: u32,
    /// When anything was heard last, modulo 2^32.
    heard_ms: u32,
    /// Questions whose answers will not be timed.
    untimed: u32,
}

impl Questions {
    /// The recorded server said so much.
    pub(super) fn expect(&mut self, bytes: u64) {
        // Half a wrap ahead would look like a surplus: what lies further ahead is nearer than it seems.
        self.expected = self.expected.wrapping_add(bytes.min(1 << 30) as u32);
    }

    /// The client says something, `heard` bytes after it began to listen; where an answer was recorded, it took so long.
    pub(super) fn ask(&mut self, due_ns: u64, heard: u32, recorded_us: Option<u32>) {
        let is_surplus = (self.expected.wrapping_sub(heard) as i32) < 0;
        let silent_ms = ((due_ns / 1_000_000) as u32).wrapping_sub(self.heard_ms) as i32;
        let is_silent = self.is_empty() && heard != 0 && silent_ms >= SILENCE_MS;
        if is_surplus || is_silent {
            self.expected = heard;
        }
        let Some(recorded_us) = recorded_us else { return };
        let question = Question {
            asked_ns: due_ns.max(1),
            recorded_us,
            begins: self.expected,
        };
        if self.is_empty() {
            self.first = question;
            return;
        }
        let behind = &mut self.behind.get_or_insert_default().0;
        if behind.len() < BEHIND_MAX {
            behind.push_back(question);
        } else {
            self.untimed += 1;
        }
    }

    /// What was asked last was not said after all.
    pub(super) fn take_back(&mut self) {
        let expected = self.expected;
        // What the server says after a question moves the expectation on: only one that nothing followed begins there.
        let is_last = |last: &mut Question| last.begins == expected;
        if let Some(behind) = &mut self.behind {
            behind.0.pop_back_if(is_last);
            self.put_away();
        } else if is_last(&mut self.first) {
            self.first = Question::default();
        }
    }

    /// Something was heard at an instant.
    pub(super) fn hear(&mut self, now_ms: u32) {
        self.heard_ms = now_ms;
    }

    /// Takes the next question whose answer has begun, `heard` bytes in all having been heard.
    pub(super) fn answered(&mut self, heard: u32) -> Option<Question> {
        let has_begun = (heard.wrapping_sub(self.first.begins) as i32) > 0;
        if self.is_empty() || !has_begun {
            return None;
        }
        let next = self.behind.as_mut().and_then(|behind| behind.0.pop_front());
        self.put_away();
        Some(std::mem::replace(&mut self.first, next.unwrap_or_default()))
    }

    /// The open questions will not be answered: what comes next is not theirs.
    pub(super) fn give_up(&mut self, heard: u32) {
        self.untimed = self.untimed();
        self.behind = None;
        self.first = Question::default();
        self.expected = heard;
    }

    /// Questions that were not timed, those still open among them.
    pub(super) fn untimed(&self) -> u32 {
        let behind = self.behind.as_ref().map_or(0, |behind| behind.0.len());
        self.untimed + u32::from(!self.is_empty()) + behind as u32
    }

    fn is_empty(&self) -> bool {
        self.first.asked_ns == 0
    }

    fn put_away(&mut self) {
        if self.behind.as_ref().is_some_and(|behind| behind.0.is_empty()) {
            self.behind = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MS: u64 = 1_000_000;

    fn due(questions: &mut Questions, heard: u32) -> Vec<u64> {
        std::iter::from_fn(|| questions.answered(heard))
            .map(|question| question.asked_ns)
            .collect()
    }

    #[test]
    fn a_question_asked_before_the_answer_to_the_first_is_timed_too() {
        let mut questions = Questions::default();
        questions.ask(5, 0, Some(1_000));
        questions.expect(10);
        questions.ask(9, 0, Some(2_000));
        questions.expect(10);
        assert_eq!((due(&mut questions, 0), questions.untimed()), (vec![], 2));
        assert_eq!(due(&mut questions, 1), [5]);
        assert!(
            due(&mut questions, 10).is_empty(),
            "that was the first answer's end"
        );
        assert_eq!(due(&mut questions, 11), [9]);
        assert_eq!(questions.untimed(), 0);
        assert!(questions.behind.is_none(), "nothing is kept for nothing");
    }

    #[test]
    fn what_does_not_fit_is_counted() {
        let mut questions = Questions::default();
        for at_ns in 1..=40 {
            questions.ask(at_ns, 0, Some(1));
            questions.expect(1);
        }
        assert_eq!(questions.untimed(), 40);
        assert_eq!(due(&mut questions, 40), (1..=32).collect::<Vec<_>>());
        assert_eq!(questions.untimed(), 8);
    }

    #[test]
    fn what_was_not_said_is_no_question() {
        let mut questions = Questions::default();
        questions.ask(1, 0, Some(1));
        questions.take_back();
        assert_eq!(questions.untimed(), 0);
        questions.ask(2, 0, Some(1));
        questions.expect(4);
        questions.ask(3, 0, Some(1));
        questions.take_back();
        // Nothing was asked since.
        questions.take_back();
        assert_eq!((questions.untimed(), due(&mut questions, 8)), (1, vec![2]));
    }

    #[test]
    fn a_silence_ends_an_answer_that_is_shorter_than_recorded_and_a_surplus_is_no_answer() {
        let mut questions = Questions::default();
        questions.ask(MS, 0, Some(1));
        questions.expect(100);
        questions.hear(2);
        assert_eq!(due(&mut questions, 90), [MS]);
        questions.ask(200 * MS, 90, Some(1));
        questions.expect(100);
        questions.hear(201);
        assert_eq!(
            due(&mut questions, 91),
            [200 * MS],
            "100 bytes were never to come"
        );
        // Longer than recorded, and at once.
        questions.ask(202 * MS, 300, Some(1));
        assert!(due(&mut questions, 300).is_empty());
        assert_eq!(due(&mut questions, 301), [202 * MS]);
    }

    #[test]
    fn a_banner_that_is_late_answers_nothing() {
        let mut questions = Questions::default();
        questions.expect(6);
        questions.ask(1_000 * MS, 0, Some(1));
        assert!(due(&mut questions, 6).is_empty());
        assert_eq!(due(&mut questions, 7), [1_000 * MS]);
    }

    proptest! {
        /// However answers of the recorded lengths are cut and whenever they come, each question is timed by its own
        /// answer's first byte or counted, and none twice; also past 2^32 bytes.
        #[test]
        fn every_question_is_timed_by_its_own_answer_or_counted(
            lengths in prop::collection::vec(1u32..50, 1..80),
            said in prop::collection::vec(any::<bool>(), 400),
            chunk in 1u32..60,
            from in prop_oneof![Just(0u32), Just(u32::MAX - 500)],
        ) {
            let mut questions = Questions { expected: from, ..Questions::default() };
            let (mut asked, mut heard, mut all) = (0, 0, 0);
            let (mut begins, mut timed) = (Vec::new(), Vec::new());
            for ask_next in said {
                if ask_next && asked < lengths.len() {
                    questions.ask(asked as u64 + 1, from.wrapping_add(heard), Some(asked as u32));
                    questions.expect(u64::from(lengths[asked]));
                    begins.push(all);
                    all += lengths[asked];
                    asked += 1;
                } else {
                    heard = (heard + chunk).min(all);
                }
                while let Some(question) = questions.answered(from.wrapping_add(heard)) {
                    let place = question.recorded_us as usize;
                    prop_assert!(heard > begins[place], "{place} was timed before its answer");
                    timed.push(place);
                }
            }
            prop_assert!(timed.is_sorted_by(|a, b| a < b), "{timed:?}");
            prop_assert_eq!(timed.len() + questions.untimed() as usize, asked);
            let open = begins.iter().filter(|at| **at >= heard).count();
            prop_assert!(questions.untimed() as usize >= open, "an answer that never came was timed");
        }
    }
}
