//! The command line of `teem replay`.

mod selection;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use replay::Speed;

pub(crate) use self::selection::SelectionArgs;
use crate::cli::{ConductArgs, DurabilityArg, TransportArg, some};

/// What drives, and so does nothing where a session is only cut out.
const DRIVING: [&str; 31] = [
    "target",
    "serve",
    "durability",
    "rules",
    "secret_file",
    "provision",
    "pins",
    "speed",
    "connect_speed",
    "think_speed",
    "causal",
    "clones",
    "spread",
    "loops",
    "SelectionArgs",
    "transport",
    "tls_cert",
    "tls_ca",
    "tls_name",
    "client_cert",
    "client_key",
    "on_failure",
    "at_once",
    "shards",
    "lateness_limit",
    "patience",
    "seed",
    "threshold",
    "knobs",
    "out",
    "json",
];

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
    /// Fit a population to a capture: how long messages are, how they follow each other, how long people stay.
    Fit(FitArgs),
}

/// By what people are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum FitByArg {
    /// Protocol and port of the server: what they use.
    Service,
    /// The client's network, 24 bits of an IPv4 address: where they are.
    Network,
}

/// What a population is fitted to.
#[derive(Debug, Args)]
pub(crate) struct FitArgs {
    /// A capture (pcap, pcapng, also compressed), a file of sessions (*.teem), or - for standard input.
    pub(crate) capture: PathBuf,
    /// A TLS key log, as SSLKEYLOGFILE makes it; secrets within a pcapng are used without.
    #[arg(long, value_name = "FILE")]
    pub(crate) keys: Option<PathBuf>,
    /// By what people are told apart.
    #[arg(long, value_enum, default_value = "service")]
    pub(crate) by: FitByArg,
    /// Write a scenario of such people, for `teem run`; replaces an earlier one.
    #[arg(long, value_name = "FILE")]
    pub(crate) save: Option<PathBuf>,
}

/// What is driven, and how. Whether it is there at all is told by its capture: clap lists no members of a group with another one inside.
#[derive(Debug, Args)]
#[group(args = ["capture"])]
pub(crate) struct DriveArgs {
    /// A capture (pcap, pcapng, also compressed), a file of sessions (*.teem), or - for standard input.
    pub(crate) capture: PathBuf,
    /// Where to: HOST:PORT for all, or RECORDED=HOST:PORT for the sessions of one recorded server; may be given again. tls:// in
    /// front asks for TLS, by NAME@ under another name, tcp:// for none.
    #[arg(long, value_name = "[RECORDED=][tls://[NAME@]]HOST:PORT")]
    pub(crate) target: Vec<String>,
    /// Start the reference server as the target, with an account for everybody who chats in the capture; with packets, in a lab.
    #[arg(
        long,
        value_enum,
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "plain",
        conflicts_with_all = ["target", "secret_file", "tls_cert", "tls_ca", "tls_name", "client_cert"],
        value_name = "plain|tls"
    )]
    pub(crate) serve: Option<ServeArg>,
    /// When a message counts as safe at that server.
    // A target stands in the way of --serve, and what another stands in the way of is not missed by clap.
    #[arg(
        long,
        value_enum,
        default_value = "async",
        requires = "serve",
        conflicts_with = "target"
    )]
    pub(crate) durability: DurabilityArg,
    /// The TLS key log of the capture (SSLKEYLOGFILE), where it is encrypted and has none inside.
    #[arg(long, value_name = "FILE")]
    pub(crate) keys: Option<PathBuf>,
    /// What must differ from the recording, and what may differ in the answers: a TOML file (docs/replay-rules.md).
    #[arg(long, value_name = "FILE")]
    pub(crate) rules: Option<PathBuf>,
    /// The secret that a chat target derives provisioned keys from: a file with hex digits.
    #[arg(long, value_name = "FILE")]
    pub(crate) secret_file: Option<PathBuf>,
    /// Give everybody an account before the replay begins: chat's people register, and the rules' `[[provision]]` requests are made.
    #[arg(long)]
    pub(crate) provision: bool,
    /// The file that a chat target writes PINs to (its SMS sink): registrations, of the capture too, are proved by them.
    #[arg(long, value_name = "FILE", conflicts_with = "serve")]
    pub(crate) pins: Option<String>,
    /// How many times faster than recorded, 0.1 to 100; max waits for answers only.
    #[arg(long, default_value = "1")]
    pub(crate) speed: Speed,
    /// The speed of connects, where it is another.
    #[arg(long, value_name = "SPEED")]
    pub(crate) connect_speed: Option<Speed>,
    /// The speed of think times, where it is another.
    #[arg(long, value_name = "SPEED")]
    pub(crate) think_speed: Option<Speed>,
    /// Let each request wait for the answer that came before it in the recording. Without, each is sent at its time.
    #[arg(long)]
    pub(crate) causal: bool,
    /// How many run through the recording side by side, each as another person: 100, 20k.
    #[arg(long, value_parser = some::<u64>, default_value = "1", value_name = "COUNT")]
    pub(crate) clones: u64,
    /// Over how long the clones' beginnings are spread: 30s.
    #[arg(long, value_parser = span, default_value = "0", value_name = "TIME")]
    pub(crate) spread: Duration,
    /// How many times each runs through it.
    #[arg(long = "loop", value_parser = some::<u64>, default_value = "1", value_name = "COUNT")]
    pub(crate) loops: u64,
    #[command(flatten)]
    pub(crate) selection: SelectionArgs,
    /// What carries the bytes; packets need a lab, which --serve makes: else `teem lab -- teem replay ...`.
    #[arg(long, value_enum, default_value = "kernel")]
    pub(crate) transport: TransportArg,
    /// Speak TLS to the targets that do not say otherwise, and trust exactly this certificate, PEM.
    #[arg(long, value_name = "FILE", conflicts_with = "tls_ca")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// Speak TLS to the targets that do not say otherwise, and trust what these certify, PEM.
    #[arg(long, value_name = "FILE")]
    pub(crate) tls_ca: Option<PathBuf>,
    /// The server name for TLS (SNI), where it is not the target's host.
    #[arg(long, value_name = "NAME")]
    pub(crate) tls_name: Option<String>,
    /// The client's certificate chain, PEM, for targets that ask for one.
    #[arg(long, value_name = "FILE", requires = "client_key")]
    pub(crate) client_cert: Option<PathBuf>,
    /// Its key, PEM.
    #[arg(long, value_name = "FILE", requires = "client_cert")]
    pub(crate) client_key: Option<PathBuf>,
    /// What a session that fails leads to.
    #[arg(long, value_enum, default_value = "continue")]
    pub(crate) on_failure: OnFailureArg,
    /// Sessions at once at most; others begin late.
    #[arg(long, value_parser = some::<u64>, value_name = "COUNT")]
    pub(crate) at_once: Option<u64>,
    /// Threads that drive; default: one, or as many as descriptors need.
    #[arg(long, value_parser = some::<u32>, value_name = "COUNT")]
    pub(crate) shards: Option<u32>,
    /// A send later than this by the driver's own fault is late; with more than one, and more than one in a hundred, the run is invalid.
    #[arg(long, value_parser = span, default_value = "10ms", value_name = "TIME")]
    pub(crate) lateness_limit: Duration,
    /// How long an answer may take before what waits for it goes on.
    #[arg(long, value_parser = patience, default_value = "5s", value_name = "TIME")]
    pub(crate) patience: Duration,
    /// The seed of made-up values.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    #[command(flatten)]
    pub(crate) conduct: ConductArgs,
    /// Write one session into a file of its own, and drive nothing.
    #[arg(long, num_args = 2, value_names = ["FLOW", "FILE"], conflicts_with_all = DRIVING)]
    pub(crate) cut: Option<Vec<String>>,
}

