//! The host's figures: CPU by kind, memory, the kernel's slabs, TCP.
//!
//! It does not know what runs on the host: a process is [`crate::process`]'s. The readers of each file's text are
//! pure; the files are opened once and read again each second.

use std::collections::BTreeMap;

use record::Sample;
use record::name::host as name;

use crate::proc_file::{Buffer, ProcFile};

mod allowed;
mod devices;
mod memory;
mod network;
mod slabs;
mod stat;

use allowed::Allowed;
pub use memory::Memory;
pub(crate) use memory::kilobytes;
pub use network::{SocketStat, TcpCounters};
pub use slabs::{SOCKET_SLABS, Slabs};
pub use stat::{CpuTicks, Stat};

/// The files, in the order in which [`Host`] holds them.
///
/// `thread-self` and not `self`: a thread that has entered a network namespace of its own means that one.
const PATHS: [&str; 8] = [
    "/proc/stat",
    "/proc/meminfo",
    "/proc/slabinfo",
    "/proc/thread-self/net/snmp",
    "/proc/thread-self/net/netstat",
    "/proc/thread-self/net/sockstat",
    "/proc/thread-self/net/sockstat6",
    "/proc/thread-self/net/dev",
];

/// The open files of a host, and where its counters stood at the start.
#[derive(Debug)]
pub(crate) struct Host {
    files: [Option<ProcFile>; PATHS.len()],
    starts: Starts,
    /// The CPUs that this process was given when it began.
    allowed: Option<Allowed>,
    ticks_per_second: u64,
    page_bytes: u64,
}

impl Host {
    /// Opens what can be opened and takes the first reading, which the counters are relative to.
    pub(crate) fn open(buffer: &mut Buffer) -> Self {
        let mut host = Self {
            files: PATHS.map(|path| ProcFile::open(path).ok()),
            starts: Starts::default(),
            allowed: std::fs::read_to_string("/proc/thread-self/status")
                .ok()
                .and_then(|status| Allowed::parse(&status)),
            ticks_per_second: rustix::param::clock_ticks_per_second(),
            page_bytes: rustix::param::page_size() as u64,
        };
        host.fill(&mut Sample::default(), buffer);
        host
    }

    /// The files that could not be opened: their figures are left out of every sample.
    pub(crate) fn missing(&self) -> Vec<&'static str> {
        PATHS
            .iter()
            .zip(&self.files)
            .filter(|(_, file)| file.is_none())
            .map(|(path, _)| *path)
            .collect()
    }

    /// Adds the host's figures to a sample. A file that cannot be read or understood leaves its figures out.
    pub(crate) fn fill(&mut self, sample: &mut Sample, buffer: &mut Buffer) {
        let [stat, memory, slabs, snmp, netstat, sockstat, sockstat6, devices] = &self.files;
        let (ticks_per_second, page_bytes) = (self.ticks_per_second, self.page_bytes);
        let starts = &mut self.starts;
        let own = |text: &str| self.allowed.as_ref().and_then(|allowed| allowed.ticks(text));
        if let Some((stat, own)) = understood(stat, buffer, |text| Some((Stat::parse(text)?, own(text)))) {
            write_stat(&stat, ticks_per_second, starts, sample);
            write_own(own, ticks_per_second, starts, sample);
        }
        if let Some(memory) = understood(memory, buffer, Memory::parse) {
            write_memory(&memory, sample);
        }
        if let Some(slabs) = understood(slabs, buffer, |text| Slabs::parse(text, page_bytes)) {
            write_slabs(&slabs, sample);
        }
        let tcp = understood(snmp, buffer, |text| Some(TcpCounters::parse(text))).unwrap_or_default();
        let extended = understood(netstat, buffer, |text| Some(TcpCounters::parse(text))).unwrap_or_default();
        write_tcp(tcp.or(extended), starts, sample);
        let sockets = understood(sockstat, buffer, SocketStat::parse);
        let sockets6 = understood(sockstat6, buffer, SocketStat::parse);
        if let Some(sockets) = sockets {
            write_sockets(sockets.with(sockets6.unwrap_or_default()), sample);
        }
        let drops = understood(devices, buffer, |text| Some(devices::tun_drops(text)));
        count(sample, starts, name::TUN_DROPS, drops);
    }
}

