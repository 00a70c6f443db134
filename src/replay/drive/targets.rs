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
    let (mut addresses, mut chosen) = (HashMap::new(), Vec::new());
    let mut resolved: HashMap<&str, SocketAddr> = HashMap::new();
    for session in sessions.iter().filter(|session| session.replayable.is_ok()) {
        let Some(target) = rules.target(session.server) else {
            continue;
        };
        let address = match resolved.get(target.address.as_str()) {
            Some(address) => *address,
            None => resolve(&target.address)?,
        };
        resolved.insert(&target.address, address);
        addresses.insert(session.server, address);
        if !chosen.contains(&target) {
            chosen.push(target);
        }
    }
    Ok(Targets {
        addresses,
        tls: trust(args, &chosen)?,
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

/// TLS to the targets, all alike: by the flags, or else by the rules.
fn trust(args: &DriveArgs, chosen: &[&Target]) -> Result<Option<ClientTls>> {
    let first = chosen.first();
    let host_of = |target: &&Target| host(&target.address).to_owned();
    let named = args.tls_name.clone().or_else(|| first.map(host_of));
    let name = named.unwrap_or_else(|| "localhost".to_owned());
    match (&args.tls_cert, &args.tls_ca) {
        (Some(file), _) => return Ok(Some(tls::client(file, &name, false)?)),
        (None, Some(file)) => return Ok(Some(tls::client_of_roots(file, &name)?)),
        (None, None) => {}
    }
    let Some(first) = first.filter(|_| chosen.iter().any(|target| target.tls)) else {
        return Ok(None);
    };
    let alike =
        |target: &&Target| (target.tls, &target.sni, &target.ca) == (first.tls, &first.sni, &first.ca);
    if !chosen.iter().all(alike) || first.identity.is_some() {
        bail!(
            "the rules' targets differ in TLS, or want a client's certificate: one replay speaks to all of them alike"
        );
    }
    let Some(ca) = &first.ca else {
        bail!(
            "{}: TLS needs `ca` in the rules, or --tls-cert or --tls-ca",
            first.address
        );
    };
    let name = first.sni.clone().unwrap_or_else(|| host_of(first));
    Ok(Some(tls::client_of_roots(ca, &name)?))
}

fn host(address: &str) -> &str {
    address.rsplit_once(':').map_or(address, |(host, _)| host)
}
