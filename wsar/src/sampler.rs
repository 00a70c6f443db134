//! One second's figures of a host and of the processes under watch.
//!
//! It has no thread and no clock: the caller ticks it and says what time it is. It does not know where a sample goes,
//! and adds nothing of a server's or a swarm's own counting: the caller merges that in.
//!
//! What a sample costs, measured over 10,000 samples on a quiet host with 2 cores, Linux 6.18, 237 slabs, one process
//! under watch: 330 to 360 µs in the middle, 550 µs at the 99th percentile, so about 0.04 % of a core at one a second.
//! Reading `/proc/slabinfo` is 180 to 255 µs of it (the kernel walks every slab), `netstat` 40, `snmp` 11, a process's
//! two files 10 to 12, `stat` 6, `meminfo` 5, both `sockstat` 4; the rest is parsing and the maps.

use record::Sample;

use crate::host::Host;
use crate::proc_file::Buffer;
use crate::process::Watch;

/// Most labels that are watched; a run has three.
pub const WATCHES_MAX: usize = 64;

/// An open host, and the processes under watch.
#[derive(Debug)]
pub struct Sampler {
    host: Host,
    watches: Vec<Watch>,
    vanished: Vec<String>,
    watches_refused: u64,
    buffer: Buffer,
}

impl Sampler {
    /// Opens the host's files and the processes', by label and number, and takes the reading that counters are
    /// relative to. What cannot be opened is left out of the samples and named by [`missing`](Self::missing).
    ///
    /// A process that we started is charged for its CPU time from its birth, any other from now.
    #[must_use]
    pub fn new(watch: Vec<(String, u32)>) -> Self {
        let mut buffer = Buffer::new();
        let host = Host::open(&mut buffer);
        let mut sampler = Self {
            host,
            watches: Vec::new(),
            vanished: Vec::new(),
            watches_refused: 0,
            buffer,
        };
        for (label, pid) in watch {
            sampler.add_watch(label, pid);
        }
        sampler
    }

    /// Watches a process under a label: `server`, `swarm`, `storm`. A label that is there already goes over to this
    /// process, and its CPU time goes on: a server that was started again.
    ///
    /// More than [`WATCHES_MAX`] labels are refused and counted by [`watches_refused`](Self::watches_refused).
    pub fn add_watch(&mut self, label: impl Into<String>, pid: u32) {
        let label = label.into();
        if let Some(watch) = self.watches.iter_mut().find(|watch| watch.label() == label) {
            watch.follow(pid, &mut self.buffer);
        } else if self.watches.len() < WATCHES_MAX {
            self.watches.push(Watch::new(label, pid, &mut self.buffer));
        } else {
            self.watches_refused += 1;
        }
    }

    /// The figures as they are now, under the names of [`record::name`]; `t_ms` is the run's time, milliseconds.
    #[must_use]
    pub fn sample(&mut self, t_ms: u64) -> Sample {
        let mut sample = Sample {
            t_ms,
            ..Sample::default()
        };
        self.host.fill(&mut sample, &mut self.buffer);
        for watch in &mut self.watches {
            // A label once a process: nobody who forgets to take the list makes it grow for ever.
            if watch.fill(&mut sample, &mut self.buffer)
                && !self.vanished.iter().any(|label| label == watch.label())
            {
                self.vanished.push(watch.label().to_owned());
            }
        }
        sample
    }

    /// The labels whose process has vanished since this was last asked, each once: ended (waited for or not), or never
    /// there. It is not an error: whether it should have lived is the caller's to know.
    #[must_use]
    pub fn take_vanished(&mut self) -> Vec<String> {
        std::mem::take(&mut self.vanished)
    }

    /// The files of the host that could not be opened, `/proc/slabinfo` for one where we are not root.
    #[must_use]
    pub fn missing(&self) -> Vec<&'static str> {
        self.host.missing()
    }

    /// Watches refused because there were too many.
    #[must_use]
    pub fn watches_refused(&self) -> u64 {
        self.watches_refused
    }
}

#[cfg(test)]
mod tests {
    use record::name::{host, process};

    use super::*;

    #[test]
    fn a_sample_has_the_host_and_the_processes_at_the_time_it_was_told() {
        let mut sampler = Sampler::new(vec![("swarm".to_owned(), std::process::id())]);
        let sample = sampler.sample(1_234);
        assert_eq!(sample.t_ms, 1_234);
        assert!(sample.gauges[host::MEMORY_HELD_BYTES] > 0.0);
        assert!(sample.gauges[&process::rss_anon_bytes("swarm")] > 0.0);
        assert!(sample.counters.contains_key(&process::cpu_us("swarm")));
        assert!(sampler.take_vanished().is_empty());
    }

    #[test]
    fn counters_never_fall_from_sample_to_sample() {
        let mut sampler = Sampler::new(vec![("swarm".to_owned(), std::process::id())]);
        let mut last = sampler.sample(0);
        for t_ms in 1..50 {
            let now = sampler.sample(t_ms);
            assert_eq!(last.counters.len(), now.counters.len());
            for (name, value) in &last.counters {
                assert!(now.counters[name] >= *value, "{name}");
            }
            last = now;
        }
    }

    #[test]
    fn a_vanished_label_is_told_once_and_may_come_back() {
        let mut sampler = Sampler::new(vec![("server".to_owned(), u32::MAX)]);
        let _ = sampler.sample(0);
        assert_eq!(sampler.take_vanished(), ["server"]);
        let _ = sampler.sample(1_000);
        assert!(sampler.take_vanished().is_empty());
        sampler.add_watch("server", std::process::id());
        let sample = sampler.sample(2_000);
        assert!(sample.gauges.contains_key(&process::threads("server")));
        assert!(sampler.take_vanished().is_empty());
    }

    #[test]
    fn too_many_labels_are_refused_and_counted() {
        let mut sampler = Sampler::new(Vec::new());
        (0..WATCHES_MAX + 2).for_each(|label| sampler.add_watch(label.to_string(), u32::MAX));
        assert_eq!(sampler.watches_refused(), 2);
        let _ = sampler.sample(0);
        assert_eq!(sampler.take_vanished().len(), WATCHES_MAX);
    }
}
