//! Whole runs of `teem run`: started, waited for, read back from their run folders.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, bail};
use record::{Run, Sample, Summary};

use crate::child::Server;
use crate::subject::{Bench, Running};

/// How long a run may take, its report included.
const LIMIT: Duration = Duration::from_secs(480);
/// Exit codes of a run that has a verdict, whichever.
const VERDICTS: [i32; 3] = [0, 1, 3];

/// The stretch of a run between two instants.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stretch<'a> {
    from: &'a Sample,
    to: &'a Sample,
}

/// How a scenario is run, where not as its file says.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Settings<'a> {
    /// Connections.
    pub(crate) connections: Option<u64>,
    /// A server that runs already; none starts one.
    pub(crate) target: Option<&'a Running>,
    /// The processor that the whole of `teem run` is pinned to.
    pub(crate) cpu: Option<usize>,
}

/// Runs a scenario and reads its folder. What makes the run *invalid* becomes a note.
///
/// # Errors
/// `teem` fails for another reason than its verdict, or takes too long.
pub(crate) fn run(
    bench: &Bench,
    name: &str,
    scenario: &str,
    settings: Settings<'_>,
    notes: &mut Vec<String>,
) -> anyhow::Result<Run> {
    let folder = tempfile::Builder::new()
        .prefix("teem-bench-run-")
        .tempdir_in(&bench.scratch)?;
    let file = folder.path().join(format!("{name}.toml"));
    let out = folder.path().join("run");
    std::fs::write(&file, scenario).with_context(|| format!("cannot write {}", file.display()))?;
    let mut command = Command::new(&bench.teem);
    command
        .arg("run")
        .arg(&file)
        .arg("--out")
        .arg(&out)
        .args(["--quiet", "--plain"]);
    if let Some(connections) = settings.connections {
        command.args(["--connections", &connections.to_string()]);
    }
    if let Some(target) = settings.target {
        command.args(["--target", &target.address.to_string()]);
        command.arg("--secret-file").arg(target.secret_file());
    }
    let (run, summary) = complete(name, command, folder.path(), settings.cpu)?;
    let invalid = summary.invalid_because.iter();
    notes.extend(invalid.map(|why| format!("the run of scenario {name} is invalid: {why}")));
    Ok(run)
}

/// Runs the library's climb with these arguments, and reads its folder.
///
/// # Errors
/// `teem` fails for another reason than its verdict, or takes too long.
pub(crate) fn climb(bench: &Bench, arguments: &[String]) -> anyhow::Result<(Run, Summary)> {
    let folder = tempfile::Builder::new()
        .prefix("teem-bench-run-")
        .tempdir_in(&bench.scratch)?;
    let mut command = Command::new(&bench.teem);
    command.args(["run", "climb", "--quiet", "--out"]);
    command.arg(folder.path().join("run")).args(arguments);
    complete("climb", command, folder.path(), None)
}

/// Waits for a `teem run` into the folder `run` of this one.
fn complete(
    name: &str,
    command: Command,
    folder: &Path,
    cpu: Option<usize>,
) -> anyhow::Result<(Run, Summary)> {
    let out = folder.join("run");
    let mut teem = Server::start("teem run", command, folder, cpu)?;
    let code = teem.exit_code(LIMIT)?;
    if code.is_none_or(|code| !VERDICTS.contains(&code)) {
        bail!("`teem run` of scenario {name} failed: {}", teem.last_words());
    }
    let run = Run::read(&out).with_context(|| format!("`teem run` left no run: {}", teem.last_words()))?;
    let summary = std::fs::read(out.join("summary.json")).context("`teem run` left no summary")?;
    Ok((run, serde_json::from_slice(&summary)?))
}

/// The stretch between two instants of a run, seconds from its beginning.
///
/// # Errors
/// The run has no samples there.
pub(crate) fn stretch(run: &Run, from_s: f64, to_s: f64) -> anyhow::Result<Stretch<'_>> {
    Ok(Stretch {
        from: at(run, from_s)?,
        to: at(run, to_s)?,
    })
}

/// The first sample at or after an instant.
fn at(run: &Run, second: f64) -> anyhow::Result<&Sample> {
    let t_ms = (second * 1000.0) as u64;
    run.samples
        .iter()
        .find(|sample| sample.t_ms >= t_ms)
        .with_context(|| format!("the run ended before second {second}"))
}

impl Stretch<'_> {
    /// Its length, seconds.
    pub(crate) fn seconds(&self) -> f64 {
        (self.to.t_ms - self.from.t_ms) as f64 / 1000.0
    }

    /// How much a counter grew.
    pub(crate) fn counted(&self, name: &str) -> f64 {
        let of = |sample: &Sample| sample.counters.get(name).copied().unwrap_or(0);
        of(self.to).saturating_sub(of(self.from)) as f64
    }

    /// How much a gauge changed.
    pub(crate) fn changed(&self, name: &str) -> f64 {
        let of = |sample: &Sample| sample.gauges.get(name).copied().unwrap_or(0.0);
        of(self.to) - of(self.from)
    }

    /// A gauge at the end.
    pub(crate) fn last(&self, name: &str) -> f64 {
        self.to.gauges.get(name).copied().unwrap_or(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stretch_takes_the_samples_at_its_ends() {
        let sample = |t_ms, count, level| Sample {
            t_ms,
            counters: [("c".to_owned(), count)].into(),
            gauges: [("g".to_owned(), level)].into(),
            ..Sample::default()
        };
        let (from, to) = (sample(1_000, 5, 2.0), sample(3_500, 25, 1.5));
        let stretch = Stretch { from: &from, to: &to };
        assert_eq!(stretch.seconds(), 2.5);
        assert_eq!(stretch.counted("c"), 20.0);
        assert_eq!(stretch.changed("g"), -0.5);
        assert_eq!(stretch.last("g"), 1.5);
        assert_eq!(stretch.counted("absent"), 0.0);
    }

    #[test]
    fn the_scenarios_are_in_the_language() {
        let files = [
            include_str!("../scenarios/quiet.toml"),
            include_str!("../scenarios/send.toml"),
            include_str!("../scenarios/send-and-receive.toml"),
        ];
        for file in files {
            let scenario = scenarios::Scenario::parse("scenario.toml", file).unwrap();
            assert!(scenario.plan().is_ok(), "{}", scenario.name);
        }
    }
}
