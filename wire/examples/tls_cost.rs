//! What compact TLS costs on this host, beside rustls as it comes in the same run: handshakes, records, memory.
//!
//! `cargo run --release -p teem-wire --example tls_cost [HANDSHAKES [SESSIONS]]`; one thread, both ends.

#![allow(clippy::print_stdout, reason = "it is a tool")]

use std::error::Error;
use std::io::{Read as _, Write as _};
use std::sync::Arc;
use std::time::Instant;

use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs as lc;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::time_provider::DefaultTimeProvider;
use rustls::{ClientConfig, ClientConnection, Connection, RootCertStore, ServerConfig, ServerConnection};
use wire::tls::{
    ClientOptions, ClientTls, Finished, Handshake, Identity, Keys, Progress, ServerOptions, ServerTls,
};
use wire::tls::{Session, Trust};

type Outcome<T> = Result<T, Box<dyn Error>>;

/// Bytes of a message: a chat message with its frame.
const MESSAGE: &[u8] = &[b'x'; 130];

fn main() -> Outcome<()> {
    let mut arguments = std::env::args().skip(1);
    let handshakes: u32 = arguments.next().map_or(Ok(4000), |count| count.parse())?;
    let sessions: usize = arguments.next().map_or(Ok(100_000), |count| count.parse())?;
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
    let (certificate, key) = (made.cert.der().clone(), made.signing_key.serialize_der());
    let identity = || Identity::from_der(vec![certificate.clone()], key.clone());
    let roots = || Trust::Roots(vec![certificate.clone()]);
    let pinned = || Trust::Pinned(certificate.clone());
    let server = server(identity()?, 0)?;

    println!("handshakes/s, both ends on one core ({handshakes} each)");
    let plain = plain_rate(&certificate, key.clone(), handshakes)?;
    println!("  rustls as it comes, certificate verified  {plain:8.0}");
    let rate = |label: &str, client: &ClientTls, server: &ServerTls| -> Outcome<()> {
        let began = Instant::now();
        for _ in 0..handshakes {
            shake(client, server)?;
        }
        let rate = f64::from(handshakes) / began.elapsed().as_secs_f64();
        println!("  {label:<41} {rate:8.0}   {:.2} of rustls", rate / plain);
        Ok(())
    };
    rate("compact, certificate verified", &client(roots(), false)?, &server)?;
    rate("compact, certificate pinned", &client(pinned(), false)?, &server)?;
    rate(
        "compact, resumed",
        &client(roots(), true)?,
        &self::server(identity()?, 1)?,
    )?;

    under_way(&client(pinned(), false)?, &server)?;

    let (first, second) = shake(&client(pinned(), false)?, &server)?;
    records(
        "one busy connection, keys ready",
        vec![(first, second)],
        Keys::new(4),
    )?;
    let before = rss_anon()?;
    let began = Instant::now();
    let pairs = (0..sessions / 2)
        .map(|_| shake(&client(pinned(), false)?, &server))
        .collect::<Outcome<Vec<_>>>()?;
    println!(
        "\n{} sessions made in {:.1} s",
        2 * pairs.len(),
        began.elapsed().as_secs_f64()
    );
    let grown = rss_anon()?.saturating_sub(before);
    println!(
        "  {} B each by size, {} B each of RssAnon",
        size_of::<Session>(),
        grown / (2 * pairs.len() as u64)
    );
    records("all in turn, no key ready", pairs, Keys::new(2))?;
    plain_records(&certificate, key.clone())
}

fn client(trust: Trust, resumes: bool) -> Outcome<ClientTls> {
    let options = ClientOptions {
        trust,
        name: "localhost".to_owned(),
        alpn: Vec::new(),
        resumes,
    };
    Ok(ClientTls::new(options, Arc::new(DefaultTimeProvider))?)
}

fn server(identity: Identity, tickets: u8) -> Outcome<ServerTls> {
    let options = ServerOptions {
        identity,
        alpn: Vec::new(),
        tickets,
    };
    Ok(ServerTls::new(options, Arc::new(DefaultTimeProvider))?)
}

/// A whole handshake, to the sessions; tickets are taken.
fn shake(client: &ClientTls, server: &ServerTls) -> Outcome<(Session, Session)> {
    let (mut client, mut server) = (Handshake::client(client)?, Handshake::server(server)?);
    let (mut to_server, mut to_client) = (Vec::new(), Vec::new());
    client.receive(&[], &mut to_server)?;
    server.receive(&to_server, &mut to_client)?;
    to_server.clear();
    client.receive(&to_client, &mut to_server)?;
    to_client.clear();
    if server.receive(&to_server, &mut to_client)? != Progress::Complete {
        return Err("the handshake did not end".into());
    }
    let (
        Finished {
            session: mut first, ..
        },
        second,
    ) = (client.finish()?, server.finish()?.session);
    let (mut keys, mut plain, mut rest) = (Keys::new(2), Vec::new(), &to_client[..]);
    while let Some(opened) = first.open(&mut keys, 0, rest, &mut plain)? {
        rest = &rest[opened.length..];
    }
    Ok((first, second))
}

