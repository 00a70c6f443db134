//! teem's chat: a recorded client logs in again, as itself or as one of its clones (docs/protocol.md).
//!
//! It does not know whether a person it becomes has an account: the target says so.
//!
//! - **Numbers** are those of the recording plus `offset + clone * stride`, senders, recipients, members and owners of groups
//!   alike: whoever wrote to each other in the recording do so within each clone.
//! - **The proof** is made anew, against the target's nonce, from the key that it gave in this session, or to this number in another
//!   one, or from its secret.
//! - **A PIN** is the one that the target sent to the number, where those can be had.
//! - **Ids** keep their distances: they are those of the recording, raised by as much as the target's *last id* is above the
//!   recorded one. So they rise, repeats stay repeats, and the window holds.
//! - **Acknowledgements** name the items that the target gave: as many as the recorded client had safe. A client that
//!   acknowledged all it had been given acknowledges all it is given.

mod ear;
mod person;

use wire::chat::{Address, Body, ClientFrame, Key, Members, Nonce, Number, Proof, ServerFrame};

use super::edit::Editor;
use super::feed::{Step, feed};
use super::values::Values;
use super::{Patience, RewriteError, Said, Scene};
use ear::Ear;

/// One chat session.
#[derive(Debug, Default)]
pub(super) struct Chat {
    /// A frame of the client that is not whole.
    held: Vec<u8>,
    /// What the recorded server and the target said.
    recorded: Ear,
    actual: Ear,
    /// The target's nonce, until it is used.
    nonce: Option<Box<Nonce>>,
    /// The key that the target gave, if it did.
    key: Option<Box<Key>>,
    /// Added to each id, once the first is said.
    lead: Option<u64>,
    /// Items acknowledged before the recorded client had as many safe.
    ahead: u32,
    said: Messages,
    login_said: bool,
    /// No frames: the recorded client broke the protocol, and does so again.
    raw: bool,
}

/// A client's messages, and what became of them by the target's word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Messages {
    /// Said, repeats included.
    pub said: u32,
    /// Of them, to groups.
    pub to_groups: u32,
    /// Answered so.
    pub accepted: u32,
    /// Answered so.
    pub refused: u32,
}

