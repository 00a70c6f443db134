//! What became of TLS flows: a line each, and figures of all.
//!
//! It knows no key and no byte of what was said.

use std::collections::BTreeMap;
use std::fmt;

use super::suite::Suite;
use crate::event::{Flow, Secrecy};

/// A flow that speaks TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFlow {
    /// Which.
    pub flow: Flow,
    /// The server's name, as the client asked for it; bytes that do not print are escaped.
    pub server_name: Option<Box<str>>,
    /// The application's protocol that the server chose; under TLS 1.3 it can be seen only in what was decrypted.
    pub protocol: Option<Box<str>>,
    /// The version that the server chose.
    pub version: Option<TlsVersion>,
    /// The cipher suite that it chose.
    pub suite: Option<CipherSuite>,
    /// Records opened, of both sides.
    pub records: u64,
    /// Why some of it, or all where no record was opened, was not decrypted.
    pub undecrypted: Option<Undecrypted>,
}

impl TlsFlow {
    pub(super) fn new(flow: Flow) -> Self {
        Self {
            flow,
            server_name: None,
            protocol: None,
            version: None,
            suite: None,
            records: 0,
            undecrypted: None,
        }
    }

    /// What those who take the events are told of it.
    pub(super) fn secrecy(&self) -> Secrecy {
        match self.undecrypted {
            None => Secrecy::Opened,
            Some(Undecrypted::SecretsMissing | Undecrypted::SecretsWrong) => Secrecy::NoSecrets,
            Some(
                Undecrypted::Version(_)
                | Undecrypted::Suite(_)
                | Undecrypted::Compressed
                | Undecrypted::Renegotiated,
            ) => Secrecy::Unsupported,
            Some(_) => Secrecy::Broken,
        }
    }
}

/// A version's number: 0x0304 is TLS 1.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TlsVersion(pub u16);

impl TlsVersion {
    pub(super) const TLS12: Self = Self(0x0303);
    pub(super) const TLS13: Self = Self(0x0304);
}

impl fmt::Display for TlsVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0x0300 => f.write_str("SSL 3.0"),
            minor @ 0x0301..=0x0304 => write!(f, "TLS 1.{}", minor - 0x0301),
            other => write!(f, "TLS version 0x{other:04x}"),
        }
    }
}

/// A cipher suite's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CipherSuite(pub u16);

impl fmt::Display for CipherSuite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Suite::of(self.0) {
            Some(suite) => f.write_str(suite.name),
            None => write!(f, "cipher suite 0x{:04x}", self.0),
        }
    }
}

/// Why a flow was not decrypted, or not to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Undecrypted {
    /// The key log has not what it takes.
    #[error("its secrets are missing")]
    SecretsMissing,
    /// The records do not open with what the key log has.
    #[error("its secrets do not open it")]
    SecretsWrong,
    /// The capture joined when it was under way.
    #[error("it starts in mid-stream")]
    Midway,
    /// The server answers a *ClientHello* that the capture lacks.
    #[error("the capture lacks its ClientHello")]
    ClientHelloMissing,
    /// It ended, or the capture did, before the server answered the *ClientHello*.
    #[error("it has no ServerHello")]
    ServerHelloMissing,
    /// The capture lacks bytes of the handshake.
    #[error("the capture lacks bytes of its handshake")]
    HandshakeGap,
    /// It ended before anything was said under a key.
    #[error("it ended within its handshake")]
    HandshakeCut,
    /// An end refused the handshake, with this alert (RFC 8446, section 6).
    #[error("its handshake was refused with alert {0}")]
    Refused(u8),
    /// The capture lacks bytes, and after them no record was found that opens.
    #[error("the capture lacks bytes, and its records were lost track of")]
    Desynchronised,
    /// A record after others does not open.
    #[error("one of its records does not open")]
    RecordFailed,
    /// It renews its handshake within itself (RFC 5246, section 7.4.1.1).
    #[error("it renegotiates")]
    Renegotiated,
    /// A version that is too old.
    #[error("{0} is not supported")]
    Version(TlsVersion),
    /// A suite that cannot be opened.
    #[error("{0} is not supported")]
    Suite(CipherSuite),
    /// Its records are compressed.
    #[error("its records are compressed")]
    Compressed,
    /// A *Hello* or a record's header is malformed.
    #[error("its TLS is malformed")]
    Malformed,
    /// A bound on flows or on memory.
    #[error("there was no room for it")]
    Room,
}

