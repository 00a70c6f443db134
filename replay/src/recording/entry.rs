//! An entry of a file of sessions: something that happened, in a few bytes.
//!
//! It knows the entries' bytes; it knows neither blocks nor what the numbers refer to. `docs/sessions.md` has the tables.

#[cfg(test)]
mod tests;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::varint;
use crate::{End, Protocol, Secrecy, Side, Start};

/// In a tag: the server's doing, not the client's.
const BY_SERVER: u8 = 0x08;
/// In a tag: of the same connection as the entry before it in the block.
const SAME: u8 = 0x10;

const ADDRESS: u8 = 0;
const OPEN: u8 = 1;
const DATA: u8 = 2;
const GAP: u8 = 3;
const FINISH: u8 = 4;
const CLOSE: u8 = 5;
const NOTE: u8 = 6;
const END: u8 = 7;

/// An address by its number in the file, and a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) address: u64,
    pub(super) port: u16,
}

/// When, and of which connection by its number in the file: `None` is the former entry's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    /// Nanoseconds since the former entry of the block that has a time; for the first, since the capture's first packet.
    pub(super) after_ns: u64,
    pub(super) connection: Option<u64>,
}

/// Something that happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Entry<'a> {
    /// The next address.
    Address(IpAddr),
    /// The next connection.
    Open {
        after_ns: u64,
        /// Numbers between the former connection's and its own, which a filter may have left out.
        skipped_flows: u64,
        client: Place,
        server: Place,
        start: Start,
    },
    /// So many bytes of the block's payload.
    Data {
        head: Head,
        side: Side,
        length: u64,
    },
    Gap {
        head: Head,
        side: Side,
        length: u64,
    },
    Finish {
        head: Head,
        side: Side,
    },
    Close {
        head: Head,
        end: End,
        protocol: Protocol,
        secrecy: Secrecy,
    },
    /// A fact about the whole recording.
    Note {
        key: u64,
        value: &'a [u8],
    },
    /// Nothing follows: what there was.
    End {
        connections: u64,
        payload_bytes: u64,
    },
}

impl<'a> Entry<'a> {
    /// Appends it.
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        match *self {
            Self::Address(address) => {
                out.push(ADDRESS);
                encode_address(address, out);
            }
            Self::Open {
                after_ns,
                skipped_flows,
                client,
                server,
                start,
            } => {
                out.push(OPEN);
                varint::put(out, after_ns);
                varint::put(out, skipped_flows);
                for place in [client, server] {
                    varint::put(out, place.address);
                    out.extend(place.port.to_le_bytes());
                }
                out.push(u8::from(start == Start::Midway));
            }
            Self::Data { head, side, length } => {
                head.encode(DATA, side, out);
                varint::put(out, length);
            }
            Self::Gap { head, side, length } => {
                head.encode(GAP, side, out);
                varint::put(out, length);
            }
            Self::Finish { head, side } => head.encode(FINISH, side, out),
            Self::Close {
                head,
                end,
                protocol,
                secrecy,
            } => {
                head.encode(CLOSE, Side::Client, out);
                out.extend([end_code(end), protocol.code(), secrecy.code()]);
            }
            Self::Note { key, value } => {
                out.push(NOTE);
                varint::put(out, key);
                varint::put(out, value.len() as u64);
                out.extend_from_slice(value);
            }
            Self::End {
                connections,
                payload_bytes,
            } => {
                out.push(END);
                varint::put(out, connections);
                varint::put(out, payload_bytes);
            }
        }
    }

    /// Takes one off the front; `None` where the bytes are none.
    pub(super) fn take(bytes: &mut &'a [u8]) -> Option<Self> {
        let tag = take_byte(bytes)?;
        let kind = tag & 0x07;
        if tag >= 0x20
            || (tag >= 0x08 && !(DATA..=CLOSE).contains(&kind))
            || (kind == CLOSE && tag & BY_SERVER != 0)
        {
            return None;
        }
        let side = if tag & BY_SERVER == 0 {
            Side::Client
        } else {
            Side::Server
        };
        Some(match kind {
            ADDRESS => Self::Address(take_address(bytes)?),
            OPEN => Self::Open {
                after_ns: varint::take(bytes)?,
                skipped_flows: varint::take(bytes)?,
                client: Place::take(bytes)?,
                server: Place::take(bytes)?,
                start: match take_byte(bytes)? {
                    0 => Start::Handshake,
                    1 => Start::Midway,
                    _ => return None,
                },
            },
            DATA => Self::Data {
                head: Head::take(tag, bytes)?,
                side,
                length: varint::take(bytes).filter(|length| *length > 0)?,
            },
            GAP => Self::Gap {
                head: Head::take(tag, bytes)?,
                side,
                length: varint::take(bytes).filter(|length| *length > 0)?,
            },
            FINISH => Self::Finish {
                head: Head::take(tag, bytes)?,
                side,
            },
            CLOSE => Self::Close {
                head: Head::take(tag, bytes)?,
                end: end_of(take_byte(bytes)?)?,
                protocol: Protocol::of_code(take_byte(bytes)?),
                secrecy: Secrecy::of_code(take_byte(bytes)?),
            },
            NOTE => {
                let key = varint::take(bytes)?;
                let length = usize::try_from(varint::take(bytes)?).ok()?;
                let (value, rest) = bytes.split_at_checked(length)?;
                *bytes = rest;
                Self::Note { key, value }
            }
            _ => Self::End {
                connections: varint::take(bytes)?,
                payload_bytes: varint::take(bytes)?,
            },
        })
    }
}

