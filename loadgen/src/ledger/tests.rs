use std::collections::HashMap;

use proptest::prelude::*;
use proptest::sample::Index;

use super::*;
use crate::members::tests::Neighbours;

const USERS: u32 = 7;
const SHARDS: u32 = 3;
const MEMBERS: Neighbours = Neighbours { users: USERS };

/// One step of the world that the ledger watches.
#[derive(Clone, Debug)]
enum Step {
    Send { sender: u32, to: To },
    Answer { message: Index, accept: bool },
    Deliver { copy: Index, times: usize },
    Turn { user: u32 },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let to = prop_oneof![3 => (0..USERS).prop_map(To::User), 1 => (0..2u32).prop_map(To::Group)];
    let step = prop_oneof![
        4 => (0..USERS, to).prop_map(|(sender, to)| Step::Send { sender, to }),
        4 => (any::<Index>(), prop::bool::weighted(0.9)).prop_map(|(message, accept)| Step::Answer { message, accept }),
        6 => (any::<Index>(), prop_oneof![9 => Just(1usize), 1 => Just(2)])
            .prop_map(|(copy, times)| Step::Deliver { copy, times }),
        1 => (0..USERS).prop_map(|user| Step::Turn { user }),
    ];
    prop::collection::vec(step, 1..300)
}

#[derive(Clone, Default)]
struct Person {
    online: bool,
    session: u8,
    since_ms: u32,
}

struct Known {
    copy: Copy,
    message: usize,
    /// Sessions of its arrivals, and its place in the order of all of its recipient's first arrivals.
    arrivals: Vec<u8>,
    place: Option<usize>,
}

/// Carries the steps out, writes each shard's log, and knows the truth the naive way.
#[derive(Default)]
struct World {
    logs: [Vec<(u32, Event)>; SHARDS as usize],
    people: HashMap<u32, Person>,
    messages: Vec<(u64, u32, To, Option<bool>)>,
    copies: Vec<Known>,
    next: [u64; SHARDS as usize],
    arrivals: usize,
    now_ms: u32,
}

impl World {
    fn of(steps: &[Step], step_ms: u32) -> Self {
        let mut world = Self::default();
        for step in steps {
            world.now_ms += step_ms;
            world.step(step);
        }
        world
    }

