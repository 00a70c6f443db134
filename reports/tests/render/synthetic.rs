//! Run folders that no machine ever ran: plausible figures from a seed, with a ledger that adds up.

use std::path::{Path, PathBuf};

use rand::{Rng as _, RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use record::{
    Event, EventKind, Histogram, HostFacts, Limits, MANIFEST_SCHEMA, Manifest, Percentiles, PlanCurve,
    RunWriter, Sample, Step, Storm, Transport, name,
};

/// What to invent.
pub(crate) struct Invention {
    pub(crate) name: &'static str,
    pub(crate) seconds: u64,
    pub(crate) connections: u64,
    pub(crate) dry_run: bool,
    pub(crate) server_counts: bool,
    pub(crate) interrupted_at_s: Option<u64>,
    pub(crate) storm: bool,
    /// Of a climb: the connections at each step.
    pub(crate) climb: &'static [u64],
}

impl Default for Invention {
    fn default() -> Self {
        Self {
            name: "football",
            seconds: 120,
            connections: 200_000,
            dry_run: false,
            server_counts: true,
            interrupted_at_s: None,
            storm: true,
            climb: &[],
        }
    }
}

impl Invention {
    /// Writes the folder, under cargo's own directory for tests, replacing an earlier one.
    pub(crate) fn write(&self) -> PathBuf {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join("reports")
            .join(self.name);
        let _ = std::fs::remove_dir_all(&folder);
        let plan = self.plan();
        let mut writer = RunWriter::create(&folder, &self.manifest(), &plan).unwrap();
        if self.dry_run {
            return folder;
        }
        let mut world = World::new(self);
        if !self.climb.is_empty() {
            writer.sample(&world.before()).unwrap();
        }
        let last = self.interrupted_at_s.unwrap_or(self.seconds);
        for second in 0..last {
            writer
                .sample(&world.second(self, &plan, second, second + 1 == self.seconds))
                .unwrap();
        }
        let happened = plan.marks.iter().filter(|mark| mark.t_ms <= last * 1_000);
        happened.for_each(|mark| writer.event(mark).unwrap());
        if let Some(at_s) = self.interrupted_at_s {
            writer
                .event(&event(
                    at_s * 1_000,
                    EventKind::Interrupted,
                    "stopped",
                    "Stopped from the keyboard.",
                ))
                .unwrap();
        } else if self.seconds > 70 {
            let detail = "Durability from commit to async.";
            writer
                .event(&event(70_000, EventKind::Knob, "durability async", detail))
                .unwrap();
        }
        if self.storm {
            let response_ms = Percentiles {
                p50: 1.8,
                p90: 4.1,
                p99: 19.5,
                p999: 61.0,
                max: 104.0,
                count: 48_211,
            };
            writer
                .storm(&Storm {
                    requests: 48_211,
                    failures: 3,
                    registrations: 9_640,
                    response_ms,
                })
                .unwrap();
        }
        folder
    }

    fn manifest(&self) -> Manifest {
        Manifest {
            schema: MANIFEST_SCHEMA.into(),
            version: "0.1.0".into(),
            command: ["teem", "run", "football", "--seed", "42", "--time-scale", "60"]
                .map(String::from)
                .to_vec(),
            scenario: "football".into(),
            title: "A final, from kick-off to the last whistle, as a messenger sees it".into(),
            resolved: "[population]\nsize = 200000\n\n[[phase]]\nname = \"ramp\"\nduration = \"20s\"\n"
                .into(),
            seed: 42,
            started_unix_ms: 1_750_000_000_000,
            dry_run: self.dry_run,
            target: "127.0.0.1:5222".into(),
            durability: Some("commit".into()),
            transport: Transport::Kernel,
            encryption: false,
            steps: self.steps(),
            thresholds: [
                "delivery.p99 < 250ms",
                "accepted.p99 < 100ms",
                "connections.peak >= 0.99 * connections.target",
                "server.bytes_per_connection_user <= 200",
                "messages.lost == 0",
            ]
            .map(String::from)
            .to_vec(),
            host: HostFacts {
                cpus: 2,
                memory_bytes: 25_769_803_776,
                kernel: "6.12.38".into(),
            },
            limits: Limits {
                nofile: 20_000,
                ephemeral_ports: 28_232,
                somaxconn: 65_535,
                file_max: u64::MAX / 2,
                cpus: 2,
                hash_buckets: 8_388_608,
            },
        }
    }

    /// Steps of equal length: half of it a ramp, an eighth to settle, the rest a hold.
    fn steps(&self) -> Vec<Step> {
        let length_ms = self.seconds * 1_000 / self.climb.len().max(1) as u64;
        let step = |(index, connections): (usize, &u64)| {
            let from_ms = index as u64 * length_ms;
            Step {
                connections: *connections,
                from_ms,
                settle_ms: from_ms + length_ms / 2,
                hold_from_ms: from_ms + length_ms * 5 / 8,
                hold_until_ms: from_ms + length_ms,
            }
        };
        self.climb.iter().enumerate().map(step).collect()
    }

    fn climb(&self) -> PlanCurve {
        let mut plan = PlanCurve::default();
        let mut below = 0;
        for step in self.steps() {
            let name = |what: &str| format!("{what} {}k", step.connections / 1_000);
            for (at_ms, what) in [
                (step.from_ms, "to"),
                (step.settle_ms, "settle at"),
                (step.hold_from_ms, "hold"),
            ] {
                plan.marks.push(event(at_ms, EventKind::Phase, &name(what), ""));
            }
            for at_ms in (step.from_ms..step.hold_until_ms).step_by(1_000) {
                let part =
                    ((at_ms + 1_000 - step.from_ms) as f64 / (step.settle_ms - step.from_ms) as f64).min(1.0);
                plan.connections
                    .push(below + ((step.connections - below) as f64 * part) as u64);
                let messages = if at_ms >= step.hold_from_ms { 10_000 } else { 1_000 };
                plan.messages.push(messages);
                plan.copies.push(messages);
            }
            below = step.connections;
        }
        plan
    }

    /// A ramp over a sixth of the run, a spike at each goal, a drain at the end.
    fn plan(&self) -> PlanCurve {
        if !self.climb.is_empty() {
            return self.climb();
        }
        let at = |share: f64| (self.seconds as f64 * share).round() as u64;
        let (ramp, drain) = (at(1.0 / 6.0), at(11.0 / 12.0));
        let goals = [at(0.5), at(0.525)];
        let mut plan = PlanCurve::default();
        for second in 0..self.seconds {
            let share = ((second + 1) as f64 / ramp.max(1) as f64).min(1.0);
            plan.connections.push((self.connections as f64 * share) as u64);
            let spike: f64 = goals
                .iter()
                .filter(|goal| second >= **goal)
                .map(|goal| {
                    let since = (second - goal) as f64 + 0.5;
                    2.6 * (-(since / 4.0).ln().powi(2) / 1.2).exp()
                })
                .sum();
            let flowing = if second < ramp || second >= drain {
                0.0
            } else {
                1.0
            };
            let messages = self.connections as f64 * 0.02 * (1.0 + spike) * flowing;
            plan.messages.push(messages as u64);
            plan.copies.push((messages * 1.5) as u64);
        }
        let phase = |at_s: u64, name: &str| event(at_s * 1_000, EventKind::Phase, name, "");
        let shock = |at_s: u64, name: &str| event(at_s * 1_000, EventKind::Shock, name, "");
        plan.marks = vec![
            phase(0, "ramp"),
            phase(ramp, "hold"),
            shock(at(0.25), "kick-off"),
            shock(goals[0], "goal"),
            shock(goals[1], "goal, disallowed"),
            shock(at(0.7), "half-time"),
            phase(drain, "drain"),
            shock(at(0.985), "final whistle"),
        ];
        plan
    }
}

fn event(t_ms: u64, kind: EventKind, name: &str, detail: &str) -> Event {
    Event {
        t_ms,
        kind,
        name: name.to_owned(),
        detail: detail.to_owned(),
    }
}

/// What has been counted so far.
struct World {
    random: ChaCha8Rng,
    sample: Sample,
    away: u64,
    refused: u64,
    sent: u64,
}

impl World {
    fn new(invention: &Invention) -> Self {
        let random = ChaCha8Rng::seed_from_u64(invention.connections);
        Self {
            random,
            sample: Sample::default(),
            away: 0,
            refused: 0,
            sent: 0,
        }
    }

    /// A sample from before the first connect.
    fn before(&mut self) -> Sample {
        let gauges = [
            (name::swarm::ONLINE.to_owned(), 0.0),
            (name::server::CONNECTIONS.to_owned(), 0.0),
            (name::host::TCP_IN_USE.to_owned(), 7.0),
            (name::host::TCP_ALLOCATED.to_owned(), 107.0),
            (name::host::TCP_SLAB_OBJECTS.to_owned(), 112.0),
            (name::host::SOCKET_SLAB_BYTES.to_owned(), 9e6),
            (name::process::rss_anon_bytes("server"), 14e6),
            (name::process::rss_anon_bytes("swarm"), 42e6),
        ];
        Sample {
            gauges: gauges.into(),
            ..Sample::default()
        }
    }

    /// What only a climb's samples have.
    fn climb(&mut self, invention: &Invention, online: u64) {
        self.gauge(name::server::CONNECTIONS, online as f64);
        self.gauge(name::host::TCP_IN_USE, 9.0 + 2.0 * online as f64);
        self.gauge(name::host::TCP_ALLOCATED, 509.0 + 2.0 * online as f64);
        // Some are kept at hand.
        self.gauge(name::host::TCP_SLAB_OBJECTS, 530.0 + 2.0 * online as f64);
        self.gauge(name::host::MEMORY_HELD_BYTES, 2e9 + online as f64 * 7_000.0);
        self.gauge(
            name::server::LOOP_BUSIEST,
            0.35 + 0.4 * online as f64 / invention.connections as f64,
        );
        self.gauge(name::swarm::LOOP_BUSIEST, 0.5);
        // At the top the backlog is too short.
        let top = online == invention.connections;
        self.count(name::host::LISTEN_OVERFLOWS, if top { 43 } else { 0 });
    }

    /// A sample of the second, everything still on its way settled if it is the last.
    fn second(&mut self, invention: &Invention, plan: &PlanCurve, second: u64, last: bool) -> Sample {
        let index = second as usize;
        let before = if index == 0 {
            0
        } else {
            plan.connections[index - 1]
        };
        let (online, copies) = (plan.connections[index], plan.copies[index]);
        let load = copies as f64 / (invention.connections as f64 * 0.03).max(1.0);
        self.sample.t_ms = (second + 1) * 1_000;
        self.connections(online, online - before, last);
        self.ledger(invention, copies, load, last);
        self.host(invention, online, online - before, load);
        if !invention.climb.is_empty() {
            self.climb(invention, online);
        }
        self.sample.histograms.clear();
        self.latencies(online - before, copies, load);
        self.sample.clone()
    }

    fn connections(&mut self, online: u64, new: u64, last: bool) {
        self.count(name::swarm::CONNECTS, new);
        self.count(name::swarm::CONNECTED, new);
        self.count(name::swarm::LOGINS, new);
        let cut = if last { 0 } else { self.random.random_range(0..3) };
        self.count(name::swarm::CUTS, cut);
        self.count(name::swarm::LOGIN_FAILURES, 0);
        self.count(name::swarm::CONNECT_FAILURES, 0);
        self.gauge(name::swarm::ONLINE, online as f64);
        self.gauge(name::swarm::SHARDS, 2.0);
    }

    fn ledger(&mut self, invention: &Invention, copies: u64, load: f64, last: bool) {
        self.sent += copies;
        self.refused += if load > 3.0 {
            self.random.random_range(0..40)
        } else {
            0
        };
        let unanswered = if last || copies == 0 {
            0
        } else {
            self.random.random_range(5..60)
        };
        let accepted = self.sent - self.refused - unanswered;
        self.away += copies / 5;
        // Some of those who were away return in the second half.
        if self.sample.t_ms > invention.seconds * 700 {
            self.away -= self.away / 40;
        }
        let away = self.away.min(accepted);
        let missing = if last { 0 } else { unanswered.min(accepted - away) };
        let delivered = accepted - away - missing;
        self.sample
            .counters
            .insert(name::swarm::COPIES_SENT.into(), self.sent);
        self.sample
            .counters
            .insert(name::swarm::MESSAGES_SENT.into(), self.sent * 2 / 3);
        self.sample
            .counters
            .insert(name::swarm::COPIES_ACCEPTED.into(), accepted);
        self.sample
            .counters
            .insert(name::swarm::COPIES_REFUSED.into(), self.refused);
        let highest = self
            .sample
            .counters
            .get(name::swarm::COPIES_DELIVERED)
            .copied()
            .unwrap_or(0);
        let delivered = delivered.max(highest);
        self.sample
            .counters
            .insert(name::swarm::COPIES_DELIVERED.into(), delivered);
        for zero in [
            name::swarm::COPIES_REDELIVERED,
            name::swarm::COPIES_DUPLICATED,
            name::swarm::COPIES_CORRUPTED,
            name::swarm::COPIES_MISORDERED,
        ] {
            self.count(zero, 0);
        }
        self.count(name::swarm::REGISTRATIONS, copies / 300);
        self.count(name::swarm::UPLOADS, copies / 500);
        self.gauge(name::swarm::LEDGER_UNANSWERED, unanswered as f64);
        self.gauge(
            name::swarm::LEDGER_QUEUED,
            (accepted - delivered - missing) as f64,
        );
        self.gauge(name::swarm::LEDGER_MISSING, missing as f64);
        let late = if load > 4.0 {
            self.random.random_range(0..2)
        } else {
            0
        };
        self.count(name::swarm::ARRIVALS_LATE, late);
        self.count(name::swarm::ARRIVALS_UNSENT, 0);
        if !invention.server_counts {
            return;
        }
        self.sample
            .counters
            .insert(name::server::COPIES_ACCEPTED.into(), accepted);
        self.sample
            .counters
            .insert(name::server::COPIES_ACKNOWLEDGED.into(), delivered);
        self.gauge(name::server::COPIES_QUEUED, (accepted - delivered) as f64);
        self.gauge(name::server::ONLINE, self.sample.gauges[name::swarm::ONLINE]);
        let mailbox = (self.away as f64).sqrt() / 8.0;
        self.gauge(name::server::LONGEST_MAILBOX, mailbox.round());
        let depth = self.random.random_range(0.0..8.0) * load * load;
        self.gauge("server.queue.store.depth", (depth * 6.0).round());
        self.gauge("server.queue.commit.depth", (depth * 2.0).round());
        self.gauge("server.queue.push.depth", 0.0);
        self.gauge("server.queue.store.longest", (depth * 9.0).round());
        self.count(name::server::LOOP_BUSY_US, (load * 150_000.0) as u64 + 20_000);
        self.gauge(name::server::SHARDS, 2.0);
    }

    fn host(&mut self, invention: &Invention, online: u64, new: u64, load: f64) {
        let ramp = (new as f64 / 10_000.0).min(if invention.climb.is_empty() { f64::MAX } else { 0.9 });
        let busy = |user: f64, per_load: f64, per_ramp: f64| user + per_load * load + per_ramp * ramp;
        let kinds = [
            ("user", busy(0.01, 0.055, 0.22)),
            ("system", busy(0.01, 0.05, 0.26)),
            ("softirq", busy(0.0, 0.03, 0.14)),
            ("irq", 0.0),
            ("steal", 0.004),
            ("iowait", busy(0.0, 0.006, 0.0)),
        ];
        let mut idle = 1.0;
        for (kind, share) in kinds {
            let share = share * self.random.random_range(0.94..1.06);
            idle -= share;
            self.count(&format!("{}{kind}", name::host::CPU_US), (share * 2e6) as u64);
        }
        self.count(
            &format!("{}idle", name::host::CPU_US),
            (idle.max(0.0) * 2e6) as u64,
        );
        self.count(
            &name::process::cpu_us("swarm"),
            (busy(0.01, 0.08, 0.34) * 2e6) as u64,
        );
        self.count(name::swarm::LOOP_BUSY_US, (busy(0.01, 0.08, 0.34) * 1.8e6) as u64);
        let noise = self.random.random_range(-2e5..2e5);
        self.gauge(
            &name::process::rss_anon_bytes("swarm"),
            42e6 + online as f64 * 262.0 + noise,
        );
        if invention.server_counts {
            self.count(
                &name::process::cpu_us("server"),
                (busy(0.01, 0.055, 0.25) * 2e6) as u64,
            );
            self.gauge(
                &name::process::rss_anon_bytes("server"),
                14e6 + online as f64 * 187.0 + noise,
            );
        }
        self.gauge(name::host::SOCKET_SLAB_BYTES, 9e6 + online as f64 * 7_720.0);
        self.gauge(name::host::MEMORY_TOTAL_BYTES, 25_769_803_776.0);
        let cache = 6.1e8 + self.sample.t_ms as f64 * 900.0;
        self.gauge(name::host::MEMORY_CACHE_BYTES, cache);
        let segments = (new as f64 * 9.0 + load * 19_000.0) as u64;
        self.count(name::host::SEGMENTS_IN, segments);
        self.count(name::host::SEGMENTS_OUT, segments * 11 / 10);
        let again = if new > 9_900 {
            self.random.random_range(0..14)
        } else {
            0
        };
        self.count(name::host::RETRANSMITS, again);
        self.count(name::host::LISTEN_OVERFLOWS, 0);
        self.count(name::host::LISTEN_DROPS, 0);
    }

    fn latencies(&mut self, new: u64, copies: u64, load: f64) {
        let few = |count: u64| count.min(400);
        self.wait(name::latency::CONNECT, few(new), 300.0, 0.5);
        self.wait(name::latency::LOGIN, few(new), 2_500.0, 0.6);
        self.wait(
            name::latency::ACCEPTED,
            few(copies),
            900.0 * (1.0 + load * load),
            0.5,
        );
        self.wait(
            name::latency::DELIVERY,
            few(copies),
            1_300.0 * (1.0 + load * load),
            0.6,
        );
        self.wait(
            name::latency::TICK,
            few(copies),
            2_100.0 * (1.0 + load * load),
            0.6,
        );
        self.wait(name::latency::UPLOAD, few(copies / 500), 4_000.0, 0.4);
        self.wait(
            name::latency::SCHEDULE_LAG,
            few(copies + new),
            60.0 + 40.0 * load.powi(3),
            0.7,
        );
    }

    /// Log-normal waits about a median.
    fn wait(&mut self, name: &str, count: u64, median_us: f64, spread: f64) {
        let mut histogram = Histogram::new();
        for _ in 0..count {
            // The sum of twelve uniform numbers, less six, is near enough to a normal one.
            let normal: f64 = (0..12).map(|_| self.random.random_range(0.0..1.0)).sum::<f64>() - 6.0;
            histogram.record((median_us * (spread * normal).exp()) as u64);
        }
        if count > 0 {
            self.sample.histograms.insert(name.to_owned(), histogram);
        }
        let _ = self.random.next_u32();
    }

    fn count(&mut self, name: &str, more: u64) {
        *self.sample.counters.entry(name.to_owned()).or_default() += more;
    }

    fn gauge(&mut self, name: &str, value: f64) {
        self.sample.gauges.insert(name.to_owned(), value);
    }
}
