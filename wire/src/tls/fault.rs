//! Why a TLS connection broke: the peer's fault apart from ours, and the alert that says so.
//!
//! It does not know how an alert is sent.

use rustls::{AlertDescription, Error};

/// An alert's description (RFC 8446, section 6).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Alert(pub u8);

impl Alert {
    /// The peer will send no more; not an error.
    pub const CLOSE_NOTIFY: Self = Self(0);
    /// A message that may not come now, or not at all.
    pub const UNEXPECTED_MESSAGE: Self = Self(10);
    /// A record that does not authenticate.
    pub const BAD_RECORD_MAC: Self = Self(20);
    /// A record longer than allowed.
    pub const RECORD_OVERFLOW: Self = Self(22);
    /// No set of parameters that both accept.
    pub const HANDSHAKE_FAILURE: Self = Self(40);
    /// A field out of its range.
    pub const ILLEGAL_PARAMETER: Self = Self(47);
    /// A message that cannot be parsed.
    pub const DECODE_ERROR: Self = Self(50);
    /// A signature or a *Finished* that does not verify.
    pub const DECRYPT_ERROR: Self = Self(51);
    /// A fault of the sender, which has nothing to do with the peer.
    pub const INTERNAL_ERROR: Self = Self(80);
    /// The handshake is given up for a reason that is no fault; a *close_notify* follows.
    pub const USER_CANCELED: Self = Self(90);

    /// Its level on the wire: 1 for the two that are no errors, else 2 (RFC 8446, section 6).
    pub(super) fn level(self) -> u8 {
        if matches!(self, Self::CLOSE_NOTIFY | Self::USER_CANCELED) {
            1
        } else {
            2
        }
    }
}

impl std::fmt::Debug for Alert {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

impl std::fmt::Display for Alert {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} ({})", AlertDescription::from(self.0), self.0)
    }
}

/// Why a TLS connection broke.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Fault {
    /// The peer's doing.
    #[error(transparent)]
    Peer(#[from] PeerFault),
    /// Our own doing.
    #[error(transparent)]
    Own(#[from] OwnFault),
}

/// What a peer did wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum PeerFault {
    /// It sent a fatal alert: we did wrong, in its eyes.
    #[error("the peer sent the alert {0}")]
    Alerted(Alert),
    /// It broke the protocol, or wants what we do not have; we answer with this alert.
    #[error("the peer broke TLS: {0}")]
    Violated(Alert),
    /// Its certificate is not one we trust; we answer with this alert.
    #[error("the peer's certificate is not trusted: {0}")]
    Untrusted(Alert),
    /// The connection ended without a *close_notify*: what came before may not be all.
    #[error("the connection ended in the middle, without a close_notify")]
    Truncated,
}

/// What went wrong on our side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum OwnFault {
    /// The cryptographic library failed, for lack of randomness or memory.
    #[error("the cryptographic library failed")]
    Crypto,
    /// The configuration does not fit the connection.
    #[error("the TLS configuration does not serve this connection")]
    Config,
    /// A sequence number reached its end.
    #[error("too many records under one key")]
    Exhausted,
    /// The handshake left other secrets than those it announced.
    #[error("the handshake's secrets do not agree")]
    Secrets,
}

impl Fault {
    pub(super) const fn violated(alert: Alert) -> Self {
        Self::Peer(PeerFault::Violated(alert))
    }

    /// The alert that tells the peer, if it should hear one.
    #[must_use]
    pub fn alert(self) -> Option<Alert> {
        match self {
            Self::Peer(PeerFault::Alerted(_) | PeerFault::Truncated) => None,
            Self::Peer(PeerFault::Violated(alert) | PeerFault::Untrusted(alert)) => Some(alert),
            Self::Own(_) => Some(Alert::INTERNAL_ERROR),
        }
    }
}

impl From<&Error> for Fault {
    /// What rustls says of a handshake. It sends the alert itself; the one here is for the record.
    fn from(error: &Error) -> Self {
        let peer = match error {
            Error::AlertReceived(alert) => PeerFault::Alerted(Alert((*alert).into())),
            Error::InvalidCertificate(why) => {
                PeerFault::Untrusted(Alert(AlertDescription::from(why.clone()).into()))
            }
            Error::NoCertificatesPresented | Error::UnsupportedNameType => {
                PeerFault::Untrusted(Alert(AlertDescription::CertificateRequired.into()))
            }
            Error::InappropriateMessage { .. } | Error::InappropriateHandshakeMessage { .. } => {
                PeerFault::Violated(Alert::UNEXPECTED_MESSAGE)
            }
            Error::InvalidMessage(why) => PeerFault::Violated(Alert(AlertDescription::from(*why).into())),
            Error::DecryptError => PeerFault::Violated(Alert::BAD_RECORD_MAC),
            Error::PeerSentOversizedRecord => PeerFault::Violated(Alert::RECORD_OVERFLOW),
            Error::PeerIncompatible(_) => PeerFault::Violated(Alert::HANDSHAKE_FAILURE),
            Error::PeerMisbehaved(_) => PeerFault::Violated(Alert::ILLEGAL_PARAMETER),
            Error::NoApplicationProtocol => {
                PeerFault::Violated(Alert(AlertDescription::NoApplicationProtocol.into()))
            }
            Error::FailedToGetRandomBytes | Error::EncryptError => return OwnFault::Crypto.into(),
            _ => return OwnFault::Config.into(),
        };
        peer.into()
    }
}
