//! What a run drives: the reference server as a child, or a server of the user's own.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use wire::chat::Secret;
use wire::tls::ClientTls;

use super::child::{ServerChild, ServerPlan, Stats, stats};
use super::{Prepared, durability};
use crate::admin;
use crate::cli::{PROVISIONED_BASE, RunArgs, TransportArg};
use crate::serve::{read_secret, write_secret};
use crate::tls;

/// The name in the certificate that our server makes for itself.
pub(crate) const SERVER_NAME: &str = "localhost";

/// Tickets a connection, where clients resume: one to come back with, one for somebody else.
const TICKETS: u8 = 2;

/// Where the load goes.
pub(super) struct Target {
    pub(super) chat: SocketAddr,
    pub(super) http: Option<SocketAddr>,
    pub(super) admin: Option<SocketAddr>,
    /// Where its PINs can be read, if it is ours.
    pub(super) pins: Option<PathBuf>,
    pub(super) secret: Secret,
    pub(super) base: u64,
    pub(super) child: Option<ServerChild>,
    /// Whom clients trust; none connects in the clear.
    pub(super) tls: Option<ClientTls>,
    client: reqwest::Client,
}

impl Target {
    /// Starts the reference server, or finds the user's.
    pub(super) async fn open(args: &RunArgs, prepared: &Prepared) -> Result<Self> {
        // A file that may not be written is told before a server is started.
        let key_log = args.keylog.as_deref().map(tls::KeyLogFile::open).transpose()?;
        let mut target = match &args.target {
            Some(address) => Self::foreign(args, address).await,
            None => Self::own(args, prepared).await,
        }?;
        if let Some(key_log) = key_log {
            target.tls = target.tls.map(|tls| tls.with_key_log(Arc::new(key_log)));
        }
        Ok(target)
    }

    async fn own(args: &RunArgs, prepared: &Prepared) -> Result<Self> {
        let data = data_folder(&prepared.folder);
        std::fs::create_dir_all(&data).with_context(|| format!("cannot make {}", data.display()))?;
        let secret: [u8; 32] = rand::random();
        let plan = ServerPlan {
            log: prepared.folder.join("server.log"),
            durability: durability(args, &prepared.scenario),
            // Reconnects may overlap with connections that the server has not seen end yet.
            connections: prepared.plan.connections()
                + prepared.plan.connections() / 50
                + prepared.replays.connections(),
            // A replay's people are below the swarm's.
            provisioned: prepared.plan.users() + prepared.replays.numbers(),
            provisioned_base: PROVISIONED_BASE - prepared.replays.numbers(),
            apart: prepared.replays.are_there().then(|| prepared.replays.numbers()),
            idle_timeout_s: prepared
                .scenario
                .server
                .idle_timeout
                .map(|span| span.0 / 1_000_000),
            unread_bytes: prepared.scenario.server.unread.map(|bytes| bytes.0),
            tickets: if args.resume { TICKETS } else { 0 },
            plain: args.plain,
            address: server_address(args.carriage(prepared.plan.connections())),
            data,
        };
        write_secret(&plan.secret(), &secret)?;
        let pins = plan.pins();
        let certificate = plan.data.join(tls::CERTIFICATE);
        let child = ServerChild::start(plan).await?;
        // Made by the server before it said that it is ready.
        let tls = (!args.plain)
            .then(|| tls::client(&certificate, SERVER_NAME, args.resume))
            .transpose()?;
        Ok(Self {
            chat: child.ready.listen,
            http: Some(child.ready.http),
            admin: Some(child.ready.admin),
            pins: Some(pins),
            secret: Secret::new(&secret),
            base: PROVISIONED_BASE,
            child: Some(child),
            tls,
            client: admin::client()?,
        })
    }

    async fn foreign(args: &RunArgs, address: &str) -> Result<Self> {
        let mut found = tokio::net::lookup_host(address)
            .await
            .with_context(|| format!("--target {address}: expected HOST:PORT that can be resolved"))?;
        let Some(chat) = found.next() else {
            bail!("--target {address}: no such host")
        };
        if let Err(error) = tokio::net::TcpStream::connect(chat).await {
            bail!(
                "--target {address} refuses connections ({error}): start the server first, or check the port"
            );
        }
        let client = admin::client()?;
        if let Some(admin) = args.target_admin
            && let Err(error) = stats(&client, admin).await
        {
            bail!(
                "--target-admin {admin} does not tell its figures ({}): check the port, and the token in TEEM_ADMIN_TOKEN",
                error.root_cause()
            );
        }
        let Some(secret) = &args.secret_file else {
            bail!("--target needs --secret-file: the secret that the server derives provisioned keys from");
        };
        let secret = Secret::new(&read_secret(secret)?);
        let tls = match (&args.tls_cert, args.plain) {
            (_, true) => None,
            (Some(file), _) => Some(tls::client(
                file,
                address.rsplit_once(':').map_or(address, |(host, _)| host),
                args.resume,
            )?),
            (None, _) => bail!(
                "--target needs --tls-cert FILE, the server's certificate ({} in its data folder), or --plain",
                tls::CERTIFICATE
            ),
        };
        Ok(Self {
            chat,
            http: args.target_http,
            admin: args.target_admin,
            pins: None,
            secret,
            base: PROVISIONED_BASE,
            child: None,
            tls,
            client,
        })
    }

    /// The server's own figures, where it has an admin port; `None` where it does not answer in time.
    pub(super) async fn stats(&self) -> Option<Stats> {
        stats(&self.client, self.admin?).await.ok()
    }
}

/// Where a server of the run's own listens: packets do not come to loopback.
pub(crate) fn server_address(carriage: TransportArg) -> IpAddr {
    match carriage {
        TransportArg::Kernel => Ipv4Addr::LOCALHOST.into(),
        TransportArg::Packet => lab::SERVER_ADDRESS.into(),
    }
}

/// Where the server's data are while a run lasts.
pub(crate) fn data_folder(folder: &Path) -> PathBuf {
    folder.join("data")
}
