//! A run folder as a test looks at it.
//!
//! It does not know what ran.

use std::fs;
use std::path::{Path, PathBuf};

use record::{Event, EventKind, Messages, Run, Sample, Summary, Verdict};

/// A run folder.
#[derive(Clone, Debug)]
pub(crate) struct RunFolder(PathBuf);

impl RunFolder {
    pub(crate) fn at(folder: &Path) -> Self {
        Self(folder.to_owned())
    }

    pub(crate) fn text(&self, name: &str) -> String {
        let path = self.0.join(name);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    pub(crate) fn bytes(&self, name: &str) -> Vec<u8> {
        fs::read(self.0.join(name)).unwrap()
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.join(name).exists()
    }

    /// Every file below it, as a path relative to it, sorted.
    pub(crate) fn files(&self) -> Vec<String> {
        let mut found = Vec::new();
        let mut folders = vec![self.0.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    found.push(path.strip_prefix(&self.0).unwrap().to_string_lossy().into_owned());
                }
            }
        }
        found.sort();
        found
    }

    pub(crate) fn summary(&self) -> Summary {
        serde_json::from_str(&self.text("summary.json")).unwrap()
    }

    pub(crate) fn events(&self) -> Vec<Event> {
        Run::read(&self.0).unwrap().events
    }

    pub(crate) fn events_of(&self, kind: EventKind) -> Vec<Event> {
        let mut events = self.events();
        events.retain(|event| event.kind == kind);
        events
    }

    /// The last sample.
    pub(crate) fn last_sample(&self) -> Sample {
        Run::read(&self.0).unwrap().samples.pop().unwrap()
    }

    /// A counter at the end.
    pub(crate) fn counter(&self, name: &str) -> u64 {
        self.last_sample().counters.get(name).copied().unwrap_or(0)
    }

    /// Whether all that made it invalid is that the generator got too little CPU.
    pub(crate) fn generator_fell_short(&self) -> bool {
        self.has("summary.json") && {
            let summary = self.summary();
            summary.verdict == Verdict::Invalid
                && summary
                    .invalid_because
                    .iter()
                    .all(|why| why.starts_with("The generator ") || why.starts_with("The clock was not kept"))
        }
    }
}

/// Asserts the clients' equations: sent = accepted + refused + unanswered, accepted = delivered + queued, and nothing
/// lost, twice, broken or out of order.
#[track_caller]
pub(crate) fn assert_ledger_closes(messages: &Messages) {
    let m = messages;
    assert!(m.sent > 0, "{m:?}");
    assert_eq!(m.sent, m.accepted + m.refused + m.unanswered, "{m:?}");
    // A copy whose answer a cut swallowed may have arrived all the same.
    let arrived = m.delivered + m.queued;
    assert!(
        (m.accepted..=m.accepted + m.unanswered).contains(&arrived),
        "{m:?}"
    );
    assert_eq!(
        (m.lost, m.duplicated, m.corrupted, m.misordered),
        (0, 0, 0, 0),
        "{m:?}"
    );
}
