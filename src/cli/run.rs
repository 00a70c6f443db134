//! What `teem run` can be told.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use scenarios::Span;

use super::value::{count, second, share};
use super::{ConductArgs, DurabilityArg, LabArg, TransportArg};
use crate::carriage::chosen;

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// A scenario of the library, or a file of your own (*.toml).
    pub(crate) scenario: String,
    /// Plot the planned load and start nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Connections at the plan's highest: 5000, 200k, 1M.
    #[arg(long, value_parser = count)]
    pub(crate) connections: Option<u64>,
    /// The seed; the same seed is the same load to the byte.
    #[arg(long)]
    pub(crate) seed: Option<u64>,
    /// How many times faster than the scenario's own clock.
    #[arg(long)]
    pub(crate) time_scale: Option<f64>,
    /// How long the run takes: 90s, 5m. Holds and spikes are stretched or cut in proportion, ramps and drains stay.
    #[arg(long)]
    pub(crate) duration: Option<Span>,
    /// Drive a server of your own at HOST:PORT instead of starting one.
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) target: Option<String>,
    /// That server's HTTP port for media and registration.
    #[arg(long, value_name = "HOST:PORT", requires = "target")]
    pub(crate) target_http: Option<SocketAddr>,
    /// That server's admin port, for its own figures; its token, where it wants one, from TEEM_ADMIN_TOKEN.
    #[arg(long, value_name = "HOST:PORT", requires = "target")]
    pub(crate) target_admin: Option<SocketAddr>,
    /// The secret that the target derives provisioned keys from: a file with hex digits.
    #[arg(long, value_name = "FILE", requires = "target")]
    pub(crate) secret_file: Option<PathBuf>,
    /// When a message counts as safe, on the server that is started.
    #[arg(long, value_enum)]
    pub(crate) durability: Option<DurabilityArg>,
    #[command(flatten)]
    pub(crate) conduct: ConductArgs,
    /// Keep the server's data folder in the run folder.
    #[arg(long)]
    pub(crate) keep_data: bool,
    /// End the server with SIGKILL at this second of the run, and start it again on its data: what was accepted must
    /// survive.
    #[arg(long, value_name = "SECOND", conflicts_with = "target", value_parser = second)]
    pub(crate) kill_server_at: Vec<f64>,
    /// What carries the clients' bytes. Default: packets for a million connections and more to a server of the run's
    /// own, where the privilege is there; else kernel sockets.
    #[arg(long, value_enum)]
    pub(crate) transport: Option<TransportArg>,
    /// Lose this share of the packets on purpose, each way: 1%, 0.5%. With --transport packet.
    #[arg(long, value_name = "SHARE", value_parser = share)]
    pub(crate) loss: Option<f64>,
    /// Connect in the clear, without TLS.
    #[arg(long)]
    pub(crate) plain: bool,
    /// Clients take tickets, and whoever connects resumes with one that is there. Default: every handshake is a full one,
    /// with a fresh key share.
    #[arg(long, conflicts_with = "plain")]
    pub(crate) resume: bool,
    /// The certificate of --target, PEM: exactly this one is trusted.
    #[arg(long, value_name = "FILE", requires = "target", conflicts_with = "plain")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// Append the TLS secrets of every client's connection to this file (as SSLKEYLOGFILE does), to decrypt a capture of the run with:
    /// who reads the file reads all that was said. It must be nobody else's to read.
    #[arg(long, value_name = "FILE", conflicts_with = "plain")]
    pub(crate) keylog: Option<PathBuf>,
    /// Messages a second, in place of the scenario's rate: 20k.
    #[arg(long, value_parser = count)]
    pub(crate) rate: Option<u64>,
    /// The steps of a climb below its top, in place of the scenario's: 1M,2M.
    #[arg(long, value_parser = count, value_delimiter = ',', value_name = "COUNT,...")]
    pub(crate) steps: Vec<u64>,
    /// How fast a climb makes connections, a second: 15k.
    #[arg(long, value_parser = count, value_name = "A_SECOND")]
    pub(crate) connects: Option<u64>,
    /// How long a climb holds its last step, seconds.
    #[arg(long, value_parser = second, value_name = "SECONDS")]
    pub(crate) hold: Option<f64>,
    /// Memory that the run may take, server, clients and kernel together: 8G. A climb ends before a step that will not fit;
    /// default: what the host has.
    #[arg(long, value_name = "BYTES", value_parser = count)]
    pub(crate) memory: Option<u64>,
    /// Run inside a lab, as `teem lab` makes it: a network of its own, the kernel sized for the target.
    #[arg(long, value_enum, default_value = "auto")]
    pub(crate) lab: LabArg,
}

impl RunArgs {
    /// What is to carry the clients' bytes, in a lab if that is what it takes.
    pub(crate) fn transport(&self, connections: u64) -> TransportArg {
        chosen(self.transport, connections, self.target.is_none())
    }

    /// What carries them here: outside a lab nobody travels by packets unasked.
    pub(crate) fn carriage(&self, connections: u64) -> TransportArg {
        match self.transport {
            None if !crate::lab::is_inside() => TransportArg::Kernel,
            _ => self.transport(connections),
        }
    }
}
