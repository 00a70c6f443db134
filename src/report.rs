//! `teem report`: a run folder rendered again.

use anyhow::Result;

use crate::cli::ReportArgs;
use crate::exit::Outcome;

/// Renders.
pub(crate) fn report(args: &ReportArgs) -> Result<Outcome> {
    let summary = reports::render(&args.run)?;
    if args.json {
        println!("{}", serde_json::to_string_pretty(&summary)?);
    } else {
        println!("{}", args.run.join("report.html").display());
    }
    Ok(Outcome::Passed)
}
