//! What a host says of itself: sysctls, memory, control groups, a process's own limits.
//!
//! It reads files under a root, so that a test can bring a tree of its own; it does not know what a figure is for.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// A host, seen through its `/proc` and `/sys`.
///
/// What is under `net.` is the network namespace's of the thread that reads.
#[derive(Clone, Debug)]
pub struct Host {
    root: PathBuf,
}

/// Memory of a host or of the control group that bounds it, bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// What there is.
    pub total_bytes: u64,
    /// What nobody holds: free, or page cache that can be dropped. In-use sockets' slabs are not counted free, although
    /// the kernel calls a part of them reclaimable, which makes its `MemAvailable` wrong once there are millions.
    pub free_bytes: u64,
}

impl Default for Host {
    fn default() -> Self {
        Self::at("/")
    }
}

impl Host {
    /// The host whose `proc` and `sys` are in this folder.
    #[must_use]
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// A sysctl, without white space at its ends.
    ///
    /// # Errors
    /// There is none of that name, or it may not be read.
    pub fn sysctl(&self, name: &str) -> io::Result<String> {
        Ok(fs::read_to_string(self.sysctl_path(name))?.trim().to_owned())
    }

    /// The last number of a sysctl: its only one, or the highest of a triple. `None` where there is none.
    #[must_use]
    pub fn number(&self, name: &str) -> Option<u64> {
        let text = self.sysctl(name).ok()?;
        // Some are signed: a shared hash table says so by its sign, and "no limit" may be the largest number.
        let last: i128 = text.split_whitespace().next_back()?.parse().ok()?;
        u64::try_from(last.unsigned_abs()).ok()
    }

    /// Writes a sysctl.
    ///
    /// # Errors
    /// There is none of that name, it may not be written, or the kernel refuses the value.
    pub fn set_sysctl(&self, name: &str, value: &str) -> io::Result<()> {
        let path = self.sysctl_path(name);
        // Opened, never made: in a tree that lacks the file this is an error, as it is in /proc.
        let mut file = fs::OpenOptions::new().write(true).truncate(true).open(path)?;
        io::Write::write_all(&mut file, format!("{value}\n").as_bytes())
    }

    /// Whether a sysctl could be written.
    #[must_use]
    pub fn may_set(&self, name: &str) -> bool {
        fs::OpenOptions::new()
            .write(true)
            .open(self.sysctl_path(name))
            .is_ok()
    }

