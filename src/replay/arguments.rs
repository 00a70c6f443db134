//! The command line of `teem replay`.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand};

/// `teem replay CAPTURE` and `teem replay inspect CAPTURE`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct ReplayArgs {
    #[command(subcommand)]
    pub(crate) action: Option<ReplayAction>,
    #[command(flatten)]
    pub(crate) drive: Option<DriveArgs>,
}

/// What else can be done with a capture.
#[derive(Debug, Subcommand)]
pub(crate) enum ReplayAction {
    /// List the connections of a capture: times, bytes, gaps, protocol, and whether they can be replayed.
    Inspect(InspectArgs),
}

/// What is driven, and how.
#[derive(Debug, Args)]
pub(crate) struct DriveArgs {
    /// A capture (pcap, pcapng, also compressed), a file of sessions (*.teem), or - for standard input.
    pub(crate) capture: PathBuf,
}

/// Which connections are taken.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct SelectionArgs {
    /// Only connections with this address at either end; may be given again.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) host: Vec<IpAddr>,
    /// Only connections with this port at either end; may be given again.
    #[arg(long, value_name = "PORT")]
    pub(crate) port: Vec<u16>,
    /// Only the connection with this number in the list; may be given again.
    #[arg(long, value_name = "NUMBER")]
    pub(crate) flow: Vec<u64>,
    /// Only connections that began at this second of the capture or later.
    #[arg(long, value_name = "SECOND", value_parser = crate::cli::second)]
    pub(crate) from: Option<f64>,
    /// Only connections that began before this second of the capture.
    #[arg(long, value_name = "SECOND", value_parser = crate::cli::second)]
    pub(crate) to: Option<f64>,
}

impl SelectionArgs {
    /// The selection that they ask for.
    pub(crate) fn selection(&self) -> replay::Selection {
        let ns = |second: f64| (second * 1e9) as u64;
        replay::Selection {
            hosts: self.host.clone(),
            ports: self.port.clone(),
            flows: self.flow.iter().copied().map(replay::Flow).collect(),
            began_ns: self.from.map_or(0, ns)..self.to.map_or(u64::MAX, ns),
        }
    }
}

/// What is listed, and what else becomes of it.
#[derive(Debug, Args)]
#[command(after_help = "\
Start here:
  teem replay inspect capture.pcap                           what is in it
  teem replay inspect capture.pcap --json | jq .totals       the same for programs
  teem replay inspect capture.pcap --save night.teem --mask mask.toml
                                                             sessions without the capture, and without the people
  teem replay inspect night.teem --flow 17 --save one.teem   one session, cut out
  tcpdump -w - port 7700 | teem replay inspect -             from a pipe

Exit codes: 0 it was read, be it cut short; 2 usage, or nothing could be read.")]
pub(crate) struct InspectArgs {
    /// A capture (pcap, pcapng, also compressed), a file of sessions (*.teem), or - for standard input.
    pub(crate) capture: PathBuf,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) selection: SelectionArgs,
    /// Write the connections as a file of sessions, which replays without the capture; replaces an earlier one.
    #[arg(long, value_name = "FILE")]
    pub(crate) save: Option<PathBuf>,
    /// Mask what is saved by the rules of this file (docs/sessions.md).
    #[arg(long, value_name = "FILE", requires = "save")]
    pub(crate) mask: Option<PathBuf>,
    /// A TLS key log, as SSLKEYLOGFILE makes it; secrets within a pcapng are used without.
    #[arg(long, value_name = "FILE")]
    pub(crate) keys: Option<PathBuf>,
    /// Write a folder with pictures of the capture over time; must not exist or be empty.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Connections that are listed at most: 5000, 1M. Later ones are counted.
    #[arg(long, value_name = "COUNT", value_parser = crate::cli::count, default_value = "100k")]
    pub(crate) list: u64,
}
