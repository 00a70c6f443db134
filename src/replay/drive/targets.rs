//! Where each recorded server's sessions go: names resolved, and how each target is spoken to.
//!
//! It reads certificates and asks for addresses; it connects to nobody.

use std::collections::HashMap;
use std::net::{SocketAddr, ToSocketAddrs as _};

use anyhow::{Context as _, Result, bail};
use replay::{Destination, Identity, Place, Rules, Session, Target};
use wire::tls::ClientTls;

use crate::replay::arguments::DriveArgs;
use crate::tls::{self, Trusted};

/// Recorded servers' targets.
pub(super) struct Targets {
    pub(super) destinations: HashMap<SocketAddr, Destination>,
    /// How they are spoken to: under which TLS, or in the clear.
    pub(super) ways: Vec<Option<ClientTls>>,
}

/// Adds the flags' targets to those of the rules, behind which they stand.
///
/// # Errors
/// A recorded server that is none, or a target that is none.
pub(super) fn add(args: &DriveArgs, rules: Rules) -> Result<Rules> {
    args.target.iter().try_fold(rules, |rules, flag| {
        let (server, rest) = match flag.split_once('=') {
            None => (Place::default(), flag.as_str()),
            Some((server, rest)) => (server.parse().with_context(|| format!("--target {flag}"))?, rest),
        };
        let (tls, rest) = match rest.split_once("://") {
            Some(("tls", rest)) => (true, rest),
            Some(("tcp", rest)) => (false, rest),
            Some((scheme, _)) => {
                bail!("--target {flag}: `{scheme}://` is unknown; expected tls:// or tcp://")
            }
            None => (args.tls_cert.is_some() || args.tls_ca.is_some(), rest),
        };
        let (name, address) = match rest.rsplit_once('@') {
            None => (args.tls_name.clone(), rest),
            Some((name, address)) => (Some(name.to_owned()), address),
        };
        Ok(rules.with_target(Target {
            server,
            address: address.to_owned(),
            tls,
            sni: name,
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
    let mut found = Targets {
        destinations: HashMap::new(),
        ways: Vec::new(),
    };
    let mut chosen: Vec<(&Target, Destination)> = Vec::new();
    for session in sessions.iter().filter(|session| session.replayable.is_ok()) {
        let Some(target) = rules.target(session.server) else {
            continue;
        };
        let known = chosen.iter().find(|(other, _)| *other == target);
        let destination = match known {
            Some((_, destination)) => *destination,
            None => {
                let way = u16::try_from(found.ways.len()).context("more targets than 65,535")?;
                found.ways.push(way_to(args, target)?);
                let destination = Destination {
                    address: resolve(&target.address)?,
                    way,
                };
                chosen.push((target, destination));
                destination
            }
        };
        found.destinations.insert(session.server, destination);
    }
    let is_spoken = found.ways.is_empty() || found.ways.iter().any(Option::is_some);
    if let (Some(flag), false) = (flag_of_tls(args), is_spoken) {
        bail!(
            "{flag}: no target is spoken to under TLS, which --tls-ca, --tls-cert or tls:// in front of one asks for: ask, or leave it out"
        );
    }
    Ok(found)
}

/// A flag that says something of TLS, and nothing where none is spoken.
fn flag_of_tls(args: &DriveArgs) -> Option<&'static str> {
    let given = [
        (args.tls_name.is_some(), "--tls-name"),
        (args.client_cert.is_some(), "--client-cert"),
        (args.tls_cert.is_some(), "--tls-cert"),
        (args.tls_ca.is_some(), "--tls-ca"),
    ];
    given.into_iter().find_map(|(given, flag)| given.then_some(flag))
}

fn resolve(target: &str) -> Result<SocketAddr> {
    let mut found = target
        .to_socket_addrs()
        .with_context(|| format!("--target {target}: expected HOST:PORT that can be resolved"))?;
    found
        .next()
        .with_context(|| format!("--target {target}: no such host"))
}

/// How a target is spoken to: as the rules have it, and by the flags where they leave it open.
fn way_to(args: &DriveArgs, target: &Target) -> Result<Option<ClientTls>> {
    if !target.tls {
        return Ok(None);
    }
    let trusted = match (&target.ca, &args.tls_cert, &args.tls_ca) {
        (Some(file), ..) | (None, None, Some(file)) => Trusted::Roots(file),
        (None, Some(file), _) => Trusted::Exactly(file),
        (None, None, None) => bail!(
            "{}: TLS needs `ca` in the rules, or --tls-ca or --tls-cert",
            target.address
        ),
    };
    let flags = args.client_cert.clone().zip(args.client_key.clone());
    let shown = target
        .identity
        .clone()
        .or(flags.map(|(certificate, key)| Identity { certificate, key }));
    let name = match target.sni.as_ref().or(args.tls_name.as_ref()) {
        Some(name) => name,
        None => host(&target.address),
    };
    let identity = shown
        .as_ref()
        .map(|shown| (shown.certificate.as_path(), shown.key.as_path()));
    tls::client_to(trusted, name, identity).map(Some)
}

fn host(address: &str) -> &str {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    host.trim_start_matches('[').trim_end_matches(']')
}
