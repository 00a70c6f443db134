//! What goes into a mailbox, and what comes out.
//!
//! It refuses to know how it is kept.

/// A message to put. `from` and `id` name it for good.
#[derive(Clone, Copy, Debug)]
pub struct NewMessage<'a> {
    /// The sender.
    pub from: u64,
    /// The group, or 0.
    pub group: u64,
    /// The sender's number for it.
    pub id: u64,
    /// When the server took it, in milliseconds since 1970.
    pub time_ms: u64,
    /// What the office calls this kind of body.
    pub kind: u8,
    /// The body, at most [`super::BODY_BYTES_MAX`].
    pub body: &'a [u8],
}

/// An item of a mailbox. Its body is in the caller's buffer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Its place in the mailbox; never used twice.
    pub seq: u64,
    /// Whether it is a second tick and not a message.
    pub tick: bool,
    /// The message's kind.
    pub kind: u8,
    /// The sender; of a tick, who has the message now.
    pub from: u64,
    /// The group, or 0.
    pub group: u64,
    /// The sender's number for the message.
    pub id: u64,
    /// When the server took it; 0 for a tick.
    pub time_ms: u64,
    /// Where the body is in the buffer.
    pub body: std::ops::Range<usize>,
}

/// An item that an acknowledgement took away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Erased {
    /// Its place in the mailbox.
    pub seq: u64,
    /// Whether it was a second tick.
    pub tick: bool,
    /// The message's kind.
    pub kind: u8,
    /// The sender, who is now due a second tick.
    pub from: u64,
    /// The group, or 0.
    pub group: u64,
    /// The sender's number for the message.
    pub id: u64,
}
