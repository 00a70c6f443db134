//! How a server handshakes: who it is, and whether it gives out tickets.

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::Ticketer;
use rustls::server::{NoServerSessionStorage, UnbufferedServerConnection};
use rustls::time_provider::TimeProvider;

use super::capture::Capture;
use super::{ConfigError, Fault, Identity, provider};

/// What a server wants.
#[derive(Debug)]
pub struct ServerOptions {
    /// Who it is.
    pub identity: Identity,
    /// Application protocols, the dearest first (RFC 7301); none takes whatever is offered, and answers none.
    pub alpn: Vec<Vec<u8>>,
    /// Tickets for each client to resume with; 0 is the cheapest. They carry their state: the server keeps
    /// none, but their keys, which rustls renews every six hours by its own clock.
    pub tickets: u8,
}

/// A server's configuration, for all its connections.
#[derive(Clone, Debug)]
pub struct ServerTls {
    config: Arc<ServerConfig>,
}

impl ServerTls {
    /// Parses options. The time, by which tickets expire, is asked of `time`.
    ///
    /// # Errors
    /// Key and certificate that do not fit each other, or no randomness for the tickets' key.
    pub fn new(options: ServerOptions, time: Arc<dyn TimeProvider>) -> Result<Self, ConfigError> {
        let mut config = ServerConfig::builder_with_details(provider(), time)
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_no_client_auth()
            .with_single_cert(options.identity.chain, options.identity.key)?;
        config.alpn_protocols = options.alpn;
        config.enable_secret_extraction = true;
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = usize::from(options.tickets);
        if options.tickets > 0 {
            config.ticketer = Ticketer::new()?;
        }
        Ok(Self {
            config: Arc::new(config),
        })
    }

    /// Begins a connection whose secrets `capture` takes.
    pub(super) fn begin(&self, capture: Arc<Capture>) -> Result<UnbufferedServerConnection, Fault> {
        let mut config = ServerConfig::clone(&self.config);
        config.key_log = capture;
        UnbufferedServerConnection::new(Arc::new(config)).map_err(|error| Fault::from(&error))
    }
}
