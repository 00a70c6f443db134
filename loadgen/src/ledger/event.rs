//! What the ledger is told: something a client did or saw.
//!
//! It knows copies by their numbers, and people by theirs.

use scenarios::To;
use wire::chat::Code;

/// Something a client did or saw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A user was welcomed.
    Online {
        /// Who.
        user: u32,
    },
    /// A user's session ended, however.
    Offline {
        /// Who.
        user: u32,
    },
    /// A message was sent, the first time.
    Sent {
        /// The number of its first copy; the others follow. Later messages of a sender have higher numbers.
        first_copy: u64,
        /// By whom.
        sender: u32,
        /// To whom.
        to: To,
    },
    /// The server has it safe.
    Accepted {
        /// See [`Event::Sent`].
        first_copy: u64,
        /// By whom.
        sender: u32,
        /// To whom.
        to: To,
    },
    /// The server did not take it.
    Refused {
        /// See [`Event::Sent`].
        first_copy: u64,
        /// By whom.
        sender: u32,
        /// To whom.
        to: To,
        /// Why.
        code: Code,
    },
    /// A copy arrived, its checksum right and meant for who got it.
    Delivered {
        /// Its number.
        copy: u64,
        /// Who sent it.
        sender: u32,
        /// Who got it.
        recipient: u32,
        /// Counts the recipient's sessions; wraps.
        session: u8,
        /// When that session began, milliseconds on the run's clock.
        since_ms: u32,
    },
    /// A message arrived whose checksum or content was wrong.
    Corrupted,
}
