//! How an HTTP call can fail, by kind.
//!
//! It does not know what was called for.

use crate::JobFailure;

/// How a call failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind}")]
pub struct Failure {
    /// In what way.
    pub kind: FailureKind,
    /// The HTTP status, where the server answered with one that is no success.
    pub status: Option<u16>,
}

/// In what way a call failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum FailureKind {
    /// No connection could be made.
    #[error("could not connect")]
    Connect,
    /// No whole answer came in time.
    #[error("timed out")]
    Timeout,
    /// The connection broke before the answer was whole.
    #[error("the connection broke")]
    Broken,
    /// Answered with 429 or 503: the server has too much to do.
    #[error("the server is overloaded")]
    Overloaded,
    /// Answered with another 4xx (or a 3xx, which is not followed).
    #[error("the server refused")]
    Refused,
    /// Answered with another 5xx.
    #[error("the server failed")]
    Server,
    /// Answered with success and something that is no answer.
    #[error("the answer makes no sense")]
    Malformed,
    /// What came back is not what was uploaded.
    #[error("the content is not what was uploaded")]
    Corrupted,
    /// No PIN came.
    #[error("no PIN came")]
    NoPin,
    /// The service stopped before the call was made.
    #[error("the service stopped")]
    Stopped,
}

impl FailureKind {
    /// Every kind, in the order of their names' places in the counters.
    pub const ALL: [Self; 10] = [
        Self::Connect,
        Self::Timeout,
        Self::Broken,
        Self::Overloaded,
        Self::Refused,
        Self::Server,
        Self::Malformed,
        Self::Corrupted,
        Self::NoPin,
        Self::Stopped,
    ];

    /// Its name in counters.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Timeout => "timeout",
            Self::Broken => "broken",
            Self::Overloaded => "overloaded",
            Self::Refused => "refused",
            Self::Server => "server",
            Self::Malformed => "malformed",
            Self::Corrupted => "corrupted",
            Self::NoPin => "no_pin",
            Self::Stopped => "stopped",
        }
    }
}

impl From<FailureKind> for Failure {
    fn from(kind: FailureKind) -> Self {
        Self { kind, status: None }
    }
}

impl From<reqwest::Error> for Failure {
    fn from(error: reqwest::Error) -> Self {
        let kind = if error.is_timeout() {
            FailureKind::Timeout
        } else if error.is_connect() {
            FailureKind::Connect
        } else {
            FailureKind::Broken
        };
        kind.into()
    }
}

impl From<Failure> for JobFailure {
    fn from(failure: Failure) -> Self {
        match (failure.kind, failure.status) {
            (_, Some(status)) => Self::Refused(status),
            (FailureKind::Timeout | FailureKind::NoPin, None) => Self::Timeout,
            (FailureKind::Stopped, None) => Self::Full,
            _ => Self::Connection,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_failure_has_a_name_of_its_own() {
        let names: std::collections::BTreeSet<_> =
            FailureKind::ALL.into_iter().map(FailureKind::name).collect();
        assert_eq!(names.len(), FailureKind::ALL.len());
    }
}
