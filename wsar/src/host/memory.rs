//! The text of `/proc/meminfo`: what memory is held and what can be had back.
//!
//! It does not know whose memory it is.

/// What `/proc/meminfo` says, bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// All memory that the kernel manages.
    pub total_bytes: u64,
    /// Memory that nobody uses.
    pub free_bytes: u64,
    /// Page cache: files' pages, which can be had back. Shared memory, which the kernel counts with them, cannot and
    /// is not in here.
    pub cache_bytes: u64,
    /// All slabs.
    pub slab_bytes: u64,
}

impl Memory {
    /// Reads the text; `None` without the total and the free memory.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let of = |key| kilobytes(text, key);
        let or_none = |key| of(key).unwrap_or(0);
        Some(Self {
            total_bytes: of("MemTotal")?,
            free_bytes: of("MemFree")?,
            cache_bytes: or_none("Cached")
                .saturating_add(or_none("Buffers"))
                .saturating_sub(or_none("Shmem")),
            slab_bytes: or_none("Slab"),
        })
    }

    /// Memory that cannot be had back: all but what is free or page cache.
    #[must_use]
    pub fn held_bytes(&self) -> u64 {
        self.total_bytes
            .saturating_sub(self.free_bytes)
            .saturating_sub(self.cache_bytes)
    }
}

/// The value of a line `Key:   123 kB`, in bytes. `/proc/meminfo` and a process's `status` are made of such lines.
pub(crate) fn kilobytes(text: &str, key: &str) -> Option<u64> {
    let after = text
        .lines()
        .find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))?;
    let mut words = after.split_ascii_whitespace();
    let value: u64 = words.next()?.parse().ok()?;
    (words.next()? == "kB").then(|| value.saturating_mul(1_024))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SAMPLE: &str = include_str!("../../samples/meminfo.txt");

    #[test]
    fn a_text_is_read() {
        let text = "MemTotal: 1000 kB\nMemFree:  400 kB\nBuffers: 10 kB\nCached: 200 kB\nSwapCached: 7 kB\n\
            Shmem: 30 kB\nSlab: 50 kB\n";
        let memory = Memory::parse(text).unwrap();
        let kib = 1_024;
        let expected = Memory {
            total_bytes: 1_000 * kib,
            free_bytes: 400 * kib,
            cache_bytes: 180 * kib,
            slab_bytes: 50 * kib,
        };
        assert_eq!(memory, expected);
        assert_eq!(memory.held_bytes(), 420 * kib);
    }

    #[test]
    fn the_sample_is_read() {
        let memory = Memory::parse(SAMPLE).unwrap();
        assert_eq!(memory.total_bytes, 24_684_084 * 1_024);
        assert!(memory.held_bytes() > memory.slab_bytes);
        assert!(memory.held_bytes() < memory.total_bytes - memory.free_bytes);
    }

    #[test]
    fn a_text_without_a_total_or_a_unit_is_refused() {
        assert_eq!(Memory::parse("MemFree: 4 kB\n"), None);
        assert_eq!(Memory::parse("MemTotal: 4\nMemFree: 4 kB\n"), None);
        assert_eq!(Memory::parse("MemTotal: x kB\nMemFree: 4 kB\n"), None);
    }

    proptest! {
        #[test]
        fn garbage_never_panics(text in "(?s).{0,200}", cut in 0..SAMPLE.len()) {
            let _ = Memory::parse(&text);
            let _ = Memory::parse(&format!("{}{text}", &SAMPLE[..cut]));
        }

        #[test]
        fn any_numbers_give_a_sum_that_fits(total in any::<u64>(), free in any::<u64>(), cached in any::<u64>()) {
            let memory = Memory::parse(&format!("MemTotal: {total} kB\nMemFree: {free} kB\nCached: {cached} kB"));
            let memory = memory.unwrap();
            prop_assert!(memory.held_bytes() <= memory.total_bytes);
        }
    }
}
