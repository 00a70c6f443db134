//! Carrying out planned actions.
//!
//! It does not know how a plan comes about. An action that cannot be carried out is counted as unsent, never put off:
//! its user would have had to be connected, and a plan does not wait. Only a group is asked for until the server has it,
//! because what is sent to it depends on that.

use reactor::Link;
use scenarios::{Action, To, What};
use wire::chat::{ClientFrame, GroupId, Members as MemberList};

use super::Shard;
use crate::job::{RegisterJob, UploadJob};
use crate::members::group_id;
use crate::tally::Count;

impl Shard {
    pub(super) fn act<L: Link>(&mut self, link: &mut L, action: Action, now_us: u64) {
        let intended_us = self.begin_us + action.at_us;
        let user = action.user;
        // A connect may yet have to wait at the door, which records its lag.
        if action.what != What::Connect {
            self.lag(intended_us, now_us);
        }
        let done = match action.what {
            What::Connect => {
                self.connect(link, user, intended_us, now_us);
                true
            }
            What::Disconnect => {
                self.disconnect(link, user);
                true
            }
            What::Cut { until_us } => {
                self.cut(link, user, self.begin_us + until_us, now_us);
                true
            }
            What::Misbehave { how, until_us } => {
                let until_us = self.begin_us.saturating_add(until_us);
                self.misbehave(link, user, how, until_us, now_us)
            }
            What::Flood {
                syns_a_second,
                lasting_us,
            } => self.flood(link, syns_a_second, lasting_us),
            What::Send { to, bytes, media } => {
                let content = super::send::Content {
                    bytes,
                    link: None,
                    media,
                };
                self.send(link, user, to, &content, intended_us)
            }
            What::Typing { to } => self.typing(link, user, to),
            What::Upload { bytes, to } => self.upload(user, bytes, to, intended_us),
            What::Register { .. } => {
                let job = RegisterJob {
                    user,
                    number: self.population.number(user),
                    intended_us,
                };
                self.errands.as_ref().is_some_and(|errands| errands.register(job))
            }
            What::CreateGroup { group } => self.create_group(link, user, group),
        };
        if !done {
            self.tally.add(Count::ArrivalsUnsent, 1);
        }
    }

    fn typing<L: Link>(&mut self, link: &mut L, user: u32, to: u32) -> bool {
        let to = self.population.number(to);
        self.write(link, user, &ClientFrame::Typing { to, on: true })
    }

    /// Asks for a group, or will at the owner's next welcome: without it, all that is sent to it would be refused.
    fn create_group<L: Link>(&mut self, link: &mut L, user: u32, group: u32) -> bool {
        self.groups_open.entry(user).or_default().push(group);
        let mut frame = std::mem::take(&mut self.out);
        frame.clear();
        self.ask_for_group(user, group, &mut frame);
        let is_online = self.users.user(user).is_online();
        if is_online {
            // Where it fails the connection is cut, and the welcome after it asks again.
            let _ = self.push(link, user, &frame);
        }
        self.out = frame;
        true
    }

    /// Asks again for the groups that a cut may have swallowed.
    pub(super) fn ask_for_groups(&self, user: u32, out: &mut Vec<u8>) {
        for group in self.groups_open.get(&user).into_iter().flatten() {
            self.ask_for_group(user, *group, out);
        }
    }

    /// The server has a group.
    pub(super) fn group_made(&mut self, user: u32, made: GroupId) {
        let Some(open) = self.groups_open.get_mut(&user) else {
            return;
        };
        open.retain(|group| group_id(&*self.members, &self.population, *group) != Some(made));
        if open.is_empty() {
            self.groups_open.remove(&user);
        }
    }

    fn ask_for_group(&self, user: u32, group: u32, out: &mut Vec<u8>) {
        let mut list = Vec::new();
        self.members.each_member(group, &mut |member| {
            list.extend_from_slice(&self.population.number(member).value().to_be_bytes());
        });
        let tag = self.members.tag(group, user);
        // More than a group may have: the plan is for another server, which will refuse what is sent to it.
        if let Ok(members) = MemberList::parse(&list) {
            ClientFrame::SetGroup { tag, members }.encode(out);
        }
    }

    fn upload(&mut self, user: u32, bytes: u32, to: To, intended_us: u64) -> bool {
        let Some(errands) = self
            .errands
            .as_ref()
            .filter(|_| self.users.user(user).is_online())
        else {
            return false;
        };
        let job = UploadJob {
            user,
            number: self.population.number(user),
            token: self.population.media_token(user),
            bytes,
            to,
            intended_us,
        };
        let taken = errands.upload(job);
        self.uploads_under_way += u32::from(taken);
        taken
    }

    /// Sends the links of uploads that are done. A message counts from its upload's end: the upload was timed apart.
    pub(super) fn uploaded<L: Link>(&mut self, link: &mut L, now_us: u64) {
        let mut done = Vec::new();
        self.uploads.take(&mut done);
        for upload in done {
            self.uploads_under_way = self.uploads_under_way.saturating_sub(1);
            let Ok(at) = upload.link else { continue };
            let content = super::send::Content {
                bytes: 0,
                link: Some(&at),
                media: true,
            };
            if !self.send(
                link,
                upload.user,
                upload.to,
                &content,
                upload.finished_us.min(now_us),
            ) {
                self.tally.add(Count::ArrivalsUnsent, 1);
            }
        }
    }

    /// Writes one frame of a user who is online. Returns whether it went.
    fn write<L: Link>(&mut self, link: &mut L, user: u32, frame: &ClientFrame<'_>) -> bool {
        if !self.users.user(user).is_online() {
            return false;
        }
        let mut bytes = std::mem::take(&mut self.out);
        bytes.clear();
        frame.encode(&mut bytes);
        let sent = self.push(link, user, &bytes);
        self.out = bytes;
        sent
    }

    /// Hands bytes to a user's connection. Returns whether they went.
    pub(super) fn push<L: Link>(&mut self, link: &mut L, user: u32, bytes: &[u8]) -> bool {
        let Some(id) = self.users.conn(user) else {
            return false;
        };
        let sent = link.send(id, bytes).is_ok();
        if sent {
            self.tally.add(Count::BytesOut, bytes.len() as u64);
        }
        sent
    }
}
