//! A reference server of the replay's own: started for the people of the capture's chats, watched, ended.
//!
//! It knows the server's command line; what is said to it is the driver's business.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use record::Sample;
use replay::{People, Place, Rules, Target};
use wire::chat::Secret;
use wire::tls::ClientTls;

use crate::admin;
use crate::replay::arguments::{DriveArgs, ServeArg};
use crate::run::child::{ServerChild, ServerPlan, stats};
use crate::run::target::{SERVER_NAME, data_folder, server_address};
use crate::serve::write_secret;
use crate::tls;

/// A running server; its data go with it.
pub(super) struct Own {
    child: Option<ServerChild>,
    data: PathBuf,
    pins: PathBuf,
    secret: [u8; 32],
    certificate: Option<PathBuf>,
    client: reqwest::Client,
}

impl Own {
    /// Starts a server that has an account for everybody of these chats, and for all their clones.
    ///
    /// # Errors
    /// Nobody chats in the capture, or the server does not start.
    pub(super) async fn start(
        args: &DriveArgs,
        serve: ServeArg,
        folder: &Path,
        rules: &Rules,
        people: &People,
        connections: u64,
    ) -> Result<Self> {
        let Some(named) = people.span() else {
            bail!("--serve: nobody chats in this capture, and the reference server speaks nothing else");
        };
        let clones = (args.clones * args.loops) as u32;
        let numbers = rules.numbers(&named, clones);
        let data = data_folder(folder);
        std::fs::create_dir_all(&data).with_context(|| format!("cannot make {}", data.display()))?;
        let plan = ServerPlan {
            log: folder.join("server.log"),
            durability: args.durability.name(),
            connections: connections + connections / 50,
            // Who registers first has no account before.
            provisioned: if args.provision {
                0
            } else {
                numbers.end() - numbers.start() + 1
            },
            provisioned_base: *numbers.start(),
            apart: None,
            idle_timeout_s: None,
            unread_bytes: None,
            tickets: 0,
            plain: serve == ServeArg::Plain,
            address: server_address(args.transport),
            data: data.clone(),
        };
        let mut own = Self {
            child: None,
            pins: plan.pins(),
            secret: rand::random(),
            certificate: (serve == ServeArg::Tls).then(|| data.join(tls::CERTIFICATE)),
            client: admin::client()?,
            data,
        };
        write_secret(&plan.secret(), &own.secret)?;
        own.child = Some(ServerChild::start(plan).await?);
        Ok(own)
    }

    /// The rules with this server as everybody's target.
    pub(super) fn rules(&self, rules: Rules) -> Rules {
        let address = self.child.as_ref().map(|child| child.ready.listen.to_string());
        rules
            .with_chat_secret(Secret::new(&self.secret))
            .with_target(Target {
                server: Place::default(),
                address: address.unwrap_or_default(),
                tls: false,
                sni: None,
                ca: None,
                identity: None,
            })
    }

    /// Whom clients trust; none speaks in the clear.
    pub(super) fn tls(&self) -> Result<Option<ClientTls>> {
        let certificate = self.certificate.as_ref();
        certificate
            .map(|certificate| tls::client(certificate, SERVER_NAME, false))
            .transpose()
    }

    /// Where it writes PINs.
    pub(super) fn pins(&self) -> PathBuf {
        self.pins.clone()
    }

    /// Its process, to be watched.
    pub(super) fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(|child| child.ready.pid)
    }

    /// Adds its own gauges to a sample, where it answers in time. Its counters stay out: a replay has no other end to hold
    /// them against.
    pub(super) async fn sample(&self, sample: &mut Sample) {
        let Some(child) = &self.child else { return };
        if let Ok(stats) = stats(&self.client, child.ready.admin).await {
            sample.gauges.extend(stats.gauges);
        }
    }

    /// Ends it; nobody will read its store again.
    pub(super) async fn end(mut self) {
        if let Some(child) = self.child.take() {
            child.kill().await;
        }
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        // A child that still runs is killed with its handle; what it leaves behind would be found by nobody.
        self.child = None;
        let _ = std::fs::remove_dir_all(&self.data);
    }
}
