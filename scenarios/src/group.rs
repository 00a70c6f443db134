//! Provisioned groups: who is in which, as pure functions.
//!
//! They are dealt by permutation, a layer for each membership a person may have; nothing is stored a group or a user.

use crate::people::{People, RoleKind};
use crate::permutation::Permutation;
use crate::presence::{GRACE_US, Presence};
use crate::random::{Purpose, Stream};
use crate::scenario::Scenario;

/// One membership of everybody whose population has that many.
#[derive(Clone, Debug)]
struct Layer {
    /// Its first group.
    first: u32,
    /// Its groups.
    count: u32,
    /// Deals the eligible, by their index, onto slots: `size` slots make a group.
    slots: Permutation,
    /// The eligible populations: first index, band.
    eligible: Vec<(u32, usize)>,
}

/// All groups.
#[derive(Clone, Debug)]
pub(crate) struct GroupBook {
    layers: Vec<Layer>,
    pub(crate) size: u32,
    pub(crate) count: u32,
    pub(crate) created: bool,
}

impl GroupBook {
    pub(crate) fn new(scenario: &Scenario, people: &People) -> Self {
        let size = scenario.messages.group_size;
        let depth = scenario
            .population
            .iter()
            .map(|group| group.groups)
            .max()
            .unwrap_or(0);
        let (mut layers, mut first) = (Vec::new(), 0u32);
        for depth in 0..depth {
            let (mut eligible, mut members) = (Vec::new(), 0);
            for (index, group) in scenario.population.iter().enumerate() {
                if group.groups > depth && people.bands[index].len() > 0 {
                    eligible.push((members, index));
                    members += people.bands[index].len();
                }
            }
            let key = Stream::new(scenario.seed, Purpose::GroupOrder, depth.into()).bits();
            let count = members / size;
            layers.push(Layer {
                first,
                count,
                slots: Permutation::new(members, key),
                eligible,
            });
            first = first.saturating_add(count);
        }
        Self {
            layers,
            size,
            count: first,
            created: scenario.messages.create_groups,
        }
    }
}

impl Layer {
    /// The layer's group of the person at a place, if the population takes part and the last group is full.
    fn group_at(&self, people: &People, place: u32, size: u32) -> Option<u32> {
        let band = people.band_of_place(place);
        let (first, _) = self.eligible.iter().find(|(_, eligible)| *eligible == band)?;
        let slot = self.slots.forward(first + (place - people.bands[band].place));
        let group = slot / size;
        (group < self.count).then(|| self.first + group)
    }

    fn member(&self, people: &People, slot: u32) -> u32 {
        let index = self.slots.inverse(slot);
        let eligible = self.eligible.iter().rfind(|(first, _)| *first <= index);
        eligible.map_or(0, |(first, band)| {
            people.user(people.bands[*band].place + (index - first))
        })
    }
}

/// The groups of a plan: pure functions, safe to ask from any thread.
#[derive(Clone, Copy, Debug)]
pub struct Groups<'a> {
    pub(crate) book: &'a GroupBook,
    pub(crate) presence: &'a Presence,
}

impl Groups<'_> {
    /// How many there are: groups are `0..count`.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.book.count
    }

    /// Members of each, the owner included.
    #[must_use]
    pub fn size(&self) -> u32 {
        self.book.size
    }

    /// Whether the plan has owners create their groups ([`crate::What::CreateGroup`]); else a server knows them already.
    #[must_use]
    pub fn are_created(&self) -> bool {
        self.book.created
    }

    /// The members of a group, the owner among them; none for a group there is not.
    pub fn members(&self, group: u32) -> impl Iterator<Item = u32> {
        let people = &self.presence.people;
        let layer = self
            .book
            .layers
            .iter()
            .rfind(|layer| layer.first <= group && group < layer.first + layer.count);
        let size = self.book.size;
        layer.into_iter().flat_map(move |layer| {
            let first = (group - layer.first) * size;
            (first..first + size).map(move |slot| layer.member(people, slot))
        })
    }

    /// The member who creates it: the first who is online throughout the hold. `None` if nobody is, and then no
    /// message goes to the group.
    #[must_use]
    pub fn owner(&self, group: u32) -> Option<u32> {
        self.owner_and_connect(group).map(|(owner, _)| owner)
    }

    /// The groups a user is a member of.
    pub fn of(&self, user: u32) -> impl Iterator<Item = u32> {
        let people = &self.presence.people;
        let place = people.place(user);
        self.book
            .layers
            .iter()
            .filter_map(move |layer| layer.group_at(people, place, self.book.size))
    }

    /// From when on messages may go to it; `None` if never.
    pub(crate) fn ready_us(&self, group: u32) -> Option<u64> {
        if !self.book.created {
            return Some(0);
        }
        self.owner_and_connect(group)
            .map(|(_, connect_us)| connect_us + 2 * GRACE_US)
    }

    fn owner_and_connect(&self, group: u32) -> Option<(u32, u64)> {
        self.members(group).find_map(|user| {
            let role = self.presence.people.role(user);
            match role.kind {
                RoleKind::Online {
                    number,
                    breaks: false,
                } if !self.presence.is_ever_cut(user, role.band) => {
                    Some((user, self.presence.connect_us(number)))
                        .filter(|(_, connect_us)| *connect_us < u64::MAX)
                }
                _ => None,
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::Scenario;

    #[test]
    fn membership_is_consistent_both_ways() {
        let plan = Scenario::by_name("smoke").unwrap().plan().unwrap();
        let groups = plan.groups();
        assert!(groups.count() > 0);
        let mut memberships = 0;
        for group in 0..groups.count() {
            let members: Vec<u32> = groups.members(group).collect();
            assert_eq!(members.len(), groups.size() as usize);
            for member in &members {
                assert!(groups.of(*member).any(|of| of == group));
            }
            memberships += members.len();
            assert!(groups.owner(group).is_none_or(|owner| members.contains(&owner)));
        }
        let by_user: usize = (0..plan.users() as u32).map(|user| groups.of(user).count()).sum();
        assert_eq!(by_user, memberships);
        assert_eq!(groups.members(groups.count()).count(), 0);
    }
}
