//! How a command ends: its exit code, and what it says on standard error.

use std::process::ExitCode;

use record::Verdict;

use crate::progress;

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
    /// What a command inside a lab ended with.
    Theirs(u8),
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        Self::from(match outcome {
            Outcome::Passed => 0,
            Outcome::Failed => 1,
            Outcome::Usage => 2,
            Outcome::Invalid => 3,
            Outcome::Theirs(code) => code,
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

/// Says on standard error what went wrong.
pub(crate) fn complain(error: &anyhow::Error) {
    let word = progress::paint("error:", progress::RED, std::io::stderr());
    errln!("{word} {}", sentence(error));
}

/// An error with its causes, but for those that it names itself.
pub(crate) fn sentence(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for said in error.chain().map(ToString::to_string) {
        if text.is_empty() {
            text = said;
        } else if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    use super::*;

    #[test]
    fn a_cause_is_named_once() {
        let error = anyhow!("No space left").context("cannot write a: No space left");
        assert_eq!(sentence(&error), "cannot write a: No space left");
        let error = anyhow!("No space left").context("cannot write a").context("run");
        assert_eq!(sentence(&error), "run: cannot write a: No space left");
    }
}
