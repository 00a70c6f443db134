//! What the ledger tells: how many copies came to what.
//!
//! It knows counts; how they came about is the ledger's.

/// The ledger's state of affairs. Copies, all of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Sent at least once.
    pub sent: u64,
    /// Answered by the first tick.
    pub accepted: u64,
    /// Answered by a refusal.
    pub refused: u64,
    /// Accepted and arrived.
    pub delivered: u64,
    /// Accepted, not arrived, the recipient away: what the server must still hold.
    pub queued: u64,
    /// Accepted, not arrived, the recipient online: in flight; lost, if it is so in the end.
    pub missing: u64,
    /// Arrived, though not accepted so far: their answer is on its way, or a cut swallowed it.
    pub delivered_unanswered: u64,
    /// Arrived though refused: a server's fault.
    pub delivered_refused: u64,
    /// Arrived again in a later session: excused, dropped by id as a phone would.
    pub redelivered: u64,
    /// Arrived again in the same session: a server's fault.
    pub duplicated: u64,
    /// Arrived damaged, or at the wrong person: a server's fault.
    pub corrupted: u64,
    /// Overtaken by a later one of the same sender to the same recipient: a server's fault.
    pub misordered: u64,
}

impl Figures {
    /// Neither accepted nor refused so far.
    #[must_use]
    pub fn unanswered(&self) -> u64 {
        self.sent - self.accepted - self.refused
    }

    /// Arrived for the first time, answered or not.
    #[must_use]
    pub fn arrived(&self) -> u64 {
        self.delivered + self.delivered_unanswered + self.delivered_refused
    }

    /// Whether nothing is under way: every copy was answered, and waits for nobody who is online.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.unanswered() == 0 && self.missing == 0
    }
}