/// What handshakes hold that wait for the peer's next flight.
fn under_way(client: &ClientTls, server: &ServerTls) -> Outcome<()> {
    const COUNT: u64 = 2000;
    let before = rss_anon()?;
    let (mut clients, mut servers, mut flights) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..COUNT {
        let mut flight = Vec::new();
        let mut handshake = Handshake::client(client)?;
        handshake.receive(&[], &mut flight)?;
        clients.push(handshake);
        flights.push(flight);
    }
    let between = rss_anon()?;
    for flight in &flights {
        let mut handshake = Handshake::server(server)?;
        handshake.receive(flight, &mut Vec::new())?;
        servers.push(handshake);
    }
    let after = rss_anon()?;
    let each = |from: u64, to: u64| to.saturating_sub(from) / COUNT;
    println!(
        "\nunder way: {} B a client's handshake, {} B a server's",
        each(before, between),
        each(between, after)
    );
    Ok(())
}

/// Times a record's sealing and its opening, over all connections in turn.
fn records(label: &str, mut pairs: Vec<(Session, Session)>, mut keys: Keys) -> Outcome<()> {
    let rounds = (200_000 / pairs.len()).max(1);
    let (mut sealed, mut plain) = (Vec::new(), Vec::new());
    let (mut sealing, mut opening) = (0.0, 0.0);
    // In batches, so that the clock is read seldom.
    for _ in 0..rounds {
        for (at, batch) in (0u64..).zip(pairs.chunks_mut(1000)) {
            let began = Instant::now();
            let mut bounds = Vec::with_capacity(batch.len());
            sealed.clear();
            for (number, (from, _)) in (1000 * at..).zip(&mut *batch) {
                let start = sealed.len();
                let written = from.seal(&mut keys, 2 * number, MESSAGE, &mut sealed)?;
                from.commit(written);
                bounds.push(start..sealed.len());
            }
            sealing += began.elapsed().as_secs_f64();
            let began = Instant::now();
            for ((number, (_, to)), bounds) in (1000 * at..).zip(&mut *batch).zip(bounds) {
                plain.clear();
                to.open(&mut keys, 2 * number + 1, &sealed[bounds], &mut plain)?;
            }
            opening += began.elapsed().as_secs_f64();
        }
    }
    let count = (rounds * pairs.len()) as f64;
    println!(
        "\nrecords of {} B: {label}\n  seal {:.0} ns, open {:.0} ns; keys {:?}",
        MESSAGE.len(),
        sealing / count * 1e9,
        opening / count * 1e9,
        keys.stats()
    );
    Ok(())
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(CryptoProvider {
        cipher_suites: vec![lc::cipher_suite::TLS13_AES_128_GCM_SHA256],
        kx_groups: vec![lc::kx_group::X25519],
        ..lc::default_provider()
    })
}

/// Configurations of rustls' own connections, with the same suite and group, and without tickets.
fn plain_configs(
    certificate: &CertificateDer<'static>,
    key: Vec<u8>,
) -> Outcome<(Arc<ClientConfig>, Arc<ServerConfig>)> {
    let mut roots = RootCertStore::empty();
    roots.add(certificate.clone())?;
    let mut client = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_root_certificates(roots)
        .with_no_client_auth();
    client.resumption = rustls::client::Resumption::disabled();
    let mut server = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], PrivateKeyDer::try_from(key)?)?;
    server.send_tls13_tickets = 0;
    Ok((Arc::new(client), Arc::new(server)))
}

fn plain_shake(client: &Arc<ClientConfig>, server: &Arc<ServerConfig>) -> Outcome<(Connection, Connection)> {
    let mut client: Connection =
        ClientConnection::new(Arc::clone(client), ServerName::try_from("localhost")?)?.into();
    let mut server: Connection = ServerConnection::new(Arc::clone(server))?.into();
    while client.is_handshaking() || server.is_handshaking() {
        carry(&mut client, &mut server)?;
        carry(&mut server, &mut client)?;
    }
    Ok((client, server))
}

fn carry(from: &mut Connection, to: &mut Connection) -> Outcome<()> {
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

fn plain_rate(certificate: &CertificateDer<'static>, key: Vec<u8>, handshakes: u32) -> Outcome<f64> {
    let (client, server) = plain_configs(certificate, key)?;
    let began = Instant::now();
    for _ in 0..handshakes {
        plain_shake(&client, &server)?;
    }
    Ok(f64::from(handshakes) / began.elapsed().as_secs_f64())
}

fn plain_records(certificate: &CertificateDer<'static>, key: Vec<u8>) -> Outcome<()> {
    const COUNT: u32 = 200_000;
    let (client, server) = plain_configs(certificate, key)?;
    let before = rss_anon()?;
    let kept = (0..1000)
        .map(|_| plain_shake(&client, &server))
        .collect::<Outcome<Vec<_>>>()?;
    let each = rss_anon()?.saturating_sub(before) / 2000;
    let Some((mut client, mut server)) = kept.into_iter().next() else {
        return Ok(());
    };
    let (mut sealed, mut plain) = (Vec::new(), [0; 256]);
    let began = Instant::now();
    for _ in 0..COUNT {
        client.writer().write_all(MESSAGE)?;
        sealed.clear();
        client.write_tls(&mut sealed)?;
        server.read_tls(&mut &sealed[..])?;
        server.process_new_packets()?;
        if server.reader().read(&mut plain)? != MESSAGE.len() {
            return Err("a record came apart".into());
        }
    }
    let ns = began.elapsed().as_secs_f64() / f64::from(COUNT) * 1e9;
    println!("\nrustls as it comes: seal and open {ns:.0} ns, {each} B of RssAnon a connection's end");
    Ok(())
}

/// Anonymous memory of this process, bytes.
fn rss_anon() -> Outcome<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("RssAnon:"))
        .ok_or("no RssAnon")?;
    Ok(line.trim().trim_end_matches(" kB").trim().parse::<u64>()? * 1024)
}
