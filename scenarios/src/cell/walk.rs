//! The users of a cell in the order they connect, and cursors over them.
//!
//! Four bytes a user; all else is asked of the plan's presence.

use crate::people::RoleKind;
use crate::presence::Presence;

/// The cell's users who are online in the hold: by population, in the order they connect.
pub(super) struct Roster {
    pub(super) bands: Vec<Vec<u32>>,
}

impl Roster {
    /// The roster of one of so many cells, and the cell's away users who return, the last first.
    pub(super) fn new(presence: &Presence, cell: u32, cells: u32) -> (Self, Vec<u32>) {
        let people = &presence.people;
        let mut ranked: Vec<Vec<(u32, u32)>> = vec![Vec::new(); people.bands.len()];
        let mut returns: Vec<(u64, u32)> = Vec::new();
        for user in (cell..people.count()).step_by(cells as usize) {
            let role = people.role(user);
            match role.kind {
                RoleKind::Online { number, .. } => ranked[role.band].push((presence.rank(number), user)),
                RoleKind::Away { number } => {
                    returns.extend(presence.return_us(number).map(|at_us| (at_us, user)))
                }
            }
        }
        let bands = ranked.into_iter().map(|mut band| {
            band.sort_unstable();
            // Collected in place they would keep the room of the ranks, which is as much again.
            let mut users = Vec::with_capacity(band.len());
            users.extend(band.into_iter().map(|(_, user)| user));
            users
        });
        let bands = bands.collect();
        returns.sort_unstable_by(|a, b| b.cmp(a));
        (
            Self { bands },
            returns.into_iter().map(|(_, user)| user).collect(),
        )
    }

    pub(super) fn users(&self) -> impl Iterator<Item = u32> {
        self.bands.iter().flatten().copied()
    }
}

/// A cursor over a roster in the order of connects, over all populations.
pub(super) struct Walk {
    /// For each population the position, and the rank of the user there.
    heads: Vec<(usize, Option<u32>)>,
    /// The population whose head is first.
    first: Option<usize>,
}

impl Walk {
    pub(super) fn new(presence: &Presence, roster: &Roster) -> Self {
        let heads = (0..roster.bands.len())
            .map(|band| (0, rank_at(presence, roster, band, 0)))
            .collect();
        let mut walk = Self { heads, first: None };
        walk.find_first();
        walk
    }

    /// The rank of the user at the cursor.
    pub(super) fn rank(&self) -> Option<u32> {
        self.heads[self.first?].1
    }

    /// The user at the cursor.
    pub(super) fn user(&self, roster: &Roster) -> Option<u32> {
        let band = self.first?;
        roster.bands[band].get(self.heads[band].0).copied()
    }

    /// Moves past the user at the cursor.
    pub(super) fn pass(&mut self, presence: &Presence, roster: &Roster) -> Option<u32> {
        let user = self.user(roster)?;
        let band = self.first?;
        let position = self.heads[band].0 + 1;
        self.heads[band] = (position, rank_at(presence, roster, band, position));
        self.find_first();
        Some(user)
    }

    /// How many of a population it has passed.
    pub(super) fn passed(&self, band: usize) -> usize {
        self.heads[band].0
    }

    fn find_first(&mut self) {
        let ranks = self
            .heads
            .iter()
            .enumerate()
            .filter_map(|(band, (_, rank))| Some(((*rank)?, band)));
        self.first = ranks.min().map(|(_, band)| band);
    }
}

fn rank_at(presence: &Presence, roster: &Roster, band: usize, position: usize) -> Option<u32> {
    let user = roster.bands[band].get(position)?;
    match presence.people.role(*user).kind {
        RoleKind::Online { number, .. } => Some(presence.rank(number)),
        RoleKind::Away { .. } => None,
    }
}

/// Those of a cell whom one network cut takes off. Listed when the cut begins, so that it costs nothing before.
pub(super) enum CutList {
    /// Not before this instant.
    Ahead(u64),
    /// Instants and users, the last first.
    Listed(Vec<(u64, u32)>),
}

impl CutList {
    pub(super) fn new(from_us: u64) -> Self {
        Self::Ahead(from_us)
    }

    pub(super) fn due(&self) -> Option<u64> {
        match self {
            Self::Ahead(from_us) => Some(*from_us),
            Self::Listed(list) => list.last().map(|(at_us, _)| *at_us),
        }
    }

    /// The user who is cut now; `None` where the list had yet to be made.
    pub(super) fn pass(&mut self, presence: &Presence, roster: &Roster, index: usize) -> Option<u32> {
        match self {
            Self::Listed(list) => list.pop().map(|(_, user)| user),
            Self::Ahead(_) => {
                let cut = &presence.cuts[index];
                let mut list: Vec<(u64, u32)> = roster
                    .users()
                    .filter_map(|user| {
                        let role = presence.people.role(user);
                        let at_us = cut.instant_us(user);
                        let struck = cut.chooses(user, role.band)
                            && presence.session_as(user, role, at_us, Some(index)).is_some();
                        struck.then_some((at_us, user))
                    })
                    .collect();
                list.sort_unstable_by(|a, b| b.cmp(a));
                *self = Self::Listed(list);
                None
            }
        }
    }
}
