//! The command line of `teem replay`.

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

/// What is listed, and what else becomes of it.
#[derive(Debug, Args)]
pub(crate) struct InspectArgs {
    /// A capture (pcap, pcapng, also compressed), a file of sessions (*.teem), or - for standard input.
    pub(crate) capture: PathBuf,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}
