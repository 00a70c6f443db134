//! Run folders that no machine ever ran: plausible figures from a seed, with a ledger that adds up.

mod world;

use std::path::{Path, PathBuf};

use record::{
    Event, EventKind, HostFacts, Limits, MANIFEST_SCHEMA, Manifest, Percentiles, PlanCurve, RunWriter, Step,
    Storm, Transport,
};
use world::World;

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
