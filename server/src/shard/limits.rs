//! How fast one connection may send: an instant for each, 8 bytes, where there is a limit; nothing where there is none.
//!
//! It knows connections by their place in the arena alone. A bucket that holds a second's worth of tokens is the same as
//! one instant, that at which it will be full again (the generic cell rate algorithm, ITU-T I.371, appendix A): a message
//! moves it on by its share of a second, and is refused where that would leave it more than a second ahead. So each
//! connection has its bucket, however many send at once.

/// Connections a chunk; a chunk is made when one of them first sends under a limit, and never moves.
const CHUNK: usize = 1024;
const SECOND_NS: u64 = 1_000_000_000;

/// When each connection's bucket is full again, nanoseconds of the shard's clock.
#[derive(Debug, Default)]
pub(super) struct Limits {
    full_at_ns: Vec<Option<Box<[u64; CHUNK]>>>,
}

impl Limits {
    /// Whether one more message may pass. A second's worth may come at once; 0 a second is no limit.
    pub(super) fn allow(&mut self, index: u32, per_second: u64, now_us: u64) -> bool {
        if per_second == 0 {
            return true;
        }
        let (chunk, place) = (index as usize / CHUNK, index as usize % CHUNK);
        if self.full_at_ns.len() <= chunk {
            self.full_at_ns.resize_with(chunk + 1, || None);
        }
        let full_at_ns = &mut self.full_at_ns[chunk].get_or_insert_with(|| Box::new([0; CHUNK]))[place];
        let (now_ns, share_ns) = (now_us.saturating_mul(1000), SECOND_NS / per_second.min(SECOND_NS));
        let next_ns = now_ns.max(*full_at_ns) + share_ns;
        let passes = next_ns <= now_ns + SECOND_NS;
        if passes {
            *full_at_ns = next_ns;
        }
        passes
    }

    /// The place is let again: its next tenant begins with a full bucket.
    pub(super) fn forget(&mut self, index: u32) {
        if let Some(Some(chunk)) = self.full_at_ns.get_mut(index as usize / CHUNK) {
            chunk[index as usize % CHUNK] = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_passes_a_seconds_worth() {
        let mut limits = Limits::default();
        let passed = |limits: &mut Limits, now_us| (0..100).filter(|_| limits.allow(1, 10, now_us)).count();
        assert_eq!(passed(&mut limits, 0), 10);
        assert_eq!(passed(&mut limits, 100_000), 1);
        assert_eq!(passed(&mut limits, 10_000_000), 10);
        limits.forget(1);
        assert_eq!(passed(&mut limits, 10_000_000), 10, "another's");
        assert!((0..1000).all(|_| limits.allow(2, 0, 0)));
        assert!((0..1000).all(|_| limits.allow(3, 1_000_000, 0)));
    }

    #[test]
    fn everybody_has_a_bucket_however_many_send_at_once() {
        const ALL: u32 = 50_000;
        let mut limits = Limits::default();
        let mut passed = vec![0; ALL as usize];
        for _ in 0..5 {
            (0..ALL).for_each(|index| passed[index as usize] += u32::from(limits.allow(index, 2, 7)));
        }
        assert!(passed.iter().all(|count| *count == 2));
    }
}
