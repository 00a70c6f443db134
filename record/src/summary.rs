//! `summary.json`: the figures and the verdict. Its JSON Schema is `record/schema/summary.schema.json`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{HostFacts, ReplaySummary, StepSummary};

/// The schema that [`Summary::schema`] names.
pub const SUMMARY_SCHEMA: &str = "teem.summary/1";

/// What a run says about the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Every threshold held.
    Pass,
    /// A threshold failed.
    Fail,
    /// The testbed fell short, so the run says nothing about the server.
    Invalid,
}

impl Verdict {
    /// The exit code that says so: 0 passed, 1 a threshold failed, 3 invalid. (2 is a mistake in the usage or the
    /// configuration, so it is never a verdict.)
    #[must_use]
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Pass => 0,
            Self::Fail => 1,
            Self::Invalid => 3,
        }
    }
}

/// The figures of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Summary {
    /// [`SUMMARY_SCHEMA`].
    pub schema: String,
    /// The scenario's name.
    pub scenario: String,
    /// The seed.
    pub seed: u64,
    /// The verdict.
    pub verdict: Verdict,
    /// Why the verdict is *invalid*, a sentence each; empty otherwise.
    pub invalid_because: Vec<String>,
    /// Whether the run was stopped before its end (Ctrl-C, or a threshold that aborts).
    pub interrupted: bool,
    /// Length of the run, seconds.
    pub duration_s: f64,
    /// How long taking it down took, from when the clients began to close until the server was gone, seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub teardown_s: Option<f64>,
    /// The thresholds and what became of each.
    pub thresholds: Vec<ThresholdResult>,
    /// Connections.
    pub connections: Connections,
    /// The ledger, in copies.
    pub messages: Messages,
    /// Latencies from the intended instant, milliseconds.
    pub latency_ms: Latencies,
    /// How late the generator was, milliseconds.
    pub schedule_lag_ms: Lag,
    /// The server's cost; zeros where the target was not ours to watch.
    pub server: ServerCost,
    /// The swarm's cost.
    pub swarm: SwarmCost,
    /// The steps of a climb.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<StepSummary>,
    /// The clients' TLS handshakes; absent where connections were in the clear.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handshakes: Option<Handshakes>,
    /// Failures to connect by kind; absent where there was none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub failures: BTreeMap<String, u64>,
    /// Misfits by kind, where the scenario has some.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub misfits: BTreeMap<String, u64>,
    /// goose's closed-loop HTTP storm, apart from everything else; absent where none ran.
    pub storm: Option<Storm>,
    /// The replay; absent where nothing was replayed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replay: Option<ReplaySummary>,
    /// The host.
    pub host: HostFacts,
}

/// One threshold's outcome.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ThresholdResult {
    /// As written: `delivery.p99 < 250ms`.
    pub expr: String,
    /// The measured value, in the expression's unit; absent where nothing was measured (which fails).
    pub value: Option<f64>,
    /// Whether it held.
    pub pass: bool,
}

/// Connections of a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Connections {
    /// Planned at the plan's highest.
    pub target: u64,
    /// Logged in at once, the most.
    pub peak: u64,
    /// Connects and log-ins that failed.
    pub failed: u64,
    /// Log-ins in the busiest second.
    pub per_second_peak: u64,
}

