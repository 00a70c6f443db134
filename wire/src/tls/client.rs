//! How a client handshakes: whom it trusts, by what name it calls the server, whether it resumes.

use std::sync::Arc;

use rustls::client::{Resumption, UnbufferedClientConnection};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::time_provider::TimeProvider;
use rustls::{ClientConfig, KeyLog, RootCertStore};

use super::capture::Capture;
use super::pinned::Pinned;
use super::{ConfigError, Fault, Identity, provider};

/// Tickets kept by a client configuration, all its connections together.
const TICKETS_KEPT: usize = 4096;

/// Whom a client trusts.
#[derive(Clone, Debug)]
pub enum Trust {
    /// Exactly this certificate: no chain is built, no name compared, no time asked.
    Pinned(CertificateDer<'static>),
    /// Whatever these certify, for the server's name and at the time of the handshake.
    Roots(Vec<CertificateDer<'static>>),
}

/// What a client wants.
#[derive(Clone, Debug)]
pub struct ClientOptions {
    /// Whom it trusts.
    pub trust: Trust,
    /// The server's host name, or its address: a host name is also sent, as SNI (RFC 6066, section 3).
    pub name: String,
    /// Application protocols, the dearest first (RFC 7301); none sends no such extension.
    pub alpn: Vec<Vec<u8>>,
    /// Whether to take tickets and resume with them: until they have come, each connection holds a kilobyte more.
    pub resumes: bool,
}

/// A client's configuration, for all its connections.
#[derive(Clone, Debug)]
pub struct ClientTls {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
    resumes: bool,
    key_log: Option<Arc<dyn KeyLog>>,
}

impl ClientTls {
    /// Parses options. The time, by which certificates and tickets expire, is asked of `time`.
    ///
    /// # Errors
    /// A name that is none, or a certificate that cannot be one.
    pub fn new(options: ClientOptions, time: Arc<dyn TimeProvider>) -> Result<Self, ConfigError> {
        Self::build(options, None, time)
    }

    /// The same for a client that shows who it is where the server asks (RFC 8446, section 4.4.2).
    ///
    /// # Errors
    /// As [`ClientTls::new`], or the key is of a kind that nobody can sign with, or not the certificate's.
    pub fn with_identity(
        options: ClientOptions,
        identity: Identity,
        time: Arc<dyn TimeProvider>,
    ) -> Result<Self, ConfigError> {
        Self::build(options, Some(identity), time)
    }

    fn build(
        options: ClientOptions,
        identity: Option<Identity>,
        time: Arc<dyn TimeProvider>,
    ) -> Result<Self, ConfigError> {
        let name = ServerName::try_from(options.name.clone()).map_err(|_| ConfigError::Name(options.name))?;
        let provider = provider();
        let algorithms = provider.signature_verification_algorithms;
        let builder = ClientConfig::builder_with_details(provider, time)
            .with_protocol_versions(&[&rustls::version::TLS13])?;
        let builder = match options.trust {
            Trust::Pinned(certificate) => builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(Pinned::new(certificate, algorithms))),
            Trust::Roots(certificates) => {
                let mut roots = RootCertStore::empty();
                for certificate in certificates {
                    roots.add(certificate)?;
                }
                builder.with_root_certificates(roots)
            }
        };
        let mut config = match identity {
            None => builder.with_no_client_auth(),
            Some(Identity { chain, key }) => builder.with_client_auth_cert(chain, key)?,
        };
        config.alpn_protocols = options.alpn;
        config.enable_secret_extraction = true;
        config.resumption = if options.resumes {
            Resumption::in_memory_sessions(TICKETS_KEPT)
        } else {
            Resumption::disabled()
        };
        Ok(Self {
            config: Arc::new(config),
            name,
            resumes: options.resumes,
            key_log: None,
        })
    }

    /// The same, but that every connection's secrets are told, as they come to be: whoever has them reads all that was said
    /// (draft-ietf-tls-keylogfile). It is called in the middle of handshakes, from any thread.
    #[must_use]
    pub fn with_key_log(self, key_log: Arc<dyn KeyLog>) -> Self {
        Self {
            key_log: Some(key_log),
            ..self
        }
    }

    /// Takes the secrets of a connection that begins.
    pub(super) fn capture(&self) -> Arc<Capture> {
        Arc::new(Capture::before(self.key_log.clone()))
    }

    pub(super) fn resumes(&self) -> bool {
        self.resumes
    }

    /// Begins a connection whose secrets `capture` takes.
    pub(super) fn begin(&self, capture: Arc<Capture>) -> Result<UnbufferedClientConnection, Fault> {
        let mut config = ClientConfig::clone(&self.config);
        config.key_log = capture;
        UnbufferedClientConnection::new(Arc::new(config), self.name.clone())
            .map_err(|error| Fault::from(&error))
    }
}
