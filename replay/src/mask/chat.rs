//! What of the chat's frames names somebody or opens something (docs/protocol.md).
//!
//! It knows frames; it does not know where they come from. Every field has its own length, so a frame keeps its own.

use wire::chat::{
    Address, Body, ClientFrame, GroupId, Key, Kind, Media, MediaToken, Members, Number, Proof, ServerFrame,
};

use super::pseudonym::Pseudonyms;
use super::rules::ChatMask;
use crate::Side;

/// Bytes that are no frame of the chat.
#[derive(Debug)]
pub(super) struct NotAFrame;

/// How long the frame is that begins here, 0 where it is not whole yet.
pub(super) fn length(side: Side, bytes: &[u8]) -> Result<usize, NotAFrame> {
    let length = match side {
        Side::Client => ClientFrame::decode(bytes).map(|frame| frame.map(|(_, length)| length)),
        Side::Server => ServerFrame::decode(bytes).map(|frame| frame.map(|(_, length)| length)),
    };
    length.map(Option::unwrap_or_default).map_err(|_| NotAFrame)
}

/// Masks a whole frame in place.
pub(super) fn mask(
    rules: &ChatMask,
    side: Side,
    bytes: &mut [u8],
    pseudonyms: &Pseudonyms,
) -> Result<(), NotAFrame> {
    let masker = Masker { rules, pseudonyms };
    let mut masked = Vec::with_capacity(bytes.len());
    let is_frame = match side {
        Side::Client => match ClientFrame::decode(bytes) {
            Ok(Some((frame, _))) => masker.client(frame, &mut masked),
            Ok(None) | Err(_) => None,
        },
        Side::Server => match ServerFrame::decode(bytes) {
            Ok(Some((frame, _))) => masker.server(frame, &mut masked),
            Ok(None) | Err(_) => None,
        },
    };
    is_frame
        .filter(|()| masked.len() == bytes.len())
        .ok_or(NotAFrame)?;
    bytes.copy_from_slice(&masked);
    Ok(())
}

struct Masker<'a> {
    rules: &'a ChatMask,
    pseudonyms: &'a Pseudonyms,
}