    fn log(&mut self, user: u32, event: Event) {
        self.logs[(user % SHARDS) as usize].push((self.now_ms, event));
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Send { sender, to } => {
                let next = &mut self.next[(sender % SHARDS) as usize];
                let first_copy = u64::from(sender % SHARDS) << 40 | *next;
                let mut number = first_copy;
                let message = self.messages.len();
                MEMBERS.each_recipient(sender, to, &mut |recipient| {
                    let copy = Copy {
                        number,
                        sender,
                        recipient,
                    };
                    self.copies.push(Known {
                        copy,
                        message,
                        arrivals: Vec::new(),
                        place: None,
                    });
                    number += 1;
                });
                *next += number - first_copy;
                self.messages.push((first_copy, sender, to, None));
                self.log(
                    sender,
                    Event::Sent {
                        first_copy,
                        sender,
                        to,
                    },
                );
            }
            Step::Answer { ref message, accept } => self.answer(message, accept),
            Step::Deliver { ref copy, times } => (0..times).for_each(|_| self.deliver(copy)),
            Step::Turn { user } => {
                let now_ms = self.now_ms;
                let person = self.people.entry(user).or_default();
                person.online = !person.online;
                let event = if person.online {
                    person.session = person.session.wrapping_add(1);
                    person.since_ms = now_ms;
                    Event::Online { user }
                } else {
                    Event::Offline { user }
                };
                self.log(user, event);
            }
        }
    }

    fn answer(&mut self, message: &Index, accept: bool) {
        if self.messages.is_empty() {
            return;
        }
        let index = message.index(self.messages.len());
        let arrived = self
            .copies
            .iter()
            .any(|known| known.message == index && known.place.is_some());
        let (first_copy, sender, to, answer) = &mut self.messages[index];
        let (first_copy, sender, to) = (*first_copy, *sender, *to);
        // What arrived was not refused; a repeated acceptance is a repeat's answer.
        let accept = accept || arrived || *answer == Some(true);
        if *answer == Some(false) {
            return;
        }
        *answer = Some(accept);
        let event = if accept {
            Event::Accepted {
                first_copy,
                sender,
                to,
            }
        } else {
            Event::Refused {
                first_copy,
                sender,
                to,
                code: Code::Busy,
            }
        };
        self.log(sender, event);
    }

    fn deliver(&mut self, copy: &Index) {
        if self.copies.is_empty() {
            return;
        }
        let at = copy.index(self.copies.len());
        let known = &mut self.copies[at];
        let person = self.people.entry(known.copy.recipient).or_default().clone();
        if !person.online || self.messages[known.message].3 == Some(false) {
            return;
        }
        known.arrivals.push(person.session);
        if known.place.is_none() {
            known.place = Some(self.arrivals);
            self.arrivals += 1;
        }
        let Copy {
            number,
            sender,
            recipient,
        } = known.copy;
        let (session, since_ms) = (person.session, person.since_ms);
        self.log(
            recipient,
            Event::Delivered {
                copy: number,
                sender,
                recipient,
                session,
                since_ms,
            },
        );
    }

    /// The figures by definition.
    fn truth(&self) -> Figures {
        let mut truth = Figures::default();
        for known in &self.copies {
            let answer = self.messages[known.message].3;
            let arrived = known.place.is_some();
            let online = self
                .people
                .get(&known.copy.recipient)
                .is_some_and(|person| person.online);
            truth.sent += 1;
            truth.accepted += u64::from(answer == Some(true));
            truth.refused += u64::from(answer == Some(false));
            match (answer, arrived) {
                (Some(true), true) => truth.delivered += 1,
                (Some(true), false) if online => truth.missing += 1,
                (Some(true), false) => truth.queued += 1,
                (_, true) => truth.delivered_unanswered += 1,
                _ => {}
            }
            for session in known.arrivals.iter().skip(1) {
                if *session == known.arrivals[0] {
                    truth.duplicated += 1;
                } else {
                    truth.redelivered += 1;
                }
            }
            truth.misordered += u64::from((arrived || answer == Some(true)) && self.is_overtaken(known));
        }
        truth
    }

    fn is_overtaken(&self, known: &Known) -> bool {
        self.copies.iter().any(|other| {
            let same = (other.copy.sender, other.copy.recipient) == (known.copy.sender, known.copy.recipient);
            let first = other
                .place
                .is_some_and(|place| known.place.is_none_or(|own| place < own));
            same && other.copy.number > known.copy.number && first
        })
    }
}

fn assert_balanced(figures: &Figures) -> Result<(), TestCaseError> {
    prop_assert_eq!(
        figures.sent,
        figures.accepted + figures.refused + figures.unanswered()
    );
    prop_assert_eq!(
        figures.accepted,
        figures.delivered + figures.queued + figures.missing
    );
    Ok(())
}

