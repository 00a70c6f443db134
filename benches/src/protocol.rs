//! What the load driver must know of a protocol: how to log in, send, and read what comes.
//!
//! Implementations are pure: bytes in, bytes and events out. They know neither sockets nor time.

mod chat;
mod mqtt;
mod xmpp;

pub(crate) use chat::{Chat, Names};
pub(crate) use mqtt::Mqtt;
pub(crate) use xmpp::{Guarantee, Xmpp};

use crate::body::BODY_BYTES;

/// Which answers a sender gets besides the recipient's delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Answers {
    /// The server says that it has the message.
    pub(crate) accepted: bool,
    /// The server says that the recipient has it.
    pub(crate) ticked: bool,
}

/// What bytes from the server meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event<'a> {
    /// Logged in: messages may be sent to and from this client.
    Ready,
    /// The server has this client's message.
    Accepted(u64),
    /// A message's body arrived; its acknowledgement, where there is one, is in what is to be sent.
    Delivered(&'a [u8]),
    /// The recipient of this client's message has it.
    Ticked(u64),
}

/// The server said what it must not, or refused.
#[derive(Debug, thiserror::Error)]
#[error("the server broke off: {0}")]
pub(crate) struct Fault(pub(crate) String);

/// A client's side of a protocol. Clients are numbered from 0.
pub(crate) trait Protocol {
    /// What a client remembers.
    type Session: Default;

    /// Which answers to wait for.
    fn answers(&self) -> Answers;

    /// What a client says first, appended to `out`.
    fn opened(&self, who: u32, out: &mut Vec<u8>);

    /// Takes what came, whole frames only; returns how many bytes were taken. What must be answered at once is
    /// appended to `out`.
    ///
    /// # Errors
    /// The server refused, or the bytes are none of the protocol's.
    fn received(
        &self,
        session: &mut Self::Session,
        who: u32,
        bytes: &[u8],
        out: &mut Vec<u8>,
        tell: &mut impl FnMut(Event<'_>),
    ) -> Result<usize, Fault>;

    /// Appends a message to `out`.
    fn message(
        &self,
        session: &mut Self::Session,
        to: u32,
        number: u64,
        body: &[u8; BODY_BYTES],
        out: &mut Vec<u8>,
    );
}
