//! Reads a run folder back.
//!
//! It knows what a crash leaves behind (a last line cut short, files not made yet); it judges nothing it reads.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::{Event, MANIFEST_SCHEMA, Manifest, PlanCurve, Replay, Sample, Storm};

/// A run, read whole.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// `run.json`.
    pub manifest: Manifest,
    /// `plan.json`.
    pub plan: PlanCurve,
    /// `samples.jsonl`, in time order.
    pub samples: Vec<Sample>,
    /// `events.jsonl`, in time order.
    pub events: Vec<Event>,
    /// `storm.json`, where a storm ran.
    pub storm: Option<Storm>,
    /// `replay.json`, where something was replayed.
    pub replay: Option<Replay>,
}

/// A run folder could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// A file is missing or unreadable.
    #[error("cannot read {path}: {source}", path = path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file is not what the schema says.
    #[error("{path}:{line}: {what}", path = path.display(), what = without_position(source))]
    Format {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What was wrong.
        source: serde_json::Error,
    },
    /// The folder was written by a version of teem that this one does not understand.
    #[error("{path}: the schema is `{found}`, and this version reads `{MANIFEST_SCHEMA}`", path = path.display())]
    Schema {
        /// The manifest.
        path: PathBuf,
        /// The schema it names.
        found: String,
    },
}

impl Run {
    /// Reads the folder. A last line that a crash cut short is dropped; an absent `events.jsonl` or `storm.json` is
    /// none, and a dry run needs no `samples.jsonl`.
    ///
    /// # Errors
    /// A file is missing, or a line other than a cut last one is not what the schema says.
    pub fn read(folder: &Path) -> Result<Self, ReadError> {
        let manifest = read_manifest(&folder.join("run.json"))?;
        let plan_path = folder.join("plan.json");
        let plan = parse(&plan_path, &read_bytes(&plan_path)?)?;

        let samples_path = folder.join("samples.jsonl");
        let mut samples: Vec<Sample> = match read_if_present(&samples_path)? {
            Some(bytes) => parse_lines(&samples_path, &bytes)?,
            None if manifest.dry_run => Vec::new(),
            None => return Err(io_error(&samples_path, ErrorKind::NotFound.into())),
        };
        samples.sort_by_key(|sample| sample.t_ms);

        let events_path = folder.join("events.jsonl");
        let mut events: Vec<Event> = match read_if_present(&events_path)? {
            Some(bytes) => parse_lines(&events_path, &bytes)?,
            None => Vec::new(),
        };
        events.sort_by_key(|event| event.t_ms);

        let storm_path = folder.join("storm.json");
        let storm = match read_if_present(&storm_path)? {
            Some(bytes) => Some(parse(&storm_path, &bytes)?),
            None => None,
        };
        let replay_path = folder.join("replay.json");
        let replay = match read_if_present(&replay_path)? {
            Some(bytes) => Some(parse(&replay_path, &bytes)?),
            None => None,
        };
        Ok(Self {
            manifest,
            plan,
            samples,
            events,
            storm,
            replay,
        })
    }
}

/// The schema is looked at before the rest: a later version's new field should be called a later version, not a
/// mistake in line 7.
fn read_manifest(path: &Path) -> Result<Manifest, ReadError> {
    #[derive(Deserialize)]
    struct Named {
        schema: String,
    }
    let bytes = read_bytes(path)?;
    let Named { schema: found } = parse(path, &bytes)?;
    if found != MANIFEST_SCHEMA {
        return Err(ReadError::Schema {
            path: path.to_owned(),
            found,
        });
    }
    parse(path, &bytes)
}

fn read_bytes(path: &Path) -> Result<Vec<u8>, ReadError> {
    fs::read(path).map_err(|source| io_error(path, source))
}

fn read_if_present(path: &Path) -> Result<Option<Vec<u8>>, ReadError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(source) => Err(io_error(path, source)),
    }
}

