//! The steps of a climb: what was planned, and what each came to.
//!
//! It knows their figures by name; how they are found in samples is the report's.

use serde::{Deserialize, Serialize};

use crate::Percentiles;

/// The name of the event by which a climb ends before a step that will not fit into memory; its detail is the
/// arithmetic.
pub const FORESEEN: &str = "will not fit";

/// What carries the clients' bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// Kernel sockets: the kernel counts both ends of a connection.
    #[default]
    Kernel,
    /// TCP in user space over TUN devices: the kernel counts the server's end.
    Packet,
}

impl Transport {
    /// Ends of a connection that are sockets of this host's kernel, where server and clients are both on it.
    #[must_use]
    pub fn kernel_ends(self) -> u32 {
        match self {
            Self::Kernel => 2,
            Self::Packet => 1,
        }
    }
}

/// A step as planned, on the run's clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Connections at its top.
    pub connections: u64,
    /// When the first of them is made.
    pub from_ms: u64,
    /// When all are, and it begins to settle.
    pub settle_ms: u64,
    /// When it is held.
    pub hold_from_ms: u64,
    /// Until when.
    pub hold_until_ms: u64,
}

/// What a step came to: figures of its hold, unless they say otherwise.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepSummary {
    /// Connections planned.
    pub connections: u64,
    /// Whether it was held to its end, with 99 % of its connections.
    pub held: bool,
    /// Logged in at its end, by the clients' count.
    pub online: u64,
    /// Connections open at its end, by the server's own count.
    pub by_server: Option<u64>,
    /// Connections by the kernel's count of sockets (`/proc/net/sockstat`), less those that were there before the
    /// climb, by the ends that the kernel has.
    pub by_kernel: Option<u64>,
    /// The same by the objects in use of the kernel's slab `TCP` (`/proc/slabinfo`), less sockets in other networks.
    pub by_slab: Option<u64>,
    /// The largest difference between the four counts, as a share of the clients'; of the slab's, what is beyond the objects
    /// that CPUs keep at hand.
    pub disagreement: Option<f64>,
    /// Messages sent a second.
    pub messages_per_second: f64,
    /// TCP segments that the server's end received and sent, a second.
    pub packets_per_second: f64,
    /// CPU, as a share of what all CPUs have.
    pub cpu: CpuShares,
    /// Messages a second of CPU time, both processes and the kernel for them.
    pub messages_per_cpu_second: f64,
    /// Delivery, from the intended instant.
    pub delivery_ms: Percentiles,
    /// Memory a connection, grown since before the climb.
    pub bytes: StepBytes,
    /// Pings that the server answered.
    pub pings_answered: Option<u64>,
    /// Connections that the server dropped for their silence, from this step's first connect to its end.
    pub idle_closed: Option<u64>,
    /// What ran out in the hold, the first first; where nothing did, what came nearest. Empty where it was not reached.
    pub limits: Vec<Limit>,
    /// The same from this step's first connect to its hold.
    #[serde(default)]
    pub limits_ramp: Vec<Limit>,
}

/// Shares of what all CPUs have, 0 to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CpuShares {
    /// All of it.
    pub busy: f64,
    /// In user space.
    pub user: f64,
    /// In the kernel, for a process.
    pub system: f64,
    /// In the kernel, for packets; 0 where the kernel bills it to whoever ran.
    pub softirq: f64,
    /// By the server's process.
    pub server: f64,
    /// By the swarm's.
    pub swarm: f64,
}

/// Memory a connection, bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepBytes {
    /// The kernel's: slabs of sockets.
    pub kernel: f64,
    /// The server's, all told.
    pub server: f64,
    /// The swarm's, all told.
    pub swarm: f64,
    /// Of the server's, what TLS takes, where it says so.
    pub tls: Option<f64>,
}

/// A resource that ran out, or came nearest to it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limit {
    /// Which: `cpu`, `memory`, `descriptors`, `ports`, `backlog`, `hash chains`, `event loop`, `generator`, ...
    pub resource: String,
    /// Whether it ran out.
    pub ran_out: bool,
    /// When that was seen first, seconds since the run began.
    pub at_s: Option<f64>,
    /// One sentence, with the numbers.
    pub evidence: String,
}
