//! A capture's clock: ticks of an interface to nanoseconds since 1970.
//!
//! It knows no packet. Times before 1970 or after 2554 stand still at the ends of what 64 bits hold.

const SECOND_NS: u64 = 1_000_000_000;

/// What a tick is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ticks {
    /// Ticks in a second.
    per_second: u64,
    /// Nanoseconds in a tick, where that is a whole number: the usual case, without a division.
    tick_ns: Option<u64>,
    /// Added to every time.
    offset_s: i64,
}

impl Ticks {
    pub(super) const MICROSECONDS: Self = Self {
        per_second: 1_000_000,
        tick_ns: Some(1_000),
        offset_s: 0,
    };
    pub(super) const NANOSECONDS: Self = Self {
        per_second: SECOND_NS,
        tick_ns: Some(1),
        offset_s: 0,
    };

    /// As pcapng's `if_tsresol` says: a negative power of 10, or of 2 where the highest bit is set. What 64 bits cannot hold
    /// is refused.
    pub(super) fn resolution(self, code: u8) -> Option<Self> {
        let power = u32::from(code & 0x7f);
        let base: u64 = if code & 0x80 == 0 { 10 } else { 2 };
        let per_second = base.checked_pow(power)?;
        Some(Self {
            per_second,
            tick_ns: SECOND_NS
                .is_multiple_of(per_second)
                .then(|| SECOND_NS / per_second),
            offset_s: self.offset_s,
        })
    }

    /// With pcapng's `if_tsoffset`, seconds.
    pub(super) fn offset(self, offset_s: i64) -> Self {
        Self { offset_s, ..self }
    }

    /// Nanoseconds since 1970.
    pub(super) fn nanoseconds(self, ticks: u64) -> u64 {
        let bare = match self.tick_ns {
            Some(tick_ns) => ticks.saturating_mul(tick_ns),
            None => {
                let exact = u128::from(ticks) * u128::from(SECOND_NS) / u128::from(self.per_second);
                u64::try_from(exact).unwrap_or(u64::MAX)
            }
        };
        if self.offset_s == 0 {
            return bare;
        }
        let offset_ns = self.offset_s.unsigned_abs().saturating_mul(SECOND_NS);
        if self.offset_s > 0 {
            bare.saturating_add(offset_ns)
        } else {
            bare.saturating_sub(offset_ns)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resolutions_are_powers_of_ten_or_two() {
        let of = |code| Ticks::MICROSECONDS.resolution(code);
        assert_eq!(of(6), Some(Ticks::MICROSECONDS));
        assert_eq!(of(9), Some(Ticks::NANOSECONDS));
        assert_eq!(of(0).map(|ticks| ticks.nanoseconds(7)), Some(7 * SECOND_NS));
        assert_eq!(of(12).map(|ticks| ticks.nanoseconds(1_999)), Some(1));
        assert_eq!(
            of(0x80 | 10).map(|ticks| ticks.nanoseconds(512)),
            Some(SECOND_NS / 2)
        );
        assert_eq!(of(20), None);
        assert_eq!(of(0x80 | 64), None);
    }

    #[test]
    fn an_offset_moves_and_never_wraps() {
        let ticks = Ticks::NANOSECONDS;
        assert_eq!(ticks.offset(2).nanoseconds(5), 2 * SECOND_NS + 5);
        assert_eq!(ticks.offset(-1).nanoseconds(SECOND_NS + 5), 5);
        assert_eq!(ticks.offset(-9).nanoseconds(5), 0);
        assert_eq!(ticks.offset(i64::MIN).nanoseconds(u64::MAX), 0);
        assert_eq!(ticks.offset(i64::MAX).nanoseconds(1), u64::MAX);
    }
}
