//! Certificates and keys: a server's own, and those that a client trusts.
//!
//! It knows no file: whoever reads one hands its bytes in.

use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

/// A configuration that cannot be.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// Not the PEM it should be.
    #[error("{what} cannot be read as PEM: {source}")]
    Pem {
        /// What was being read.
        what: &'static str,
        /// What is wrong with it.
        source: pem::Error,
    },
    /// PEM without a certificate in it.
    #[error("no certificate: expected at least one PEM section CERTIFICATE")]
    NoCertificate,
    /// Not a key in any form that is known.
    #[error("the private key cannot be read: {0}")]
    Key(&'static str),
    /// Not a name that a certificate can bear.
    #[error("\"{0}\" is neither a host name nor an address")]
    Name(String),
    /// A certificate could not be made.
    #[error("a certificate could not be made: {0}")]
    Generate(#[from] rcgen::Error),
    /// Certificate, key or parameters do not fit each other.
    #[error("the TLS configuration is not possible: {0}")]
    Parameters(#[from] rustls::Error),
}

/// The certificates of a PEM text, in its order.
///
/// # Errors
/// It is not PEM, or has none.
pub fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, ConfigError> {
    let what = "the certificate file";
    let found: Vec<_> = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .map_err(|source| ConfigError::Pem { what, source })?;
    if found.is_empty() {
        return Err(ConfigError::NoCertificate);
    }
    Ok(found)
}

/// A certificate chain and the key of its first certificate.
#[derive(Debug)]
pub struct Identity {
    pub(super) chain: Vec<CertificateDer<'static>>,
    pub(super) key: PrivateKeyDer<'static>,
}

impl Identity {
    /// From PEM texts, the server's own certificate first.
    ///
    /// # Errors
    /// One of them is not PEM or lacks what it should hold.
    pub fn from_pem(chain: &[u8], key: &[u8]) -> Result<Self, ConfigError> {
        let what = "the key file";
        Ok(Self {
            chain: certificates(chain)?,
            key: PrivateKeyDer::from_pem_slice(key).map_err(|source| ConfigError::Pem { what, source })?,
        })
    }

    /// From a chain, the server's own certificate first, and its key as PKCS #8, PKCS #1 or SEC1.
    ///
    /// # Errors
    /// The key is none of these.
    pub fn from_der(chain: Vec<CertificateDer<'static>>, key: Vec<u8>) -> Result<Self, ConfigError> {
        Ok(Self {
            chain,
            key: PrivateKeyDer::try_from(key).map_err(ConfigError::Key)?,
        })
    }

    /// A new key (ECDSA over P-256: the cheapest to sign with) and a certificate that it signs itself, for a local run.
    ///
    /// # Errors
    /// A name is none, or there is no randomness.
    pub fn generate(names: &[&str]) -> Result<Self, ConfigError> {
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        let made = rcgen::generate_simple_self_signed(names)?;
        let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
        Ok(Self {
            chain: vec![made.cert.der().clone()],
            key: key.into(),
        })
    }

    /// The same as PEM texts, certificate and key, for a server that is to stay who it is when it starts again.
    ///
    /// # Errors
    /// As [`Identity::generate`].
    pub fn generate_pem(names: &[&str]) -> Result<(String, String), ConfigError> {
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        let made = rcgen::generate_simple_self_signed(names)?;
        Ok((made.cert.pem(), made.signing_key.serialize_pem()))
    }

    /// The first certificate, for a client that trusts exactly this one.
    #[must_use]
    pub fn certificate(&self) -> Option<&CertificateDer<'static>> {
        self.chain.first()
    }

    /// The same chain and key, for another configuration.
    #[must_use]
    pub fn clone_key(&self) -> Self {
        Self {
            chain: self.chain.clone(),
            key: self.key.clone_key(),
        }
    }
}
