//! What `teem serve` can be told.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

use super::DurabilityArg;
use super::value::{count, on_off};

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
    /// How long a stop waits for clients to read that the server ends, milliseconds; 0 resets them unsaid: the knob
    /// farewell_ms at its start.
    #[arg(long, value_name = "MS")]
    pub(crate) farewell: Option<u64>,
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
