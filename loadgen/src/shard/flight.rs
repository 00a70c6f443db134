//! Messages sent and not yet answered: what it takes to send them again, bodies aside, which can be made again.
//!
//! It does not know connections. Ids of one user in flight span less than the server's window for repeats.

use hashbrown::HashMap;
use scenarios::To;
use wire::chat::ID_WINDOW;

/// Marks a group among recipients; users and groups stay below it.
const GROUP: u32 = 1 << 31;

/// A message in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Flight {
    pub(super) first_copy: u64,
    pub(super) intended_us: u64,
    to: u32,
    pub(super) bytes: u16,
    pub(super) media: bool,
}

impl Flight {
    pub(super) fn new(first_copy: u64, intended_us: u64, to: To, bytes: u16, media: bool) -> Self {
        let to = match to {
            To::User(user) => user,
            To::Group(group) => group | GROUP,
        };
        Self {
            first_copy,
            intended_us,
            to,
            bytes,
            media,
        }
    }

    pub(super) fn to(&self) -> To {
        if self.to & GROUP == 0 {
            To::User(self.to)
        } else {
            To::Group(self.to & !GROUP)
        }
    }
}

/// All messages of a shard in flight: 32 bytes each, by user and the low half of the id.
#[derive(Debug, Default)]
pub(super) struct Flights {
    flights: HashMap<(u32, u32), Flight>,
    /// Links of uploaded media.
    links: HashMap<(u32, u32), Box<str>>,
}

impl Flights {
    /// Whether a message with this id may be sent: an earlier one may still wait for its answer, and once the server
    /// has accepted more ids than its window spans it could no longer tell a repeat of that one.
    pub(super) fn has_room(&self, user: u32, id: u64) -> bool {
        id < ID_WINDOW || !self.flights.contains_key(&key(user, id - (ID_WINDOW - 1)))
    }

    pub(super) fn insert(&mut self, user: u32, id: u64, flight: Flight, link: Option<&str>) {
        self.flights.insert(key(user, id), flight);
        if let Some(link) = link {
            self.links.insert(key(user, id), link.into());
        }
    }

    /// The message was answered.
    pub(super) fn remove(&mut self, user: u32, id: u64) -> Option<Flight> {
        let flight = self.flights.remove(&key(user, id))?;
        if flight.media {
            self.links.remove(&key(user, id));
        }
        Some(flight)
    }

    /// What a user has in flight, by rising id, with the link of each that has one of its own.
    pub(super) fn of(&self, user: u32, last_id: u64) -> impl Iterator<Item = (u64, &Flight, Option<&str>)> {
        (last_id.saturating_sub(ID_WINDOW - 1)..=last_id).filter_map(move |id| {
            let key = key(user, id);
            let link = self.links.get(&key).map(|link| &**link);
            Some((id, self.flights.get(&key)?, link))
        })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.flights.is_empty()
    }

    /// Gives memory back after a peak.
    pub(super) fn shrink(&mut self) {
        if self.flights.capacity() > 4 * self.flights.len() + 256 {
            self.flights.shrink_to(2 * self.flights.len());
        }
    }
}

fn key(user: u32, id: u64) -> (u32, u32) {
    (user, id as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flight_and_its_key_are_32_bytes() {
        assert_eq!(size_of::<((u32, u32), Flight)>(), 32);
    }

    #[test]
    fn flights_come_back_in_the_order_of_their_ids() {
        let mut flights = Flights::default();
        for id in [66, 64, 70] {
            flights.insert(
                5,
                id,
                Flight::new(id, 0, To::Group(id as u32), 100, id == 70),
                (id == 70).then_some("/m"),
            );
        }
        flights.insert(6, 65, Flight::new(1, 0, To::User(1), 100, false), None);
        let of: Vec<_> = flights
            .of(5, 70)
            .map(|(id, flight, link)| (id, flight.to(), link))
            .collect();
        assert_eq!(
            of,
            [
                (64, To::Group(64), None),
                (66, To::Group(66), None),
                (70, To::Group(70), Some("/m"))
            ]
        );
        assert!(flights.remove(5, 70).is_some());
        assert_eq!(flights.remove(5, 70), None);
        assert!(flights.links.is_empty());
    }

    #[test]
    fn an_unanswered_message_holds_up_those_that_would_outrun_its_window() {
        let mut flights = Flights::default();
        flights.insert(5, 1, Flight::new(0, 0, To::User(1), 100, false), None);
        assert!((2..ID_WINDOW).all(|id| flights.has_room(5, id)));
        assert!(!flights.has_room(5, ID_WINDOW));
        flights.remove(5, 1);
        assert!(flights.has_room(5, ID_WINDOW));
    }
}