/// The ledger: copies (one message to one recipient).
///
/// `sent = accepted + refused + unanswered` and `accepted = delivered + queued + lost`; `lost` and `duplicated`
/// must be 0.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Messages {
    /// Copies sent.
    pub sent: u64,
    /// Accepted by the server (first tick).
    pub accepted: u64,
    /// Refused with a code.
    pub refused: u64,
    /// Neither: a cut or the end came before the answer.
    pub unanswered: u64,
    /// Accepted copies that reached their recipient.
    pub delivered: u64,
    /// Accepted copies that wait on the server for someone away.
    pub queued: u64,
    /// Accepted copies that are neither: must be 0.
    pub lost: u64,
    /// Copies that came twice without a cut between: must be 0.
    pub duplicated: u64,
    /// Copies that came again after a cut and were dropped by id.
    pub redelivered: u64,
    /// Copies with a wrong checksum: must be 0.
    pub corrupted: u64,
    /// Copies that overtook an earlier one: must be 0.
    pub misordered: u64,
    /// Second ticks received, those included that waited for a sender who was away; absent where it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticks: Option<u64>,
    /// Second ticks that did not come though sender and recipient were online throughout: must be 0. Absent where they were
    /// not watched for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticks_missing: Option<u64>,
    /// Copies whose second tick was not timed for want of room: where it is not 0, `latency_ms.tick` is a sample. Absent
    /// where it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticks_untimed: Option<u64>,
    /// The server's own count of accepted copies, when it is ours to ask.
    pub server_accepted: Option<u64>,
    /// The server's own count of acknowledged copies.
    pub server_acknowledged: Option<u64>,
    /// The server's own count of queued copies at the end.
    pub server_queued: Option<u64>,
}

/// Latency distributions, by what was waited for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Latencies {
    /// TCP connect.
    pub connect: Percentiles,
    /// Connect to welcome.
    pub login: Percentiles,
    /// Send to first tick.
    pub accepted: Percentiles,
    /// Send to arrival, recipients online.
    pub delivery: Percentiles,
    /// Send to second tick, recipients online.
    pub tick: Percentiles,
    /// Upload to link.
    pub upload: Percentiles,
}

/// Percentiles of a merged histogram, milliseconds; all zero where `count` is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)] // the names say it
pub struct Percentiles {
    pub p50: f64,
    pub p90: f64,
    pub p99: f64,
    pub p999: f64,
    pub max: f64,
    pub count: u64,
}

/// The generator's own lag, milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lag {
    /// Median.
    pub p50: f64,
    /// 99th percentile.
    pub p99: f64,
    /// The worst.
    pub max: f64,
    /// Arrivals later than the limit.
    pub late: u64,
    /// Arrivals not carried out because their user was not connected.
    pub unsent: u64,
}

/// What the server cost.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServerCost {
    /// Peak of anonymous resident memory.
    pub rss_bytes_peak: u64,
    /// All growth of RssAnon since the run's first sample, divided by the connections, at the end of the largest hold.
    pub bytes_per_connection_user: f64,
    /// Growth of socket slabs likewise, both ends where both are on this host.
    pub bytes_per_connection_kernel: f64,
    /// Growth of RssAnon a connection between a quarter of the peak and the peak: what one more costs.
    #[serde(default)]
    pub bytes_per_connection_user_marginal: f64,
    /// Growth of socket slabs likewise.
    #[serde(default)]
    pub bytes_per_connection_kernel_marginal: f64,
    /// CPU time.
    pub cpu_seconds: f64,
    /// The longest any of its queues was.
    pub queue_peak: u64,
}

/// What the swarm cost.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SwarmCost {
    /// Peak of anonymous resident memory.
    pub rss_bytes_peak: u64,
    /// All growth of RssAnon since the run's first sample, ledger and histograms included, divided by the connections, at
    /// the end of the largest hold.
    pub bytes_per_connection: f64,
    /// Growth of RssAnon a connection between a quarter of the peak and the peak: what one more costs.
    #[serde(default)]
    pub bytes_per_connection_marginal: f64,
    /// CPU time.
    pub cpu_seconds: f64,
}

/// TLS handshakes that clients completed. What resumes checks no certificate and costs less than half, so the two are
/// never counted together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Handshakes {
    /// With a fresh key share and a certificate.
    pub full: u64,
    /// By a ticket of an earlier connection.
    pub resumed: u64,
}

/// goose's HTTP storm: closed-loop, so its latencies hide coordinated omission and are never mixed with the others.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Storm {
    /// Requests made.
    pub requests: u64,
    /// Requests that failed.
    pub failures: u64,
    /// Registrations completed.
    pub registrations: u64,
    /// Response times, milliseconds, from the actual (not the intended) instant.
    pub response_ms: Percentiles,
}
