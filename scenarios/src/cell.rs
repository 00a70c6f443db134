//! A cell: one of up to 256 parts of the population, with its own randomness and the sources of its actions.
//!
//! A cell knows its own users by name and everybody else by the plan's pure functions, so it needs no other cell.

mod arrivals;
mod draw;
mod walk;

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::action::{Action, What};
use crate::intensity::Intensity;
use crate::load::Outgoing;
use crate::people::{Role, RoleKind};
use crate::plan::Inner;
use crate::presence::GRACE_US;
use crate::random::{Purpose, Stream};
use crate::scenario::Arrivals;
use arrivals::CellArrivals;
use draw::Senders;
use walk::{CutList, Roster, Walk};

/// The cell that floods are made from: they are nobody's, and one thread makes them.
const FLOODING_CELL: u32 = 0;

/// What yields actions; the order decides ties.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum SourceKind {
    Connects,
    Groups,
    Breaks,
    Cuts,
    Returns,
    Leaves,
    Floods,
    Messages,
    Typing,
    Uploads,
    Registrations,
}

impl SourceKind {
    pub(crate) const ALL: [Self; 11] = [
        Self::Connects,
        Self::Groups,
        Self::Breaks,
        Self::Cuts,
        Self::Returns,
        Self::Leaves,
        Self::Floods,
        Self::Messages,
        Self::Typing,
        Self::Uploads,
        Self::Registrations,
    ];
    /// Those that decide who is online.
    pub(crate) const PRESENCE: [Self; 5] = [
        Self::Connects,
        Self::Breaks,
        Self::Cuts,
        Self::Returns,
        Self::Leaves,
    ];
}

/// One of the parts of the population.
pub(crate) struct Cell {
    pub(crate) number: u32,
    roster: Roster,
    connects: Walk,
    creators: Walk,
    /// Groups whose creation is due, and when.
    creations: Vec<Action>,
    leaves: Walk,
    /// Changes to come of those who take breaks: when, who, whether it is the leaving.
    breaks: BinaryHeap<Reverse<(u64, u32, bool)>>,
    cuts: Vec<CutList>,
    /// Those who return, the last first.
    returns: Vec<u32>,
    /// Floods to come, the last first; of one cell only.
    floods: Vec<(u64, What)>,
    messages: CellArrivals,
    typing: CellArrivals,
    uploads: CellArrivals,
    registrations: CellArrivals,
    registered: u32,
}

impl Cell {
    pub(crate) fn new(plan: &Inner, number: u32) -> Self {
        let (presence, load, cells) = (&plan.presence, &plan.load, plan.cells);
        let (roster, returns) = Roster::new(presence, number, cells);
        // Of every population its own share, so that a person's rate does not depend on who else is in his cell.
        let shares = roster.bands.iter().zip(&presence.people.bands);
        let shares: Vec<f64> = shares
            .map(|(here, band)| here.len() as f64 / f64::from(band.online.max(1)))
            .collect();
        let typing = plan.scenario.messages.typing.0;
        let typing: Vec<f64> = shares.iter().map(|share| share * typing).collect();
        let even = plan.scenario.messages.arrivals == Arrivals::Constant;
        let phase = (f64::from(number) + 0.5) / f64::from(cells);
        let arrivals = |purpose, intensities: Vec<&Intensity>, weights: &[f64]| {
            let stream = Stream::new(plan.scenario.seed, purpose, number);
            CellArrivals::new(&intensities, weights, even.then_some(phase), stream)
        };
        let mut cell = Self {
            number,
            connects: Walk::new(presence, &roster),
            creators: Walk::new(presence, &roster),
            creations: Vec::new(),
            leaves: Walk::new(presence, &roster),
            breaks: BinaryHeap::new(),
            cuts: presence
                .cuts
                .iter()
                .map(|cut| CutList::new(cut.from_us))
                .collect(),
            returns,
            floods: if number == FLOODING_CELL {
                presence.floods.clone()
            } else {
                Vec::new()
            },
            messages: arrivals(Purpose::Messages, intensities(&load.messages).collect(), &shares),
            typing: arrivals(Purpose::Typing, intensities(&load.messages).collect(), &typing),
            uploads: arrivals(Purpose::Uploads, intensities(&load.uploads).collect(), &shares),
            registrations: arrivals(
                Purpose::Registrations,
                load.registrations.iter().collect(),
                &[1.0 / f64::from(cells)],
            ),
            registered: 0,
            roster,
        };
        cell.schedule_breaks(plan);
        cell
    }

