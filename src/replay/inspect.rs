//! `teem replay inspect`: the connections of a capture.

use anyhow::{Result, bail};

use super::arguments::InspectArgs;
use crate::exit::Outcome;

/// Lists the connections of a capture.
pub(crate) fn inspect(args: &InspectArgs) -> Result<Outcome> {
    bail!("{}: captures are not read yet", args.capture.display())
}