    /// `RLIMIT_NOFILE` of this process, hard: descriptors a table; no limit is `u64::MAX`.
    #[must_use]
    pub fn nofile(&self) -> Option<u64> {
        let text = self.read("proc/self/limits")?;
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix("Max open files"))?;
        match line.split_whitespace().nth(1)? {
            "unlimited" => Some(u64::MAX),
            number => number.parse().ok(),
        }
    }

    /// Threads that exist on the host.
    #[must_use]
    pub fn threads(&self) -> Option<u64> {
        let text = self.read("proc/loadavg")?;
        text.split_whitespace().nth(3)?.split_once('/')?.1.parse().ok()
    }

    /// Effective capabilities of this process, a bit each (capabilities(7)).
    #[must_use]
    pub fn capabilities(&self) -> u64 {
        let text = self.read("proc/self/status").unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("CapEff:"));
        line.and_then(|digits| u64::from_str_radix(digits.trim(), 16).ok())
            .unwrap_or(0)
    }

    /// Memory of the host, or of this process's control group where that is less.
    #[must_use]
    pub fn memory(&self) -> Option<Memory> {
        let text = self.read("proc/meminfo")?;
        let bytes = |name: &str| {
            let rest = text.lines().find_map(|line| line.strip_prefix(name))?;
            let kib: u64 = rest.strip_prefix(':')?.split_whitespace().next()?.parse().ok()?;
            Some(kib * 1024)
        };
        let cache = bytes("Cached").unwrap_or(0) + bytes("Buffers").unwrap_or(0);
        let host = Memory {
            total_bytes: bytes("MemTotal")?,
            // What is in tmpfs is called cache, and cannot be dropped.
            free_bytes: bytes("MemFree")? + cache.saturating_sub(bytes("Shmem").unwrap_or(0)),
        };
        let group = self
            .group_limit("memory", &["memory.max", "memory.limit_in_bytes"])
            .filter(|(max, _)| *max < host.total_bytes);
        Some(group.map_or(host, |(max, folder)| {
            let used = ["memory.current", "memory.usage_in_bytes"]
                .iter()
                .find_map(|name| number_in(&folder.join(name)))
                .unwrap_or(0);
            Memory {
                total_bytes: max,
                free_bytes: max.saturating_sub(used).min(host.free_bytes),
            }
        }))
    }

    /// Threads that this process's control groups allow, and those they hold.
    #[must_use]
    pub fn group_threads(&self) -> Option<(u64, u64)> {
        let (max, folder) = self.group_limit("pids", &["pids.max"])?;
        Some((max, number_in(&folder.join("pids.current")).unwrap_or(0)))
    }

    /// Networks that routes lead to, but for the default one: address and mask.
    #[must_use]
    pub fn routes(&self) -> Vec<(u32, u32)> {
        let text = self.read("proc/self/net/route").unwrap_or_default();
        let hexadecimal = |field: &str| u32::from_str_radix(field, 16).ok().map(u32::from_be);
        text.lines()
            .skip(1)
            .filter_map(|line| {
                let fields: Vec<&str> = line.split_whitespace().collect();
                Some((hexadecimal(fields.get(1)?)?, hexadecimal(fields.get(7)?)?))
            })
            .filter(|(_, mask)| *mask != 0)
            .collect()
    }

    /// Whether the device that user-space packets go through can be opened.
    ///
    /// # Errors
    /// It is not there, or this process may not.
    pub fn open_tun(&self) -> io::Result<()> {
        let path = self.root.join("dev/net/tun");
        fs::OpenOptions::new().read(true).write(true).open(path).map(drop)
    }

    fn read(&self, path: &str) -> Option<String> {
        fs::read_to_string(self.root.join(path)).ok()
    }

    fn sysctl_path(&self, name: &str) -> PathBuf {
        self.root.join("proc/sys").join(name.replace('.', "/"))
    }

    /// The lowest limit of that kind in this process's control group and those above it, and whose it is.
    fn group_limit(&self, controller: &str, names: &[&str]) -> Option<(u64, PathBuf)> {
        let groups = self.read("proc/self/cgroup")?;
        let mount = self.root.join("sys/fs/cgroup");
        let mut lowest: Option<(u64, PathBuf)> = None;
        for line in groups.lines() {
            let mut fields = line.splitn(3, ':').skip(1);
            let (Some(controllers), Some(path)) = (fields.next(), fields.next()) else {
                continue;
            };
            // Version 2 has one hierarchy and no names; version 1 has a folder a controller.
            let base = match controllers {
                "" => mount.clone(),
                names if names.split(',').any(|name| name == controller) => mount.join(controller),
                _ => continue,
            };
            let inside = Path::new(path.trim_start_matches('/'));
            for folder in inside.ancestors().map(|part| base.join(part)) {
                let Some(limit) = names.iter().find_map(|name| number_in(&folder.join(name))) else {
                    continue;
                };
                if lowest.as_ref().is_none_or(|(least, _)| limit < *least) {
                    lowest = Some((limit, folder));
                }
            }
        }
        lowest
    }
}

