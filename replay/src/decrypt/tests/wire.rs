//! Two ends of rustls in memory, and what travels between them.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use rcgen::{CertifiedKey, KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256};
use rustls::client::Resumption;
use rustls::crypto::{CryptoProvider, SupportedKxGroup, aws_lc_rs as lc};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{
    ClientConfig, ClientConnection, Connection, KeyLog, RootCertStore, ServerConfig, ServerConnection,
    SupportedCipherSuite,
};

use crate::event::Side;

/// A key log in memory.
#[derive(Debug, Default)]
pub(super) struct Log(Mutex<String>);

impl Log {
    pub(super) fn text(&self) -> String {
        self.0.lock().unwrap().clone()
    }
}

impl KeyLog for Log {
    fn log(&self, label: &str, client_random: &[u8], secret: &[u8]) {
        let hex = |bytes: &[u8]| {
            bytes.iter().fold(String::new(), |mut hex, byte| {
                write!(hex, "{byte:02x}").unwrap();
                hex
            })
        };
        writeln!(
            self.0.lock().unwrap(),
            "{label} {} {}",
            hex(client_random),
            hex(secret)
        )
        .unwrap();
    }
}

/// How a connection is set up.
#[derive(Clone)]
pub(super) struct Setup {
    pub(super) suite: SupportedCipherSuite,
    /// Key exchange groups of the server, and the client's, whose first is guessed.
    pub(super) groups: [Vec<&'static dyn SupportedKxGroup>; 2],
    pub(super) early_data_bytes: u32,
}

impl Setup {
    pub(super) fn of(suite: SupportedCipherSuite) -> Self {
        let groups = vec![lc::kx_group::X25519, lc::kx_group::SECP256R1];
        Self {
            suite,
            groups: [groups.clone(), groups],
            early_data_bytes: 0,
        }
    }
}

/// Configurations of two ends that trust each other, with the client's key log.
pub(super) struct Ends {
    client: Arc<ClientConfig>,
    server: Arc<ServerConfig>,
    log: Arc<Log>,
}

impl Ends {
    pub(super) fn new(setup: &Setup) -> Self {
        let name = format!("{:?}", setup.suite.suite());
        let algorithm = if name.contains("_RSA_") {
            &PKCS_RSA_SHA256
        } else {
            &PKCS_ECDSA_P256_SHA256
        };
        let signing_key = if name.contains("_RSA_") {
            rsa_key()
        } else {
            KeyPair::generate_for(algorithm).unwrap()
        };
        let cert = rcgen::CertificateParams::new(vec!["teem.example".to_owned()])
            .unwrap()
            .self_signed(&signing_key)
            .unwrap();
        let made = CertifiedKey { cert, signing_key };
        let certificate = CertificateDer::from(made.cert.der().to_vec());
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        let provider = |groups: &Vec<&'static dyn SupportedKxGroup>| {
            Arc::new(CryptoProvider {
                cipher_suites: vec![setup.suite],
                kx_groups: groups.clone(),
                ..lc::default_provider()
            })
        };
        let log = Arc::new(Log::default());
        let mut roots = RootCertStore::empty();
        roots.add(certificate.clone()).unwrap();
        let versions = [setup.suite.version()];
        let mut client = ClientConfig::builder_with_provider(provider(&setup.groups[0]))
            .with_protocol_versions(&versions)
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        client.alpn_protocols = vec![b"teem/1".to_vec()];
        client.key_log = Arc::clone(&log) as _;
        client.resumption = Resumption::in_memory_sessions(8);
        client.enable_early_data = setup.early_data_bytes > 0;
        let mut server = ServerConfig::builder_with_provider(provider(&setup.groups[1]))
            .with_protocol_versions(&versions)
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .unwrap();
        server.alpn_protocols = vec![b"teem/1".to_vec()];
        server.max_early_data_size = setup.early_data_bytes;
        Self {
            client: Arc::new(client),
            server: Arc::new(server),
            log,
        }
    }

    pub(super) fn log(&self) -> String {
        self.log.text()
    }

    /// Another connection.
    pub(super) fn connect(&self) -> Wire {
        let name = ServerName::try_from("teem.example").unwrap();
        Wire {
            client: ClientConnection::new(Arc::clone(&self.client), name)
                .unwrap()
                .into(),
            server: ServerConnection::new(Arc::clone(&self.server)).unwrap().into(),
            turns: Vec::new(),
            said: [Vec::new(), Vec::new()],
        }
    }
}

/// An RSA key made once, as it takes long.
fn rsa_key() -> KeyPair {
    static KEY: std::sync::OnceLock<Vec<u8>> = std::sync::OnceLock::new();
    let der = KEY.get_or_init(|| {
        KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, rcgen::RsaKeySize::_2048)
            .unwrap()
            .serialize_der()
    });
    KeyPair::try_from(der.as_slice()).unwrap()
}

/// A connection, and what went over it.
pub(super) struct Wire {
    pub(super) client: Connection,
    pub(super) server: Connection,
    /// Bytes on the wire, in turns.
    pub(super) turns: Vec<(Side, Vec<u8>)>,
    /// What each end said.
    pub(super) said: [Vec<u8>; 2],
}

impl Wire {
    fn end(&mut self, side: Side) -> &mut Connection {
        match side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        }
    }

    /// An end says something, which may not leave before [`Self::carry`].
    pub(super) fn say(&mut self, side: Side, bytes: &[u8]) {
        use std::io::Write as _;
        // Its buffer holds 64 KB.
        for bytes in bytes.chunks(1 << 15) {
            self.end(side).writer().write_all(bytes).unwrap();
            self.said[side as usize].extend_from_slice(bytes);
            self.carry();
        }
    }

    pub(super) fn close(&mut self, side: Side) {
        self.end(side).send_close_notify();
        self.carry();
    }

    /// Carries bytes to and fro until both ends are silent.
    pub(super) fn carry(&mut self) {
        use std::io::Read as _;
        loop {
            let mut silent = true;
            for side in [Side::Client, Side::Server] {
                let mut bytes = Vec::new();
                while self.end(side).wants_write() {
                    self.end(side).write_tls(&mut bytes).unwrap();
                }
                let (mut rest, to) = (bytes.as_slice(), side.other());
                while !rest.is_empty() {
                    silent = false;
                    if self.end(to).read_tls(&mut rest).unwrap() == 0 {
                        break;
                    }
                    self.end(to).process_new_packets().unwrap();
                    let mut plain = Vec::new();
                    let _ = self.end(to).reader().read_to_end(&mut plain);
                }
                if !bytes.is_empty() {
                    self.turns.push((side, bytes));
                }
            }
            if silent {
                break;
            }
        }
    }
}
