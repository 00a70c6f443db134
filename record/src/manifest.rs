//! `run.json`: what repeats a run, and what it ran on. Its JSON Schema is `record/schema/run.schema.json`.

use serde::{Deserialize, Serialize};

use crate::{Step, Transport};

/// The schema that [`Manifest::schema`] names.
pub const MANIFEST_SCHEMA: &str = "teem.run/1";

/// The manifest of a run: everything that is needed to repeat it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// [`MANIFEST_SCHEMA`].
    pub schema: String,
    /// Version of teem that ran.
    pub version: String,
    /// The command line, without secrets.
    pub command: Vec<String>,
    /// The scenario's name.
    pub scenario: String,
    /// One sentence on what the scenario is.
    pub title: String,
    /// The scenario as resolved, flags applied: TOML.
    pub resolved: String,
    /// The seed.
    pub seed: u64,
    /// Start of the run, Unix time in milliseconds.
    pub started_unix_ms: u64,
    /// Whether the run only planned (`--dry-run`).
    pub dry_run: bool,
    /// The server's address, or the user's own target.
    pub target: String,
    /// The server's durability, when it is ours: `memory`, `async` or `commit`.
    pub durability: Option<String>,
    /// What carries the clients' bytes.
    #[serde(default)]
    pub transport: Transport,
    /// Whether connections are encrypted.
    #[serde(default)]
    pub encryption: bool,
    /// The steps of a climb, as planned.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<Step>,
    /// The thresholds' expressions, as in the scenario.
    pub thresholds: Vec<String>,
    /// The host.
    pub host: HostFacts,
    /// The limits that were in force.
    pub limits: Limits,
}

/// The host a run was made on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HostFacts {
    /// Logical CPUs.
    pub cpus: u32,
    /// `MemTotal`, bytes.
    pub memory_bytes: u64,
    /// Kernel release.
    pub kernel: String,
}

/// Limits of the host that bound a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// `RLIMIT_NOFILE`, hard.
    pub nofile: u64,
    /// Ports in `ip_local_port_range`.
    pub ephemeral_ports: u64,
    /// `net.core.somaxconn`.
    pub somaxconn: u64,
    /// `fs.file-max`.
    pub file_max: u64,
    /// CPUs that this process may use; 0 where nobody asked.
    #[serde(default)]
    pub cpus: u32,
    /// Buckets of the kernel's table of connections; 0 where it does not tell.
    #[serde(default)]
    pub hash_buckets: u64,
}
