//! The answers of both servers on one connection, each as that to its request: what both hand out to the same one belongs together.
//!
//! It does not know what is asked, nor what becomes of what it learns.

use std::ops::Range;

use super::super::Scene;
use super::super::common::Person;
use super::super::values::{Giver, Values};
use super::lesson;
use crate::http::{Asked, Head, Responses};

/// Answers, counted by the requests that they are to.
#[derive(Debug)]
pub(super) struct Answers {
    /// What they handed out.
    pub(super) values: Values,
    /// None where the recording lacks a part of them, until the next request of a client that waits for its answers.
    recorded: Option<Responses>,
    actual: Responses,
    /// Requests so far.
    asked: u32,
    /// From the first to the last request whose recorded answer is lost, as far as the target has not answered them.
    lost: Range<u32>,
    /// Whether anything was asked before all was answered: behind a gap it cannot be told which answer comes next.
    pipelines: bool,
}

impl Default for Answers {
    fn default() -> Self {
        Self {
            values: Values::default(),
            recorded: Some(Responses::default()),
            actual: Responses::default(),
            asked: 0,
            lost: 0..0,
            pipelines: false,
        }
    }
}

impl Answers {
    /// A request was made.
    pub(super) fn asked(&mut self, scene: &mut Scene, person: Person, head: Head<'_>) {
        self.pipelines |= self.values.turn(Giver::Recorded) < self.asked;
        self.asked = self.asked.saturating_add(1);
        if self.recorded.is_none() && self.pipelines {
            self.lose(scene, person);
        } else {
            self.recorded.get_or_insert_default().asked(Asked::of(head));
        }
        self.actual.asked(Asked::of(head));
    }

    /// The recorded answers to all that was asked so far are lost.
    pub(super) fn lose(&mut self, scene: &mut Scene, person: Person) {
        self.recorded = None;
        if self.lost.end <= self.values.turn(Giver::Target) {
            self.lost.start = self.values.turn(Giver::Recorded);
        }
        self.lost.end = self.asked;
        let publish = |news| scene.rules.common.publish(person, news);
        scene.unlearned += self
            .values
            .turn_to(Giver::Recorded, self.asked, &self.lost, publish);
    }

    /// Whether the recorded ones are known, and none is awaited.
    pub(super) fn are_in(&self) -> bool {
        let recorded = self.recorded.as_ref();
        recorded.is_some_and(|recorded| !recorded.are_awaited())
    }

    /// The target said this.
    pub(super) fn heard(&mut self, scene: &mut Scene, person: Person, bytes: &[u8]) {
        self.hear(scene, person, Giver::Target, 0, bytes);
    }

    /// The recorded server said this in a turn of that time.
    pub(super) fn expected(&mut self, scene: &mut Scene, person: Person, at_ns: u64, bytes: &[u8]) {
        self.hear(scene, person, Giver::Recorded, at_ns, bytes);
    }

    fn hear(&mut self, scene: &mut Scene, person: Person, giver: Giver, at_ns: u64, bytes: &[u8]) {
        let values = &mut self.values;
        let responses = match giver {
            Giver::Recorded => self.recorded.as_mut(),
            Giver::Target => Some(&mut self.actual),
        };
        let Some(responses) = responses else { return };
        let publish = |news| scene.rules.common.publish(person, news);
        let mut unlearned = 0;
        responses.read(bytes, |response| {
            // Whether one is sent at all is up to the server.
            if response.interim {
                return;
            }
            let is_sealed = lesson::learn(scene, response, &mut |name, value| {
                if let Some(news) = values.learn(giver, name, value) {
                    if giver == Giver::Recorded {
                        scene.rules.early.handed_out(person, name, value, at_ns);
                    }
                    publish(news);
                }
            });
            // One that nobody asked for shifts none of those after it.
            let next = values.turn(giver).saturating_add(1).min(self.asked);
            unlearned += u32::from(is_sealed) + values.turn_to(giver, next, &self.lost, publish);
        });
        let is_astray = giver == Giver::Recorded && responses.are_foreign();
        scene.unlearned += unlearned;
        if is_astray {
            // It began within an answer of which the recording lacks a part.
            self.lose(scene, person);
        }
    }
}
