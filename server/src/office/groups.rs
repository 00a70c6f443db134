//! Groups: who is in them.

use wire::chat::{Code, GroupId, MEMBERS_MAX, Members, Number, ServerFrame};

use super::Office;
use crate::parcel::Location;

/// Members of all groups together, each group counted with what it takes beside them: 128 MiB. Whoever leaves or dissolves is
/// never refused.
pub(crate) const PLACES_MAX: usize = 16 << 20;

impl Office {
    /// Sets the members of one of the owner's groups; the owner is always one, and none dissolves it.
    pub(super) fn set_group(
        &mut self,
        at: Location,
        owner: Number,
        tag: u16,
        members: Members<'_>,
    ) -> Result<(), Code> {
        let group = GroupId::new(owner, tag).map_err(|_| Code::Malformed)?;
        let mut list = Vec::with_capacity(members.count() + 1);
        if members.count() > 0 {
            list.push(owner.value());
        }
        for member in members.iter().map(Number::value) {
            if !self.exists(member) {
                return Err(Code::NoSuchNumber);
            }
            if !list.contains(&member) {
                list.push(member);
            }
        }
        if list.len() > MEMBERS_MAX {
            return Err(Code::TooMany);
        }
        self.put_group(at, group, list)
    }

    pub(super) fn leave_group(&mut self, at: Location, who: Number, group: GroupId) -> Result<(), Code> {
        let members = self
            .parts
            .accounts
            .group(group.value())
            .ok_or(Code::NoSuchGroup)?;
        if !members.contains(&who.value()) {
            return Err(Code::NotAMember);
        }
        let rest: Vec<u64> = members
            .iter()
            .copied()
            .filter(|&member| member != who.value())
            .collect();
        self.put_group(at, group, rest)
    }

    fn put_group(&mut self, at: Location, group: GroupId, list: Vec<u64>) -> Result<(), Code> {
        if self.trouble.refuses_accounts() {
            return Err(Code::StorageFull);
        }
        let grows = list.len() > self.parts.accounts.group(group.value()).map_or(0, <[u64]>::len);
        if grows && self.parts.accounts.group_places(group.value(), list.len()) > self.groups_max {
            return Err(Code::Busy);
        }
        let members = list.len() as u16;
        self.parts
            .accounts
            .put_group(group.value(), &list)
            .map_err(|_| Code::TooMany)?;
        self.reply(at, &ServerFrame::Group { group, members });
        Ok(())
    }
}
