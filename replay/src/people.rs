//! Who the people of recorded chats are: every number that a client logs in with, writes to, or puts into a group.
//!
//! It does not know who they become at a target: the rules do.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use wire::chat::{Address, ClientFrame, Number};

use crate::{Protocol, Recording, RecordingError, Side, TurnKind};

/// The most numbers that are told apart; what is beyond is not.
const PEOPLE_MAX: usize = 1 << 20;

/// The numbers of recorded chats, and the servers that they were said to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct People {
    numbers: BTreeSet<u64>,
    /// Places in [`Recording::sessions`] of the chats.
    chats: Vec<u32>,
}

impl People {
    /// Reads what the clients of these sessions said: places in [`Recording::sessions`].
    ///
    /// # Errors
    /// The recording cannot be read.
    pub fn of(recording: &Recording, sessions: &[u32]) -> Result<Self, RecordingError> {
        let mut people = Self::default();
        let (mut said, mut scratch) = (Vec::new(), Vec::new());
        for &place in sessions {
            let index = place as usize;
            if !matches!(recording.sessions().get(index), Some(session) if session.protocol == Protocol::Chat)
            {
                continue;
            }
            people.chats.push(place);
            said.clear();
            for turn in recording.turns(index) {
                if turn.side == Side::Client && matches!(turn.kind, TurnKind::Bytes { .. }) {
                    said.extend_from_slice(recording.bytes(turn, &mut scratch)?);
                    let read = people.read(&said);
                    said.drain(..read);
                }
            }
        }
        Ok(people)
    }

    /// The numbers, ascending.
    pub fn numbers(&self) -> impl Iterator<Item = u64> + '_ {
        self.numbers.iter().copied()
    }

    /// From the lowest to the highest; `None` where nobody chats.
    #[must_use]
    pub fn span(&self) -> Option<RangeInclusive<u64>> {
        Some(*self.numbers.first()?..=*self.numbers.last()?)
    }

    /// One of the chats: its place in [`Recording::sessions`].
    #[must_use]
    pub fn chat(&self) -> Option<u32> {
        self.chats.first().copied()
    }

    /// Reads whole frames; returns how many bytes they took. What is no frame is not read on.
    fn read(&mut self, said: &[u8]) -> usize {
        let mut taken = 0;
        while let Ok(Some((frame, length))) = ClientFrame::decode(&said[taken..]) {
            taken += length;
            self.note(&frame);
        }
        taken
    }

    fn note(&mut self, frame: &ClientFrame<'_>) {
        match *frame {
            ClientFrame::Register { number }
            | ClientFrame::Prove { number, .. }
            | ClientFrame::Login { number, .. }
            | ClientFrame::Typing { to: number, .. }
            | ClientFrame::Watch { number, .. }
            | ClientFrame::Send {
                to: Address::Person(number),
                ..
            } => self.add(number),
            ClientFrame::Send {
                to: Address::Group(group),
                ..
            }
            | ClientFrame::LeaveGroup { group } => self.add(group.owner()),
            ClientFrame::SetGroup { members, .. } => members.iter().for_each(|number| self.add(number)),
            ClientFrame::Ack { .. } | ClientFrame::Ping { .. } => {}
        }
    }

    fn add(&mut self, number: Number) {
        if self.numbers.len() < PEOPLE_MAX {
            self.numbers.insert(number.value());
        }
    }
}

#[cfg(test)]
mod tests {
    use wire::chat::{Body, Kind, Proof};

    use super::*;
    use crate::drive::testing::{recorded, said};

    fn number(value: u64) -> Number {
        Number::new(value).unwrap()
    }

    #[test]
    fn whoever_is_named_is_somebody_wherever_a_frame_was_cut() {
        let mut bytes = Vec::new();
        let proof = Proof([7; 16]);
        ClientFrame::Login {
            number: number(15_550_000_003),
            proof,
        }
        .encode(&mut bytes);
        ClientFrame::Send {
            id: 1,
            to: Address::Person(number(15_550_000_009)),
            body: Body {
                kind: Kind::Text,
                bytes: b"hello",
            },
        }
        .encode(&mut bytes);
        let whole: &'static [u8] = bytes.leak();
        let hello: &'static [u8] = b"GET / HTTP/1.1\r\n\r\n";
        for cut in 1..whole.len() - 1 {
            let turns = [
                said(Side::Client, 10, &whole[..cut]),
                said(Side::Client, 20, &whole[cut..]),
            ];
            let recording = recorded(&[
                (0, "10.0.0.1:1000", "10.0.0.9:7700", &turns),
                (
                    5,
                    "10.0.0.1:1001",
                    "10.0.0.9:80",
                    &[said(Side::Client, 10, hello)],
                ),
            ]);
            let mut people = People::default();
            let mut scratch = Vec::new();
            // What a protocol is guessed by is another's test.
            let mut read = Vec::new();
            for turn in recording.turns(0) {
                read.extend_from_slice(recording.bytes(turn, &mut scratch).unwrap());
                let taken = people.read(&read);
                read.drain(..taken);
            }
            assert_eq!(
                people.span(),
                Some(15_550_000_003..=15_550_000_009),
                "cut at {cut}"
            );
            assert_eq!(People::of(&recording, &[1]).unwrap(), People::default());
        }
    }
}