impl Head {
    fn encode(self, kind: u8, side: Side, out: &mut Vec<u8>) {
        let by = if side == Side::Server { BY_SERVER } else { 0 };
        let same = if self.connection.is_none() { SAME } else { 0 };
        out.push(kind | by | same);
        varint::put(out, self.after_ns);
        if let Some(connection) = self.connection {
            varint::put(out, connection);
        }
    }

    fn take(tag: u8, bytes: &mut &[u8]) -> Option<Self> {
        let after_ns = varint::take(bytes)?;
        let connection = if tag & SAME == 0 {
            Some(varint::take(bytes)?)
        } else {
            None
        };
        Some(Self { after_ns, connection })
    }
}

impl Place {
    fn take(bytes: &mut &[u8]) -> Option<Self> {
        let address = varint::take(bytes)?;
        let (port, rest) = bytes.split_first_chunk()?;
        *bytes = rest;
        Some(Self {
            address,
            port: u16::from_le_bytes(*port),
        })
    }
}

pub(super) fn encode_address(address: IpAddr, out: &mut Vec<u8>) {
    match address {
        IpAddr::V4(address) => {
            out.push(4);
            out.extend(address.octets());
        }
        IpAddr::V6(address) => {
            out.push(6);
            out.extend(address.octets());
        }
    }
}

pub(super) fn take_address(bytes: &mut &[u8]) -> Option<IpAddr> {
    match take_byte(bytes)? {
        4 => {
            let (octets, rest) = bytes.split_first_chunk::<4>()?;
            *bytes = rest;
            Some(Ipv4Addr::from(*octets).into())
        }
        6 => {
            let (octets, rest) = bytes.split_first_chunk::<16>()?;
            *bytes = rest;
            Some(Ipv6Addr::from(*octets).into())
        }
        _ => None,
    }
}

pub(super) fn take_byte(bytes: &mut &[u8]) -> Option<u8> {
    let (&byte, rest) = bytes.split_first()?;
    *bytes = rest;
    Some(byte)
}

/// How a connection's record ended, by its number in the file.
const ENDS: [End; 7] = [
    End::Finished(Side::Client),
    End::Finished(Side::Server),
    End::Reset(Side::Client),
    End::Reset(Side::Server),
    End::Idle,
    End::Open,
    End::Dropped,
];

fn end_code(end: End) -> u8 {
    match end {
        End::Finished(Side::Client) => 0,
        End::Finished(Side::Server) => 1,
        End::Reset(Side::Client) => 2,
        End::Reset(Side::Server) => 3,
        End::Idle => 4,
        End::Open => 5,
        End::Dropped => 6,
    }
}

fn end_of(code: u8) -> Option<End> {
    ENDS.get(usize::from(code)).copied()
}
