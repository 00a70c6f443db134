//! Who is who: each user's population and role, as pure functions of the index, with nothing stored a user.
//!
//! It does not know when anybody is online.
//!
//! A permutation deals users onto *places*. Populations are consecutive bands of places; in each band the online come
//! first and those away after them, so every quota is met exactly.

use crate::permutation::Permutation;
use crate::random::{Purpose, Stream};
use crate::scenario::Scenario;

/// A population's places.
#[derive(Clone, Debug)]
pub(crate) struct Band {
    /// Its first place.
    pub(crate) place: u32,
    /// Its people who are online in the hold; their numbers among all such start at `first_online`.
    pub(crate) online: u32,
    pub(crate) first_online: u32,
    /// Its people who are away; likewise.
    pub(crate) away: u32,
    pub(crate) first_away: u32,
    /// Of its online people, the first so many come and go.
    pub(crate) breakers: u32,
}

impl Band {
    pub(crate) fn len(&self) -> u32 {
        self.online + self.away
    }
}

/// A user's part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Role {
    /// Index of the population.
    pub(crate) band: usize,
    /// What the user does in the hold.
    pub(crate) kind: RoleKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RoleKind {
    /// Online; the number among all who are, and whether the user takes breaks.
    Online { number: u32, breaks: bool },
    /// Away; the number among all who are.
    Away { number: u32 },
}

/// Everybody.
#[derive(Clone, Debug)]
pub(crate) struct People {
    pub(crate) bands: Vec<Band>,
    pub(crate) online: u32,
    pub(crate) away: u32,
    places: Permutation,
}

impl People {
    /// `None` if there are more people than an index can number.
    pub(crate) fn new(scenario: &Scenario) -> Option<Self> {
        let connections = u32::try_from(scenario.connections.0).ok()?;
        let shares: Vec<f64> = scenario.population.iter().map(|group| group.share.0).collect();
        let mut bands = Vec::with_capacity(shares.len());
        let (mut place, mut first_online, mut first_away) = (0u32, 0, 0u32);
        for (group, online) in scenario.population.iter().zip(apportion(connections, &shares)) {
            let away = libm::round(f64::from(online) * group.away.0 / (1.0 - group.away.0)) as u32;
            let breakers = libm::round(f64::from(online) * group.breaks.0) as u32;
            bands.push(Band {
                place,
                online,
                first_online,
                away,
                first_away,
                breakers,
            });
            place = place.checked_add(online)?.checked_add(away)?;
            first_online += online;
            first_away += away;
        }
        let key = Stream::new(scenario.seed, Purpose::People, 0).bits();
        Some(Self {
            bands,
            online: first_online,
            away: first_away,
            places: Permutation::new(place, key),
        })
    }

    pub(crate) fn count(&self) -> u32 {
        self.places.len()
    }

    pub(crate) fn role(&self, user: u32) -> Role {
        let place = self.place(user);
        let band = self.band_of_place(place);
        let kind = self.bands.get(band).map_or(RoleKind::Away { number: 0 }, |b| {
            let index = place - b.place;
            match index.checked_sub(b.online) {
                None => RoleKind::Online {
                    number: b.first_online + index,
                    breaks: index < b.breakers,
                },
                Some(index) => RoleKind::Away {
                    number: b.first_away + index,
                },
            }
        });
        Role { band, kind }
    }

    /// The user at a place.
    pub(crate) fn user(&self, place: u32) -> u32 {
        self.places.inverse(place)
    }

    pub(crate) fn place(&self, user: u32) -> u32 {
        self.places.forward(user)
    }

    pub(crate) fn band_of_place(&self, place: u32) -> usize {
        self.bands
            .iter()
            .rposition(|band| band.place <= place && band.len() > 0)
            .unwrap_or(0)
    }

    /// The user with that number among those online in the hold, and its population.
    pub(crate) fn online_user(&self, number: u32) -> u32 {
        let band = self
            .bands
            .iter()
            .rfind(|band| band.first_online <= number && band.online > 0);
        self.user(band.map_or(0, |band| band.place + (number - band.first_online)))
    }

    /// The user with that number among those away.
    pub(crate) fn away_user(&self, number: u32) -> u32 {
        let band = self
            .bands
            .iter()
            .rfind(|band| band.first_away <= number && band.away > 0);
        self.user(band.map_or(0, |band| band.place + band.online + (number - band.first_away)))
    }
}

/// Splits a whole by shares so that the parts are whole and sum to it: the largest remainders are rounded up.
fn apportion(whole: u32, shares: &[f64]) -> Vec<u32> {
    let sum: f64 = shares.iter().sum();
    let exact: Vec<f64> = shares
        .iter()
        .map(|share| f64::from(whole) * share / sum)
        .collect();
    let mut parts: Vec<u32> = exact.iter().map(|part| libm::floor(*part) as u32).collect();
    let mut by_remainder: Vec<usize> = (0..shares.len()).collect();
    let remainder = |index: usize| exact[index] - libm::floor(exact[index]);
    by_remainder.sort_by(|a, b| remainder(*b).total_cmp(&remainder(*a)));
    let missing = whole.saturating_sub(parts.iter().sum());
    for index in by_remainder.into_iter().cycle().take(missing as usize) {
        parts[index] += 1;
    }
    parts
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn parts_sum_to_the_whole(whole in 0u32..10_000_000, shares in prop::collection::vec(0.0..1.0, 1..20)) {
            prop_assume!(shares.iter().sum::<f64>() > 0.0);
            let parts = apportion(whole, &shares);
            prop_assert_eq!(parts.iter().sum::<u32>(), whole);
        }
    }

    #[test]
    fn roles_meet_their_quotas_and_numbers_lead_back() {
        let scenario = crate::Scenario::by_name("smoke").unwrap();
        let people = People::new(&scenario).unwrap();
        let (mut online, mut away) = (0, 0);
        for user in 0..people.count() {
            match people.role(user).kind {
                RoleKind::Online { number, .. } => {
                    assert_eq!(people.online_user(number), user);
                    online += 1;
                }
                RoleKind::Away { number } => {
                    assert_eq!(people.away_user(number), user);
                    away += 1;
                }
            }
        }
        assert_eq!(online, scenario.connections.0 as u32);
        assert_eq!((online, away), (people.online, people.away));
    }
}
