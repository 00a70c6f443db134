//! Replays: captures whose clients are driven again beside the swarm, and when.
//!
//! It knows what a scenario asks for; it opens no file, and does not know what a capture holds.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize, Serializer};

use crate::error::{Error, Place};
use crate::unit::{Count, Span, Speed};

/// What a turn of a recorded client waits for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReplayMode {
    /// Its recorded time alone: open-loop.
    #[default]
    Timed,
    /// The answer that came before it: closed-loop.
    Causal,
}

/// A capture driven beside the swarm.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ReplaySettings {
    /// The capture, or the file of sessions.
    pub capture: NamedFile,
    /// The capture's TLS key log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keys: Option<NamedFile>,
    /// What must differ from the recording.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rules: Option<NamedFile>,
    /// When it begins, after the start of the schedule; the scenario's clock.
    pub at: Span,
    /// How many run through it side by side, each as another person.
    pub clones: Count,
    /// Over how long their beginnings spread; the scenario's clock.
    pub spread: Span,
    /// How many times each runs through it.
    pub loops: Count,
    /// How many times faster than recorded; the run's clock.
    pub speed: Speed,
    /// What a turn waits for.
    pub mode: ReplayMode,
    /// `HOST:PORT` of another target than the run's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Only sessions that opened this far into the capture or later; the capture's clock.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Span>,
    /// Only sessions that opened earlier than this; the capture's clock.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Span>,
    /// Only sessions with these ports of their recorded servers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ports: Vec<u16>,
    /// Only sessions with these addresses at either end.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<IpAddr>,
}

/// A file that a scenario names, and where it does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedFile {
    /// As it is to be opened.
    pub path: PathBuf,
    pub(crate) place: Place,
}

impl NamedFile {
    pub(crate) fn new(path: &str) -> Self {
        Self {
            path: PathBuf::from(path),
            place: Place::default(),
        }
    }

    /// What is wrong with the file, as a mistake at the place that names it.
    #[must_use]
    pub fn mistake(&self, message: impl Into<String>) -> Error {
        self.place.mistake(message)
    }

    fn locate(&mut self, folder: &Path) {
        // An absolute path stays as it is.
        self.path = folder.join(&self.path);
    }
}

impl Serialize for NamedFile {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.path.display())
    }
}

impl ReplaySettings {
    /// Its files with their places in a text, which `place` finds.
    pub(crate) fn files(&mut self) -> impl Iterator<Item = &mut NamedFile> {
        std::iter::once(&mut self.capture)
            .chain(&mut self.keys)
            .chain(&mut self.rules)
    }

    /// Its files as they are to be opened, where the scenario's own is in `folder`.
    pub(crate) fn located(mut self, folder: &Path) -> Self {
        self.files().for_each(|file| file.locate(folder));
        self
    }

    /// The capture's name, for plots and sentences.
    #[must_use]
    pub fn name(&self) -> String {
        let path = &self.capture.path;
        path.file_name()
            .unwrap_or(path.as_os_str())
            .to_string_lossy()
            .into_owned()
    }

    /// A few words for a plot.
    pub(crate) fn detail(&self) -> String {
        let clones = match self.clones.0 {
            1 => String::new(),
            clones => format!(", {clones} clones"),
        };
        format!("{}, at {}{clones}", self.name(), self.speed)
    }
}