    fn schedule_breaks(&mut self, plan: &Inner) {
        let mut changes = Vec::new();
        for user in self.roster.users() {
            let role = plan.presence.people.role(user);
            if let RoleKind::Online { number, breaks: true } = role.kind
                && let Some((at_us, leaves)) = plan.presence.next_break(user, role, 0)
                // Those whom no ramp reaches take no breaks either.
                && plan.presence.connect_us(number) < at_us
            {
                changes.push(Reverse((at_us, user, leaves)));
            }
        }
        self.breaks = BinaryHeap::from(changes);
    }

    /// When a source has something next, at the earliest.
    pub(crate) fn due(&mut self, plan: &Inner, kind: SourceKind) -> Option<u64> {
        match kind {
            SourceKind::Connects => self
                .connects
                .rank()
                .map(|rank| plan.presence.connect_us_by_rank(rank))
                .filter(|at| *at < u64::MAX),
            SourceKind::Groups => self.next_creation(plan),
            SourceKind::Breaks => self.breaks.peek().map(|Reverse((at_us, ..))| *at_us),
            SourceKind::Cuts => self.cuts.iter().filter_map(CutList::due).min(),
            SourceKind::Returns => {
                self.returns
                    .last()
                    .and_then(|user| match plan.presence.people.role(*user).kind {
                        RoleKind::Away { number } => plan.presence.return_us(number),
                        RoleKind::Online { .. } => None,
                    })
            }
            SourceKind::Leaves => self.next_leave(plan),
            SourceKind::Floods => self.floods.last().map(|(at_us, _)| *at_us),
            SourceKind::Messages => self.messages.due(),
            SourceKind::Typing => self.typing.due(),
            SourceKind::Uploads => self.uploads.due(),
            SourceKind::Registrations => self.registrations.due(),
        }
    }

    /// What a source has at an instant that was due, if anything comes of it.
    pub(crate) fn fire(&mut self, plan: &Inner, kind: SourceKind, at_us: u64) -> Option<Action> {
        let act = |user, what| Some(Action { at_us, user, what });
        match kind {
            SourceKind::Connects => {
                let user = self.connects.pass(&plan.presence, &self.roster)?;
                act(user, What::Connect)
            }
            SourceKind::Groups => self.creations.pop(),
            SourceKind::Breaks => {
                let Reverse((_, user, leaves)) = self.breaks.pop()?;
                let role = plan.presence.people.role(user);
                if let Some((next_us, leaves)) = plan.presence.next_break(user, role, at_us + 1) {
                    self.breaks.push(Reverse((next_us, user, leaves)));
                }
                act(user, if leaves { What::Disconnect } else { What::Connect })
            }
            SourceKind::Cuts => {
                let cuts = &plan.presence.cuts;
                let index = self.cuts.iter().position(|list| list.due() == Some(at_us))?;
                let user = self.cuts[index].pass(&plan.presence, &self.roster, index)?;
                act(user, cuts[index].what)
            }
            SourceKind::Returns => act(self.returns.pop()?, What::Connect),
            SourceKind::Leaves => {
                let user = self.leaves.pass(&plan.presence, &self.roster)?;
                act(user, What::Disconnect)
            }
            SourceKind::Floods => act(self.number, self.floods.pop()?.1),
            SourceKind::Messages => self.message(plan, at_us),
            SourceKind::Typing => self.typing(plan, at_us),
            SourceKind::Uploads => self.upload(plan, at_us),
            SourceKind::Registrations => {
                self.registrations.advance(plan.load.registrations.iter());
                let (users, cells) = (plan.presence.people.count(), plan.cells);
                // The first number beyond the users that belongs to this cell.
                let first = (self.number + cells - users % cells) % cells;
                let number_offset = first + cells * self.registered;
                self.registered += 1;
                act(
                    users.checked_add(number_offset)?,
                    What::Register { number_offset },
                )
            }
        }
    }

