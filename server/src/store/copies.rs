//! Copies of what was damaged, and when they go: they may hold bodies that were delivered, and no erasure knows of those.
//!
//! It refuses to read them. Each has the time it was made in its name, since a file's own times say something else once it was
//! moved, so a copy goes at its time whoever makes, opens or restores what.

use std::collections::BTreeSet;
use std::io;

use super::Store;
use super::disk::Disk;

/// What a copy is called: of a part of a segment or a whole one, and of a single item.
const SUFFIXES: [&str; 2] = [".damaged", ".item"];
/// What stands before the time it was made.
const MADE: &str = "at";

/// The copies that there are. Who makes them bounds their number: a segment has one when the store opens, and so many items
/// are set aside in a store's life.
#[derive(Debug, Default)]
pub(super) struct Copies {
    /// When each was made, milliseconds of the Unix epoch, and its name.
    made: BTreeSet<(u64, String)>,
}

impl Copies {
    /// Those in a directory. The age of one whose name says no time, or one to come, begins now.
    pub(super) fn find(disk: &dyn Disk, now_ms: u64) -> io::Result<Self> {
        let mut copies = Self::default();
        for name in disk.list()? {
            let Some((of, suffix, made_ms)) = parse(&name) else {
                continue;
            };
            match made_ms.filter(|made_ms| *made_ms <= now_ms) {
                Some(made_ms) => drop(copies.made.insert((made_ms, name))),
                None => {
                    let dated = copies.note(of, suffix, now_ms);
                    disk.rename(&name, &dated)?;
                }
            }
        }
        Ok(copies)
    }

    /// Notes a copy of a damaged segment or of a part of it that is about to be made; its name.
    pub(super) fn damaged(&mut self, of: &str, now_ms: u64) -> String {
        self.note(of, SUFFIXES[0], now_ms)
    }

    /// Notes a copy of an item that is about to be made; its name.
    pub(super) fn item(&mut self, seq: u64, now_ms: u64) -> String {
        self.note(&format!("{seq:016x}"), SUFFIXES[1], now_ms)
    }

    fn note(&mut self, of: &str, suffix: &str, now_ms: u64) -> String {
        let name = format!("{of}.{MADE}{now_ms}{suffix}");
        self.made.insert((now_ms, name.clone()));
        name
    }

    pub(super) fn len(&self) -> usize {
        self.made.len()
    }

    /// Takes out one that was made at that instant or earlier, the oldest first.
    fn take(&mut self, until_ms: u64) -> Option<String> {
        let (made_ms, _) = self.made.first()?;
        (*made_ms <= until_ms)
            .then(|| self.made.pop_first())
            .flatten()
            .map(|(_, name)| name)
    }
}

impl Store {
    /// Has the next copy removed whose time is over, if there is one.
    pub(super) fn expire_copy(&mut self) {
        let Some(until_ms) = self.log.now_ms.checked_sub(self.copies_kept_ms) else {
            return;
        };
        // One at a time: a file counts as a segment until it is gone.
        if self.log.removing > 0 || !self.log.retired.is_empty() {
            return;
        }
        if let Some(name) = self.copies.take(until_ms) {
            tracing::info!(
                copy = name,
                "a copy of what was damaged has had its time, and is removed"
            );
            self.log.retire(name);
            self.counts.copies_expired += 1;
        }
    }
}

/// What a copy is of, its suffix, and when it was made, if its name says so; `None` where it is no copy.
fn parse(name: &str) -> Option<(&str, &'static str, Option<u64>)> {
    SUFFIXES.into_iter().find_map(|suffix| {
        let of = name.strip_suffix(suffix)?;
        let dated = of
            .rsplit_once('.')
            .and_then(|(of, made)| Some((of, made.strip_prefix(MADE)?.parse().ok()?)));
        Some(match dated {
            Some((of, made_ms)) => (of, suffix, Some(made_ms)),
            None => (of, suffix, None),
        })
    })
}
