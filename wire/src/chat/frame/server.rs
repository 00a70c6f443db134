//! The frames of the server.
//!
//! It does not know when each is sent: the order of the fields here is that of the wire.

use super::{Body, FrameError, Presence, frame, kind, put, split};
use crate::chat::field::Fields;
use crate::chat::{Code, GroupId, Key, MediaToken, Nonce, Number};

/// A frame from the server.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)] // see `ClientFrame`
pub enum ServerFrame<'a> {
    /// Opens each connection.
    Hello { version: u8, nonce: Nonce },
    /// A PIN is on its way to the number.
    PinSent { number: Number },
    /// The device's new key.
    NewKey { number: Number, key: Key },
    /// The log-in holds. `last_id` is the highest id accepted from this number, `queued` what waits for it.
    Welcome {
        last_id: u64,
        queued: u32,
        media_token: MediaToken,
    },
    /// The server has the message safe: one tick.
    Accepted { id: u64 },
    /// The server did not take the message.
    Refused { id: u64, code: Code },
    /// A message for this client; to be acknowledged by its `seq`.
    Deliver {
        seq: u64,
        from: Number,
        group: Option<GroupId>,
        id: u64,
        time_ms: u64,
        body: Body<'a>,
    },
    /// A recipient has acknowledged: two ticks. `seq` 0 needs no acknowledgement, any other does.
    Delivered { seq: u64, id: u64, by: Number },
    /// A person began or stopped typing to this client.
    Typing { from: Number, on: bool },
    /// A watched person's presence.
    Presence { number: Number, presence: Presence },
    /// The group now has this many members.
    Group { group: GroupId, members: u16 },
    /// Answers a *ping*.
    Pong { token: u32 },
    /// The frame of type `about` was refused; the connection stays open.
    Error { code: Code, about: u8 },
    /// The server closes the connection.
    Bye { code: Code },
}

impl<'a> ServerFrame<'a> {
    /// Takes the first frame off `bytes`, with its length; `None` while it is incomplete.
    ///
    /// # Errors
    /// The bytes cannot become a frame.
    pub fn decode(bytes: &'a [u8]) -> Result<Option<(Self, usize)>, FrameError> {
        let Some((kind, fields, length)) = split(bytes)? else {
            return Ok(None);
        };
        Ok(Some((Self::parse(kind, fields)?, length)))
    }

    fn parse(kind: u8, mut f: Fields<'a>) -> Result<Self, FrameError> {
        let frame = match kind {
            kind::HELLO => Self::Hello {
                version: f.u8()?,
                nonce: f.array()?,
            },
            kind::PIN_SENT => Self::PinSent {
                number: Number::new(f.u64()?)?,
            },
            kind::NEW_KEY => Self::NewKey {
                number: Number::new(f.u64()?)?,
                key: Key(f.array()?),
            },
            kind::WELCOME => Self::Welcome {
                last_id: f.u64()?,
                queued: f.u32()?,
                media_token: MediaToken(f.array()?),
            },
            kind::ACCEPTED => Self::Accepted { id: f.u64()? },
            kind::REFUSED => Self::Refused {
                id: f.u64()?,
                code: code(&mut f)?,
            },
            // Its body is what is left.
            kind::DELIVER => return Self::parse_deliver(f),
            kind::DELIVERED => Self::Delivered {
                seq: f.u64()?,
                id: f.u64()?,
                by: Number::new(f.u64()?)?,
            },
            kind::TYPING_FROM => Self::Typing {
                from: Number::new(f.u64()?)?,
                on: f.bool()?,
            },
            kind::PRESENCE => {
                let number = Number::new(f.u64()?)?;
                Self::Presence {
                    number,
                    presence: if f.bool()? {
                        Presence::Online
                    } else {
                        Presence::Away
                    },
                }
            }
            kind::GROUP => Self::Group {
                group: GroupId::from_value(f.u64()?)?,
                members: f.u16()?,
            },
            kind::PONG => Self::Pong { token: f.u32()? },
            kind::ERROR => Self::Error {
                code: code(&mut f)?,
                about: f.u8()?,
            },
            kind::BYE => Self::Bye { code: code(&mut f)? },
            other => return Err(FrameError::UnknownType(other)),
        };
        f.end()?;
        Ok(frame)
    }