    fn message(&mut self, plan: &Inner, at_us: u64) -> Option<Action> {
        let load = &plan.load.messages;
        let (band, outgoing, part) = self.messages.arrived(load)?;
        let senders = Senders::new(plan, &self.roster, &self.connects, at_us);
        let stream = &mut self.messages.stream;
        let drawn = senders.message(band, outgoing, part, stream);
        let action = drawn.map(|(user, to)| {
            let group = &plan.scenario.population[plan.presence.people.role(user).band];
            let sizes = group.bytes.as_ref().unwrap_or(&plan.scenario.messages.bytes);
            let mut bytes = sizes.at(stream.normal()).max(1);
            let media = stream.unit() < group.media.0;
            if let (true, Some(settings)) = (media, &plan.scenario.media) {
                bytes += settings.thumbnail.at(stream.normal());
            }
            let bytes = u16::try_from(bytes).unwrap_or(u16::MAX);
            Action {
                at_us,
                user,
                what: What::Send { to, bytes, media },
            }
        });
        self.messages.advance(intensities(load));
        action
    }

    fn typing(&mut self, plan: &Inner, at_us: u64) -> Option<Action> {
        let load = &plan.load.messages;
        let (band, outgoing, part) = self.typing.arrived(load)?;
        let senders = Senders::new(plan, &self.roster, &self.connects, at_us);
        let stream = &mut self.typing.stream;
        let user = senders.sender(band, outgoing, stream);
        let to = user.and_then(|user| draw::online(plan, user, part, at_us, stream));
        self.typing.advance(intensities(load));
        Some(Action {
            at_us,
            user: user?,
            what: What::Typing { to: to? },
        })
    }

    fn upload(&mut self, plan: &Inner, at_us: u64) -> Option<Action> {
        let load = &plan.load.uploads;
        let (band, outgoing, part) = self.uploads.arrived(load)?;
        let senders = Senders::new(plan, &self.roster, &self.connects, at_us);
        let stream = &mut self.uploads.stream;
        let drawn = senders.message(band, outgoing, part, stream);
        let bytes = plan
            .scenario
            .media
            .as_ref()
            .map_or(0, |media| media.bytes.at(stream.normal()))
            .max(1);
        self.uploads.advance(intensities(load));
        let (user, to) = drawn?;
        Some(Action {
            at_us,
            user,
            what: What::Upload {
                bytes: u32::try_from(bytes).unwrap_or(u32::MAX),
                to,
            },
        })
    }

    /// Looks for the next to connect who owns a group, and lists the groups he creates.
    fn next_creation(&mut self, plan: &Inner) -> Option<u64> {
        if !plan.groups.created {
            return None;
        }
        let groups = crate::Groups {
            book: &plan.groups,
            presence: &plan.presence,
        };
        while self.creations.is_empty() {
            let rank = self.creators.rank()?;
            let connect_us = plan.presence.connect_us_by_rank(rank);
            let user = self.creators.pass(&plan.presence, &self.roster)?;
            if connect_us == u64::MAX {
                return None;
            }
            let at_us = connect_us + GRACE_US;
            let owned = groups.of(user).filter(|group| groups.owner(*group) == Some(user));
            self.creations.extend(owned.map(|group| Action {
                at_us,
                user,
                what: What::CreateGroup { group },
            }));
        }
        self.creations.last().map(|action| action.at_us)
    }

    /// Passes over those who stay, to the next who makes place for one who returns.
    fn next_leave(&mut self, plan: &Inner) -> Option<u64> {
        let presence = &plan.presence;
        loop {
            let user = self.leaves.user(&self.roster)?;
            let role: Role = presence.people.role(user);
            let RoleKind::Online { number, breaks } = role.kind else {
                return None;
            };
            // The order of leaving is that of connecting: after the first who stays for good, all do.
            let at_us = presence.leave_us(number)?;
            let stays = presence.is_ever_cut(user, role.band)
                || (breaks && presence.next_break(user, role, 0).is_some());
            if !stays {
                return Some(at_us);
            }
            self.leaves.pass(presence, &self.roster);
        }
    }
}

fn intensities(load: &[Outgoing]) -> impl Iterator<Item = &Intensity> {
    load.iter().map(Outgoing::arrivals)
}
