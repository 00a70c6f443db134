//! Randomness that is a pure function of (seed, purpose, place): streams for cells, hashes for users.
//!
//! It does not know what is drawn. Only `+ - * /`, `sqrt` and the pure Rust `libm` touch its floats, so that a plan is
//! the same to the byte on every platform.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// What randomness is for. Two purposes never share a stream; a number once given is never given again, since it
/// is part of what makes an old seed mean the same.
#[derive(Clone, Copy, Debug)]
#[repr(u32)]
pub(crate) enum Purpose {
    People = 1,
    ConnectOrder = 2,
    ReturnOrder = 3,
    GroupOrder = 4,
    Breaks = 5,
    CutChoice = 6,
    CutInstant = 7,
    Shock = 8,
    Messages = 9,
    Typing = 10,
    Uploads = 11,
    Registrations = 12,
    MisfitChoice = 13,
    MisfitInstant = 14,
}

/// A ChaCha8 stream for one purpose at one place (a cell, a shock).
#[derive(Clone)]
pub(crate) struct Stream(ChaCha8Rng);

impl Stream {
    pub(crate) fn new(seed: u64, purpose: Purpose, place: u32) -> Self {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        key[8..24].copy_from_slice(b"teem.scenarios/1");
        let mut rng = ChaCha8Rng::from_seed(key);
        rng.set_stream(u64::from(purpose as u32) << 32 | u64::from(place));
        Self(rng)
    }

    pub(crate) fn bits(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// Uniform in `[0, 1)`.
    pub(crate) fn unit(&mut self) -> f64 {
        unit_from(self.bits())
    }

    /// Uniform in `0..n`; 0 where `n` is 0. Off by less than `n / 2^64` from uniform.
    pub(crate) fn below(&mut self, n: u64) -> u64 {
        below_from(self.bits(), n)
    }

    /// Exponential with mean 1.
    pub(crate) fn exponential(&mut self) -> f64 {
        -libm::log(1.0 - self.unit())
    }

    /// Standard normal.
    pub(crate) fn normal(&mut self) -> f64 {
        normal_from(self.unit(), self.unit())
    }
}

/// Bits for one user or other index: a hash keyed by (seed, purpose).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Keyed(u64);

impl Keyed {
    pub(crate) fn new(seed: u64, purpose: Purpose, place: u32) -> Self {
        Self(Stream::new(seed, purpose, place).bits())
    }

    pub(crate) fn bits(self, index: u64) -> u64 {
        mix(self.0 ^ index.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    pub(crate) fn unit(self, index: u64) -> f64 {
        unit_from(self.bits(index))
    }
}

/// A finaliser of the multiply and xor-shift kind: every input bit reaches every output bit.
pub(crate) fn mix(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// The upper 53 bits as a fraction in `[0, 1)`.
pub(crate) fn unit_from(bits: u64) -> f64 {
    (bits >> 11) as f64 / 9_007_199_254_740_992.0
}

/// The bits scaled to `0..n`.
pub(crate) fn below_from(bits: u64, n: u64) -> u64 {
    ((u128::from(bits) * u128::from(n)) >> 64) as u64
}

/// A standard normal from two uniforms in `[0, 1)` (Box and Muller, 1958).
pub(crate) fn normal_from(a: f64, b: f64) -> f64 {
    libm::sqrt(-2.0 * libm::log(1.0 - a)) * libm::cos(std::f64::consts::TAU * b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_differ_by_seed_purpose_and_place_and_repeat() {
        let first = |seed, purpose, place| Stream::new(seed, purpose, place).bits();
        let one = first(1, Purpose::Messages, 0);
        assert_eq!(one, first(1, Purpose::Messages, 0));
        assert_ne!(one, first(2, Purpose::Messages, 0));
        assert_ne!(one, first(1, Purpose::Typing, 0));
        assert_ne!(one, first(1, Purpose::Messages, 1));
    }

    #[test]
    fn the_first_bits_of_a_stream_are_pinned() {
        // A change here changes the meaning of every seed ever recorded in a run folder.
        assert_eq!(
            Stream::new(7, Purpose::Messages, 3).bits(),
            15_936_073_888_304_747_361
        );
        assert_eq!(
            Keyed::new(7, Purpose::Breaks, 0).bits(11),
            6_185_627_420_113_645_906
        );
    }

    #[test]
    fn draws_have_their_means() {
        let mut stream = Stream::new(5, Purpose::Shock, 0);
        let n = 100_000;
        let mean =
            |mut draw: Box<dyn FnMut() -> f64 + '_>| (0..n).map(|_| draw()).sum::<f64>() / f64::from(n);
        assert!((mean(Box::new(|| stream.unit())) - 0.5).abs() < 0.005);
        assert!((mean(Box::new(|| stream.exponential())) - 1.0).abs() < 0.02);
        assert!(mean(Box::new(|| stream.normal())).abs() < 0.02);
        assert!((mean(Box::new(|| stream.below(11) as f64)) - 5.0).abs() < 0.05);
    }
}
