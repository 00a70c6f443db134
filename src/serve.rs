//! `teem serve`: the reference server alone.

use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result, anyhow, bail};
use rand::RngExt as _;
use serde::{Deserialize, Serialize};
use server::knobs::{Durability, Knobs};
use server::{Config, Provisioned, Server};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::{EnvFilter, reload};

use crate::admin;
use crate::cli::{DurabilityArg, ServeArgs};
use crate::exit::Outcome;

/// What a ready server says on standard output with `--json`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Ready {
    pub(crate) listen: std::net::SocketAddr,
    pub(crate) http: std::net::SocketAddr,
    pub(crate) admin: std::net::SocketAddr,
    pub(crate) shards: u16,
    pub(crate) pid: u32,
}

/// Runs a server until SIGINT or SIGTERM.
pub(crate) fn serve(args: &ServeArgs) -> Result<Outcome> {
    if args.die_with_parent {
        let gone = rustix::process::Signal::KILL;
        rustix::process::set_parent_process_death_signal(Some(gone))
            .context("cannot watch the parent process")?;
    }
    let knobs = Knobs::new(log_to_stderr()?);
    if args.durability != DurabilityArg::Commit {
        knobs.set("durability", args.durability.name())?;
    }
    if let Some(seconds) = args.idle_timeout {
        knobs.set("idle_timeout_s", &seconds.to_string())?;
    }
    if let Some(bytes) = args.unread {
        knobs.set("unread_max_bytes", &bytes.to_string())?;
    }
    if let Some(ms) = args.farewell {
        knobs.set("farewell_ms", &ms.to_string())?;
    }
    let mut config = config(args)?;
    if !args.plain {
        let files = args.tls_cert.as_deref().zip(args.tls_key.as_deref());
        config.tls = Some(crate::tls::server(files, &args.data, args.tickets)?);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let server = Server::start(config, knobs).await?;
        announce(&server, args.json)?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let ended = tokio::select! {
            _ = interrupt.recv() => None,
            _ = terminate.recv() => None,
            name = server.ended() => Some(name),
        };
        tracing::info!("stopping");
        let stopped = server.stop().await;
        if let Some(name) = ended {
            let why = format!("its thread {name} has ended, so the server stops: start it again");
            return stopped
                .map_err(anyhow::Error::new)
                .context(why.clone())
                .and(Err(anyhow!(why)));
        }
        stopped?;
        Ok(Outcome::Passed)
    })
}

fn config(args: &ServeArgs) -> Result<Config> {
    if args.connections == 0 || args.shards == Some(0) {
        bail!("--connections and --shards: expected at least 1");
    }
    Ok(Config {
        listen: args.listen,
        http: args.http,
        admin: args.admin,
        admin_token: admin::token()?,
        data: args.data.clone(),
        durability: match args.durability {
            DurabilityArg::Memory => Durability::Memory,
            DurabilityArg::Async => Durability::Async,
            DurabilityArg::Commit => Durability::Commit,
        },
        tls: None,
        connections: args.connections,
        shards: args.shards,
        provisioned: Provisioned {
            base: args.provisioned_base,
            count: args.provisioned,
        },
        apart: args.apart,
        secret: secret(args)?,
        second_ticks: args.second_ticks,
        store_quota_bytes: args.store_quota,
        sms: args.sms.clone(),
        push: args.push.clone(),
    })
}

fn announce(server: &Server, json: bool) -> Result<()> {
    let ready = Ready {
        listen: server.address(),
        http: server.http_address(),
        admin: server.admin_address(),
        shards: server.plan().shards,
        pid: std::process::id(),
    };
    let mut out = std::io::stdout().lock();
    if json {
        writeln!(out, "{}", serde_json::to_string(&ready)?)?;
    } else {
        let tables = if server.plan().parted {
            ", each with its own descriptor table"
        } else {
            ""
        };
        writeln!(out, "chat   {}  ({} shards{tables})", ready.listen, ready.shards)?;
        writeln!(out, "http   http://{}/v1/  (media, registration)", ready.http)?;
        writeln!(
            out,
            "admin  http://{}/metrics  (/healthz, /stats, /knobs)",
            ready.admin
        )?;
        writeln!(out, "Ctrl-C stops it.")?;
    }
    out.flush()?;
    Ok(())
}

/// Logs to standard error; returns the hook that turns the level.
fn log_to_stderr() -> Result<server::knobs::LogLevelHook> {
    let filter = EnvFilter::try_from_env("TEEM_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let (filter, handle) = reload::Layer::new(filter);
    use tracing_subscriber::layer::SubscriberExt as _;
    use tracing_subscriber::util::SubscriberInitExt as _;
    let colour = std::io::IsTerminal::is_terminal(&std::io::stderr());
    let format = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(colour);
    tracing_subscriber::registry()
        .with(filter)
        .with(format)
        .try_init()?;
    Ok(Arc::new(move |level: &str| {
        let filter = EnvFilter::try_new(level).map_err(|error| error.to_string())?;
        handle.reload(filter).map_err(|error| error.to_string())
    }))
}

/// The secret: from its file, which is made, for its owner's eyes only, where there is none.
fn secret(args: &ServeArgs) -> Result<Vec<u8>> {
    let path = args
        .secret_file
        .clone()
        .unwrap_or_else(|| args.data.join("secret"));
    if path.exists() {
        return read_secret(&path);
    }
    if let Some(folder) = path.parent() {
        server::private_folder(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }
    let secret: [u8; 32] = rand::rng().random();
    write_secret(&path, &secret)?;
    Ok(secret.to_vec())
}

/// Reads a secret file.
pub(crate) fn read_secret(path: &Path) -> Result<Vec<u8>> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let digits: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    if digits.len() < 64 || !digits.len().is_multiple_of(2) || !digits.iter().all(u8::is_ascii_hexdigit) {
        bail!(
            "{}: expected 64 or more hex digits (openssl rand -hex 32)",
            path.display()
        );
    }
    let value = |digit: u8| (digit as char).to_digit(16).unwrap_or(0) as u8;
    Ok(digits
        .chunks_exact(2)
        .map(|pair| value(pair[0]) << 4 | value(pair[1]))
        .collect())
}

/// Writes a secret file that only its owner may read.
pub(crate) fn write_secret(path: &Path, secret: &[u8]) -> Result<()> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let digits: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .with_context(|| format!("cannot write {}", path.display()))?;
    writeln!(file, "{digits}").with_context(|| format!("cannot write {}", path.display()))
}
