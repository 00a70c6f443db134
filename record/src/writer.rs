//! Writes a run folder, a line at a time, so that what was measured survives a crash of the measurer.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use crate::{Event, Manifest, PlanCurve, Replay, Sample, Storm, Summary};

/// An open run folder.
#[derive(Debug)]
pub struct RunWriter {
    folder: PathBuf,
    samples: BufWriter<File>,
    events: BufWriter<File>,
}

/// A file of the run folder could not be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {path}: {source}", path = path.display())]
pub struct WriteError {
    /// The file.
    pub path: PathBuf,
    /// What the system said.
    pub source: io::Error,
}

impl RunWriter {
    /// Makes the folder (and its parents) and writes `run.json` and `plan.json`.
    ///
    /// # Errors
    /// The folder cannot be made or written.
    pub fn create(folder: &Path, manifest: &Manifest, plan: &PlanCurve) -> Result<Self, WriteError> {
        fs::create_dir_all(folder).map_err(at(folder))?;
        write_json(&folder.join("run.json"), manifest)?;
        write_json(&folder.join("plan.json"), plan)?;
        let open = |name: &str| {
            let path = folder.join(name);
            File::create(&path).map(BufWriter::new).map_err(at(&path))
        };
        Ok(Self {
            folder: folder.to_owned(),
            samples: open("samples.jsonl")?,
            events: open("events.jsonl")?,
        })
    }

    /// Where the run is written.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Adds a second's sample.
    ///
    /// # Errors
    /// The file cannot be written, a full disk for one.
    pub fn sample(&mut self, sample: &Sample) -> Result<(), WriteError> {
        write_line(&mut self.samples, sample).map_err(at(&self.folder.join("samples.jsonl")))
    }

    /// Adds an event.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn event(&mut self, event: &Event) -> Result<(), WriteError> {
        write_line(&mut self.events, event).map_err(at(&self.folder.join("events.jsonl")))
    }

    /// Keeps the kernel's own words on its sockets at the end of a hold: `holds/NAME.txt`, blanks as hyphens.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn hold(&mut self, name: &str, text: &str) -> Result<(), WriteError> {
        let folder = self.folder.join("holds");
        fs::create_dir_all(&folder).map_err(at(&folder))?;
        let path = folder.join(format!("{}.txt", name.replace(' ', "-")));
        fs::write(&path, text).map_err(at(&path))
    }

    /// Writes goose's figures, `storm.json`.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn storm(&mut self, storm: &Storm) -> Result<(), WriteError> {
        write_json(&self.folder.join("storm.json"), storm)
    }

    /// Writes what a replay drove, `replay.json`, replacing an earlier one.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn replay(&mut self, replay: &Replay) -> Result<(), WriteError> {
        write_json(&self.folder.join("replay.json"), replay)
    }

    /// Writes `summary.json`, replacing an earlier one.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn summary(folder: &Path, summary: &Summary) -> Result<(), WriteError> {
        write_json(&folder.join("summary.json"), summary)
    }
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> WriteError {
    let path = path.to_owned();
    move |source| WriteError { path, source }
}

fn write_line(out: &mut BufWriter<File>, value: &impl serde::Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *out, value)?;
    out.write_all(b"\n")?;
    // A line a second: flushing each costs nothing and keeps the folder readable while the run goes on.
    out.flush()
}

fn write_json(path: &Path, value: &impl serde::Serialize) -> Result<(), WriteError> {
    let mut text = serde_json::to_vec_pretty(value).map_err(|error| at(path)(error.into()))?;
    text.push(b'\n');
    fs::write(path, text).map_err(at(path))
}
