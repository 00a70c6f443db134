//! What the kernel charges a process and its descendants, and on which processors a thread may run.

use std::fs;

use anyhow::{Context as _, bail};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// Microseconds a clock tick of `/proc`: `USER_HZ` is 100 on Linux (proc(5)).
const TICK_US: u64 = 10_000;
/// Highest processor number asked about.
const CPUS_MAX: usize = 1024;

/// A process with the descendants it had when it was looked at.
#[derive(Clone, Debug)]
pub(crate) struct Family {
    pids: Vec<u32>,
}

impl Family {
    /// The process and its descendants.
    pub(crate) fn of(pid: u32) -> Self {
        let mut pids = vec![pid];
        let mut next = 0;
        while let Some(&parent) = pids.get(next) {
            next += 1;
            // Each thread lists the children that it started. A process that has ended has none.
            let Ok(threads) = fs::read_dir(format!("/proc/{parent}/task")) else {
                continue;
            };
            for thread in threads.flatten() {
                let children = fs::read_to_string(thread.path().join("children")).unwrap_or_default();
                pids.extend(
                    children
                        .split_whitespace()
                        .filter_map(|pid| pid.parse::<u32>().ok()),
                );
            }
        }
        Self { pids }
    }

    /// User and system time of them all, threads that ended included, microseconds (in steps of 10 ms).
    ///
    /// # Errors
    /// The first process is gone.
    pub(crate) fn cpu_us(&self) -> anyhow::Result<u64> {
        let mut total = 0;
        for (place, pid) in self.pids.iter().enumerate() {
            match fs::read_to_string(format!("/proc/{pid}/stat")) {
                Ok(stat) => total += ticks(&stat).with_context(|| format!("/proc/{pid}/stat: {stat}"))?,
                Err(_) if place == 0 => bail!("process {pid} has ended"),
                Err(_) => {}
            }
        }
        Ok(total * TICK_US)
    }

    /// Anonymous resident memory of them all, bytes.
    pub(crate) fn rss_anon_bytes(&self) -> u64 {
        let of = |pid: &u32| {
            let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
            let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"))?;
            line.split_whitespace().next()?.parse::<u64>().ok()
        };
        self.pids.iter().filter_map(of).sum::<u64>() * 1024
    }
}

/// utime + stime, the 14th and 15th field; the second is a name in parentheses that may hold anything.
fn ticks(stat: &str) -> Option<u64> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace().skip(11);
    let (user, system) = (fields.next()?.parse::<u64>(), fields.next()?.parse::<u64>());
    Some(user.ok()? + system.ok()?)
}

/// CPU time of the calling thread, microseconds.
pub(crate) fn thread_cpu_us() -> u64 {
    let spent = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    spent.tv_sec as u64 * 1_000_000 + spent.tv_nsec as u64 / 1_000
}

/// CPU time of this whole process, microseconds.
pub(crate) fn process_cpu_us() -> u64 {
    let spent = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    spent.tv_sec as u64 * 1_000_000 + spent.tv_nsec as u64 / 1_000
}

/// The processors that servers and load are pinned to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cpus {
    /// The server's.
    pub(crate) server: usize,
    /// The load's.
    pub(crate) load: usize,
}

impl Cpus {
    /// The first two that this process may use.
    ///
    /// # Errors
    /// There is only one.
    pub(crate) fn choose() -> anyhow::Result<Self> {
        let allowed = sched_getaffinity(None)?;
        let mut cpus = (0..CPUS_MAX).filter(|&cpu| allowed.is_set(cpu));
        match (cpus.next(), cpus.next()) {
            (Some(server), Some(load)) => Ok(Self { server, load }),
            _ => bail!("the benchmark needs two processors: one for the server, one for the load"),
        }
    }
}

/// Runs `body` while the calling thread is pinned to a processor (or to none): what it starts inherits that.
///
/// # Errors
/// The kernel refuses, or `body` fails.
pub(crate) fn pinned<T>(cpu: Option<usize>, body: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<T> {
    let Some(cpu) = cpu else { return body() };
    let before = sched_getaffinity(None)?;
    let mut only = CpuSet::new();
    only.set(cpu);
    sched_setaffinity(None, &only).with_context(|| format!("cannot pin to processor {cpu}"))?;
    let result = body();
    sched_setaffinity(None, &before)?;
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_found_behind_any_name() {
        let stat = "12 (a) b (c)) S 1 2 3 4 5 6 7 8 9 10 70 30 0 0 20 0";
        assert_eq!(ticks(stat), Some(100));
        assert_eq!(ticks("nonsense"), None);
    }

    #[test]
    fn a_family_has_its_children() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let family = Family::of(std::process::id());
        assert!(family.pids.contains(&child.id()), "{family:?}");
        assert!(family.cpu_us().is_ok());
        assert!(family.rss_anon_bytes() > 0);
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(Family::of(child.id()).cpu_us().is_err());
    }
}