fn io_error(path: &Path, source: std::io::Error) -> ReadError {
    ReadError::Io {
        path: path.to_owned(),
        source,
    }
}

fn parse<T: DeserializeOwned>(path: &Path, bytes: &[u8]) -> Result<T, ReadError> {
    serde_json::from_slice(bytes).map_err(|source| ReadError::Format {
        path: path.to_owned(),
        line: source.line(),
        source,
    })
}

/// The writer ends every line, so one without its end was cut by a crash: it is kept if it is whole all the same.
fn parse_lines<T: DeserializeOwned>(path: &Path, bytes: &[u8]) -> Result<Vec<T>, ReadError> {
    let mut values = Vec::new();
    for (index, line) in bytes.split_inclusive(|&byte| byte == b'\n').enumerate() {
        match serde_json::from_slice(line) {
            Ok(value) => values.push(value),
            Err(_) if !line.ends_with(b"\n") => break,
            Err(source) => {
                return Err(ReadError::Format {
                    path: path.to_owned(),
                    line: index + 1,
                    source,
                });
            }
        }
    }
    Ok(values)
}

/// serde_json counts lines inside what it was given, which for a line of a file is always 1: the file's own count
/// stands in front already.
fn without_position(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let position = format!(" at line {} column {}", error.line(), error.column());
    match text.strip_suffix(&position) {
        Some(what) => format!("{what} (column {})", error.column()),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::{EventKind, Histogram, HostFacts, Limits, Percentiles, RunWriter, Transport, name};

    fn manifest() -> Manifest {
        Manifest {
            schema: MANIFEST_SCHEMA.into(),
            version: "0.1.0".into(),
            command: vec!["teem".into(), "run".into(), "football".into()],
            scenario: "football".into(),
            title: "A final".into(),
            resolved: "[population]\n".into(),
            seed: 7,
            started_unix_ms: 1,
            dry_run: false,
            target: "127.0.0.1:5222".into(),
            durability: Some("commit".into()),
            transport: Transport::default(),
            encryption: false,
            steps: Vec::new(),
            thresholds: vec!["messages.lost == 0".into()],
            host: HostFacts::default(),
            limits: Limits::default(),
        }
    }

    fn sample(t_ms: u64, count: u64) -> Sample {
        let mut histogram = Histogram::new();
        histogram.record(count);
        Sample {
            t_ms,
            counters: BTreeMap::from([(name::swarm::COPIES_SENT.to_owned(), count)]),
            gauges: BTreeMap::from([(name::swarm::ONLINE.to_owned(), count as f64 / 3.0)]),
            histograms: BTreeMap::from([(name::latency::DELIVERY.to_owned(), histogram)]),
        }
    }

    fn event(t_ms: u64) -> Event {
        Event {
            t_ms,
            kind: EventKind::Phase,
            name: "ramp".into(),
            detail: String::new(),
        }
    }

    fn write(folder: &Path, samples: &[Sample]) {
        let mut writer = RunWriter::create(folder, &manifest(), &PlanCurve::default()).unwrap();
        samples.iter().for_each(|sample| writer.sample(sample).unwrap());
        writer.event(&event(5)).unwrap();
    }

    #[test]
    fn what_was_written_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let storm = Storm {
            requests: 9,
            response_ms: Percentiles::default(),
            ..Storm::default()
        };
        let mut writer = RunWriter::create(folder.path(), &manifest(), &PlanCurve::default()).unwrap();
        writer.sample(&sample(2_000, 2)).unwrap();
        writer.sample(&sample(1_000, 1)).unwrap();
        writer.event(&event(9)).unwrap();
        writer.event(&event(3)).unwrap();
        writer.storm(&storm).unwrap();
        let run = Run::read(folder.path()).unwrap();
        assert_eq!(run.manifest, manifest());
        assert_eq!(run.samples, [sample(1_000, 1), sample(2_000, 2)], "in time order");
        assert_eq!(run.events, [event(3), event(9)]);
        assert_eq!(run.storm, Some(storm));
    }

    #[test]
    fn absent_events_and_storm_are_none_and_absent_samples_only_of_a_dry_run() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), &[sample(1, 1)]);
        fs::remove_file(folder.path().join("events.jsonl")).unwrap();
        let run = Run::read(folder.path()).unwrap();
        assert!(run.events.is_empty() && run.storm.is_none() && run.samples.len() == 1);

        fs::remove_file(folder.path().join("samples.jsonl")).unwrap();
        let error = Run::read(folder.path()).unwrap_err().to_string();
        assert!(error.contains("samples.jsonl"), "{error}");

        let dry = Manifest {
            dry_run: true,
            ..manifest()
        };
        RunWriter::create(folder.path(), &dry, &PlanCurve::default()).unwrap();
        fs::remove_file(folder.path().join("samples.jsonl")).unwrap();
        assert!(Run::read(folder.path()).unwrap().samples.is_empty());
    }

    #[test]
    fn a_bad_line_is_named_by_file_and_line() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), &[sample(1, 1), sample(2, 2), sample(3, 3)]);
        let path = folder.path().join("samples.jsonl");
        let text = fs::read_to_string(&path).unwrap();
        let mut lines: Vec<&str> = text.lines().collect();
        lines[1] = r#"{"t_ms":2,"gauge":{}}"#;
        fs::write(&path, lines.join("\n") + "\n").unwrap();
        let error = Run::read(folder.path()).unwrap_err().to_string();
        assert!(
            error.contains("samples.jsonl:2: unknown field `gauge`"),
            "{error}"
        );
        assert!(!error.contains("line 1"), "{error}");

        // A bad last line that was ended is no cut: someone wrote it so.
        lines.swap(1, 2);
        fs::write(&path, lines.join("\n") + "\n").unwrap();
        let error = Run::read(folder.path()).unwrap_err().to_string();
        assert!(error.contains("samples.jsonl:3:"), "{error}");
    }

    #[test]
    fn another_schema_is_called_by_its_name() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), &[]);
        fs::write(
            folder.path().join("run.json"),
            r#"{"schema": "teem.run/9", "fleet": []}"#,
        )
        .unwrap();
        let error = Run::read(folder.path()).unwrap_err().to_string();
        assert!(
            error.contains("`teem.run/9`") && error.contains("`teem.run/1`"),
            "{error}"
        );
    }

    #[test]
    fn a_figure_that_is_no_number_is_left_out_rather_than_breaking_the_line() {
        let folder = tempfile::tempdir().unwrap();
        let mut broken = sample(1, 1);
        broken.gauges.insert(name::server::ONLINE.to_owned(), f64::NAN);
        write(folder.path(), &[broken]);
        assert_eq!(Run::read(folder.path()).unwrap().samples, [sample(1, 1)]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn a_crash_at_any_byte_loses_at_most_the_line_it_cut(counts in prop::collection::vec(1u64..1 << 40, 1..5), cut in 0.0f64..1.0) {
            let folder = tempfile::tempdir().unwrap();
            let samples: Vec<Sample> =
                counts.iter().enumerate().map(|(second, &count)| sample(second as u64 * 1_000, count)).collect();
            write(folder.path(), &samples);
            let path = folder.path().join("samples.jsonl");
            let bytes = fs::read(&path).unwrap();
            let kept = &bytes[..(bytes.len() as f64 * cut) as usize];
            fs::write(&path, kept).unwrap();
            let whole = kept.iter().filter(|&&byte| byte == b'\n').count();
            let read = Run::read(folder.path()).unwrap().samples;
            prop_assert!(read.len() == whole || read.len() == whole + 1);
            prop_assert_eq!(&read[..], &samples[..read.len()]);
        }
    }
}
