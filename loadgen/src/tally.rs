//! What a shard counts, and the board on which it shows its counts to whoever samples.
//!
//! It does not know what the counts mean, save their names. A shard counts in plain words of its own and copies them
//! to its board once a turn.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use reactor::Closed;
use record::name::swarm as name;
use scenarios::Misfit;

/// What is counted.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Count {
    Connects,
    Connected,
    ConnectFailures,
    Logins,
    LoginFailures,
    Cuts,
    Reconnects,
    MessagesSent,
    CopiesSentAway,
    CopiesSentGroup,
    Ticks,
    Pings,
    Pongs,
    TicksUntimed,
    TicksMissing,
    ArrivalsLate,
    ArrivalsUnsent,
    BytesIn,
    BytesOut,
    /// Failures to connect or to log in by kind, in the order of [`name::CONNECT_FAILURE_KINDS`].
    NoPort,
    NoDescriptor,
    Crowded,
    Refused,
    TimedOut,
    Reset,
    Closed,
    Tls,
    Protocol,
    OtherFailure,
    /// Misfits by kind, in the order of [`name::MISFIT_KINDS`].
    HalfOpen,
    ZeroWindow,
    SlowReader,
    Vanishing,
    Rebinding,
    /// A gauge: users welcomed and still there.
    Online,
}

impl Count {
    /// The kind of a failure to connect.
    pub(crate) fn of_failure(why: Closed) -> Self {
        match why {
            Closed::NoPort => Self::NoPort,
            Closed::NoDescriptor => Self::NoDescriptor,
            Closed::Crowded => Self::Crowded,
            Closed::Refused => Self::Refused,
            Closed::TimedOut => Self::TimedOut,
            Closed::Reset => Self::Reset,
            Closed::Peer => Self::Closed,
            Closed::Tls(_) => Self::Tls,
            Closed::Other(_) => Self::OtherFailure,
        }
    }
}

impl Count {
    /// The kind of a misfit.
    pub(crate) fn of_misfit(how: Misfit) -> Self {
        match how {
            Misfit::HalfOpen => Self::HalfOpen,
            Misfit::ZeroWindow => Self::ZeroWindow,
            Misfit::SlowReader { .. } => Self::SlowReader,
            Misfit::Vanishing => Self::Vanishing,
            Misfit::Rebinding => Self::Rebinding,
        }
    }
}

const COUNTS: usize = Count::Online as usize + 1;

/// The plain counters' names in a sample, in the order of [`Count`].
const NAMES: [&str; Count::NoPort as usize] = [
    name::CONNECTS,
    name::CONNECTED,
    name::CONNECT_FAILURES,
    name::LOGINS,
    name::LOGIN_FAILURES,
    name::CUTS,
    name::RECONNECTS,
    name::MESSAGES_SENT,
    name::COPIES_SENT_AWAY,
    name::COPIES_SENT_GROUP,
    name::TICKS,
    name::PINGS,
    name::PONGS,
    name::TICKS_UNTIMED,
    name::TICKS_MISSING,
    name::ARRIVALS_LATE,
    name::ARRIVALS_UNSENT,
    name::BYTES_IN,
    name::BYTES_OUT,
];

/// A shard's counts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tally([u64; COUNTS]);

impl Default for Tally {
    fn default() -> Self {
        Self([0; COUNTS])
    }
}

/// A shard's counts as others see them; written by the shard alone.
#[derive(Debug)]
#[repr(align(64))]
pub(crate) struct Board {
    counts: [AtomicU64; COUNTS],
    idle: AtomicBool,
    handed_in: AtomicBool,
}

impl Default for Board {
    fn default() -> Self {
        Self {
            counts: std::array::from_fn(|_| AtomicU64::new(0)),
            idle: AtomicBool::default(),
            handed_in: AtomicBool::default(),
        }
    }
}

impl Tally {
    pub(crate) fn add(&mut self, count: Count, by: u64) {
        self.0[count as usize] += by;
    }

    pub(crate) fn sub(&mut self, count: Count, by: u64) {
        self.0[count as usize] -= by;
    }

    pub(crate) fn of(&self, count: Count) -> u64 {
        self.0[count as usize]
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        for (sum, count) in self.0.iter_mut().zip(other.0) {
            *sum += count;
        }
    }

    /// Failures to connect by kind.
    pub(crate) fn connect_failures(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        let kinds = &self.0[Count::NoPort as usize..Count::HalfOpen as usize];
        name::CONNECT_FAILURE_KINDS.into_iter().zip(kinds.iter().copied())
    }

    /// Misfits by kind.
    pub(crate) fn misfits(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        let kinds = &self.0[Count::HalfOpen as usize..Count::Online as usize];
        name::MISFIT_KINDS.into_iter().zip(kinds.iter().copied())
    }

    /// The plain counters by name; failures and misfits by kind and the gauge are not among them.
    pub(crate) fn counters(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        NAMES.into_iter().zip(self.0)
    }
}

impl Board {
    /// Shows the counts, and whether the shard has nothing left to do.
    pub(crate) fn show(&self, tally: &Tally, idle: bool) {
        for (shown, count) in self.counts.iter().zip(tally.0) {
            shown.store(count, Ordering::Relaxed);
        }
        // Whoever sees the shard idle sees the counts, and what it queued, of that turn.
        self.idle.store(idle, Ordering::Release);
    }

    /// Says that nothing will be reported any more.
    pub(crate) fn hand_in(&self) {
        self.handed_in.store(true, Ordering::Release);
    }

    pub(crate) fn has_handed_in(&self) -> bool {
        self.handed_in.load(Ordering::Acquire)
    }

    pub(crate) fn tally(&self) -> Tally {
        Tally(std::array::from_fn(|at| self.counts[at].load(Ordering::Relaxed)))
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.idle.load(Ordering::Acquire)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_have_their_own_names_and_sum_over_shards() {
        let (mut one, mut sum) = (Tally::default(), Tally::default());
        one.add(Count::Ticks, 2);
        one.add(Count::BytesOut, 7);
        one.add(Count::Online, 1);
        one.add(Count::of_failure(Closed::NoPort), 3);
        one.add(Count::of_failure(Closed::Other(9)), 1);
        let board = Board::default();
        board.show(&one, true);
        sum.merge(&board.tally());
        sum.merge(&board.tally());
        let counted: Vec<_> = sum.counters().filter(|(_, count)| *count > 0).collect();
        assert_eq!(counted, [(name::TICKS, 4), (name::BYTES_OUT, 14)]);
        assert_eq!(sum.of(Count::Online), 2);
        let failed: Vec<_> = sum.connect_failures().filter(|(_, count)| *count > 0).collect();
        assert_eq!(failed, [("no_port", 6), ("other", 2)]);
        assert!(board.is_idle());
    }
}