fn understood<T>(
    file: &Option<ProcFile>,
    buffer: &mut Buffer,
    parse: impl FnOnce(&str) -> Option<T>,
) -> Option<T> {
    let text = file.as_ref()?.read(buffer).ok()?;
    parse(&text)
}

/// Where each counter of the kernel stood when it was first read, and the highest seen since.
///
/// A sample's counters only grow from the start of the run; the kernel's start at boot, and some (`iowait`, `idle`) are
/// known to step back a little.
#[derive(Debug, Default)]
struct Starts(BTreeMap<&'static str, (u64, u64)>);

impl Starts {
    /// The counter's growth since its first reading.
    fn since(&mut self, key: &'static str, raw: u64) -> u64 {
        let (first, highest) = self.0.entry(key).or_insert((raw, raw));
        *highest = raw.max(*highest);
        *highest - *first
    }
}

fn write_stat(stat: &Stat, ticks_per_second: u64, starts: &mut Starts, sample: &mut Sample) {
    for (kind, ticks) in stat.cpu.by_kind() {
        let grown_us = micros(starts.since(kind, ticks), ticks_per_second);
        sample
            .counters
            .insert(format!("{}{kind}", name::CPU_US), grown_us);
    }
    count(sample, starts, name::CONTEXT_SWITCHES, stat.context_switches);
}

fn write_own(own: Option<CpuTicks>, ticks_per_second: u64, starts: &mut Starts, sample: &mut Sample) {
    let Some(own) = own else { return };
    let counters = [name::OWN_CPU_BUSY_US, name::OWN_CPU_IDLE_US];
    for (counter, ticks) in counters.into_iter().zip(own.busy_and_idle()) {
        let grown_us = micros(starts.since(counter, ticks), ticks_per_second);
        sample.counters.insert(counter.to_owned(), grown_us);
    }
}

fn write_memory(memory: &Memory, sample: &mut Sample) {
    gauge(sample, name::MEMORY_TOTAL_BYTES, memory.total_bytes);
    gauge(sample, name::MEMORY_HELD_BYTES, memory.held_bytes());
    gauge(sample, name::MEMORY_CACHE_BYTES, memory.cache_bytes);
    gauge(sample, name::SLAB_BYTES, memory.slab_bytes);
}

fn write_slabs(slabs: &Slabs, sample: &mut Sample) {
    for (slab, bytes) in slabs.iter() {
        gauge(sample, &format!("{}{slab}_bytes", name::SLAB), bytes);
    }
    gauge(sample, name::SOCKET_SLAB_BYTES, slabs.total_bytes());
    if let Some(sockets) = slabs.sockets() {
        gauge(sample, name::TCP_SLAB_OBJECTS, sockets);
    }
}

fn write_tcp(tcp: TcpCounters, starts: &mut Starts, sample: &mut Sample) {
    count(sample, starts, name::SEGMENTS_IN, tcp.segments_in);
    count(sample, starts, name::SEGMENTS_OUT, tcp.segments_out);
    count(sample, starts, name::RETRANSMITS, tcp.retransmits);
    count(sample, starts, name::LISTEN_OVERFLOWS, tcp.listen_overflows);
    count(sample, starts, name::LISTEN_DROPS, tcp.listen_drops);
    count(sample, starts, name::SYN_COOKIES, tcp.syn_cookies);
    count(sample, starts, name::SYN_RETRANSMITS, tcp.syn_retransmits);
}

fn write_sockets(sockets: SocketStat, sample: &mut Sample) {
    gauge(sample, name::TCP_IN_USE, sockets.tcp_in_use);
    gauge(sample, name::TCP_ALLOCATED, sockets.tcp_allocated);
    gauge(sample, name::TCP_TIME_WAIT, sockets.tcp_time_wait);
    gauge(sample, name::TCP_MEMORY_PAGES, sockets.tcp_memory_pages);
}

/// Writes a counter where the kernel has it.
fn count(sample: &mut Sample, starts: &mut Starts, name: &'static str, raw: Option<u64>) {
    if let Some(raw) = raw {
        sample.counters.insert(name.to_owned(), starts.since(name, raw));
    }
}

fn gauge(sample: &mut Sample, name: &str, value: u64) {
    sample.gauges.insert(name.to_owned(), value as f64);
}

/// Clock ticks as microseconds.
pub(crate) fn micros(ticks: u64, ticks_per_second: u64) -> u64 {
    ticks.saturating_mul(1_000_000) / ticks_per_second.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_start_at_zero_and_never_fall() {
        let mut starts = Starts::default();
        assert_eq!(starts.since("idle", 700), 0);
        assert_eq!(starts.since("idle", 750), 50);
        assert_eq!(starts.since("idle", 690), 50);
        assert_eq!(starts.since("idle", 760), 60);
        assert_eq!(starts.since("user", 9), 0);
    }

    #[test]
    fn cpu_ticks_become_microseconds_by_kind() {
        let text = include_str!("../samples/stat.txt");
        let mut starts = Starts::default();
        write_stat(
            &Stat::parse(text).unwrap(),
            100,
            &mut starts,
            &mut Sample::default(),
        );
        let later = Stat::parse("cpu 148372 4 16568 194781 5346 0 186 1067 0 0\nctxt 749861\n").unwrap();
        let mut sample = Sample::default();
        write_stat(&later, 100, &mut starts, &mut sample);
        let grown: Vec<u64> = name::CPU_KINDS
            .iter()
            .map(|kind| sample.counters[&format!("{}{kind}", name::CPU_US)])
            .collect();
        assert_eq!(grown, [70_000, 0, 10_000, 0, 0, 0, 1_000_000]);
        assert_eq!(sample.counters[name::CONTEXT_SWITCHES], 100);
    }

    #[test]
    fn the_runs_own_cpus_are_full_whoever_has_them() {
        let mut starts = Starts::default();
        let mut of = |own| {
            let mut sample = Sample::default();
            write_own(own, 100, &mut starts, &mut sample);
            [name::OWN_CPU_BUSY_US, name::OWN_CPU_IDLE_US]
                .map(|counter| sample.counters.get(counter).copied())
        };
        let ticks = |user, steal, idle| CpuTicks {
            user,
            steal,
            idle,
            ..CpuTicks::default()
        };
        assert_eq!(of(Some(ticks(5, 0, 9))), [Some(0), Some(0)]);
        assert_eq!(of(Some(ticks(65, 40, 10))), [Some(1_000_000), Some(10_000)]);
        assert_eq!(
            of(None),
            [None, None],
            "where all are the run's, no other figure is wanted"
        );
    }

    #[test]
    fn this_host_fills_a_sample_whose_counters_are_relative() {
        let mut buffer = Buffer::new();
        let mut host = Host::open(&mut buffer);
        let mut sample = Sample::default();
        host.fill(&mut sample, &mut buffer);
        for kind in name::CPU_KINDS {
            assert!(
                sample.counters.contains_key(&format!("{}{kind}", name::CPU_US)),
                "{kind}"
            );
        }
        // Since boot this host has spent far more than a test lasts.
        assert!(sample.counters[&format!("{}idle", name::CPU_US)] < 600_000_000);
        for counter in [
            name::SEGMENTS_IN,
            name::RETRANSMITS,
            name::LISTEN_OVERFLOWS,
            name::SYN_COOKIES,
        ] {
            assert!(sample.counters.contains_key(counter), "{counter}");
        }
        let gauge = |name: &str| sample.gauges[name];
        assert!(gauge(name::MEMORY_TOTAL_BYTES) > gauge(name::MEMORY_HELD_BYTES));
        assert!(sample.gauges.contains_key(name::TCP_IN_USE));
        let has_slabs = sample.gauges.contains_key(name::SOCKET_SLAB_BYTES);
        assert_eq!(has_slabs, !host.missing().contains(&"/proc/slabinfo"));
    }
}
