//! Who receives what a user sends: the order of a message's copies, and the ids of groups on the wire.
//!
//! It knows groups from the plan alone. Sender, recipient and ledger each ask it and get the same answer, so no list of
//! recipients travels or is kept.

use scenarios::{Plan, To};
use wire::chat::GroupId;

use crate::Population;

/// The people a message goes to, as pure functions.
pub trait Members: Send + Sync {
    /// Calls `each` with every member of a group, always in the same order; the owner is among them.
    fn each_member(&self, group: u32, each: &mut dyn FnMut(u32));

    /// Who created a group; `None` where there is no such group.
    fn owner(&self, group: u32) -> Option<u32>;

    /// Which of its owner's groups it is, from 0.
    fn tag(&self, group: u32, owner: u32) -> u16;

    /// Whether the plan has a user online at an instant, microseconds since the run began.
    fn is_planned_online(&self, user: u32, at_us: u64) -> bool;

    /// Whether a user reads at an instant what he is sent, as far as the plan knows; how long it takes one who does not
    /// says nothing of the server.
    fn reads(&self, _user: u32, _at_us: u64) -> bool {
        true
    }

    /// Calls `each` with every recipient, in the order of their copies: a group's members without the sender.
    fn each_recipient(&self, sender: u32, to: To, each: &mut dyn FnMut(u32)) {
        match to {
            To::User(user) => each(user),
            To::Group(group) => self.each_member(group, &mut |user| {
                if user != sender {
                    each(user);
                }
            }),
        }
    }

    /// Which copy is a recipient's, from 0; `None` if the message is not for him.
    fn position(&self, sender: u32, to: To, recipient: u32) -> Option<u32> {
        let (mut position, mut next) = (None, 0);
        self.each_recipient(sender, to, &mut |user| {
            if user == recipient {
                position = position.or(Some(next));
            }
            next += 1;
        });
        position
    }

    /// How many copies a message is.
    fn copies(&self, sender: u32, to: To) -> u32 {
        let mut copies = 0;
        self.each_recipient(sender, to, &mut |_| copies += 1);
        copies
    }
}

impl Members for Plan {
    fn each_member(&self, group: u32, each: &mut dyn FnMut(u32)) {
        self.groups().members(group).for_each(each);
    }

    fn owner(&self, group: u32) -> Option<u32> {
        self.groups().owner(group)
    }

    fn tag(&self, group: u32, owner: u32) -> u16 {
        // A person is in at most 255 groups.
        self.groups().of(owner).take_while(|of| *of != group).count() as u16
    }

    fn is_planned_online(&self, user: u32, at_us: u64) -> bool {
        self.is_online(user, at_us)
    }

    fn reads(&self, user: u32, at_us: u64) -> bool {
        Plan::reads(self, user, at_us)
    }
}

/// A group's id on the wire: its owner's number and its place among the groups the owner is in.
///
/// A server that is provisioned with the plan's groups derives the same.
#[must_use]
pub fn group_id(members: &dyn Members, population: &Population, group: u32) -> Option<GroupId> {
    let owner = members.owner(group)?;
    GroupId::new(population.number(owner), members.tag(group, owner)).ok()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Groups of four neighbours, `group * 3` the first; the first is the owner.
    pub(crate) struct Neighbours {
        pub(crate) users: u32,
    }

    impl Members for Neighbours {
        fn each_member(&self, group: u32, each: &mut dyn FnMut(u32)) {
            (group * 3..(group * 3 + 4).min(self.users)).for_each(each);
        }
        fn owner(&self, group: u32) -> Option<u32> {
            (group * 3 < self.users).then_some(group * 3)
        }
        fn tag(&self, group: u32, _: u32) -> u16 {
            group as u16
        }
        fn is_planned_online(&self, _: u32, _: u64) -> bool {
            true
        }
    }

    #[test]
    fn positions_count_the_recipients_without_the_sender() {
        let members = Neighbours { users: 10 };
        let to = To::Group(1);
        let mut recipients = Vec::new();
        members.each_recipient(4, to, &mut |user| recipients.push(user));
        assert_eq!(recipients, [3, 5, 6]);
        assert_eq!(members.copies(4, to), 3);
        for (position, user) in (0..).zip(recipients) {
            assert_eq!(members.position(4, to, user), Some(position));
        }
        assert_eq!(members.position(4, to, 4), None, "nobody gets his own");
        assert_eq!(members.position(4, to, 9), None);
        assert_eq!(members.position(4, To::User(9), 9), Some(0));
    }
}
