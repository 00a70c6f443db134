//! What an invented run counts, second by second, so that its ledger adds up.
//!
//! It knows the plan; it writes nothing.

use rand::{Rng as _, RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use record::{Histogram, PlanCurve, Sample, name};

use super::Invention;

/// What has been counted so far.
pub(super) struct World {
    random: ChaCha8Rng,
    sample: Sample,
    away: u64,
    refused: u64,
    sent: u64,
}

impl World {
    pub(super) fn new(invention: &Invention) -> Self {
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
    pub(super) fn before(&mut self) -> Sample {
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
    pub(super) fn second(
        &mut self,
        invention: &Invention,
        plan: &PlanCurve,
        second: u64,
        last: bool,
    ) -> Sample {
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
        self.set(name::swarm::COPIES_SENT, self.sent);
        self.set(name::swarm::MESSAGES_SENT, self.sent * 2 / 3);
        self.set(name::swarm::COPIES_ACCEPTED, accepted);
        self.set(name::swarm::COPIES_REFUSED, self.refused);
        let highest = self
            .sample
            .counters
            .get(name::swarm::COPIES_DELIVERED)
            .copied()
            .unwrap_or(0);
        let delivered = delivered.max(highest);
        self.set(name::swarm::COPIES_DELIVERED, delivered);
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
        if invention.server_counts {
            self.server(accepted, delivered, load);
        }
    }

    /// The server's end of the ledger, and its queues.
    fn server(&mut self, accepted: u64, delivered: u64, load: f64) {
        self.set(name::server::COPIES_ACCEPTED, accepted);
        self.set(name::server::COPIES_ACKNOWLEDGED, delivered);
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

    fn set(&mut self, name: &str, count: u64) {
        self.sample.counters.insert(name.to_owned(), count);
    }

    fn count(&mut self, name: &str, more: u64) {
        *self.sample.counters.entry(name.to_owned()).or_default() += more;
    }

    fn gauge(&mut self, name: &str, value: f64) {
        self.sample.gauges.insert(name.to_owned(), value);
    }
}
