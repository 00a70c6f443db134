//! Whole runs of `teem run`: started, waited for, read back from their run folders.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, bail};
use record::{Run, Sample};

use crate::child::Server;
use crate::subject::Bench;

/// How long after its plan's end a run may take to write its report.
const GRACE: Duration = Duration::from_secs(180);

/// The stretch of a run between two instants.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stretch<'a> {
    from: &'a Sample,
    to: &'a Sample,
}

/// Runs a scenario and reads its folder.
///
/// # Errors
/// `teem` fails for another reason than a threshold, or takes too long.
pub(crate) fn run(bench: &Bench, name: &str, scenario: &str, connections: Option<u64>) -> anyhow::Result<Run> {
    let folder = tempfile::Builder::new()
        .prefix("teem-bench-run-")
        .tempdir_in(&bench.scratch)?;
    let (file, out) = (folder.path().join(format!("{name}.toml")), folder.path().join("run"));
    std::fs::write(&file, scenario).with_context(|| format!("cannot write {}", file.display()))?;
    let mut command = Command::new(&bench.teem);
    command.arg("run").arg(&file).arg("--out").arg(&out).arg("--quiet");
    if let Some(connections) = connections {
        command.args(["--connections", &connections.to_string()]);
    }
    let mut teem = Server::start("teem run", command, folder.path(), None)?;
    let finished = teem.finish(Duration::from_secs(300) + GRACE);
    let run = Run::read(&out).with_context(|| format!("`teem run` left no run: {}", teem.last_words()))?;
    finished.with_context(|| format!("scenario {name}"))?;
    if run.samples.is_empty() {
        bail!("scenario {name}: no samples");
    }
    Ok(run)
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
