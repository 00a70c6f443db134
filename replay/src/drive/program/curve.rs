//! What a replay does over time, counted beforehand: sends and open sessions, second by second.
//!
//! It knows instants, and neither sessions nor targets. Time is cut into cells of a tenth of a second; where a plan is so long,
//! or is laid over itself so often, that these would be too many, cells are twice as wide, and twice again.

/// The width of a cell at least, seconds.
const FINEST_S: f64 = 0.1;
/// The most cells, 8 B each.
const CELLS_MAX: f64 = (1 << 20) as f64;
/// The most additions: cells times the beginnings that fall into different ones.
const ADDITIONS_MAX: f64 = (1_u64 << 30) as f64;

/// Counts by cell. Its cells are of one width, which its owner knows.
#[derive(Debug, Default)]
pub(super) struct Curve(Vec<i64>);

/// The width of cells for a plan of a length whose run-through begins so often, seconds.
pub(super) fn width_s(length_s: f64, begins: u64) -> f64 {
    let mut width_s = FINEST_S;
    loop {
        let cells = length_s / width_s;
        if cells <= CELLS_MAX && cells * cells.min(begins as f64) <= ADDITIONS_MAX {
            return width_s;
        }
        width_s *= 2.0;
    }
}

impl Curve {
    /// Adds to a cell.
    pub(super) fn add(&mut self, cell: usize, count: i64) {
        if self.0.len() <= cell {
            self.0.resize(cell + 1, 0);
        }
        self.0[cell] += count;
    }

    /// This curve laid over itself as often as `begins` says, from each of its cells on.
    pub(super) fn laid_over(&self, begins: &Self) -> Self {
        let mut sum = Self(vec![0; self.0.len() + begins.0.len()]);
        for (at, times) in begins.0.iter().enumerate().filter(|(_, times)| **times != 0) {
            for (sum, count) in sum.0[at..].iter_mut().zip(&self.0) {
                *sum += count * times;
            }
        }
        while sum.0.pop_if(|count| *count == 0).is_some() {}
        sum
    }

    /// What stands where these are changes.
    pub(super) fn standing(&self) -> Self {
        let mut now = 0;
        let stands = |change: &i64| {
            now += change;
            now
        };
        Self(self.0.iter().map(stands).collect())
    }

    /// The greatest count.
    pub(super) fn most(&self) -> u64 {
        self.0.iter().copied().max().unwrap_or(0).max(0) as u64
    }

    /// How long it lasts, seconds.
    pub(super) fn length_s(&self, width_s: f64) -> f64 {
        self.0.len() as f64 * width_s
    }

    /// The counts a second: what is in a cell is spread evenly over it, and none is lost.
    pub(super) fn a_second(&self, width_s: f64, seconds: usize) -> Vec<u64> {
        let mut before: Vec<i64> = vec![0];
        before.extend(self.0.iter().scan(0, |sum, count| {
            *sum += count;
            Some(*sum)
        }));
        let until = |second: usize| {
            // A tenth is no binary fraction: what is within a billionth of a cell's border is on it.
            let cells = second as f64 / width_s + 1e-9;
            let cell = (cells as usize).min(self.0.len());
            let within = self
                .0
                .get(cell)
                .map_or(0.0, |count| *count as f64 * cells.fract());
            before[cell] + within as i64
        };
        (1..=seconds)
            .map(|second| (until(second) - until(second - 1)).max(0) as u64)
            .collect()
    }

    /// The counts at the end of each second.
    pub(super) fn at_ends(&self, width_s: f64, seconds: usize) -> Vec<u64> {
        let at = |second: usize| {
            let cell = (second as f64 / width_s - 1e-9) as usize;
            self.0.get(cell).map_or(0, |count| (*count).max(0) as u64)
        };
        (1..=seconds).map(at).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn cells_are_tenths_until_they_are_too_many() {
        assert_eq!(width_s(0.0, 1), 0.1);
        assert_eq!(width_s(3_600.0, 1_000), 0.1);
        let month_s = 31.0 * 86_400.0;
        for begins in [1, 1_000, u64::MAX] {
            let cells = month_s / width_s(month_s, begins);
            assert!(cells <= CELLS_MAX && cells * cells.min(begins as f64) <= ADDITIONS_MAX);
            assert!(cells > 10_000.0, "{begins}: wider than need be");
        }
    }

    #[test]
    fn a_second_has_ten_tenths() {
        let mut curve = Curve::default();
        (0..25).for_each(|cell| curve.add(cell, 1));
        assert_eq!(curve.a_second(0.1, 4), [10, 10, 5, 0]);
        assert_eq!(curve.at_ends(0.1, 4), [1, 1, 0, 0]);
        let mut twice = Curve::default();
        twice.add(0, 1);
        twice.add(10, 1);
        assert_eq!(curve.laid_over(&twice).a_second(0.1, 4), [10, 20, 15, 5]);
    }

    proptest! {
        #[test]
        fn nothing_is_lost_at_any_width(
            cells in prop::collection::vec((0usize..2_000, 1i64..50), 0..50),
            doublings in 0i32..12,
        ) {
            let width_s = FINEST_S * 2f64.powi(doublings);
            let mut curve = Curve::default();
            for (cell, count) in &cells {
                curve.add(*cell, *count);
            }
            let seconds = curve.length_s(width_s).ceil() as usize + 1;
            let all: i64 = cells.iter().map(|(_, count)| count).sum();
            prop_assert_eq!(curve.a_second(width_s, seconds).iter().sum::<u64>(), all as u64);
            let standing = curve.standing();
            prop_assert_eq!(standing.most(), all as u64);
        }
    }
}
