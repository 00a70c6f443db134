//! `teem wsar`: the system activity report.

use std::io::Write as _;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use wsar::Sampler;
use wsar::table::Table;

use crate::cli::WsarArgs;
use crate::exit::Outcome;

/// Prints a line an interval until the count is reached or the terminal interrupts.
pub(crate) fn wsar(args: &WsarArgs) -> Result<Outcome> {
    if args.interval == 0 {
        bail!("--interval 0: expected one second or more");
    }
    let mut watches = Vec::new();
    for watch in &args.watch {
        let parsed = watch
            .split_once('=')
            .and_then(|(label, pid)| Some((label.to_owned(), pid.parse().ok()?)));
        watches.push(
            parsed.with_context(|| format!("--watch `{watch}`: expected LABEL=PID, such as server=4711"))?,
        );
    }
    let mut file = match &args.out {
        Some(path) => {
            Some(std::fs::File::create(path).with_context(|| format!("cannot write {}", path.display()))?)
        }
        None => None,
    };
    let (mut sampler, mut table, start) = (Sampler::new(watches), Table::default(), Instant::now());
    for missing in sampler.missing() {
        errln!("note: {missing} cannot be read here; its columns stay empty");
    }
    let mut lines = 0;
    while args.count.is_none_or(|count| lines < count) {
        let sample = sampler.sample(start.elapsed().as_millis() as u64);
        for label in sampler.take_vanished() {
            errln!("note: the process watched as {label} has ended");
        }
        if let Some(file) = &mut file {
            writeln!(file, "{}", serde_json::to_string(&sample)?)?;
        }
        if let Some(text) = table.push(sample) {
            // A closed pipe (| head) is a reader who has seen enough.
            if writeln!(std::io::stdout(), "{text}").is_err() {
                break;
            }
            lines += 1;
        }
        // On a fixed grid, so that intervals do not drift by what sampling takes.
        let next =
            start + Duration::from_secs((start.elapsed().as_secs() / args.interval + 1) * args.interval);
        std::thread::sleep(next.saturating_duration_since(Instant::now()));
    }
    Ok(Outcome::Passed)
}