proptest! {
    /// However the shards' logs are interleaved, the figures balance at each moment and end as the truth is.
    #[test]
    fn any_interleaving_of_the_shards_ends_in_the_truth(
        steps in steps(),
        picks in prop::collection::vec(0usize..SHARDS as usize, 0..900),
    ) {
        let world = World::of(&steps, 0);
        let mut books = Books::<16>::new(USERS);
        let mut logs = world.logs.each_ref().map(|log| log.iter());
        for pick in picks.into_iter().chain(0..SHARDS as usize) {
            if let Some((now_ms, event)) = logs[pick].next() {
                books.observe(*event, &MEMBERS, *now_ms);
                assert_balanced(&books.figures())?;
            }
        }
        for (now_ms, event) in logs.into_iter().flatten() {
            books.observe(*event, &MEMBERS, *now_ms);
            assert_balanced(&books.figures())?;
        }
        prop_assert_eq!(books.figures(), world.truth());
        prop_assert!(books.pairs.len() <= world.copies.len());
    }

    /// What is let go while time passes changes no figure, save how a very late second arrival is judged.
    #[test]
    fn forgetting_changes_nothing(steps in steps(), step_ms in 1u32..40_000) {
        let world = World::of(&steps, step_ms);
        let mut books = Books::<8>::new(USERS);
        let mut events: Vec<_> = world.logs.iter().flatten().copied().collect();
        events.sort_by_key(|(now_ms, _)| *now_ms);
        for (now_ms, event) in events {
            books.sweep(now_ms);
            books.observe(event, &MEMBERS, now_ms);
            assert_balanced(&books.figures())?;
        }
        let (mut figures, mut truth) = (books.figures(), world.truth());
        prop_assert_eq!(figures.redelivered + figures.duplicated, truth.redelivered + truth.duplicated);
        (figures.redelivered, figures.duplicated, truth.redelivered, truth.duplicated) = (0, 0, 0, 0);
        prop_assert_eq!(figures, truth);
    }
}

fn sent(first_copy: u64) -> Event {
    Event::Sent {
        first_copy,
        sender: 0,
        to: To::User(1),
    }
}

fn accepted(first_copy: u64) -> Event {
    Event::Accepted {
        first_copy,
        sender: 0,
        to: To::User(1),
    }
}

fn refused(first_copy: u64) -> Event {
    Event::Refused {
        first_copy,
        sender: 0,
        to: To::User(1),
        code: Code::MailboxFull,
    }
}

fn delivered(copy: u64, session: u8, since_ms: u32) -> Event {
    Event::Delivered {
        copy,
        sender: 0,
        recipient: 1,
        session,
        since_ms,
    }
}

fn books_after(events: &[Event]) -> Books<16> {
    let mut books = Books::new(USERS);
    events.iter().for_each(|event| books.observe(*event, &MEMBERS, 0));
    books
}

#[test]
fn a_copy_that_arrives_though_refused_is_told_whichever_is_seen_first() {
    for events in [
        [sent(5), refused(5), delivered(5, 1, 0)],
        [delivered(5, 1, 0), sent(5), refused(5)],
        [sent(5), delivered(5, 1, 0), refused(5)],
    ] {
        let books = books_after(&events);
        let figures = books.figures();
        assert_eq!(
            (
                figures.refused,
                figures.delivered_refused,
                figures.delivered_unanswered
            ),
            (1, 1, 0),
            "{events:?}"
        );
        assert_eq!(books.refusals().collect::<Vec<_>>(), [(Code::MailboxFull, 1)]);
    }
}

#[test]
fn a_refused_copy_is_overtaken_by_nothing() {
    let figures = books_after(&[sent(1), sent(2), delivered(2, 0, 0), accepted(2), refused(1)]).figures();
    assert_eq!(figures.misordered, 0);
    let figures = books_after(&[sent(1), sent(2), delivered(2, 0, 0), accepted(2), accepted(1)]).figures();
    assert_eq!(figures.misordered, 1);
}

#[test]
fn a_second_arrival_long_after_is_judged_by_when_the_session_began() {
    let mut books = Books::<2>::new(USERS);
    for copy in [0, 1] {
        for event in [sent(copy), accepted(copy), delivered(copy, 1, 100)] {
            books.observe(event, &MEMBERS, 1_000);
        }
    }
    books.sweep(60_000);
    assert_eq!(books.chunks.dense(), 0);
    books.observe(delivered(0, 2, 50_000), &MEMBERS, 61_000);
    assert_eq!((books.figures().redelivered, books.figures().duplicated), (1, 0));
    books.observe(delivered(0, 1, 100), &MEMBERS, 61_000);
    assert_eq!((books.figures().redelivered, books.figures().duplicated), (1, 1));
}
