//! Why there is no lab: one sentence each, for whoever typed the command.

use std::io;
use std::path::PathBuf;

/// A lab could not be made, or not be undone.
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    /// The process lacks what it takes; the sentence names it.
    #[error("{0}")]
    Privilege(String),
    /// The kernel refuses a network namespace.
    #[error("no network namespace can be made here ({0}): the kernel or the container forbids it")]
    Namespace(#[source] io::Error),
    /// The new namespace could not be furnished.
    #[error("the lab's network cannot be set up: {step}: {source}")]
    Network {
        /// Which step.
        step: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// A sysctl could not be written.
    #[error("{name} cannot be set to {value} ({source}): set it on the host, or ask for fewer connections")]
    Sysctl {
        /// Its name, with dots.
        name: String,
        /// What was to be written.
        value: String,
        /// What the system said.
        source: io::Error,
    },
    /// The table of connections was not given.
    #[error(
        "the kernel did not give the lab a table of {wanted} connections' buckets, it has {got}: {} MB of memory \
         in one piece are missing",
        .wanted / 131_072
    )]
    Hash {
        /// Buckets asked for.
        wanted: u64,
        /// Buckets given; negative where the host's table is shared.
        got: i64,
    },
    /// The ledger cannot be read or written.
    #[error("the lab's ledger {} cannot be kept ({source}): TEEM_STATE_DIR names another folder", .path.display())]
    Ledger {
        /// Its path.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The command cannot be started.
    #[error("`{command}` cannot be started in the lab: {source}")]
    Command {
        /// What was asked for.
        command: String,
        /// What the system said.
        source: io::Error,
    },
}
