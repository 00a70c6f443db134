//! Draws senders, recipients and gaps: SplitMix64 (Steele, Lea and Flood, OOPSLA 2014), cheap and seedable.

/// A stream of draws from a seed.
#[derive(Clone, Debug)]
pub(crate) struct Draw(u64);

impl Draw {
    /// The stream of a seed.
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    /// A number below `bound`, each as likely as the other to within 2^-32.
    pub(crate) fn below(&mut self, bound: u32) -> u32 {
        (((self.next() >> 32) * u64::from(bound)) >> 32) as u32
    }

    /// Two different numbers below `bound`, which is at least 2.
    pub(crate) fn pair(&mut self, bound: u32) -> (u32, u32) {
        let first = self.below(bound);
        let second = self.below(bound - 1);
        (first, second + u32::from(second >= first))
    }

    /// The gap to the next arrival of a Poisson process, microseconds.
    pub(crate) fn gap_us(&mut self, per_second: f64) -> f64 {
        // In (0, 1], so that its logarithm is finite.
        let uniform = ((self.next() >> 11) + 1) as f64 / (1u64 << 53) as f64;
        -uniform.ln() * 1e6 / per_second
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_differ_and_reach_everyone() {
        let mut draw = Draw::new(1);
        let mut seen = [[0u32; 5]; 5];
        for _ in 0..10_000 {
            let (from, to) = draw.pair(5);
            seen[from as usize][to as usize] += 1;
        }
        for (from, row) in seen.iter().enumerate() {
            for (to, &count) in row.iter().enumerate() {
                assert_eq!(count == 0, from == to, "{from} to {to}: {count}");
                assert!(count < 700, "10,000 over 20 pairs: {count}");
            }
        }
    }

    #[test]
    fn gaps_have_the_rate_asked_for() {
        let mut draw = Draw::new(2);
        let total: f64 = (0..100_000).map(|_| draw.gap_us(1_000.0)).sum();
        assert!((total / 100_000.0 - 1_000.0).abs() < 20.0, "{total}");
    }
}