/// A file's number; `max` and what is absent are none.
fn number_in(path: &Path) -> Option<u64> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A tree that looks like a host's.
    pub(crate) struct Tree(pub(crate) tempfile::TempDir);

    impl Tree {
        /// The reference box as it starts.
        pub(crate) fn reference() -> Self {
            let tree = Self(tempfile::tempdir().unwrap());
            for (name, value) in [
                ("fs.file-max", "2466170"),
                ("fs.nr_open", "1048576"),
                ("fs.epoll.max_user_watches", "5491511"),
                ("kernel.threads-max", "192730"),
                ("kernel.pid_max", "32768"),
                ("vm.max_map_count", "65530"),
                ("net.core.somaxconn", "4096"),
                ("net.core.netdev_max_backlog", "1000"),
                ("net.ipv4.tcp_max_syn_backlog", "2048"),
                ("net.ipv4.tcp_ehash_entries", "262144"),
                ("net.ipv4.tcp_child_ehash_entries", "0"),
                ("net.ipv4.ip_local_port_range", "32768\t60999"),
                ("net.ipv4.ip_local_reserved_ports", ""),
                ("net.ipv4.tcp_mem", "287898\t383867\t575796"),
                ("net.ipv4.tcp_max_tw_buckets", "131072"),
                ("net.ipv4.tcp_max_orphans", "131072"),
                ("net.netfilter.nf_conntrack_max", "262144"),
            ] {
                tree.sysctl(name, value);
            }
            tree.write(
                "proc/meminfo",
                "MemTotal:       24683520 kB\nMemFree:        24104960 kB\nBuffers:            1024 kB\n\
                 Cached:           401408 kB\nShmem:              8192 kB\n",
            );
            tree.write(
                "proc/self/limits",
                "Limit            Soft Limit   Hard Limit   Units\nMax open files   1024         20000        files\n",
            );
            tree.write("proc/self/status", "Name:\tteem\nCapEff:\t000001fffeffffff\n");
            tree.write("proc/self/cgroup", "0::/\n");
            tree.write("proc/loadavg", "0.10 0.10 0.10 1/100 4711\n");
            tree.write(
                "proc/self/net/route",
                "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\n",
            );
            tree.write("dev/net/tun", "");
            tree
        }

        pub(crate) fn host(&self) -> Host {
            Host::at(self.0.path())
        }

        pub(crate) fn sysctl(&self, name: &str, value: &str) {
            self.write(
                &format!("proc/sys/{}", name.replace('.', "/")),
                &format!("{value}\n"),
            );
        }

        pub(crate) fn write(&self, path: &str, text: &str) {
            let path = self.0.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }

        pub(crate) fn remove(&self, path: &str) {
            fs::remove_file(self.0.path().join(path)).unwrap();
        }
    }

    #[test]
    fn sysctls_are_read_and_written() {
        let tree = Tree::reference();
        let host = tree.host();
        assert_eq!(host.number("net.ipv4.tcp_mem"), Some(575_796));
        assert_eq!(host.number("net.ipv4.absent"), None);
        tree.sysctl("net.ipv4.tcp_ehash_entries", "-262144");
        assert_eq!(host.number("net.ipv4.tcp_ehash_entries"), Some(262_144));
        host.set_sysctl("net.ipv4.tcp_mem", "1 2 3").unwrap();
        assert_eq!(host.sysctl("net.ipv4.tcp_mem").unwrap(), "1 2 3");
        assert!(host.may_set("fs.nr_open") && !host.may_set("fs.absent"));
        assert!(host.set_sysctl("fs.absent", "1").is_err());
    }

    #[test]
    fn a_process_knows_its_own_limits() {
        let tree = Tree::reference();
        assert_eq!(tree.host().nofile(), Some(20_000));
        tree.write("proc/self/limits", "Max open files  1024  unlimited  files\n");
        assert_eq!(tree.host().nofile(), Some(u64::MAX));
        assert_eq!(tree.host().threads(), Some(100));
        assert_eq!(tree.host().capabilities() >> 24 & 1, 0, "CAP_SYS_RESOURCE");
        assert_eq!(Host::at("/nowhere").nofile(), None);
    }

    #[test]
    fn page_cache_is_free_and_shared_memory_is_not() {
        let memory = Tree::reference().host().memory().unwrap();
        assert_eq!(memory.total_bytes, 24_683_520 << 10);
        assert_eq!(memory.free_bytes, (24_104_960 + 1024 + 401_408 - 8192) << 10);
    }

    #[test]
    fn the_tightest_control_group_counts() {
        let tree = Tree::reference();
        tree.write("proc/self/cgroup", "9:name=systemd:/\n0::/a/b\n");
        tree.write("sys/fs/cgroup/a/b/memory.max", "max\n");
        tree.write("sys/fs/cgroup/a/memory.max", "1073741824\n");
        tree.write("sys/fs/cgroup/a/memory.current", "73741824\n");
        tree.write("sys/fs/cgroup/a/b/pids.max", "100\n");
        tree.write("sys/fs/cgroup/a/b/pids.current", "7\n");
        let memory = tree.host().memory().unwrap();
        assert_eq!((memory.total_bytes, memory.free_bytes), (1 << 30, 1_000_000_000));
        assert_eq!(tree.host().group_threads(), Some((100, 7)));
        tree.write("proc/self/cgroup", "8:pids:/c\n");
        tree.write("sys/fs/cgroup/pids/c/pids.max", "55\n");
        assert_eq!(tree.host().group_threads(), Some((55, 0)));
    }

    #[test]
    fn routes_are_networks() {
        let tree = Tree::reference();
        assert!(tree.host().routes().is_empty());
        tree.write(
            "proc/self/net/route",
            "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\n\
             eth0\t00000000\t0100000A\t0003\t0\t0\t0\t00000000\n\
             eth0\t000012C6\t00000000\t0001\t0\t0\t0\t0000FEFF\n",
        );
        // 198.18.0.0/15, in the host's byte order.
        let expected = (u32::from(std::net::Ipv4Addr::new(198, 18, 0, 0)), 0xFFFE_0000);
        assert_eq!(tree.host().routes(), [expected]);
    }
}
