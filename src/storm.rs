//! `teem storm`: the child process that the HTTP storm runs in, since goose takes over signals, logging and a global
//! stop.

use anyhow::Result;

use crate::exit::Outcome;

/// Reads the storm's configuration from standard input and writes its outcome to standard output.
pub(crate) fn storm() -> Result<Outcome> {
    // Not a lock on standard output: goose takes that for its log.
    loadgen::storm::serve(std::io::stdin().lock(), std::io::stdout())?;
    Ok(Outcome::Passed)
}
