//! What a plan asks for: one action of one user at one instant.
//!
//! An action does not know whether it could be carried out, nor how.

/// One planned action.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Action {
    /// The intended instant, microseconds since the run began (the run's clock).
    pub at_us: u64,
    /// The user who acts, `0..Plan::users()`; for [`What::Register`] a number beyond them.
    pub user: u32,
    /// What the user does.
    pub what: What,
}

/// What a user does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum What {
    /// Connects and logs in.
    Connect,
    /// Goes away gracefully.
    Disconnect,
    /// Is cut off by the network (a reset); the driver reconnects with its own backoff, not before `until_us`.
    Cut {
        /// The earliest instant of a reconnect, microseconds since the run began.
        until_us: u64,
    },
    /// Becomes a misfit, until the given instant.
    Misbehave {
        /// What he does.
        how: Misfit,
        /// When it ends, microseconds since the run began; `u64::MAX` for never.
        until_us: u64,
    },
    /// Nobody: made-up clients send SYNs and answer nothing.
    Flood {
        /// How many a second.
        syns_a_second: u32,
        /// For how long, microseconds.
        lasting_us: u64,
    },
    /// Sends a message.
    Send {
        /// To whom.
        to: To,
        /// Length of the body, the thumbnail of a media message included.
        bytes: u16,
        /// Whether the message carries a link to media and a thumbnail.
        media: bool,
    },
    /// Shows that he is typing.
    Typing {
        /// To whom.
        to: u32,
    },
    /// Uploads a file by HTTP; once it has its link, the driver sends the link as one message to `to`.
    Upload {
        /// Size of the file.
        bytes: u32,
        /// To whom the link goes.
        to: To,
    },
    /// A new person registers a number; `user` is `Plan::users() + number_offset`.
    Register {
        /// Which number beyond the provisioned ones; each is given once.
        number_offset: u32,
    },
    /// The owner creates a group; see [`crate::Groups`].
    CreateGroup {
        /// The group, `0..Groups::count()`.
        group: u32,
    },
}

/// A peer as it should not be; see [`crate::MisfitKind`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Misfit {
    /// Opens one more connection, half.
    HalfOpen,
    /// Offers no window.
    ZeroWindow,
    /// Reads so much a second.
    SlowReader {
        /// Bytes a second.
        bytes_a_second: u32,
    },
    /// Is gone without a FIN; the driver reconnects him with its own backoff, not before the end.
    Vanishing,
    /// Goes on from another port.
    Rebinding,
}

/// Whom a message is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum To {
    /// One person.
    User(u32),
    /// A group that the sender is a member of: a copy to each other member.
    Group(u32),
}
