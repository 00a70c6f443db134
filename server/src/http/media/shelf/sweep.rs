//! Removing what is too old.
//!
//! It knows no clock: the time comes in.

use std::fs;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, SystemTime};

use super::{Entry, Shelf, kind};

/// How old an upload that nobody finished must be before it is removed.
const PART_AGE_MAX: Duration = Duration::from_secs(3_600);

/// What a sweep removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in super::super) struct Swept {
    pub(in super::super) files: u64,
    pub(in super::super) bytes: u64,
}

impl Shelf {
    /// How often to sweep.
    pub(in super::super) fn sweep_every(&self) -> Duration {
        (self.options.keep / 10).clamp(Duration::from_secs(1), Duration::from_secs(3_600))
    }

    /// Removes media older than they are kept, and uploads that were left behind. Blocks.
    pub(in super::super) fn sweep(&self, now: SystemTime) -> Swept {
        let mut swept = Swept::default();
        let Ok(entries) = fs::read_dir(&self.options.folder) else {
            return swept;
        };
        for entry in entries.flatten() {
            let path = entry.path();
            let age_max = match kind(&path) {
                Entry::Medium => self.options.keep,
                Entry::Part => PART_AGE_MAX,
                Entry::Stranger => continue,
            };
            let Ok(metadata) = entry.metadata() else { continue };
            // A file from the future, after the clock was set back, is young.
            let age = metadata
                .modified()
                .ok()
                .and_then(|modified| now.duration_since(modified).ok());
            if age.is_none_or(|age| age < age_max) || fs::remove_file(&path).is_err() {
                continue;
            }
            if let Entry::Medium = kind(&path) {
                self.release(metadata.len());
                self.files.fetch_sub(1, Relaxed);
                swept.files += 1;
                swept.bytes += metadata.len();
            }
        }
        swept
    }
}