impl Masker<'_> {
    fn client(&self, frame: ClientFrame<'_>, out: &mut Vec<u8>) -> Option<()> {
        let (mut bytes, mut list) = (Vec::new(), Vec::new());
        let masked = match frame {
            ClientFrame::Register { number } => ClientFrame::Register {
                number: self.number(number)?,
            },
            ClientFrame::Prove { number, pin } => ClientFrame::Prove {
                number: self.number(number)?,
                pin: self.pin(pin),
            },
            ClientFrame::Login { number, proof } => ClientFrame::Login {
                number: self.number(number)?,
                proof: Proof(self.secret(proof.0)),
            },
            ClientFrame::Send { id, to, body } => ClientFrame::Send {
                id,
                to: self.address(to)?,
                body: self.body(body, &mut bytes),
            },
            ClientFrame::Typing { to, on } => ClientFrame::Typing {
                to: self.number(to)?,
                on,
            },
            ClientFrame::Watch { number, on } => ClientFrame::Watch {
                number: self.number(number)?,
                on,
            },
            ClientFrame::SetGroup { tag, members } => {
                for member in members.iter() {
                    list.extend(self.number(member)?.value().to_be_bytes());
                }
                ClientFrame::SetGroup {
                    tag,
                    members: Members::parse(&list).ok()?,
                }
            }
            ClientFrame::LeaveGroup { group } => ClientFrame::LeaveGroup {
                group: self.group(group)?,
            },
            ClientFrame::Ack { .. } | ClientFrame::Ping { .. } => frame,
        };
        masked.encode(out);
        Some(())
    }

    fn server(&self, frame: ServerFrame<'_>, out: &mut Vec<u8>) -> Option<()> {
        let mut bytes = Vec::new();
        let masked = match frame {
            ServerFrame::PinSent { number } => ServerFrame::PinSent {
                number: self.number(number)?,
            },
            ServerFrame::NewKey { number, key } => ServerFrame::NewKey {
                number: self.number(number)?,
                key: Key(self.secret(key.0)),
            },
            ServerFrame::Welcome {
                last_id,
                queued,
                media_token,
            } => ServerFrame::Welcome {
                last_id,
                queued,
                media_token: MediaToken(self.secret(media_token.0)),
            },
            ServerFrame::Deliver {
                seq,
                from,
                group,
                id,
                time_ms,
                body,
            } => ServerFrame::Deliver {
                seq,
                from: self.number(from)?,
                group: match group {
                    Some(group) => Some(self.group(group)?),
                    None => None,
                },
                id,
                time_ms,
                body: self.body(body, &mut bytes),
            },
            ServerFrame::Delivered { seq, id, by } => ServerFrame::Delivered {
                seq,
                id,
                by: self.number(by)?,
            },
            ServerFrame::Typing { from, on } => ServerFrame::Typing {
                from: self.number(from)?,
                on,
            },
            ServerFrame::Presence { number, presence } => ServerFrame::Presence {
                number: self.number(number)?,
                presence,
            },
            ServerFrame::Group { group, members } => ServerFrame::Group {
                group: self.group(group)?,
                members,
            },
            ServerFrame::Hello { .. }
            | ServerFrame::Accepted { .. }
            | ServerFrame::Refused { .. }
            | ServerFrame::Pong { .. }
            | ServerFrame::Error { .. }
            | ServerFrame::Bye { .. } => frame,
        };
        masked.encode(out);
        Some(())
    }

    fn number(&self, number: Number) -> Option<Number> {
        if !self.rules.numbers {
            return Some(number);
        }
        Number::new(self.pseudonyms.number(number.value())).ok()
    }

    /// A group is its owner's number and a tag of the owner's; the tag names nobody.
    fn group(&self, group: GroupId) -> Option<GroupId> {
        let owner = self.number(group.owner())?;
        let tag = (group.value() & u64::from(wire::chat::TAG_MAX)) as u16;
        GroupId::new(owner, tag).ok()
    }

    fn address(&self, address: Address) -> Option<Address> {
        Some(match address {
            Address::Person(number) => Address::Person(self.number(number)?),
            Address::Group(group) => Address::Group(self.group(group)?),
        })
    }

    /// Text as text, other bytes as bytes; of a media message the link stays a link.
    fn body<'b>(&self, body: Body<'b>, bytes: &'b mut Vec<u8>) -> Body<'b> {
        if !self.rules.bodies {
            return body;
        }
        match (body.kind, Media::parse(body.bytes)) {
            (Kind::Media, Ok(media)) => {
                let (mut link, mut thumbnail) = (media.link.as_bytes().to_vec(), media.thumbnail.to_vec());
                self.pseudonyms.text(&mut link);
                self.pseudonyms.opaque(&mut thumbnail);
                bytes.extend((link.len() as u16).to_be_bytes());
                bytes.extend(link);
                bytes.extend(thumbnail);
            }
            _ => {
                bytes.extend_from_slice(body.bytes);
                if std::str::from_utf8(bytes).is_ok() {
                    self.pseudonyms.text(bytes);
                } else {
                    self.pseudonyms.opaque(bytes);
                }
            }
        }
        Body {
            kind: body.kind,
            bytes,
        }
    }

    fn secret<const N: usize>(&self, mut secret: [u8; N]) -> [u8; N] {
        if self.rules.secrets {
            self.pseudonyms.opaque(&mut secret);
        }
        secret
    }

    fn pin(&self, pin: u32) -> u32 {
        if self.rules.secrets {
            (self.pseudonyms.number(u64::from(pin) + 1) % 1_000_000) as u32
        } else {
            pin
        }
    }
}
