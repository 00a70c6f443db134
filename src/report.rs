//! `teem report`: a run folder rendered again.

use anyhow::Result;

use crate::cli::ReportArgs;
use crate::exit::Outcome;

/// Renders.
pub(crate) fn report(args: &ReportArgs) -> Result<Outcome> {
    let summary = reports::render(&args.run)?;
    if args.json {
        outln!("{}", serde_json::to_string_pretty(&summary)?);
    } else {
        outln!("{}", args.run.join("report.html").display());
    }
    Ok(Outcome::Passed)
}
