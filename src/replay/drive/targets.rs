//! Where each recorded server's sessions go: names resolved, and whom TLS trusts.

use std::collections::HashMap;
use std::net::{SocketAddr, ToSocketAddrs as _};

use anyhow::{Context as _, Result, bail};
use replay::{Place, Rules, Session, Target};
use wire::tls::ClientTls;

use crate::replay::arguments::DriveArgs;
use crate::tls;

/// Recorded servers' targets.
pub(super) struct Targets {
    pub(super) addresses: HashMap<SocketAddr, SocketAddr>,
    pub(super) tls: Option<ClientTls>,
}

/// Adds the flags' targets to those of the rules, before which they go where they name a recorded server.
///
/// # Errors
/// A recorded server that is none.
pub(super) fn add(rules: Rules, flags: &[String]) -> Result<Rules> {
    flags.iter().try_fold(rules, |rules, flag| {
        let (server, address) = match flag.split_once('=') {
            None => (Place::default(), flag.as_str()),
            Some((server, address)) => (
                server.parse().with_context(|| format!("--target {flag}"))?,
                address,
            ),
        };
        Ok(rules.with_target(Target {
            server,
            address: address.to_owned(),
            tls: false,
            sni: None,
            ca: None,
            identity: None,
        }))
    })
}

/// Finds the target of every recorded server.
///
/// # Errors
/// A name that cannot be resolved, or certificates that cannot be read.
pub(super) fn find(args: &DriveArgs, rules: &Rules, sessions: &[Session]) -> Result<Targets> {
    let mut addresses = HashMap::new();
    let mut resolved: HashMap<&str, SocketAddr> = HashMap::new();
    for session in sessions.iter().filter(|session| session.replayable.is_ok()) {
        let Some(target) = rules.target(session.server) else {
            continue;
        };
        if target.tls || target.identity.is_some() {
            bail!("a target of the rules asks for TLS by itself: give --tls-cert or --tls-ca instead");
        }
        let address = match resolved.get(target.address.as_str()) {
            Some(address) => *address,
            None => resolve(&target.address)?,
        };
        resolved.insert(&target.address, address);
        addresses.insert(session.server, address);
    }
    Ok(Targets {
        addresses,
        tls: trust(args)?,
    })
}

fn resolve(target: &str) -> Result<SocketAddr> {
    let mut found = target
        .to_socket_addrs()
        .with_context(|| format!("--target {target}: expected HOST:PORT that can be resolved"))?;
    found
        .next()
        .with_context(|| format!("--target {target}: no such host"))
}

fn trust(args: &DriveArgs) -> Result<Option<ClientTls>> {
    let host = args.target.first().map(|flag| {
        let address = flag.split_once('=').map_or(flag.as_str(), |(_, address)| address);
        address
            .rsplit_once(':')
            .map_or(address, |(host, _)| host)
            .to_owned()
    });
    let name = args
        .tls_name
        .clone()
        .or(host)
        .unwrap_or_else(|| "localhost".to_owned());
    Ok(match (&args.tls_cert, &args.tls_ca) {
        (Some(file), _) => Some(tls::client(file, &name)?),
        (None, Some(file)) => Some(tls::client_of_roots(file, &name)?),
        (None, None) => None,
    })
}
