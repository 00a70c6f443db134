//! What `teem run` and `teem replay` are both told of how they go: thresholds, knobs, where it is written down, what is said.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct ConductArgs {
    /// One more threshold, such as `delivery.p99 < 250ms` or `replay.lateness.p99 < 1ms`; may be given again.
    #[arg(long, value_name = "EXPR")]
    pub(crate) threshold: Vec<String>,
    /// Where `teem knob --admin` can turn the speeds of what is replayed while it lasts: an address of loopback, port 0 for any.
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) knobs: Option<SocketAddr>,
    /// The run folder; must not exist or be empty. Default: runs/NAME-TIME.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Print summary.json to standard output at the end.
    #[arg(long)]
    pub(crate) json: bool,
    /// No progress.
    #[arg(long, short)]
    pub(crate) quiet: bool,
}