/// What a failure leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum OnFailureArg {
    /// The others go on.
    Continue,
    /// The replay ends; what is left counts as stopped.
    Stop,
}

/// How a server of the replay's own speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ServeArg {
    /// In the clear.
    Plain,
    /// Under TLS, with a certificate of its own.
    Tls,
}

/// Reads a time: `30s`, `500ms`, `2m`, `1h`; without a unit, seconds.
fn span(text: &str) -> Result<Duration, String> {
    let split = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (digits, unit) = text.split_at(split);
    let seconds = match unit {
        "us" => 1e-6,
        "ms" => 1e-3,
        "" | "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3_600.0,
        _ => f64::NAN,
    };
    digits
        .trim()
        .parse::<f64>()
        .ok()
        .and_then(|number| Duration::try_from_secs_f64(number * seconds).ok())
        .ok_or_else(|| {
            format!("`{text}` is not a time: expected a number and us, ms, s, m or h, such as 30s")
        })
}

/// Reads how long somebody waits: a time, and not none at all.
fn patience(text: &str) -> Result<Duration, String> {
    let time = span(text)?;
    if time.is_zero() {
        return Err(format!(
            "`{text}`: nobody answers in no time; expected a time such as 5s"
        ));
    }
    Ok(time)
}

/// What is listed, and what else becomes of it.
#[derive(Debug, Args)]
#[command(after_help = "\
Start here:
  teem replay inspect capture.pcap                           what is in it
  teem replay inspect capture.pcap --json | jq .totals       the same for programs
  teem replay inspect capture.pcap --save night.teem --mask
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
    /// Mask what is saved: all that is known to name somebody, or by the rules of a file (docs/sessions.md).
    #[arg(long, value_name = "FILE", num_args = 0..=1, requires = "save")]
    pub(crate) mask: Option<Option<PathBuf>>,
    /// A TLS key log, as SSLKEYLOGFILE makes it; secrets within a pcapng are used without.
    #[arg(long, value_name = "FILE")]
    pub(crate) keys: Option<PathBuf>,
    /// Write a folder with pictures of the capture over time; must not exist or be empty.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Connections that are listed at most: 5000, 1M. Later ones are counted.
    #[arg(long, value_name = "COUNT", value_parser = crate::cli::count, default_value = "50k")]
    pub(crate) list: u64,
}

#[cfg(test)]
mod tests {
    use clap::Command;

    use super::*;

    #[test]
    fn times_have_units() {
        assert_eq!(span("30s"), Ok(Duration::from_secs(30)));
        assert_eq!(span("1.5"), Ok(Duration::from_millis(1_500)));
        assert_eq!(span("500us"), Ok(Duration::from_micros(500)));
        for wrong in ["", "s", "-1s", "5x", "NaN", "1e99h"] {
            assert!(span(wrong).unwrap_err().contains("is not a time"), "{wrong}");
        }
    }

    #[test]
    fn somebody_who_waits_waits_for_a_while() {
        assert_eq!(patience("1us"), Ok(Duration::from_micros(1)));
        assert!(patience("0s").unwrap_err().contains("in no time"));
        assert!(patience("s").unwrap_err().contains("is not a time"));
    }

    #[test]
    fn whatever_drives_stands_in_the_way_of_a_cut() {
        let line = DriveArgs::augment_args(Command::new("replay"));
        let cut = line.get_arguments().find(|arg| arg.get_id() == "cut").unwrap();
        let refused = line.get_arg_conflicts_with(cut);
        for arg in line.get_arguments() {
            let cuts = ["capture", "keys", "cut", "quiet"].contains(&arg.get_id().as_str());
            assert_eq!(!cuts, refused.contains(&arg), "{}", arg.get_id());
        }
    }
}
