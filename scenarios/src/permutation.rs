//! A keyed permutation of `0..n` in a few bytes: who is who, and in which order, without a table.
//!
//! It does not know what the numbers mean.

use crate::random::mix;

const ROUNDS: usize = 6;

/// A Feistel network over a rectangle `a * b >= n`, walked along its cycles back into `0..n`.
///
/// The halves are added modulo `a` and `b` instead of being xor-ed (the construction of Black and Rogaway, *Ciphers
/// with Arbitrary Finite Domains*, 2002, section 5), so the rectangle exceeds `n` by less than one row and a walk of
/// more than one step is rare.
#[derive(Clone, Debug)]
pub(crate) struct Permutation {
    n: u32,
    a: u32,
    b: u32,
    keys: [u64; ROUNDS],
}

impl Permutation {
    pub(crate) fn new(n: u32, key: u64) -> Self {
        let a = (libm::ceil(libm::sqrt(f64::from(n))) as u32).max(1);
        let b = n.div_ceil(a).max(1);
        let mut keys = [0; ROUNDS];
        for (round, slot) in (0u64..).zip(&mut keys) {
            *slot = mix(key.wrapping_add(mix(round + 1)));
        }
        Self { n, a, b, keys }
    }

    pub(crate) fn len(&self) -> u32 {
        self.n
    }

    /// Where `x` goes; `x` must be below `n`.
    pub(crate) fn forward(&self, x: u32) -> u32 {
        debug_assert!(x < self.n);
        let mut y = x;
        loop {
            y = self.forward_once(y);
            if y < self.n {
                return y;
            }
        }
    }

    /// What goes to `y`; `y` must be below `n`.
    pub(crate) fn inverse(&self, y: u32) -> u32 {
        debug_assert!(y < self.n);
        let mut x = y;
        loop {
            x = self.inverse_once(x);
            if x < self.n {
                return x;
            }
        }
    }

    fn forward_once(&self, x: u32) -> u32 {
        let (mut row, mut column) = (x / self.a, x % self.a);
        for pair in self.keys.chunks_exact(2) {
            column = add(column, round(pair[0], row, self.a), self.a);
            row = add(row, round(pair[1], column, self.b), self.b);
        }
        row * self.a + column
    }

    fn inverse_once(&self, y: u32) -> u32 {
        let (mut row, mut column) = (y / self.a, y % self.a);
        for pair in self.keys.chunks_exact(2).rev() {
            row = subtract(row, round(pair[1], column, self.b), self.b);
            column = subtract(column, round(pair[0], row, self.a), self.a);
        }
        row * self.a + column
    }
}

/// A keyed value in `0..modulus`.
fn round(key: u64, half: u32, modulus: u32) -> u32 {
    let bits = (key ^ u64::from(half)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let bits = (bits ^ (bits >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 32;
    ((bits * u64::from(modulus)) >> 32) as u32
}

fn add(x: u32, y: u32, modulus: u32) -> u32 {
    let sum = u64::from(x) + u64::from(y);
    (if sum >= u64::from(modulus) {
        sum - u64::from(modulus)
    } else {
        sum
    }) as u32
}

fn subtract(x: u32, y: u32, modulus: u32) -> u32 {
    if x >= y { x - y } else { modulus - (y - x) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_a_permutation_and_inverts(n in 1u32..3000, key: u64) {
            let permutation = Permutation::new(n, key);
            let mut seen = vec![false; n as usize];
            for x in 0..n {
                let y = permutation.forward(x);
                prop_assert!(!std::mem::replace(&mut seen[y as usize], true));
                prop_assert_eq!(permutation.inverse(y), x);
            }
        }

        #[test]
        fn large_domains_invert(n in 1_000_000u32..u32::MAX / 2, key: u64, x: u32) {
            let permutation = Permutation::new(n, key);
            let x = x % n;
            prop_assert_eq!(permutation.inverse(permutation.forward(x)), x);
        }
    }

    #[test]
    fn it_mixes_neighbours_apart() {
        // Of consecutive numbers, about half should land in the upper half, and in alternation with the lower one.
        let permutation = Permutation::new(100_000, 42);
        let upper: Vec<bool> = (0..10_000).map(|x| permutation.forward(x) >= 50_000).collect();
        let count = upper.iter().filter(|up| **up).count();
        let turns = upper.windows(2).filter(|pair| pair[0] != pair[1]).count();
        assert!((4_800..5_200).contains(&count), "{count}");
        assert!((4_800..5_200).contains(&turns), "{turns}");
    }
}
