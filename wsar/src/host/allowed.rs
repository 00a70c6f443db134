//! The CPUs that the run may use, by the text of a thread's `/proc/.../status`, and what `/proc/stat` says of those alone.
//!
//! It does not know who used them: a CPU that others take is as full.

use std::ops::RangeInclusive;

use super::stat::{CpuTicks, parse_cpu};

/// Some of a host's CPUs, by their numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Allowed(Vec<RangeInclusive<u32>>);

impl Allowed {
    /// Reads `Cpus_allowed_list` (proc_pid_status(5)); `None` without it, or where it is no list such as `0-1,4`.
    pub(super) fn parse(status: &str) -> Option<Self> {
        let list = status
            .lines()
            .find_map(|line| line.strip_prefix("Cpus_allowed_list:"))?;
        let range = |part: &str| {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            Some(first.trim().parse().ok()?..=last.trim().parse().ok()?)
        };
        list.trim().split(',').map(range).collect::<Option<_>>().map(Self)
    }

    /// Their time since boot, in clock ticks, by the text of `/proc/stat`; `None` where they are all that are online, or none is.
    pub(super) fn ticks(&self, stat: &str) -> Option<CpuTicks> {
        let cpus = stat.lines().filter_map(|line| {
            let (number, rest) = line.strip_prefix("cpu")?.split_once(' ')?;
            Some((number.parse::<u32>().ok()?, rest))
        });
        let (mut sum, mut mine, mut all) = (CpuTicks::default(), 0, 0);
        for (number, rest) in cpus {
            all += 1;
            if self.0.iter().any(|range| range.contains(&number)) {
                mine += 1;
                sum.add(&parse_cpu(rest)?);
            }
        }
        (0 < mine && mine < all).then_some(sum)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SAMPLE: &str = include_str!("../../samples/stat.txt");

    fn allowed(list: &str) -> Option<Allowed> {
        Allowed::parse(&format!(
            "Name:\tteem\nCpus_allowed:\t1\nCpus_allowed_list:\t{list}\nMems_allowed:\t1\n"
        ))
    }

    #[test]
    fn those_that_are_listed_count() {
        let stat = "cpu 11 0 22 33\ncpu0 1 0 2 3\ncpu1 10 0 20 30\nintr 7\n";
        let ticks = |list| allowed(list).unwrap().ticks(stat);
        let of = |list| ticks(list).map(|ticks: CpuTicks| (ticks.user, ticks.system, ticks.idle));
        assert_eq!(of("0"), Some((1, 2, 3)));
        assert_eq!(of("1,7-9"), Some((10, 20, 30)));
        assert_eq!((of("0-1"), of("0-63"), of("4")), (None, None, None));
        assert_eq!(
            allowed("0").unwrap().ticks("cpu0 1 0 2 3\n"),
            None,
            "it is all there is"
        );
        for wrong in ["", "x", "0-", "-1", "1,"] {
            assert_eq!(allowed(wrong), None, "{wrong}");
        }
        assert_eq!(Allowed::parse("Name:\tteem\n"), None);
    }

    #[test]
    fn the_sample_has_two() {
        let whole = super::super::Stat::parse(SAMPLE).unwrap().cpu;
        let mut sum = allowed("0").unwrap().ticks(SAMPLE).unwrap();
        sum.add(&allowed("1").unwrap().ticks(SAMPLE).unwrap());
        // The kernel rounds each line for itself.
        assert!(
            sum.user.abs_diff(whole.user) <= 2 && sum.idle.abs_diff(whole.idle) <= 2,
            "{sum:?}"
        );
    }

    proptest! {
        #[test]
        fn garbage_never_panics(status in "(?s).{0,200}", list in "[0-9,-]{0,12}", cut in 0..SAMPLE.len()) {
            let _ = Allowed::parse(&status);
            if let Some(allowed) = allowed(&list) {
                let _ = allowed.ticks(&SAMPLE[cut..]);
                let _ = allowed.ticks(&status);
            }
        }
    }
}
