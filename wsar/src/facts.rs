//! The host and its limits, for a run's manifest.
//!
//! It knows what the host says, not what a run would need: that is the doctor's. What the host does not tell is 0.

use std::fs;

use record::{HostFacts, Limits};
use rustix::process::{Resource, getrlimit};

use crate::host::{Memory, Stat};

/// The host: logical CPUs, memory, kernel.
#[must_use]
pub fn host_facts() -> HostFacts {
    let stat = fs::read_to_string("/proc/stat")
        .ok()
        .and_then(|text| Stat::parse(&text));
    let memory = fs::read_to_string("/proc/meminfo")
        .ok()
        .and_then(|text| Memory::parse(&text));
    HostFacts {
        cpus: stat.map_or(0, |stat| stat.cpus),
        memory_bytes: memory.map_or(0, |memory| memory.total_bytes),
        kernel: rustix::system::uname().release().to_string_lossy().into_owned(),
    }
}

/// The limits in force for this process, in its network namespace. No limit is `u64::MAX`.
#[must_use]
pub fn limits() -> Limits {
    let number = |path: &str| {
        fs::read_to_string(path)
            .ok()
            .and_then(|text| text.trim().parse().ok())
            .unwrap_or(0)
    };
    let ports = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").ok();
    let buckets = fs::read_to_string("/proc/sys/net/ipv4/tcp_ehash_entries").ok();
    Limits {
        nofile: getrlimit(Resource::Nofile).maximum.unwrap_or(u64::MAX),
        ephemeral_ports: ports.and_then(|text| ports_in(&text)).unwrap_or(0),
        somaxconn: number("/proc/sys/net/core/somaxconn"),
        file_max: number("/proc/sys/fs/file-max"),
        cpus: std::thread::available_parallelism()
            .map_or(0, |cpus| u32::try_from(cpus.get()).unwrap_or(u32::MAX)),
        hash_buckets: buckets.and_then(|text| buckets_in(&text)).unwrap_or(0),
    }
}

/// How many ports a range such as `32768 60999` holds, both ends in it.
fn ports_in(range: &str) -> Option<u64> {
    let mut ends = range.split_whitespace().map(str::parse::<u16>);
    let (low, high) = (ends.next()?.ok()?, ends.next()?.ok()?);
    (low <= high).then(|| u64::from(high - low) + 1)
}

/// Buckets of the table of connections; a negative number is of a table that the namespace shares with the host.
fn buckets_in(text: &str) -> Option<u64> {
    text.trim().parse::<i64>().ok().map(i64::unsigned_abs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_range_holds_both_its_ends() {
        assert_eq!(ports_in("32768\t60999\n"), Some(28_232));
        assert_eq!(ports_in("7 7"), Some(1));
        assert_eq!(ports_in("9 8"), None);
        assert_eq!(ports_in("1024"), None);
        assert_eq!(ports_in("a b"), None);
        assert_eq!(buckets_in("-262144\n"), Some(262_144));
    }

    #[test]
    fn this_host_has_a_cpu_memory_and_a_kernel() {
        let facts = host_facts();
        assert!(facts.cpus >= 1);
        assert!(facts.memory_bytes > 1 << 20);
        assert!(
            facts.kernel.starts_with(|letter: char| letter.is_ascii_digit()),
            "{}",
            facts.kernel
        );
        let limits = limits();
        assert!(limits.nofile > 0 && limits.file_max > 0 && limits.somaxconn > 0);
    }
}