    fn parse_deliver(mut f: Fields<'a>) -> Result<Self, FrameError> {
        let (seq, from) = (f.u64()?, Number::new(f.u64()?)?);
        let group = match f.u64()? {
            0 => None,
            value => Some(GroupId::from_value(value)?),
        };
        let (id, time_ms) = (f.u64()?, f.u64()?);
        Ok(Self::Deliver {
            seq,
            from,
            group,
            id,
            time_ms,
            body: Body::parse(f)?,
        })
    }

    /// The frame's type on the wire.
    #[must_use]
    pub fn kind(&self) -> u8 {
        match self {
            Self::Hello { .. } => kind::HELLO,
            Self::PinSent { .. } => kind::PIN_SENT,
            Self::NewKey { .. } => kind::NEW_KEY,
            Self::Welcome { .. } => kind::WELCOME,
            Self::Accepted { .. } => kind::ACCEPTED,
            Self::Refused { .. } => kind::REFUSED,
            Self::Deliver { .. } => kind::DELIVER,
            Self::Delivered { .. } => kind::DELIVERED,
            Self::Typing { .. } => kind::TYPING_FROM,
            Self::Presence { .. } => kind::PRESENCE,
            Self::Group { .. } => kind::GROUP,
            Self::Pong { .. } => kind::PONG,
            Self::Error { .. } => kind::ERROR,
            Self::Bye { .. } => kind::BYE,
        }
    }

    /// Appends the frame.
    pub fn encode(&self, out: &mut Vec<u8>) {
        frame(out, self.kind(), |out| match *self {
            Self::Hello { version, nonce } => {
                out.push(version);
                out.extend_from_slice(&nonce);
            }
            Self::PinSent { number } => put(out, number.value()),
            Self::NewKey { number, key } => {
                put(out, number.value());
                out.extend_from_slice(&key.0);
            }
            Self::Welcome {
                last_id,
                queued,
                media_token,
            } => {
                put(out, last_id);
                out.extend_from_slice(&queued.to_be_bytes());
                out.extend_from_slice(&media_token.0);
            }
            Self::Accepted { id } => put(out, id),
            Self::Refused { id, code } => {
                put(out, id);
                out.extend_from_slice(&code.value().to_be_bytes());
            }
            Self::Deliver {
                seq,
                from,
                group,
                id,
                time_ms,
                body,
            } => {
                put(out, seq);
                put(out, from.value());
                put(out, group.map_or(0, GroupId::value));
                put(out, id);
                put(out, time_ms);
                body.encode(out);
            }
            Self::Delivered { seq, id, by } => {
                put(out, seq);
                put(out, id);
                put(out, by.value());
            }
            Self::Typing { from, on } => {
                put(out, from.value());
                out.push(u8::from(on));
            }
            Self::Presence { number, presence } => {
                put(out, number.value());
                out.push(presence as u8);
            }
            Self::Group { group, members } => {
                put(out, group.value());
                out.extend_from_slice(&members.to_be_bytes());
            }
            Self::Pong { token } => out.extend_from_slice(&token.to_be_bytes()),
            Self::Error { code, about } => {
                out.extend_from_slice(&code.value().to_be_bytes());
                out.push(about);
            }
            Self::Bye { code } => out.extend_from_slice(&code.value().to_be_bytes()),
        });
    }
}

fn code(fields: &mut Fields<'_>) -> Result<Code, FrameError> {
    Code::from_value(fields.u16()?).ok_or(FrameError::Malformed)
}