impl Undecrypted {
    /// The reason's name in figures.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::SecretsMissing => "secrets_missing",
            Self::SecretsWrong => "secrets_wrong",
            Self::Midway => "midway",
            Self::ClientHelloMissing => "client_hello_missing",
            Self::ServerHelloMissing => "server_hello_missing",
            Self::HandshakeGap => "handshake_gap",
            Self::HandshakeCut => "handshake_cut",
            Self::Refused(_) => "refused",
            Self::Desynchronised => "desynchronised",
            Self::RecordFailed => "record_failed",
            Self::Renegotiated => "renegotiated",
            Self::Version(_) => "version",
            Self::Suite(_) => "suite",
            Self::Compressed => "compressed",
            Self::Malformed => "malformed",
            Self::Room => "room",
        }
    }
}

/// The bytes of flows that were taken for TLS: `came = went + off`, each counted by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TlsBytes {
    /// Said by clients and by servers.
    pub came: [u64; 2],
    /// Handed on of each: applications' data, and what came of flows that could not be opened.
    pub went: [u64; 2],
    /// Taken off, by [`TlsOverhead`].
    pub off: [u64; TlsOverhead::COUNT],
}

impl TlsBytes {
    /// Taken off, of any kind.
    #[must_use]
    pub fn off_bytes(&self) -> u64 {
        self.off.iter().sum()
    }

    /// What came and was not handed on, by these two counts alone.
    #[must_use]
    pub fn withheld_bytes(&self) -> u64 {
        let sum = |sides: [u64; 2]| sides.iter().sum::<u64>();
        sum(self.came).saturating_sub(sum(self.went))
    }

    /// Whether what was taken off is what was not handed on.
    #[must_use]
    pub fn closes(&self) -> bool {
        self.came.iter().sum::<u64>() == self.went.iter().sum::<u64>() + self.off_bytes()
    }

    /// What was taken off, by kind, without kinds of which there is nothing.
    pub fn off_by(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        let kinds = TlsOverhead::ALL.iter().zip(self.off);
        kinds
            .filter(|(_, bytes)| *bytes > 0)
            .map(|(kind, bytes)| (kind.name(), bytes))
    }
}

/// What is taken off with TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsOverhead {
    /// Headers of records that were read.
    Header,
    /// Messages of handshakes, *KeyUpdates* and *change_cipher_specs*.
    Handshake,
    /// Alerts, and what else is neither a handshake nor an application's.
    Alert,
    /// What protects a record that was opened: nonce, tag, padding, the inner type.
    Protection,
    /// Whole records that no key opened, and what came of a side that was given up.
    Sealed,
    /// Pieces of records of which the capture lacks the rest, and what was passed over until records were found again.
    Torn,
    /// What a side said behind its *close_notify*.
    Behind,
}

impl TlsOverhead {
    /// How many kinds there are.
    pub const COUNT: usize = Self::ALL.len();

    /// All kinds, each at its number.
    pub const ALL: [Self; 7] = [
        Self::Header,
        Self::Handshake,
        Self::Alert,
        Self::Protection,
        Self::Sealed,
        Self::Torn,
        Self::Behind,
    ];

    /// Its name in figures.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Header => "headers",
            Self::Handshake => "handshake",
            Self::Alert => "alerts",
            Self::Protection => "protection",
            Self::Sealed => "sealed",
            Self::Torn => "torn",
            Self::Behind => "behind-close",
        }
    }
}

/// What a decryption counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DecryptionFigures {
    /// Flows whose TLS was decrypted to the end, or as far as the capture goes, by version.
    pub decrypted: BTreeMap<TlsVersion, u64>,
    /// Flows whose TLS was not, or not all of it, by [`Undecrypted::name`].
    pub undecrypted: BTreeMap<&'static str, u64>,
    /// TLS flows beyond the bound on the list.
    pub unlisted: u64,
    /// Flows beyond the bound on flows: handed on as they are.
    pub unwatched: u64,
    /// Records opened.
    pub records_opened: u64,
    /// Records that do not open with the key they should.
    pub records_failed: u64,
    /// Records whose key is not known: data sent early, or a handshake.
    pub records_skipped: u64,
    /// Bytes of applications' data.
    pub plain_bytes: u64,
    /// Bytes of the flows that were taken for TLS.
    pub bytes: TlsBytes,
    /// Of these flows, those of which a side's counts do not close: 0, or something was miscounted.
    pub unbalanced: u64,
    /// Bytes of TLS that were given up: without a key, or after a gap.
    pub lost_bytes: u64,
    /// Gaps after which records were found again.
    pub resynchronised: u64,
    /// *KeyUpdates* followed.
    pub key_updates: u64,
    /// Alerts that ended a side, other than *close_notify*.
    pub alerts: u64,
    /// Sides that ended without a *close_notify*: what came before may not be all.
    pub truncated: u64,
    /// Bytes buffered at most, of all flows together.
    pub buffered_bytes_max: usize,
}
