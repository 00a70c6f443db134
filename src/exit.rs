//! Exit codes, the same for every command.

use std::process::ExitCode;

use record::Verdict;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// 0: done, or passed.
    Passed,
    /// 1: a threshold failed.
    Failed,
    /// 2: a mistake in usage or configuration; nothing was started.
    Usage,
    /// 3: the testbed fell short, so the run says nothing about the server.
    Invalid,
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        Self::from(match outcome {
            Outcome::Passed => 0,
            Outcome::Failed => 1,
            Outcome::Usage => 2,
            Outcome::Invalid => 3,
        })
    }
}

impl From<Verdict> for Outcome {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Pass => Self::Passed,
            Verdict::Fail => Self::Failed,
            Verdict::Invalid => Self::Invalid,
        }
    }
}
