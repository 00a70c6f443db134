//! Why something was refused.

/// A code on the wire; its number never changes its meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u16)]
pub enum Code {
    /// A frame whose fields do not parse. Closes.
    Malformed = 1,
    /// A frame longer than allowed. Closes.
    Oversized = 2,
    /// A frame type that does not exist. Closes.
    UnknownType = 3,
    /// A frame that needs a log-in came before one. Closes.
    NotLoggedIn = 4,
    /// A second log-in on a connection. Closes.
    AlreadyLoggedIn = 5,
    /// The proof does not fit the number's key. Closes.
    BadProof = 6,
    /// Nobody has this number.
    NoSuchNumber = 7,
    /// There is no such group.
    NoSuchGroup = 8,
    /// The sender is not in the group.
    NotAMember = 9,
    /// The PIN is wrong.
    BadPin = 10,
    /// No PIN is pending: it expired, or was tried too often.
    NoPin = 11,
    /// More than the limit for one connection or number; try again later.
    RateLimited = 12,
    /// The recipient's mailbox is full.
    MailboxFull = 13,
    /// The server's disk is full or failing: nothing new is taken, what is stored is still delivered.
    StorageFull = 14,
    /// The id is older than the window in which a repeat is recognised, so it was not accepted.
    StaleId = 15,
    /// More members, watches or groups than allowed.
    TooMany = 16,
    /// The server is overloaded; try again later.
    Busy = 17,
    /// The client did not read what was sent to it. Closes.
    SlowReader = 18,
    /// The client was silent for too long. Closes.
    Idle = 19,
    /// The number logged in elsewhere, or its key was voided by a new device. Closes.
    Replaced = 20,
    /// The server stops. Closes.
    ShuttingDown = 21,
    /// The server holds as many connections as it may. Closes.
    ConnectionLimit = 22,
}

impl Code {
    /// All codes, in order of their numbers.
    pub const ALL: [Self; 22] = [
        Self::Malformed,
        Self::Oversized,
        Self::UnknownType,
        Self::NotLoggedIn,
        Self::AlreadyLoggedIn,
        Self::BadProof,
        Self::NoSuchNumber,
        Self::NoSuchGroup,
        Self::NotAMember,
        Self::BadPin,
        Self::NoPin,
        Self::RateLimited,
        Self::MailboxFull,
        Self::StorageFull,
        Self::StaleId,
        Self::TooMany,
        Self::Busy,
        Self::SlowReader,
        Self::Idle,
        Self::Replaced,
        Self::ShuttingDown,
        Self::ConnectionLimit,
    ];

    /// The code with this number.
    #[must_use]
    pub fn from_value(value: u16) -> Option<Self> {
        Self::ALL.get(usize::from(value).checked_sub(1)?).copied()
    }

    /// Its number.
    #[must_use]
    pub const fn value(self) -> u16 {
        self as u16
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_round_trip() {
        for value in 0..100 {
            match Code::from_value(value) {
                Some(code) => assert_eq!(code.value(), value),
                None => assert!(value == 0 || usize::from(value) > Code::ALL.len()),
            }
        }
    }
}
