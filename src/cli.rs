//! The command line.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, CommandFactory as _, Parser, Subcommand, ValueEnum};

use crate::carriage::chosen;
use crate::exit::Outcome;
use crate::replay::arguments::ReplayArgs;

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
    /// Drive a server of your own at HOST:PORT instead of starting one.
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) target: Option<String>,
    /// That server's HTTP port for media and registration.
    #[arg(long, value_name = "HOST:PORT", requires = "target")]
    pub(crate) target_http: Option<SocketAddr>,
    /// That server's admin port, for its own figures; its token, where it wants one, from TEEM_ADMIN_TOKEN.
    #[arg(long, value_name = "HOST:PORT", requires = "target")]
    pub(crate) target_admin: Option<SocketAddr>,
    /// The bearer token of that server's admin port.
    #[arg(long, env = "TEEM_ADMIN_TOKEN", hide_env_values = true, hide = true)]
    pub(crate) admin_token: Option<String>,
    /// The secret that the target derives provisioned keys from: a file with hex digits.
    #[arg(long, value_name = "FILE", requires = "target")]
    pub(crate) secret_file: Option<PathBuf>,
    /// When a message counts as safe, on the server that is started.
    #[arg(long, value_enum)]
    pub(crate) durability: Option<DurabilityArg>,
    /// One more threshold, such as `delivery.p99 < 250ms`; may be given again.
    #[arg(long, value_name = "EXPR")]
    pub(crate) threshold: Vec<String>,
    /// Where `teem knob --admin` can turn the speeds of its replays while it lasts: an address of loopback, port 0 for any.
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

#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// Where clients connect.
    #[arg(long, default_value = "127.0.0.1:7700")]
    pub(crate) listen: SocketAddr,
    /// Media and registration by HTTP.
    #[arg(long, default_value = "127.0.0.1:7780")]
    pub(crate) http: SocketAddr,
    /// Admin HTTP: /healthz, /metrics, /stats, /knobs. Off loopback it needs TEEM_ADMIN_TOKEN.
    #[arg(long, default_value = "127.0.0.1:7790")]
    pub(crate) admin: SocketAddr,
    /// The admin HTTP's bearer token.
    #[arg(long, env = "TEEM_ADMIN_TOKEN", hide_env_values = true, hide = true)]
    pub(crate) admin_token: Option<String>,
    /// Where messages, accounts and media are kept.
    #[arg(long, default_value = "teem-data", value_name = "DIR")]
    pub(crate) data: PathBuf,
    /// When a message counts as safe.
    #[arg(long, value_enum, default_value = "commit")]
    pub(crate) durability: DurabilityArg,
    /// Connections to make room for: 20k, 1M. Beyond RLIMIT_NOFILE each shard gets a descriptor table of its own.
    #[arg(long, value_parser = count, default_value = "10k")]
    pub(crate) connections: u64,
    /// Shards (threads); default: as many as there are CPUs, or as descriptors need.
    #[arg(long)]
    pub(crate) shards: Option<u16>,
    /// Provisioned numbers, whose keys derive from the secret and take no memory.
    #[arg(long, value_parser = count, default_value = "0")]
    pub(crate) provisioned: u64,
    /// The first provisioned number.
    #[arg(long, default_value_t = PROVISIONED_BASE)]
    pub(crate) provisioned_base: u64,
    /// Count copies for the first so many provisioned numbers apart as well: they are a replay's, beside a swarm.
    #[arg(long, value_parser = count, value_name = "COUNT")]
    pub(crate) apart: Option<u64>,
    /// Serve the chat in the clear, without TLS.
    #[arg(long, conflicts_with_all = ["tls_cert", "tls_key"])]
    pub(crate) plain: bool,
    /// The certificate chain, PEM, the server's own first. Default: one made for this server, in its data folder.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// The certificate's key, PEM.
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub(crate) tls_key: Option<PathBuf>,
    /// Tickets that each TLS connection is given, to resume with; none makes every handshake a full one.
    #[arg(long, value_name = "COUNT", default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=8))]
    pub(crate) tickets: u8,
    /// The secret for provisioned keys and media tokens: a file with 32 or more bytes as hex digits. Made if absent.
    #[arg(long, value_name = "FILE")]
    pub(crate) secret_file: Option<PathBuf>,
    /// The most disk that the message store may take, bytes with a unit: 4G.
    #[arg(long, value_parser = count, value_name = "BYTES")]
    pub(crate) store_quota: Option<u64>,
    /// How long a client may be silent before it is dropped, seconds: the knob idle_timeout_s at its start.
    #[arg(long, value_name = "SECONDS")]
    pub(crate) idle_timeout: Option<u64>,
    /// Bytes that may wait for one client before it is cut off: the knob unread_max_bytes at its start.
    #[arg(long, value_name = "BYTES", value_parser = count)]
    pub(crate) unread: Option<u64>,
    /// Whether senders get their second tick; `off` is for measuring what it costs.
    #[arg(long, value_name = "on|off", default_value = "on", value_parser = on_off, action = clap::ArgAction::Set)]
    pub(crate) second_ticks: bool,
    /// Where PINs go: file:PATH, http://HOST/PATH or none.
    #[arg(long, default_value = "none")]
    pub(crate) sms: String,
    /// Where notices of waiting messages go, likewise.
    #[arg(long, default_value = "none")]
    pub(crate) push: String,
    /// Print one JSON line with the addresses when ready, instead of sentences.
    #[arg(long)]
    pub(crate) json: bool,
    /// End when the parent process ends.
    #[arg(long, hide = true)]
    pub(crate) die_with_parent: bool,
}

