//! Against rustls as it comes, in memory: no one here reads a socket.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::sync::Arc;

use proptest::prelude::*;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection};
use wire::tls::{Handshake, Identity, Trust};

use crate::wired::{Wired, client, server};

/// A rustls connection as the stream that its peer sees: what is written is given to it at once, in pieces, and what it
/// answers is read, in pieces. Data that it gets is kept, and echoed.
struct Peer {
    connection: rustls::Connection,
    to_us: VecDeque<u8>,
    pieces: VecDeque<usize>,
    refreshes: u32,
}

impl Peer {
    fn new(connection: rustls::Connection, pieces: &[usize], refreshes: u32) -> Self {
        let mut peer = Self {
            connection,
            to_us: VecDeque::new(),
            pieces: pieces.iter().copied().collect(),
            refreshes,
        };
        peer.flush();
        peer
    }

    fn piece(&mut self, most: usize) -> usize {
        self.pieces.rotate_left(1);
        self.pieces[0].clamp(1, most)
    }

    fn flush(&mut self) {
        while self.connection.wants_write() {
            let mut sent = Vec::new();
            self.connection.write_tls(&mut sent).unwrap();
            self.to_us.extend(sent);
        }
    }

    fn echo(&mut self) {
        let mut got = vec![0; 100_000];
        while let Ok(length @ 1..) = self.connection.reader().read(&mut got) {
            if self.refreshes > 0 {
                self.refreshes -= 1;
                self.connection.refresh_traffic_keys().unwrap();
            }
            self.connection.writer().write_all(&got[..length]).unwrap();
            self.flush();
        }
    }
}

impl Write for Peer {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let length = self.piece(bytes.len());
        let mut rest = &bytes[..length];
        while !rest.is_empty() {
            self.connection.read_tls(&mut rest)?;
            let done = self.connection.process_new_packets();
            self.flush();
            done.map_err(std::io::Error::other)?;
            self.echo();
        }
        Ok(length)
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Read for Peer {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let length = self.piece(buffer.len()).min(self.to_us.len());
        self.to_us
            .drain(..length)
            .zip(buffer)
            .for_each(|(byte, place)| *place = byte);
        Ok(length)
    }
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

fn plain_client(certificate: &CertificateDer<'static>) -> rustls::Connection {
    let mut roots = RootCertStore::empty();
    roots.add(certificate.clone()).unwrap();
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"chat".to_vec()];
    ClientConnection::new(Arc::new(config), ServerName::try_from("localhost").unwrap())
        .unwrap()
        .into()
}

fn plain_server(certificate: &CertificateDer<'static>, key: PrivateKeyDer<'static>) -> rustls::Connection {
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key)
        .unwrap();
    config.alpn_protocols = vec![b"chat".to_vec()];
    ServerConnection::new(Arc::new(config)).unwrap().into()
}

/// Says something in pieces of several sizes and checks the echo, with keys renewed on both sides.
fn converse(mut wired: Wired<Peer>) {
    assert_eq!(wired.alpn.as_deref(), Some(&b"chat"[..]));
    for round in 0..6 {
        let text = format!("{}{round}\n", "teem ".repeat(round * 2500));
        wired.send(&text);
        assert_eq!(wired.read_to(&format!("{round}\n")).unwrap(), text);
        if round % 2 == 1 {
            wired.update(round == 3);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn our_client_and_plain_rustls(pieces in prop::collection::vec(1usize..20_000, 1..6), refreshes in 0u32..4) {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        let peer = Peer::new(plain_server(made.cert.der(), key), &pieces, refreshes);
        let tls = client(Trust::Roots(vec![made.cert.der().clone()]), true);
        converse(Wired::new(peer, Handshake::client(&tls).unwrap()).unwrap());
    }

    #[test]
    fn our_server_and_plain_rustls(
        pieces in prop::collection::vec(1usize..20_000, 1..6),
        refreshes in 0u32..4,
        tickets in 0u8..3,
    ) {
        let identity = Identity::generate(&["localhost"]).unwrap();
        let peer = Peer::new(plain_client(identity.certificate().unwrap()), &pieces, refreshes);
        let tls = server(&identity, tickets);
        converse(Wired::new(peer, Handshake::server(&tls).unwrap()).unwrap());
    }
}
