//! `teem replay`: what a capture holds, and the same driven again.

pub(crate) mod arguments;
pub(crate) mod drive;
mod fit;
mod inspect;
mod part;
pub(crate) mod source;

use anyhow::{Result, bail};

use crate::cli::no_capture;
use crate::exit::Outcome;
use arguments::{ReplayAction, ReplayArgs};

/// Lists a capture, or drives it again.
pub(crate) fn replay(args: &ReplayArgs) -> Result<Outcome> {
    match (&args.action, &args.drive) {
        (Some(ReplayAction::Inspect(args)), _) => inspect::inspect(args),
        (Some(ReplayAction::Fit(args)), _) => fit::fit(args),
        (None, Some(args)) => match no_capture(&args.capture) {
            None => drive::drive(args),
            Some(told) => bail!("{told}"),
        },
        (None, None) => {
            bail!("what to replay? Give a capture and --target HOST:PORT, or see teem replay --help")
        }
    }
}
