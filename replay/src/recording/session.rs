//! A recorded connection: its ends, its totals and its turns.
//!
//! It knows no file, and no byte of what was said.

use std::fmt;
use std::net::SocketAddr;

use crate::account::Account;
use crate::{End, Event, Flow, Protocol, Secrecy, Side, Start};

/// A recorded connection. Times are nanoseconds after the capture's first packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Its number in the capture.
    pub flow: Flow,
    /// The end that opened it.
    pub client: SocketAddr,
    /// The other.
    pub server: SocketAddr,
    /// Its first packet.
    pub opened_ns: u64,
    /// Its last; never before the first.
    pub closed_ns: u64,
    /// With its handshake or in mid-stream.
    pub start: Start,
    /// How it ended.
    pub end: End,
    /// What it speaks, guessed.
    pub protocol: Protocol,
    /// What is known of its encryption.
    pub secrecy: Secrecy,
    /// Whether its client can be driven again, or why not.
    pub replayable: Result<(), Unplayable>,
    /// What the client said.
    pub client_said: Stream,
    /// What the server said.
    pub server_said: Stream,
}

impl Session {
    /// One that begins; what it amounts to is settled when it ends.
    pub(crate) fn begin(flow: Flow, [client, server]: [SocketAddr; 2], at_ns: u64, start: Start) -> Self {
        Self {
            flow,
            client,
            server,
            opened_ns: at_ns,
            closed_ns: at_ns,
            start,
            end: End::Open,
            protocol: Protocol::Unknown,
            secrecy: Secrecy::Wire,
            replayable: Ok(()),
            client_said: Stream::default(),
            server_said: Stream::default(),
        }
    }

    /// It ended so, and this is what it came to.
    pub(crate) fn settle(&mut self, account: &Account, end: End) {
        self.end = end;
        self.protocol = account.protocol();
        self.secrecy = account.secrecy();
        self.replayable = account.replayable(end);
        (self.client_said, self.server_said) = (account.client_said, account.server_said);
    }

    /// Something happened, no earlier than what happened before; the time that it counts with. A connection that fell silent, or that
    /// there was no room for, was last heard before anybody knew.
    pub(crate) fn happened(&mut self, event: &Event<'_>) -> u64 {
        let at_ns = event.at_ns().max(self.closed_ns);
        let unheard = matches!(
            event,
            Event::Close {
                end: End::Idle | End::Dropped,
                ..
            }
        );
        if !unheard {
            self.closed_ns = at_ns;
        }
        at_ns
    }

    /// What a side said.
    #[must_use]
    pub fn said(&self, side: Side) -> &Stream {
        match side {
            Side::Client => &self.client_said,
            Side::Server => &self.server_said,
        }
    }
}

#[cfg(test)]
impl Session {
    /// One in a protocol, for tests that are about nothing else of it.
    pub(crate) fn spoken(protocol: Protocol) -> Self {
        let ends = [([10, 0, 0, 1], 40_000), ([10, 0, 0, 2], 9_000)].map(SocketAddr::from);
        Self {
            protocol,
            ..Self::begin(Flow(7), ends, 0, Start::Handshake)
        }
    }
}

/// The totals of what one side said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stream {
    /// Bytes that the recording has.
    pub bytes: u64,
    /// Places where it lacks some.
    pub gaps: u64,
    /// Bytes that it lacks.
    pub gap_bytes: u64,
}

/// Why a recorded connection's client cannot be driven again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Unplayable {
    /// The capture joined in mid-stream: what was said before is unknown.
    Midway,
    /// Bytes of the client are missing.
    ClientGap,
    /// TLS whose secrets are missing.
    Sealed,
    /// The client said nothing.
    Silent,
    /// UDP; QUIC, too.
    Datagrams,
    /// Given up while it was read, for want of room.
    Dropped,
}

impl Unplayable {
    /// Its name in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Midway => "midway",
            Self::ClientGap => "client-gap",
            Self::Sealed => "sealed",
            Self::Silent => "silent",
            Self::Datagrams => "datagrams",
            Self::Dropped => "dropped",
        }
    }
}

impl fmt::Display for Unplayable {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Midway => "joined in mid-stream",
            Self::ClientGap => "bytes of the client are missing",
            Self::Sealed => "TLS without its secrets",
            Self::Silent => "the client said nothing",
            Self::Datagrams => "UDP is not replayed",
            Self::Dropped => "given up for want of room",
        })
    }
}

/// One thing that a side did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn {
    /// When, in nanoseconds after the capture's first packet.
    pub at_ns: u64,
    /// What.
    pub kind: TurnKind,
    /// Whose it is, by [`Recording::sessions`](crate::Recording::sessions)' index.
    pub session: u32,
    /// Who did it.
    pub side: Side,
}

/// What a side did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TurnKind {
    /// It said something: [`Recording::bytes`](crate::Recording::bytes) has it.
    Bytes {
        /// Where, in the recording's payload.
        position: u64,
        /// How many bytes; never 0.
        length: u32,
    },
    /// It said something that the capture lacks.
    Gap {
        /// How many bytes.
        length: u64,
    },
    /// It said all that it will (its FIN).
    Finish,
}

// A recording has tens of millions of them.
const _: () = assert!(size_of::<Turn>() <= 32);
