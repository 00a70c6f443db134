//! `teem replay`: what a capture holds, and the same driven again.

pub(crate) mod arguments;
mod inspect;
mod source;

use anyhow::{Result, bail};

use crate::exit::Outcome;
use arguments::{ReplayAction, ReplayArgs};

/// Lists a capture, or drives it again.
pub(crate) fn replay(args: &ReplayArgs) -> Result<Outcome> {
    match &args.action {
        Some(ReplayAction::Inspect(args)) => inspect::inspect(args),
        None => bail!("only `teem replay inspect` is here yet"),
    }
}
