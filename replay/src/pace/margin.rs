//! How long before an instant to stop sleeping and to spin: as much as sleeps here last too long, within bounds.
//!
//! It reads no clock and does not sleep.

/// Sleeps end at least so long before the instant.
const LEAST_NS: u64 = 20_000;
/// At most so long: on a host that oversleeps by more, spinning would cost more than it wins.
const MOST_NS: u64 = 200_000;
/// A sleep that lasted too long raises the margin at once; each better one lowers it by this part of the difference.
const DECAY: u64 = 64;

/// How to wait for an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rest {
    /// Sleep so long, nanoseconds, and look again.
    Sleep {
        /// How long.
        ns: u64,
    },
    /// Look at the clock until it is time.
    Spin,
    /// It is time.
    Over,
}

/// How long to spin before an instant: follows what sleeps overslept lately.
#[derive(Clone, Copy, Debug)]
pub struct Margin {
    ns: u64,
    spins: bool,
}

impl Default for Margin {
    fn default() -> Self {
        Self {
            ns: LEAST_NS,
            spins: true,
        }
    }
}

impl Margin {
    /// A margin of nothing: where more threads drive than there are cores, a spin takes the time of another's sends.
    #[must_use]
    pub fn none() -> Self {
        Self { ns: 0, spins: false }
    }

    /// How long it is now, nanoseconds.
    #[must_use]
    pub fn ns(&self) -> u64 {
        self.ns
    }

    /// How to wait.
    #[must_use]
    pub fn rest(&self, now_ns: u64, due_ns: u64) -> Rest {
        match due_ns.saturating_sub(now_ns) {
            0 => Rest::Over,
            left_ns if left_ns <= self.ns => Rest::Spin,
            left_ns => Rest::Sleep {
                ns: left_ns - self.ns,
            },
        }
    }

    /// A sleep was to end at one instant and ended at another.
    pub fn woke(&mut self, until_ns: u64, now_ns: u64) {
        if !self.spins {
            return;
        }
        let over_ns = now_ns.saturating_sub(until_ns).clamp(LEAST_NS, MOST_NS);
        self.ns = if over_ns > self.ns {
            over_ns
        } else {
            self.ns - (self.ns - over_ns) / DECAY
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sleep_ends_before_the_instant_and_a_spin_at_it() {
        let margin = Margin::default();
        assert_eq!(margin.rest(100, 100), Rest::Over);
        assert_eq!(margin.rest(101, 100), Rest::Over);
        assert_eq!(margin.rest(0, LEAST_NS), Rest::Spin);
        assert_eq!(margin.rest(0, LEAST_NS + 1), Rest::Sleep { ns: 1 });
        assert_eq!(Margin::none().rest(99, 100), Rest::Sleep { ns: 1 });
    }

    #[test]
    fn the_margin_follows_what_was_overslept_within_its_bounds() {
        let mut margin = Margin::default();
        margin.woke(0, 90_000);
        assert_eq!(margin.ns(), 90_000);
        margin.woke(0, 5_000_000_000);
        assert_eq!(margin.ns(), MOST_NS);
        (0..1_000).for_each(|_| margin.woke(10, 0));
        assert!(
            (LEAST_NS..LEAST_NS + DECAY).contains(&margin.ns()),
            "{}",
            margin.ns()
        );
        let mut none = Margin::none();
        none.woke(0, 90_000);
        assert_eq!(none.ns(), 0);
    }
}
