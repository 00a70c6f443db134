//! Why a session was not driven to its end, by kind, and what there is to say of it.
//!
//! It knows names, and who is to be blamed; it counts nothing.

use reactor::Closed;

/// Why a session was not driven to its end, and its sends unsent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cause {
    /// Nobody listens there.
    Refused,
    /// No answer to the connect.
    TimedOut,
    /// The target sent RST.
    Reset,
    /// The target closed before all was said.
    Closed,
    /// TLS broke.
    Tls,
    /// The target did not read.
    Full,
    /// A rule could not be applied.
    Rewrite,
    /// The recording could not be read.
    Recording,
    /// The replay was stopped.
    Stopped,
    /// This host had no port to give.
    NoPort,
    /// This host had no descriptor to give.
    NoDescriptor,
    /// Anything else.
    Other,
}

impl Cause {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Refused,
        Self::TimedOut,
        Self::Reset,
        Self::Closed,
        Self::Tls,
        Self::Full,
        Self::Rewrite,
        Self::Recording,
        Self::Stopped,
        Self::NoPort,
        Self::NoDescriptor,
        Self::Other,
    ];

    /// Its name in figures.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::TimedOut => "timed_out",
            Self::Reset => "reset",
            Self::Closed => "closed",
            Self::Tls => "tls",
            Self::Full => "full",
            Self::Rewrite => "rewrite",
            Self::Recording => "recording",
            Self::Stopped => "stopped",
            Self::NoPort => "no_port",
            Self::NoDescriptor => "no_descriptor",
            Self::Other => "other",
        }
    }

    /// Whether this host fell short, and the target cannot be blamed.
    #[must_use]
    pub fn is_ours(self) -> bool {
        matches!(self, Self::NoPort | Self::NoDescriptor | Self::Recording)
    }
}

/// How a session failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The kind.
    pub cause: Cause,
    /// What more is known, in a sentence; mostly nothing.
    pub why: String,
}

impl From<Cause> for Failure {
    fn from(cause: Cause) -> Self {
        Self {
            cause,
            why: String::new(),
        }
    }
}

impl From<Closed> for Failure {
    fn from(why: Closed) -> Self {
        let sentence = match why {
            Closed::Tls(_) | Closed::Other(_) | Closed::Crowded => why.to_string(),
            _ => String::new(),
        };
        Self {
            cause: why.into(),
            why: sentence,
        }
    }
}

impl From<Closed> for Cause {
    fn from(why: Closed) -> Self {
        match why {
            Closed::Peer => Self::Closed,
            Closed::Reset => Self::Reset,
            Closed::Refused => Self::Refused,
            Closed::TimedOut => Self::TimedOut,
            Closed::NoPort => Self::NoPort,
            Closed::NoDescriptor => Self::NoDescriptor,
            Closed::Tls(_) => Self::Tls,
            Closed::Crowded | Closed::Other(_) => Self::Other,
        }
    }
}