/// The default first provisioned number: +15 550 000 000, of a range that is nobody's.
pub(crate) const PROVISIONED_BASE: u64 = 15_550_000_000;

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
    /// The server's admin address.
    #[arg(long, default_value = "127.0.0.1:7790")]
    pub(crate) admin: SocketAddr,
    /// The admin HTTP's bearer token.
    #[arg(long, env = "TEEM_ADMIN_TOKEN", hide_env_values = true, hide = true)]
    pub(crate) admin_token: Option<String>,
}

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

/// Reads a switch.
fn on_off(text: &str) -> Result<bool, String> {
    match text {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err(format!("`{text}`: expected on or off")),
    }
}

/// Reads a count or a size: `5000`, `200k`, `1.5M`, `4G`.
pub(crate) fn count(text: &str) -> Result<u64, String> {
    let expected = || format!("`{text}` is not a count: expected digits and perhaps k, M or G, such as 200k");
    let text = text.trim();
    let (digits, factor) = match text.chars().last() {
        Some('k' | 'K') => (&text[..text.len() - 1], 1e3),
        Some('m' | 'M') => (&text[..text.len() - 1], 1e6),
        Some('g' | 'G') => (&text[..text.len() - 1], 1e9),
        _ => (text, 1.0),
    };
    let value: f64 = digits.replace('_', "").parse().map_err(|_| expected())?;
    let value = value * factor;
    if value < 0.0 || value.fract() != 0.0 || value > 1e15 {
        Err(expected())
    } else {
        Ok(value as u64)
    }
}

/// Reads a share below one half: `1%`.
fn share(text: &str) -> Result<f64, String> {
    let share = text
        .strip_suffix('%')
        .and_then(|digits| digits.trim().parse::<f64>().ok());
    match share {
        Some(percent) if (0.0..50.0).contains(&percent) => Ok(percent / 100.0),
        _ => Err(format!(
            "`{text}` is not a share: expected one from 0% to below 50%, such as 1%"
        )),
    }
}

/// Reads an instant of a run, seconds since its begin.
fn second(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(second) if second.is_finite() && second >= 0.0 => Ok(second),
        _ => Err(format!(
            "`{text}` is not a second of the run: expected a number such as 3.5"
        )),
    }
}

/// Prints a completion script.
pub(crate) fn completions(shell: clap_complete::Shell) -> Result<Outcome> {
    clap_complete::generate(shell, &mut Cli::command(), "teem", &mut std::io::stdout());
    Ok(Outcome::Passed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn seconds_are_finite_and_not_before_the_begin() {
        assert_eq!(second("3.5"), Ok(3.5));
        for wrong in ["", "-1", "NaN", "inf", "3s"] {
            assert!(second(wrong).unwrap_err().contains("expected"), "{wrong}");
        }
    }

    #[test]
    fn counts_have_units() {
        assert_eq!(count("200k"), Ok(200_000));
        assert_eq!(count("1.5M"), Ok(1_500_000));
        assert_eq!(count("20_000"), Ok(20_000));
        for wrong in ["", "k", "-1", "1.5", "12x", "1e99"] {
            assert!(count(wrong).unwrap_err().contains("expected"), "{wrong}");
        }
    }
}
