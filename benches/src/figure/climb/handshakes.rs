//! rustls shaking hands with itself in memory, on every CPU: what full handshakes cost where nothing else is done.
//!
//! It knows no socket and none of our TLS; suite, group and trust are those that a climb uses.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow};
use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs as lc;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, Connection, RootCertStore, ServerConfig, ServerConnection};

/// Handshakes a second of all CPUs together, both ends each, over so long.
///
/// # Errors
/// A handshake fails.
pub(super) fn alone(length: Duration) -> anyhow::Result<f64> {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
    let (client, server) = configs(made.cert.der(), made.signing_key.serialize_der())?;
    let threads = thread::available_parallelism()?.get();
    let rates = thread::scope(|scope| -> anyhow::Result<Vec<f64>> {
        let workers: Vec<_> = (0..threads)
            .map(|_| scope.spawn(|| rate(&client, &server, length)))
            .collect();
        let joined = workers.into_iter().map(|worker| worker.join());
        joined
            .map(|rate| rate.map_err(|_| anyhow!("a thread broke off"))?)
            .collect()
    })?;
    Ok(rates.iter().sum())
}

fn rate(client: &Arc<ClientConfig>, server: &Arc<ServerConfig>, length: Duration) -> anyhow::Result<f64> {
    let began = Instant::now();
    let mut count = 0u64;
    while began.elapsed() < length {
        shake(client, server)?;
        count += 1;
    }
    Ok(count as f64 / began.elapsed().as_secs_f64())
}

fn configs(
    certificate: &CertificateDer<'static>,
    key: Vec<u8>,
) -> anyhow::Result<(Arc<ClientConfig>, Arc<ServerConfig>)> {
    let provider = Arc::new(CryptoProvider {
        cipher_suites: vec![lc::cipher_suite::TLS13_AES_128_GCM_SHA256],
        kx_groups: vec![lc::kx_group::X25519],
        ..lc::default_provider()
    });
    let mut roots = RootCertStore::empty();
    roots.add(certificate.clone())?;
    let mut client = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_root_certificates(roots)
        .with_no_client_auth();
    client.resumption = rustls::client::Resumption::disabled();
    let key = PrivateKeyDer::try_from(key).map_err(|why| anyhow!("{why}"))?;
    let mut server = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key)?;
    server.send_tls13_tickets = 0;
    Ok((Arc::new(client), Arc::new(server)))
}

fn shake(client: &Arc<ClientConfig>, server: &Arc<ServerConfig>) -> anyhow::Result<()> {
    let name = ServerName::try_from("localhost").context("localhost is a name")?;
    let mut client: Connection = ClientConnection::new(Arc::clone(client), name)?.into();
    let mut server: Connection = ServerConnection::new(Arc::clone(server))?.into();
    while client.is_handshaking() || server.is_handshaking() {
        carry(&mut client, &mut server)?;
        carry(&mut server, &mut client)?;
    }
    Ok(())
}

fn carry(from: &mut Connection, to: &mut Connection) -> anyhow::Result<()> {
    let mut bytes = Vec::new();
    while from.wants_write() {
        from.write_tls(&mut bytes)?;
    }
    let mut rest = &bytes[..];
    while !rest.is_empty() {
        to.read_tls(&mut rest)?;
        to.process_new_packets()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handshakes_come_about() {
        assert!(alone(Duration::from_millis(50)).unwrap() > 0.0);
    }
}
