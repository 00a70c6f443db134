//! One sample a second from all who measure: the kernel, the server, the swarm, the HTTP side.

use std::collections::BTreeMap;
use std::time::Duration;

use loadgen::Swarm;
use loadgen::upload::HttpService;
use record::Sample;
use record::name::server;
use wsar::Sampler;

use super::child::Stats;
use super::target::Target;

/// Counters of the server that end with its process: after a kill, nobody knows how many of the last second's it had.
const LOST_BY_A_KILL: [&str; 3] = [
    server::COPIES_ACCEPTED,
    server::COPIES_ACKNOWLEDGED,
    server::COPIES_SENT,
];

/// How often a server that does not answer is asked for its last figures, and how long it is left alone between.
pub(super) const ASKED_MOST: usize = 5;
const ASKED_EVERY: Duration = Duration::from_millis(500);

/// Collects samples.
pub(super) struct Sampling {
    sampler: Sampler,
    /// What the server's counters were when its process was last replaced.
    carried: BTreeMap<String, u64>,
    last: Stats,
}

impl Sampling {
    pub(super) fn new(target: &Target) -> Self {
        let mut watches = vec![("swarm".to_owned(), std::process::id())];
        if let Some(child) = &target.child {
            watches.push(("server".to_owned(), child.ready.pid));
        }
        Self {
            sampler: Sampler::new(watches),
            carried: BTreeMap::new(),
            last: Stats::default(),
        }
    }

    /// Also watches a process.
    pub(super) fn watch(&mut self, label: &str, pid: u32) {
        self.sampler.add_watch(label, pid);
    }

    /// The server was killed and started again: its counters begin anew.
    pub(super) fn server_restarted(&mut self, pid: u32) {
        for (name, value) in std::mem::take(&mut self.last.counters) {
            *self.carried.entry(name).or_default() += value;
        }
        self.watch("server", pid);
    }

    /// A second's figures.
    pub(super) async fn take(
        &mut self,
        t_ms: u64,
        target: &Target,
        swarm: &Swarm,
        http: Option<&HttpService>,
    ) -> Sample {
        let mut sample = self.sampler.sample(t_ms);
        swarm.sample(&mut sample);
        if let Some(http) = http {
            http.publish(&mut sample);
        }
        if let Some(stats) = target.stats().await {
            self.last = stats;
        }
        self.add_server(&mut sample);
        sample
    }

    /// The figures before the first connect, or after the swarm has ended: the server's only as it tells them now, for a ledger
    /// closes by them. It is asked so many times at most.
    pub(super) async fn finish(&mut self, t_ms: u64, target: &Target, asked_most: usize) -> Sample {
        let mut sample = self.sampler.sample(t_ms);
        for asked in 1..=asked_most {
            if let Some(stats) = target.stats().await {
                self.last = stats;
                self.add_server(&mut sample);
                break;
            }
            if target.admin.is_none() || asked == asked_most {
                break;
            }
            tokio::time::sleep(ASKED_EVERY).await;
        }
        sample
    }

    /// The server's figures of this second, or those it told last.
    fn add_server(&self, sample: &mut Sample) {
        for (name, value) in &self.last.counters {
            let carried = match LOST_BY_A_KILL.contains(&name.as_str()) {
                // They fall, and the report knows by that not to compare them.
                true => 0,
                false => self.carried.get(name).copied().unwrap_or(0),
            };
            sample.counters.insert(name.clone(), value + carried);
        }
        sample.gauges.extend(
            self.last
                .gauges
                .iter()
                .map(|(name, value)| (name.clone(), *value)),
        );
    }
}