impl Chat {
    pub(super) fn say(
        &mut self,
        scene: &mut Scene,
        patience: Patience,
        recorded: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<Said, RewriteError> {
        let mut held = std::mem::take(&mut self.held);
        let said = feed(&mut held, recorded, |bytes| {
            self.step(scene, patience, bytes, out)
        });
        self.held = held;
        said
    }

    /// What was kept of a frame that never became whole.
    pub(super) fn end(&mut self, out: &mut Vec<u8>) {
        out.append(&mut std::mem::take(&mut self.held));
    }

    /// The recorded server said this.
    pub(super) fn expected(&mut self, bytes: &[u8]) {
        self.recorded.hear(bytes, |_| {});
    }

    /// The recording lacks what its server said here.
    pub(super) fn gap(&mut self) {
        self.recorded.lose();
    }

    /// The target said this.
    pub(super) fn heard(&mut self, scene: &Scene, bytes: &[u8]) {
        let Self {
            actual,
            nonce,
            key,
            said,
            ..
        } = self;
        actual.hear(bytes, |frame| match frame {
            ServerFrame::Hello { nonce: fresh, .. } => *nonce = Some(Box::new(fresh)),
            ServerFrame::NewKey { number, key: given } => {
                *key = Some(Box::new(given));
                scene.rules.accounts.keep(number, given);
            }
            ServerFrame::Accepted { .. } => said.accepted += 1,
            ServerFrame::Refused { .. } => said.refused += 1,
            _ => {}
        });
    }

    /// Its messages so far.
    pub(super) fn messages(&self) -> Messages {
        self.said
    }

    fn step(
        &mut self,
        scene: &mut Scene,
        patience: Patience,
        bytes: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<Step, RewriteError> {
        let (frame, length) = match (self.raw, ClientFrame::decode(bytes)) {
            (false, Ok(Some(decoded))) => decoded,
            (false, Ok(None)) => return Ok(Step::Partial),
            (false, Err(_)) | (true, _) => {
                self.raw = true;
                out.extend_from_slice(bytes);
                return Ok(Step::Took(bytes.len()));
            }
        };
        // Nothing may come between a log-in and its welcome.
        if self.login_said && self.actual.last_id.is_none() {
            if patience == Patience::Waits {
                return Ok(Step::Waits);
            }
            scene.unlearned += 1;
        }
        Ok(match self.frame(scene, patience, frame, out)? {
            true => Step::Took(length),
            false => Step::Waits,
        })
    }

    /// Says a frame in its new form; false if that is not known yet.
    fn frame(
        &mut self,
        scene: &mut Scene,
        patience: Patience,
        frame: ClientFrame<'_>,
        out: &mut Vec<u8>,
    ) -> Result<bool, RewriteError> {
        let mut members = Vec::new();
        let mut body = Vec::new();
        let said = match frame {
            ClientFrame::Login { number, proof } => {
                let number = scene.number(number)?;
                let Some(proof) = self.proof(scene, patience, number, proof)? else {
                    return Ok(false);
                };
                self.login_said = true;
                ClientFrame::Login { number, proof }
            }
            ClientFrame::Ack { seq } => match self.acknowledged(scene, patience, seq) {
                Acknowledged::Later => return Ok(false),
                Acknowledged::Nothing => return Ok(true),
                Acknowledged::Up(seq) => ClientFrame::Ack { seq },
            },
            ClientFrame::Send { id, to, body: said } => {
                let to = match to {
                    Address::Person(number) => Address::Person(scene.number(number)?),
                    Address::Group(group) => Address::Group(scene.group(group)?),
                };
                let Some(said) = rewritten(scene, patience, said, &mut body)? else {
                    return Ok(false);
                };
                let id = id.saturating_add(self.lead(id));
                self.said.said += 1;
                self.said.to_groups += u32::from(matches!(to, Address::Group(_)));
                ClientFrame::Send { id, to, body: said }
            }
            ClientFrame::SetGroup { tag, members: said } => {
                for number in said.iter() {
                    members.extend_from_slice(&scene.number(number)?.value().to_be_bytes());
                }
                let bytes = members.len();
                let members = Members::parse(&members).map_err(|_| RewriteError::TooLong { bytes })?;
                ClientFrame::SetGroup { tag, members }
            }
            ClientFrame::Register { number } => ClientFrame::Register {
                number: scene.number(number)?,
            },
            ClientFrame::Prove { number, pin } => {
                let number = scene.number(number)?;
                match scene.pin(patience, number, pin) {
                    None => return Ok(false),
                    Some(pin) => ClientFrame::Prove { number, pin },
                }
            }
            ClientFrame::Typing { to, on } => ClientFrame::Typing {
                to: scene.number(to)?,
                on,
            },
            ClientFrame::Watch { number, on } => ClientFrame::Watch {
                number: scene.number(number)?,
                on,
            },
            ClientFrame::LeaveGroup { group } => ClientFrame::LeaveGroup {
                group: scene.group(group)?,
            },
            ClientFrame::Ping { token } => ClientFrame::Ping { token },
        };
        said.encode(out);
        Ok(true)
    }

    /// The proof against the target's nonce; `None` while that may still come.
    fn proof(
        &mut self,
        scene: &mut Scene,
        patience: Patience,
        number: Number,
        recorded: Proof,
    ) -> Result<Option<Proof>, RewriteError> {
        Ok(match self.nonce.take() {
            Some(nonce) => Some(self.key(scene, number)?.prove(&nonce, number)),
            None if patience == Patience::Waits => None,
            None => {
                scene.unlearned += 1;
                Some(recorded)
            }
        })
    }

    fn key(&self, scene: &Scene, number: Number) -> Result<Key, RewriteError> {
        let given = self.key.as_deref().copied();
        match (
            given.or_else(|| scene.rules.accounts.key(number)),
            &scene.rules.chat.secret,
        ) {
            (Some(key), _) => Ok(key),
            (None, Some(secret)) => Ok(secret.key(number)),
            (None, None) => Err(RewriteError::NoSecret),
        }
    }

    /// What is added to ids, settled by the first of them.
    fn lead(&mut self, first: u64) -> u64 {
        // Without a recorded welcome, its last id is taken for the one before the first that was used.
        let recorded = self.recorded.last_id.unwrap_or(first - 1);
        let actual = self.actual.last_id.unwrap_or(0);
        *self.lead.get_or_insert(actual.saturating_sub(recorded))
    }

    /// What an acknowledgement of the recorded item `seq` is at the target.
    fn acknowledged(&mut self, scene: &mut Scene, patience: Patience, seq: u64) -> Acknowledged {
        let safe = self.recorded.items.partition_point(|item| *item <= seq);
        let given = self.actual.items.len();
        // What an earlier one acknowledged in advance is not waited for again: it will not come twice.
        let wanted = safe.saturating_sub(self.ahead as usize);
        if given < wanted && patience == Patience::Waits {
            return Acknowledged::Later;
        }
        if given < wanted {
            scene.unlearned += 1;
        }
        let all = safe == self.recorded.items.len();
        let upto = if all { given } else { wanted.min(given) };
        self.ahead = (self.ahead as usize + upto).saturating_sub(safe) as u32;
        self.recorded.items.drain(..safe);
        let last = self.actual.items.drain(..upto).next_back();
        if self.recorded.items.is_empty() {
            self.recorded.items = Vec::new();
        }
        if self.actual.items.is_empty() {
            self.actual.items = Vec::new();
        }
        last.map_or(Acknowledged::Nothing, Acknowledged::Up)
    }
}

/// What an acknowledgement becomes.
enum Acknowledged {
    /// The target has not given as much yet.
    Later,
    /// The target gave nothing that it could be for.
    Nothing,
    /// All up to this item.
    Up(u64),
}

/// A message's body by the rules, in `room` where it changes; `None` if it needs what is not known yet.
fn rewritten<'a>(
    scene: &mut Scene,
    patience: Patience,
    body: Body<'a>,
    room: &'a mut Vec<u8>,
) -> Result<Option<Body<'a>>, RewriteError> {
    if scene.chosen == 0 {
        return Ok(Some(body));
    }
    let values = Values::default();
    let Some(edited) = Editor::new(scene, &values, patience).edit(body.bytes) else {
        return Ok(None);
    };
    *room = edited.into_owned();
    if room.len() > wire::chat::BODY_MAX_BYTES {
        return Err(RewriteError::TooLong { bytes: room.len() });
    }
    Ok(Some(Body {
        kind: body.kind,
        bytes: room,
    }))
}
