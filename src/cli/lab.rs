//! What `teem doctor` and `teem lab` can be told: the target, and what is to happen.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::value::count;
use crate::carriage::chosen;

/// What carries the clients' bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum TransportArg {
    /// Kernel sockets at both ends.
    Kernel,
    /// Clients on TCP in user space; the server on kernel sockets.
    Packet,
}

impl From<TransportArg> for lab::Transport {
    fn from(transport: TransportArg) -> Self {
        match transport {
            TransportArg::Kernel => Self::Kernel,
            TransportArg::Packet => Self::Packet,
        }
    }
}

/// Which ends of the connections are on this host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum EndsArg {
    /// Server and clients.
    Both,
    /// The server.
    Server,
    /// The clients, from one address.
    Clients,
}

/// When a run makes a lab for itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LabArg {
    /// When the host as it is does not carry the target, and the privilege is there.
    Auto,
    /// In any case.
    Always,
    /// Not at all.
    Never,
}

/// What a host is measured against.
#[derive(Clone, Debug, Args)]
pub(crate) struct AimArgs {
    /// Connections at once: 200k, 1M, 3M.
    #[arg(long, value_parser = count, default_value = "1M")]
    pub(crate) connections: u64,
    /// What carries the clients' bytes. Default: what `run` would take, packets for a million connections and more.
    #[arg(long, value_enum)]
    pub(crate) transport: Option<TransportArg>,
    /// Without TLS.
    #[arg(long, conflicts_with = "tls")]
    pub(crate) plain: bool,
    /// With TLS, which is the default.
    #[arg(long)]
    pub(crate) tls: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
A limit that the target does not reach is fine; one that it does is short, and comes with what happens then and the \
command that raises it. `--fix` runs those that are sysctls, until the next boot: deploy/sysctl.d keeps them. \
`teem lab` raises them only for as long as it lasts.

Exit codes: 0 nothing is short; 1 something is; 2 usage.")]
pub(crate) struct DoctorArgs {
    #[command(flatten)]
    pub(crate) aim: AimArgs,
    /// Which ends of the connections are on this host.
    #[arg(long, value_enum, default_value = "both")]
    pub(crate) ends: EndsArg,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
    /// Raise what can be raised; needs root.
    #[arg(long)]
    pub(crate) fix: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Start here:
  teem lab                                     a shell inside
  teem lab --connections 3M -- teem run steady --connections 3M
  teem lab -- ip address                       lo, 127.0.0.1 and the server's address 198.19.255.254

Inside, TEEM_LAB is set, and TEEM_LAB_ADDRESS is the server's address. Limits of the host that are short are raised \
while it lasts. Needs root. Exit code: the command's.")]
pub(crate) struct LabArgs {
    #[command(flatten)]
    pub(crate) aim: AimArgs,
    /// What to run inside; default: your shell.
    #[arg(last = true, value_name = "COMMAND")]
    pub(crate) command: Vec<OsString>,
}

#[derive(Debug, Args)]
pub(crate) struct InhabitArgs {
    /// The process whose end is this one's.
    #[arg(long)]
    pub(crate) parent: u32,
    /// The network namespace.
    #[arg(long)]
    pub(crate) namespace: PathBuf,
    /// What to become.
    #[arg(last = true, required = true)]
    pub(crate) command: Vec<OsString>,
}

impl AimArgs {
    /// What carries the clients' bytes, as a run would choose.
    pub(crate) fn transport(&self) -> TransportArg {
        chosen(self.transport, self.connections, true)
    }
}
