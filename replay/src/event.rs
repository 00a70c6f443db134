//! What happened on recorded connections, as a stream: the one form that a capture, a file of sessions and a tee share.
//!
//! It knows no packet, no file and no socket. Whoever makes events (reassembly, decryption, a file of sessions) hands them
//! to a [`Sink`] in the order of their time; whoever takes them (decryption, a file of sessions, an inspection, the
//! driver) is one.

use std::fmt;
use std::net::SocketAddr;

/// A recorded connection, numbered from 0 in the order of their first packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Flow(pub u64);

/// An end of a recorded connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// The end that opened it: the first SYN's sender, or by the ports where the capture joined in mid-stream.
    Client,
    /// The other.
    Server,
}

impl Side {
    /// The other end.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}

/// How the record of a connection begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Start {
    /// With its handshake.
    Handshake,
    /// In mid-stream: what was said before is unknown.
    Midway,
}

/// How the record of a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum End {
    /// Both ends finished (FIN); the side that did first.
    Finished(Side),
    /// A reset, and who sent it.
    Reset(Side),
    /// Nothing for the idle deadline, in the capture's time.
    Idle,
    /// The capture ended, or its port pair began anew, with the connection still open.
    Open,
    /// Given up for want of room: the bound on memory or on flows.
    Dropped,
}

/// What happened. Times are nanoseconds after the capture's first packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// A connection begins.
    Open {
        /// Which.
        flow: Flow,
        /// When: its first packet.
        at_ns: u64,
        /// The end that opened it.
        client: SocketAddr,
        /// The other.
        server: SocketAddr,
        /// With its handshake or in mid-stream.
        start: Start,
    },
    /// Bytes in order, contiguous with what this side said before, gaps included.
    Data {
        /// Whose.
        flow: Flow,
        /// Who said it.
        side: Side,
        /// When the packet that made them contiguous was seen.
        at_ns: u64,
        /// Bytes of this side's stream before these.
        offset: u64,
        /// What was said; never empty.
        bytes: &'a [u8],
    },
    /// Bytes that the capture lacks.
    Gap {
        /// Whose.
        flow: Flow,
        /// Who said them.
        side: Side,
        /// When they were given up.
        at_ns: u64,
        /// Bytes of this side's stream before these.
        offset: u64,
        /// How many; never 0.
        length: u64,
    },
    /// This side said all that it will (its FIN, in order). The other may go on.
    Finish {
        /// Whose.
        flow: Flow,
        /// Who finished.
        side: Side,
        /// When.
        at_ns: u64,
    },
    /// Nothing more comes of this flow.
    Close {
        /// Whose.
        flow: Flow,
        /// When.
        at_ns: u64,
        /// How.
        end: End,
    },
}

impl Secrecy {
    /// All of them, each at its number in a file of sessions.
    const ALL: [Self; 5] = [
        Self::Wire,
        Self::Opened,
        Self::NoSecrets,
        Self::Unsupported,
        Self::Broken,
    ];

    /// Its number in a file of sessions.
    pub(crate) fn code(self) -> u8 {
        self as u8
    }

    /// The meaning of a number.
    pub(crate) fn of_code(code: u8) -> Self {
        Self::ALL.get(usize::from(code)).copied().unwrap_or(Self::Unknown)
    }

    /// Whether what was said stayed secret.
    #[must_use]
    pub fn is_sealed(self) -> bool {
        !matches!(self, Self::Wire | Self::Opened)
    }

    /// Its name in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Wire => "wire",
            Self::Opened => "opened",
            Self::NoSecrets => "no-secrets",
            Self::Unsupported => "unsupported",
            Self::Broken => "broken",
            Self::Unknown => "unknown",
        }
    }
}

impl Event<'_> {
    /// Whose it is.
    #[must_use]
    pub fn flow(&self) -> Flow {
        match *self {
            Self::Open { flow, .. }
            | Self::Data { flow, .. }
            | Self::Gap { flow, .. }
            | Self::Finish { flow, .. }
            | Self::Close { flow, .. } => flow,
        }
    }

    /// When, in nanoseconds after the capture's first packet.
    #[must_use]
    pub fn at_ns(&self) -> u64 {
        match *self {
            Self::Open { at_ns, .. }
            | Self::Data { at_ns, .. }
            | Self::Gap { at_ns, .. }
            | Self::Finish { at_ns, .. }
            | Self::Close { at_ns, .. } => at_ns,
        }
    }
}

impl Event<'_> {
    /// The same, of those that borrow nothing: `None` of [`Event::Data`].
    pub(crate) fn unborrowed(self) -> Option<Event<'static>> {
        Some(match self {
            Self::Data { .. } => return None,
            Self::Open {
                flow,
                at_ns,
                client,
                server,
                start,
            } => Event::Open {
                flow,
                at_ns,
                client,
                server,
                start,
            },
            Self::Gap {
                flow,
                side,
                at_ns,
                offset,
                length,
            } => Event::Gap {
                flow,
                side,
                at_ns,
                offset,
                length,
            },
            Self::Finish { flow, side, at_ns } => Event::Finish { flow, side, at_ns },
            Self::Close { flow, at_ns, end } => Event::Close { flow, at_ns, end },
        })
    }
}

/// All of it but what was said, of which it has the length.
impl fmt::Display for Event<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Data {
                flow,
                side,
                at_ns,
                offset,
                bytes,
            } => write!(
                f,
                "{side:?} of {flow:?} says {} B behind {offset} at {at_ns} ns",
                bytes.len()
            ),
            other => write!(f, "{other:?}"),
        }
    }
}

/// What is known of a connection's encryption.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Secrecy {
    /// Its bytes are those of the wire.
    #[default]
    Wire,
    /// TLS, decrypted: its bytes are the plain ones.
    Opened,
    /// TLS whose secrets are not there.
    NoSecrets,
    /// TLS of a version or with a cipher suite that is not read.
    Unsupported,
    /// TLS whose handshake or whose records are not whole, so that the secrets do not open them.
    Broken,
    /// Something that a later version knows.
    Unknown,
}

/// Takes events, in the order of their time.
pub trait Sink {
    /// One more.
    fn event(&mut self, event: Event<'_>);

    /// What became known of a connection's encryption, before its [`Event::Close`]. A stage hands it on; one that keeps
    /// nothing of it leaves it.
    fn secrecy(&mut self, _flow: Flow, _secrecy: Secrecy) {}
}

impl<F: FnMut(Event<'_>)> Sink for F {
    fn event(&mut self, event: Event<'_>) {
        self(event);
    }
}
