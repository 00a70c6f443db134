//! The command line: its commands, and those of their arguments that are few.

mod conduct;
mod lab;
mod mistyped;
mod run;
mod serve;
mod value;

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, CommandFactory as _, Parser, Subcommand, ValueEnum};

pub(crate) use self::conduct::ConductArgs;
pub(crate) use self::lab::{AimArgs, DoctorArgs, EndsArg, InhabitArgs, LabArg, LabArgs, TransportArg};
pub(crate) use self::mistyped::{explained, no_capture};
pub(crate) use self::run::RunArgs;
pub(crate) use self::serve::{PROVISIONED_BASE, ServeArgs};
pub(crate) use self::value::{count, some};
use crate::exit::Outcome;
use crate::replay::arguments::ReplayArgs;
use crate::say;

const AFTER_HELP: &str = "\
Start here:
  teem run football --dry-run     plot the plan, start nothing
  teem run football               a match night: 200,000 people, one spike, one report
  teem run smoke                  the same in ten seconds, small
  teem scenarios                  what else there is
  teem doctor --connections 3M    what of this host stops three million, and what raises it

Exit codes: 0 passed; 1 a threshold failed; 2 usage or configuration; 3 invalid (the testbed itself fell short).";

/// Fill one box with millions of real connections, and plot where it breaks.
#[derive(Debug, Parser)]
#[command(name = "teem", version, after_help = AFTER_HELP, max_term_width = 110)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a scenario: server, swarm, sampler, report, verdict.
    Run(RunArgs),
    /// Run the reference chat server alone.
    Serve(ServeArgs),
    /// Drive a capture again, or list what is in it.
    Replay(Box<ReplayArgs>),
    /// Render a run folder's report again.
    Report(ReportArgs),
    /// Judge a run again, by its own thresholds and more: for CI.
    Gate(GateArgs),
    /// List the library's scenarios, show one, or check a file.
    Scenarios(ScenariosArgs),
    /// The system activity report, live, a line a second.
    Wsar(WsarArgs),
    /// Read or turn a knob of a running server.
    Knob(KnobArgs),
    /// Which limits of this host stop a target, and what raises them.
    Doctor(DoctorArgs),
    /// A network of its own with the kernel sized for a target: runs a command there, then removes it all.
    Lab(LabArgs),
    /// A process on its way into a lab; `lab` and `run` start it.
    #[command(hide = true)]
    Inhabit(InhabitArgs),
    /// The HTTP storm's child process; `run` starts it and speaks to it over standard input.
    #[command(hide = true)]
    Storm,
    /// Print a shell's completion script.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

/// When a message counts as safe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum DurabilityArg {
    /// At once; a crash loses what waits.
    Memory,
    /// Written at once, synced every second.
    Async,
    /// Synced before the sender's first tick.
    Commit,
}

impl DurabilityArg {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Async => "async",
            Self::Commit => "commit",
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct ReportArgs {
    /// The run folder.
    pub(crate) run: PathBuf,
    /// Print summary.json to standard output.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct GateArgs {
    /// The run folder.
    pub(crate) run: PathBuf,
    /// A file of thresholds, one a line; # begins a comment.
    #[arg(long, value_name = "FILE")]
    pub(crate) thresholds: Option<PathBuf>,
    /// One more threshold; may be given again.
    #[arg(long, value_name = "EXPR")]
    pub(crate) threshold: Vec<String>,
    /// Print the judged summary as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ScenariosArgs {
    #[command(subcommand)]
    pub(crate) action: Option<ScenariosAction>,
    /// Print the list as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ScenariosAction {
    /// Print a scenario of the library: a file to start from.
    Show {
        /// Its name.
        name: String,
    },
    /// Check a file of your own; mistakes are told with line and column.
    Check {
        /// The file.
        file: PathBuf,
    },
}

#[derive(Debug, Args)]
pub(crate) struct WsarArgs {
    /// Seconds between lines.
    #[arg(long, default_value_t = 1)]
    pub(crate) interval: u64,
    /// Lines before it ends; default: until interrupted.
    #[arg(long)]
    pub(crate) count: Option<u64>,
    /// Also watch a process: LABEL=PID; may be given again.
    #[arg(long, value_name = "LABEL=PID")]
    pub(crate) watch: Vec<String>,
    /// Write samples as JSON lines to a file.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct KnobArgs {
    /// The knob; none lists them all.
    pub(crate) name: Option<String>,
    /// Its new value; none reads it.
    pub(crate) value: Option<String>,
    /// The server's admin address; its token, where it wants one, from TEEM_ADMIN_TOKEN.
    #[arg(long, default_value = "127.0.0.1:7790")]
    pub(crate) admin: SocketAddr,
}

/// Prints a completion script.
pub(crate) fn completions(shell: clap_complete::Shell) -> Result<Outcome> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "teem", &mut script);
    say::out(format_args!("{}", String::from_utf8_lossy(&script)));
    Ok(Outcome::Passed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }
}
