//! The reference server as a child process: started, asked for its figures, stopped, killed and started again.

use std::collections::BTreeMap;
use std::fs::File;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use serde::Deserialize;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::serve::Ready;

/// How long a server may take to be ready: a large store is read first.
const READY_WITHIN: Duration = Duration::from_secs(60);
/// How long a server may take to stop before it is killed, and how much longer for each connection it has room for: the
/// kernel takes 5 to 10 us to reset one, and longer where the process is killed instead.
const STOP_WITHIN: Duration = Duration::from_secs(4);
const STOP_A_CONNECTION: Duration = Duration::from_micros(15);

/// How the server is started.
#[derive(Clone, Debug)]
pub(crate) struct ServerPlan {
    pub(crate) data: PathBuf,
    pub(crate) log: PathBuf,
    pub(crate) durability: &'static str,
    pub(crate) connections: u64,
    pub(crate) provisioned: u64,
    pub(crate) provisioned_base: u64,
    /// How many of them, the first, are counted apart as a replay's; none where nothing is replayed.
    pub(crate) apart: Option<u64>,
    /// How long a client may be silent, seconds; none for the server's own default.
    pub(crate) idle_timeout_s: Option<u64>,
    /// Bytes that may wait for one client; none for the server's own default.
    pub(crate) unread_bytes: Option<u64>,
    /// Tickets that each TLS connection is given.
    pub(crate) tickets: u8,
    /// Whether the chat is in the clear.
    pub(crate) plain: bool,
    /// Where the chat listens.
    pub(crate) address: IpAddr,
}

/// A running server.
pub(crate) struct ServerChild {
    child: Child,
    plan: ServerPlan,
    pub(crate) ready: Ready,
}

/// A server's own figures.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Stats {
    pub(crate) counters: BTreeMap<String, u64>,
    pub(crate) gauges: BTreeMap<String, f64>,
}

impl ServerPlan {
    /// Where the server writes PINs.
    pub(crate) fn pins(&self) -> PathBuf {
        self.data.join("pins.jsonl")
    }

    /// Where its secret is.
    pub(crate) fn secret(&self) -> PathBuf {
        self.data.join("secret")
    }

    fn arguments(&self, addresses: [String; 3]) -> Vec<String> {
        let [listen, http, admin] = addresses;
        let path = |path: &Path| path.to_string_lossy().into_owned();
        [
            ("--listen", listen),
            ("--http", http),
            ("--admin", admin),
            ("--data", path(&self.data)),
            ("--secret-file", path(&self.secret())),
            ("--durability", self.durability.to_owned()),
            ("--connections", self.connections.to_string()),
            ("--provisioned", self.provisioned.to_string()),
            ("--provisioned-base", self.provisioned_base.to_string()),
            ("--sms", format!("file:{}", path(&self.pins()))),
            ("--tickets", self.tickets.to_string()),
            // Its clients are gone when it is stopped.
            ("--farewell", "0".to_owned()),
            ("--push", format!("file:{}", path(&self.data.join("push.jsonl")))),
        ]
        .into_iter()
        .flat_map(|(flag, value)| [flag.to_owned(), value])
        .chain(self.plain.then(|| "--plain".to_owned()))
        .chain(self.apart.map(|count| format!("--apart={count}")))
        .chain(self.unread_bytes.map(|bytes| format!("--unread={bytes}")))
        .chain(
            self.idle_timeout_s
                .map(|seconds| format!("--idle-timeout={seconds}")),
        )
        .collect()
    }
}

impl ServerChild {
    /// Starts a server on free ports of loopback and waits until it is ready.
    pub(crate) async fn start(plan: ServerPlan) -> Result<Self> {
        let any = "127.0.0.1:0".to_owned();
        let chat = SocketAddr::new(plan.address, 0).to_string();
        let (child, ready) = launch(&plan, [chat, any.clone(), any]).await?;
        Ok(Self { child, plan, ready })
    }

    /// Ends it with SIGKILL and starts it again on its data and its ports.
    pub(crate) async fn kill_and_restart(&mut self) -> Result<()> {
        self.child.start_kill()?;
        self.child.wait().await?;
        let Ready {
            listen, http, admin, ..
        } = self.ready;
        let addresses = [listen.to_string(), http.to_string(), admin.to_string()];
        (self.child, self.ready) = launch(&self.plan, addresses).await?;
        Ok(())
    }

    /// Whether it has ended by itself; how, then.
    pub(crate) fn has_ended(&mut self) -> Option<String> {
        let status = self.child.try_wait().ok()??;
        Some(format!(
            "the server ended by itself ({status}); its last words are in {}",
            self.plan.log.display()
        ))
    }

    /// Stops it gracefully, and by force where it takes too long.
    pub(crate) async fn stop(mut self) {
        if let Some(pid) = self.child.id().and_then(|pid| Pid::from_raw(pid as i32)) {
            // It may have ended meanwhile.
            let _ = kill_process(pid, Signal::TERM);
        }
        let within = STOP_WITHIN + STOP_A_CONNECTION.mul_f64(self.plan.connections as f64);
        if tokio::time::timeout(within, self.child.wait()).await.is_err() {
            let _ = self.child.kill().await;
        }
    }

    /// Ends it at once; nobody will read its store again.
    pub(crate) async fn kill(mut self) {
        let _ = self.child.kill().await;
    }
}

async fn launch(plan: &ServerPlan, addresses: [String; 3]) -> Result<(Child, Ready)> {
    let log = File::options().append(true).create(true).open(&plan.log);
    let log = log.with_context(|| format!("cannot write {}", plan.log.display()))?;
    let mut child = Command::new(std::env::current_exe()?)
        .arg("serve")
        .args(plan.arguments(addresses))
        .args(["--json", "--die-with-parent"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(log)
        .kill_on_drop(true)
        .spawn()
        .context("cannot start the server")?;
    let out = child.stdout.take().context("the server has no standard output")?;
    let mut line = String::new();
    let mut reader = BufReader::new(out);
    match tokio::time::timeout(READY_WITHIN, reader.read_line(&mut line)).await {
        Ok(Ok(length)) if length > 0 => {}
        _ => {
            let _ = child.kill().await;
            let words = std::fs::read_to_string(&plan.log).unwrap_or_default();
            bail!(
                "the server did not start: {}",
                words.lines().last().unwrap_or("it said nothing")
            );
        }
    }
    let ready = serde_json::from_str(&line).with_context(|| format!("the server said `{}`", line.trim()))?;
    Ok((child, ready))
}

/// Asks a server for its own figures.
pub(crate) async fn stats(client: &reqwest::Client, admin: std::net::SocketAddr) -> Result<Stats> {
    let answer = client
        .get(format!("http://{admin}/stats"))
        .timeout(Duration::from_millis(800))
        .send()
        .await?;
    Ok(serde_json::from_slice(
        &answer.error_for_status()?.bytes().await?,
    )?)
}
