//! Frames: two length bytes, a type, fields. Decoding borrows; encoding appends.
//!
//! The layout of each frame stands in `docs/protocol.md`; the order of the fields here is that of the wire.

use super::field::Fields;
use super::{
    Address, BODY_MAX_BYTES, Code, FRAME_MAX_BYTES, GroupId, Key, MEMBERS_MAX, MediaToken, Nonce, Number,
    Proof, TAG_MAX,
};

/// The length field before each frame.
pub const HEADER_BYTES: usize = 2;

/// Why bytes are not a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// Fields missing, left over, or out of their range.
    #[error("malformed frame")]
    Malformed,
    /// Longer than the protocol allows.
    #[error("oversized frame")]
    Oversized,
    /// No such type.
    #[error("unknown frame type {0:#04x}")]
    UnknownType(u8),
}

impl From<FrameError> for Code {
    fn from(error: FrameError) -> Self {
        match error {
            FrameError::Malformed => Self::Malformed,
            FrameError::Oversized => Self::Oversized,
            FrameError::UnknownType(_) => Self::UnknownType,
        }
    }
}

/// What a message's body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// Opaque bytes, the clients' own.
    Text = 0,
    /// A [`Media`](super::Media): a link and a thumbnail.
    Media = 1,
}

/// A message's content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Body<'a> {
    /// What it is.
    pub kind: Kind,
    /// At most [`BODY_MAX_BYTES`].
    pub bytes: &'a [u8],
}

/// Whether a person is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Presence {
    /// Not connected.
    Away = 0,
    /// Connected.
    Online = 1,
}

/// A group's members, as they stand on the wire: 8 bytes each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Members<'a>(&'a [u8]);

impl<'a> Members<'a> {
    /// Checks a list of encoded numbers.
    ///
    /// # Errors
    /// Not whole numbers, or more than [`MEMBERS_MAX`].
    pub fn parse(bytes: &'a [u8]) -> Result<Self, FrameError> {
        if !bytes.len().is_multiple_of(8) {
            return Err(FrameError::Malformed);
        }
        if bytes.len() > MEMBERS_MAX * 8 {
            return Err(FrameError::Oversized);
        }
        let members = Self(bytes);
        if members.raw().all(|value| Number::new(value).is_ok()) {
            Ok(members)
        } else {
            Err(FrameError::Malformed)
        }
    }

    /// The numbers.
    pub fn iter(self) -> impl Iterator<Item = Number> + 'a {
        // `parse` let only numbers through.
        self.raw().filter_map(|value| Number::new(value).ok())
    }

    /// How many.
    #[must_use]
    pub fn count(self) -> usize {
        self.0.len() / 8
    }

    fn raw(self) -> impl Iterator<Item = u64> + 'a {
        self.0
            .as_chunks::<8>()
            .0
            .iter()
            .map(|chunk| u64::from_be_bytes(*chunk))
    }
}

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

macro_rules! types {
    ($($name:ident = $value:literal),* $(,)?) => { $(pub(super) const $name: u8 = $value;)* };
}

/// Frame types; a client's are below 0x80.
mod kind {
    types! {
        REGISTER = 0x01, PROVE = 0x02, LOGIN = 0x03, SEND = 0x04, ACK = 0x05, TYPING = 0x06, WATCH = 0x07,
        SET_GROUP = 0x08, LEAVE_GROUP = 0x09, PING = 0x0a,
        HELLO = 0x81, PIN_SENT = 0x82, NEW_KEY = 0x83, WELCOME = 0x84, ACCEPTED = 0x85, REFUSED = 0x86, DELIVER = 0x87,
        DELIVERED = 0x88, TYPING_FROM = 0x89, PRESENCE = 0x8a, GROUP = 0x8b, PONG = 0x8c, ERROR = 0x8d, BYE = 0x8e,
    }
}

impl From<super::AddressError> for FrameError {
    fn from(_: super::AddressError) -> Self {
        Self::Malformed
    }
}

/// Splits the first frame off: its type, its fields and the bytes it took; `None` while it is incomplete.
fn split(bytes: &[u8]) -> Result<Option<(u8, Fields<'_>, usize)>, FrameError> {
    let Some((header, rest)) = bytes.split_first_chunk::<HEADER_BYTES>() else {
        return Ok(None);
    };
    let length = usize::from(u16::from_be_bytes(*header));
    if length == 0 {
        return Err(FrameError::Malformed);
    }
    if length > FRAME_MAX_BYTES {
        return Err(FrameError::Oversized);
    }
    match rest.get(..length) {
        Some([kind, fields @ ..]) => Ok(Some((*kind, Fields::new(fields), HEADER_BYTES + length))),
        _ => Ok(None),
    }
}

/// Appends a frame: its type, its fields by `fill`, and its length in front.
fn frame(out: &mut Vec<u8>, kind: u8, fill: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&[0, 0, kind]);
    fill(out);
    let length = out.len() - start - HEADER_BYTES;
    debug_assert!(length <= FRAME_MAX_BYTES, "a frame of {length} bytes");
    out[start..start + HEADER_BYTES].copy_from_slice(&(length as u16).to_be_bytes());
}

impl<'a> Body<'a> {
    fn parse(mut fields: Fields<'a>) -> Result<Self, FrameError> {
        let kind = match fields.u8()? {
            0 => Kind::Text,
            1 => Kind::Media,
            _ => return Err(FrameError::Malformed),
        };
        let bytes = fields.rest(BODY_MAX_BYTES)?;
        if kind == Kind::Media {
            super::Media::parse(bytes).map_err(|_| FrameError::Malformed)?;
        }
        Ok(Self { kind, bytes })
    }

    fn encode(self, out: &mut Vec<u8>) {
        out.push(self.kind as u8);
        out.extend_from_slice(self.bytes);
    }
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
            kind::DELIVER => {
                let (seq, from) = (f.u64()?, Number::new(f.u64()?)?);
                let group = match f.u64()? {
                    0 => None,
                    value => Some(GroupId::from_value(value)?),
                };
                let (id, time_ms) = (f.u64()?, f.u64()?);
                return Ok(Self::Deliver {
                    seq,
                    from,
                    group,
                    id,
                    time_ms,
                    body: Body::parse(f)?,
                });
            }
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

fn put(out: &mut Vec<u8>, value: u64) {
    out.extend_from_slice(&value.to_be_bytes());
}

fn code(fields: &mut Fields<'_>) -> Result<Code, FrameError> {
    Code::from_value(fields.u16()?).ok_or(FrameError::Malformed)
}

#[cfg(test)]
mod tests;
