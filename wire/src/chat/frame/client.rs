//! The frames of a client.
//!
//! It does not know when each may be sent: the order of the fields here is that of the wire.

use super::{Body, FrameError, Members, frame, kind, put, split};
use crate::chat::field::Fields;
use crate::chat::{Address, FRAME_MAX_BYTES, GroupId, Number, Proof, TAG_MAX};

/// A frame from a client.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)] // the fields are those of docs/protocol.md, by the same names
pub enum ClientFrame<'a> {
    /// Asks for a PIN to be sent to a number.
    Register { number: Number },
    /// Proves the PIN; the answer is a key, and any earlier key is void.
    Prove { number: Number, pin: u32 },
    /// Logs in by proving the key against the nonce of *hello*.
    Login { number: Number, proof: Proof },
    /// Sends a message. `id` is the sender's own, rising.
    Send { id: u64, to: Address, body: Body<'a> },
    /// Acknowledges every delivery up to `seq`: the client has them safe, the server erases them.
    Ack { seq: u64 },
    /// Tells a person that typing began or ended. Never stored.
    Typing { to: Number, on: bool },
    /// Watches or stops watching a person's presence.
    Watch { number: Number, on: bool },
    /// Sets the members of one of the client's own groups; none dissolves it.
    SetGroup { tag: u16, members: Members<'a> },
    /// Leaves a group.
    LeaveGroup { group: GroupId },
    /// Asks for a *pong* with the same token.
    Ping { token: u32 },
}

impl<'a> ClientFrame<'a> {
    /// Takes the first frame off `bytes`, with its length; `None` while it is incomplete.
    ///
    /// # Errors
    /// The bytes cannot become a frame; the connection is beyond repair.
    pub fn decode(bytes: &'a [u8]) -> Result<Option<(Self, usize)>, FrameError> {
        let Some((kind, fields, length)) = split(bytes)? else {
            return Ok(None);
        };
        Ok(Some((Self::parse(kind, fields)?, length)))
    }

    fn parse(kind: u8, mut f: Fields<'a>) -> Result<Self, FrameError> {
        let frame = match kind {
            kind::REGISTER => Self::Register {
                number: Number::new(f.u64()?)?,
            },
            kind::PROVE => Self::Prove {
                number: Number::new(f.u64()?)?,
                pin: f.u32()?,
            },
            kind::LOGIN => Self::Login {
                number: Number::new(f.u64()?)?,
                proof: Proof(f.array()?),
            },
            kind::SEND => {
                let (id, to) = (f.u64()?, Address::from_value(f.u64()?)?);
                if id == 0 {
                    return Err(FrameError::Malformed);
                }
                return Ok(Self::Send {
                    id,
                    to,
                    body: Body::parse(f)?,
                });
            }
            kind::ACK => Self::Ack { seq: f.u64()? },
            kind::TYPING => Self::Typing {
                to: Number::new(f.u64()?)?,
                on: f.bool()?,
            },
            kind::WATCH => Self::Watch {
                number: Number::new(f.u64()?)?,
                on: f.bool()?,
            },
            kind::SET_GROUP => {
                let tag = f.u16()?;
                if tag > TAG_MAX {
                    return Err(FrameError::Malformed);
                }
                return Ok(Self::SetGroup {
                    tag,
                    members: Members::parse(f.rest(FRAME_MAX_BYTES)?)?,
                });
            }
            kind::LEAVE_GROUP => Self::LeaveGroup {
                group: GroupId::from_value(f.u64()?)?,
            },
            kind::PING => Self::Ping { token: f.u32()? },
            other => return Err(FrameError::UnknownType(other)),
        };
        f.end()?;
        Ok(frame)
    }

    /// The frame's type on the wire.
    #[must_use]
    pub fn kind(&self) -> u8 {
        match self {
            Self::Register { .. } => kind::REGISTER,
            Self::Prove { .. } => kind::PROVE,
            Self::Login { .. } => kind::LOGIN,
            Self::Send { .. } => kind::SEND,
            Self::Ack { .. } => kind::ACK,
            Self::Typing { .. } => kind::TYPING,
            Self::Watch { .. } => kind::WATCH,
            Self::SetGroup { .. } => kind::SET_GROUP,
            Self::LeaveGroup { .. } => kind::LEAVE_GROUP,
            Self::Ping { .. } => kind::PING,
        }
    }

    /// Appends the frame.
    pub fn encode(&self, out: &mut Vec<u8>) {
        frame(out, self.kind(), |out| match *self {
            Self::Register { number } => put(out, number.value()),
            Self::Prove { number, pin } => {
                put(out, number.value());
                out.extend_from_slice(&pin.to_be_bytes());
            }
            Self::Login { number, proof } => {
                put(out, number.value());
                out.extend_from_slice(&proof.0);
            }
            Self::Send { id, to, body } => {
                put(out, id);
                put(out, to.value());
                body.encode(out);
            }
            Self::Ack { seq } => put(out, seq),
            Self::Typing { to, on } => {
                put(out, to.value());
                out.push(u8::from(on));
            }
            Self::Watch { number, on } => {
                put(out, number.value());
                out.push(u8::from(on));
            }
            Self::SetGroup { tag, members } => {
                out.extend_from_slice(&tag.to_be_bytes());
                out.extend_from_slice(members.0);
            }
            Self::LeaveGroup { group } => put(out, group.value()),
            Self::Ping { token } => out.extend_from_slice(&token.to_be_bytes()),
        });
    }
}
