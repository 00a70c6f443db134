//! The figures that a threshold may name, and where they stand in a summary.
//!
//! It knows no grammar: only names, dimensions and values in base units (milliseconds, bytes, counts).

use crate::{Percentiles, ReplaySummary, Summary};

/// What a figure measures: only like can be compared with like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dimension {
    /// Base unit: the millisecond.
    Time,
    /// Base unit: the byte.
    Bytes,
    /// Base unit: one.
    Count,
}

/// A dimension and the unit that the figure's name states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Latency,
    Seconds,
    Bytes,
    Count,
}

/// A figure of a summary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Figure {
    /// A field of a latency distribution, by its places in [`WAITS`] and [`FIELDS`].
    Latency(usize, usize),
    /// By its place in [`PLAIN`].
    Plain(usize),
}

type Wait = (&'static str, fn(&Summary) -> &Percentiles);
const WAITS: [Wait; 12] = [
    ("delivery", |s| &s.latency_ms.delivery),
    ("accepted", |s| &s.latency_ms.accepted),
    ("tick", |s| &s.latency_ms.tick),
    ("connect", |s| &s.latency_ms.connect),
    ("login", |s| &s.latency_ms.login),
    ("upload", |s| &s.latency_ms.upload),
    ("replay.lateness", |s| replayed(s, |replay| &replay.lateness_ms)),
    ("replay.held", |s| replayed(s, |replay| &replay.held_ms)),
    ("replay.connect_lateness", |s| {
        replayed(s, |replay| &replay.connect_lateness_ms)
    }),
    ("replay.connect", |s| replayed(s, |replay| &replay.connect_ms)),
    ("replay.answer", |s| replayed(s, |replay| &replay.answer_ms)),
    ("replay.recorded_answer", |s| {
        replayed(s, |replay| &replay.recorded_answer_ms)
    }),
];

/// What nobody waited for.
const NONE: Percentiles = Percentiles {
    p50: 0.0,
    p90: 0.0,
    p99: 0.0,
    p999: 0.0,
    max: 0.0,
    count: 0,
};

/// A wait of the replay, where there was one.
fn replayed(summary: &Summary, of: fn(&ReplaySummary) -> &Percentiles) -> &Percentiles {
    summary.replay.as_ref().map_or(&NONE, of)
}

type Field = (&'static str, Kind, fn(&Percentiles) -> f64);
const FIELDS: [Field; 6] = [
    ("p50", Kind::Latency, |p| p.p50),
    ("p90", Kind::Latency, |p| p.p90),
    ("p99", Kind::Latency, |p| p.p99),
    ("p999", Kind::Latency, |p| p.p999),
    ("max", Kind::Latency, |p| p.max),
    ("count", Kind::Count, |p| p.count as f64),
];

type Plain = (&'static str, Kind, fn(&Summary) -> Option<f64>);
const PLAIN: [Plain; 65] = [
    ("connections.target", Kind::Count, |s| count(s.connections.target)),
    ("connections.peak", Kind::Count, |s| count(s.connections.peak)),
    ("connections.failed", Kind::Count, |s| count(s.connections.failed)),
    ("connections.per_second_peak", Kind::Count, |s| {
        count(s.connections.per_second_peak)
    }),
    ("messages.sent", Kind::Count, |s| count(s.messages.sent)),
    ("messages.accepted", Kind::Count, |s| count(s.messages.accepted)),
    ("messages.refused", Kind::Count, |s| count(s.messages.refused)),
    ("messages.unanswered", Kind::Count, |s| {
        count(s.messages.unanswered)
    }),
    ("messages.delivered", Kind::Count, |s| count(s.messages.delivered)),
    ("messages.queued", Kind::Count, |s| count(s.messages.queued)),
    ("messages.lost", Kind::Count, |s| count(s.messages.lost)),
    ("messages.duplicated", Kind::Count, |s| {
        count(s.messages.duplicated)
    }),
    ("messages.redelivered", Kind::Count, |s| {
        count(s.messages.redelivered)
    }),
    ("messages.corrupted", Kind::Count, |s| count(s.messages.corrupted)),
    ("messages.misordered", Kind::Count, |s| {
        count(s.messages.misordered)
    }),
    ("messages.ticks", Kind::Count, |s| {
        s.messages.ticks.and_then(count)
    }),
    ("messages.ticks_missing", Kind::Count, |s| {
        s.messages.ticks_missing.and_then(count)
    }),
    ("messages.ticks_untimed", Kind::Count, |s| {
        s.messages.ticks_untimed.and_then(count)
    }),
    ("messages.server_accepted", Kind::Count, |s| {
        s.messages.server_accepted.and_then(count)
    }),
    ("messages.server_acknowledged", Kind::Count, |s| {
        s.messages.server_acknowledged.and_then(count)
    }),
    ("messages.server_queued", Kind::Count, |s| {
        s.messages.server_queued.and_then(count)
    }),
    ("schedule_lag.p50", Kind::Latency, |s| Some(s.schedule_lag_ms.p50)),
    ("schedule_lag.p99", Kind::Latency, |s| Some(s.schedule_lag_ms.p99)),
    ("schedule_lag.max", Kind::Latency, |s| Some(s.schedule_lag_ms.max)),
    ("schedule_lag.late", Kind::Count, |s| {
        count(s.schedule_lag_ms.late)
    }),
    ("schedule_lag.unsent", Kind::Count, |s| {
        count(s.schedule_lag_ms.unsent)
    }),
    ("server.rss_bytes_peak", Kind::Bytes, |s| {
        watched(s.server.rss_bytes_peak as f64)
    }),
    ("server.bytes_per_connection_user", Kind::Bytes, |s| {
        watched(s.server.bytes_per_connection_user)
    }),
    ("server.bytes_per_connection_kernel", Kind::Bytes, |s| {
        watched(s.server.bytes_per_connection_kernel)
    }),
    ("server.bytes_per_connection_user_marginal", Kind::Bytes, |s| {
        watched(s.server.bytes_per_connection_user_marginal)
    }),
    ("server.bytes_per_connection_kernel_marginal", Kind::Bytes, |s| {
        watched(s.server.bytes_per_connection_kernel_marginal)
    }),
    ("server.cpu_seconds", Kind::Seconds, |s| {
        watched(s.server.cpu_seconds * 1_000.0)
    }),
    // An empty queue is a measurement where the server was watched at all.
    ("server.queue_peak", Kind::Count, |s| {
        if s.server == crate::ServerCost::default() {
            None
        } else {
            count(s.server.queue_peak)
        }
    }),
    ("swarm.rss_bytes_peak", Kind::Bytes, |s| {
        watched(s.swarm.rss_bytes_peak as f64)
    }),
    ("swarm.bytes_per_connection", Kind::Bytes, |s| {
        watched(s.swarm.bytes_per_connection)
    }),
    ("swarm.bytes_per_connection_marginal", Kind::Bytes, |s| {
        watched(s.swarm.bytes_per_connection_marginal)
    }),
    ("swarm.cpu_seconds", Kind::Seconds, |s| {
        watched(s.swarm.cpu_seconds * 1_000.0)
    }),
    ("duration_s", Kind::Seconds, |s| Some(s.duration_s * 1_000.0)),
    ("storm.requests", Kind::Count, |s| {
        s.storm.as_ref().and_then(|storm| count(storm.requests))
    }),
    ("storm.failures", Kind::Count, |s| {
        s.storm.as_ref().and_then(|storm| count(storm.failures))
    }),
    ("storm.registrations", Kind::Count, |s| {
        s.storm.as_ref().and_then(|storm| count(storm.registrations))
    }),
    ("replay.sessions", Kind::Count, |s| {
        of_replay(s, |replay| replay.sessions.planned)
    }),
    ("replay.opened", Kind::Count, |s| {
        of_replay(s, |replay| replay.sessions.opened)
    }),
    ("replay.finished", Kind::Count, |s| {
        of_replay(s, |replay| replay.sessions.finished)
    }),
    ("replay.failed", Kind::Count, |s| {
        of_replay(s, |replay| replay.sessions.failed)
    }),
    ("replay.unplayable", Kind::Count, |s| {
        of_replay(s, |replay| replay.sessions.unplayable)
    }),
    ("replay.planned", Kind::Count, |s| {
        of_replay(s, |replay| replay.sends.planned)
    }),
    ("replay.sent", Kind::Count, |s| {
        of_replay(s, |replay| replay.sends.sent)
    }),
    ("replay.unsent", Kind::Count, |s| {
        of_replay(s, |replay| replay.sends.unsent)
    }),
    ("replay.late", Kind::Count, |s| {
        of_replay(s, |replay| replay.sends.late)
    }),
    ("replay.connects_late", Kind::Count, |s| {
        of_replay(s, |replay| replay.sessions.connects_late)
    }),
    ("replay.untimed", Kind::Count, |s| {
        of_replay(s, |replay| replay.sends.answers_untimed)
    }),
    ("replay.unlearned", Kind::Count, |s| {
        of_replay(s, |replay| replay.sends.unlearned)
    }),
    ("replay.early", Kind::Count, |s| {
        of_replay(s, |replay| replay.sends.early)
    }),
    ("replay.forgotten", Kind::Count, |s| {
        of_replay(s, |replay| replay.sends.forgotten)
    }),
    ("replay.unshared", Kind::Count, |s| {
        of_replay(s, |replay| replay.sends.unshared)
    }),
    ("replay.identical", Kind::Count, |s| {
        of_replay(s, |replay| replay.answers.identical)
    }),
    ("replay.masked", Kind::Count, |s| {
        of_replay(s, |replay| replay.answers.masked)
    }),
    ("replay.different", Kind::Count, |s| {
        of_replay(s, |replay| replay.answers.different)
    }),
    ("replay.missing", Kind::Count, |s| {
        of_replay(s, |replay| replay.answers.missing)
    }),
    ("replay.extra", Kind::Count, |s| {
        of_replay(s, |replay| replay.answers.extra)
    }),
    ("replay.answers", Kind::Count, |s| {
        of_replay(s, |replay| replay.answers.compared())
    }),
    ("replay.gap_distance", Kind::Count, |s| {
        let gaps = s.replay.as_ref().and_then(|replay| replay.gaps);
        gaps.map(|gaps| gaps.distance_beyond_100_us)
    }),
    ("host.cpus", Kind::Count, |s| count(u64::from(s.host.cpus))),
    ("host.memory_bytes", Kind::Bytes, |s| {
        watched(s.host.memory_bytes as f64)
    }),
];

/// A count: exact in a double up to 2^53, far above what a run counts.
fn count(value: u64) -> Option<f64> {
    Some(value as f64)
}

/// A count of the replay, where there was one.
fn of_replay(summary: &Summary, of: fn(&ReplaySummary) -> u64) -> Option<f64> {
    summary.replay.as_ref().and_then(|replay| count(of(replay)))
}

/// A cost is never nothing: zero says that nobody watched.
fn watched(value: f64) -> Option<f64> {
    (value > 0.0).then_some(value)
}

impl Figure {
    pub(super) fn all() -> impl Iterator<Item = Self> {
        let latencies =
            (0..WAITS.len()).flat_map(|wait| (0..FIELDS.len()).map(move |field| Self::Latency(wait, field)));
        latencies.chain((0..PLAIN.len()).map(Self::Plain))
    }

    pub(super) fn named(name: &str) -> Option<Self> {
        Self::all().find(|figure| figure.name() == name)
    }

    /// The valid name that looks most like this one.
    pub(super) fn nearest(name: &str) -> String {
        let likeness = |figure: &Self| strsim::jaro_winkler(&figure.name(), name);
        Self::all()
            .max_by(|left, right| likeness(left).total_cmp(&likeness(right)))
            .map_or_else(String::new, Self::name)
    }

    pub(super) fn name(self) -> String {
        match self {
            Self::Latency(wait, field) => format!("{}.{}", WAITS[wait].0, FIELDS[field].0),
            Self::Plain(index) => PLAIN[index].0.to_owned(),
        }
    }

    /// The value in the base unit of its dimension, or nothing where it was not measured.
    pub(super) fn of(self, summary: &Summary) -> Option<f64> {
        match self {
            Self::Plain(index) => PLAIN[index].2(summary),
            Self::Latency(wait, field) => {
                let percentiles = WAITS[wait].1(summary);
                let (_, kind, of) = FIELDS[field];
                (kind == Kind::Count || percentiles.count > 0).then(|| of(percentiles))
            }
        }
    }

    pub(super) fn dimension(self) -> Dimension {
        match self.kind() {
            Kind::Latency | Kind::Seconds => Dimension::Time,
            Kind::Bytes => Dimension::Bytes,
            Kind::Count => Dimension::Count,
        }
    }

    /// The unit of a bare number beside this figure, and how much of the base unit it is; nothing where the name
    /// states none.
    pub(super) fn bare_unit(self) -> Option<(f64, &'static str)> {
        match self.kind() {
            Kind::Latency => None,
            Kind::Seconds => Some((1_000.0, "s")),
            Kind::Bytes => Some((1.0, "B")),
            Kind::Count => Some((1.0, "")),
        }
    }

    fn kind(self) -> Kind {
        match self {
            Self::Latency(_, field) => FIELDS[field].1,
            Self::Plain(index) => PLAIN[index].1,
        }
    }
}
