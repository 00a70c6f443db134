//! The folder that media lie in, and the room that is left in it.
//!
//! It knows no HTTP but its refusals. A medium is a file named by its id; an upload under way is one with `.part`
//! behind it. Whatever else lies in the folder is left alone.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use wire::chat::Code;

use super::super::HttpError;
use super::super::refusal::{Reason, Refusal};
use super::MediaId;
use crate::custody::private_folder;

mod sweep;

/// Where media lie, and within which bounds.
#[derive(Clone, Debug)]
pub struct Options {
    /// The folder; it is made where it does not exist.
    pub folder: PathBuf,
    /// The largest medium.
    pub media_max_bytes: u64,
    /// What all of them may take; more is refused, nothing is pushed out.
    pub total_max_bytes: u64,
    /// How long a medium is kept; it is gone a tenth of that later at the latest, and at most an hour later.
    pub keep: Duration,
    /// Whether an upload is on disk before its link is given. A medium that a crash loses is one its sender can
    /// upload again, and a message does not depend on it; hence off by default.
    pub fsync: bool,
}

/// The shelf.
#[derive(Debug)]
pub(crate) struct Shelf {
    options: Options,
    /// What is on it, uploads under way among it.
    bytes: AtomicU64,
    files: AtomicU64,
    /// The last write failed and that was logged.
    failing: AtomicBool,
}

/// What a name in the folder stands for.
enum Entry {
    Medium,
    Part,
    Stranger,
}

impl Options {
    /// 16 MiB a medium, 64 GiB in all, kept for 30 days, not synced.
    #[must_use]
    pub fn in_folder(folder: PathBuf) -> Self {
        Self {
            folder,
            media_max_bytes: 16 << 20,
            total_max_bytes: 64 << 30,
            keep: Duration::from_secs(30 * 86_400),
            fsync: false,
        }
    }
}

impl Shelf {
    /// Opens the folder, removes uploads that a crash cut off, and sums what is there.
    ///
    /// # Errors
    /// The folder cannot be made, read or written.
    pub(crate) fn open(options: Options) -> Result<Self, HttpError> {
        let shelf = Self {
            options,
            bytes: AtomicU64::new(0),
            files: AtomicU64::new(0),
            failing: AtomicBool::new(false),
        };
        shelf.take_stock().map_err(|source| HttpError::Media {
            folder: shelf.options.folder.clone(),
            source,
        })?;
        Ok(shelf)
    }

    fn take_stock(&self) -> io::Result<()> {
        private_folder(&self.options.folder)?;
        // A folder that cannot be written to is to be found out now, not at the first upload.
        let probe = self.part_path(MediaId::random());
        File::create_new(&probe)?;
        for entry in fs::read_dir(&self.options.folder)? {
            let entry = entry?;
            match kind(&entry.path()) {
                Entry::Medium => {
                    self.bytes.fetch_add(entry.metadata()?.len(), Relaxed);
                    self.files.fetch_add(1, Relaxed);
                }
                Entry::Part => fs::remove_file(entry.path())?,
                Entry::Stranger => {}
            }
        }
        Ok(())
    }

    /// Files and bytes on it; the bytes of uploads under way count already.
    pub(super) fn held(&self) -> (u64, u64) {
        (self.files.load(Relaxed), self.bytes.load(Relaxed))
    }

    /// Whether a medium may be this large.
    pub(super) fn check_size(&self, bytes: u64) -> Result<(), Refusal> {
        let max = self.options.media_max_bytes;
        if bytes > max {
            let detail = format!("media may have at most {max} bytes");
            return Err(Refusal::detailed(Reason::Protocol(Code::Oversized), detail));
        }
        Ok(())
    }

    /// Takes room for an upload under way.
    pub(super) fn claim(&self, bytes: u64) -> Result<(), Refusal> {
        let max = self.options.total_max_bytes;
        let claimed = self.bytes.fetch_update(Relaxed, Relaxed, |held| {
            held.checked_add(bytes).filter(|held| *held <= max)
        });
        claimed.map(drop).map_err(|_| Refusal::from(Code::StorageFull))
    }

    /// Gives room back.
    pub(super) fn release(&self, bytes: u64) {
        self.bytes.fetch_sub(bytes, Relaxed);
    }

    /// Where an upload under way lies.
    pub(super) fn part_path(&self, id: MediaId) -> PathBuf {
        self.options.folder.join(format!("{id}.part"))
    }

    fn path(&self, id: MediaId) -> PathBuf {
        self.options.folder.join(id.to_string())
    }

    /// Makes a whole part a medium. Blocks.
    pub(super) fn place(&self, id: MediaId, part: &Path, file: &File) -> io::Result<()> {
        if self.options.fsync {
            file.sync_all()?;
        }
        fs::rename(part, self.path(id))?;
        // From here on the file exists, and so it counts, whatever becomes of the folder's sync.
        self.files.fetch_add(1, Relaxed);
        if self.options.fsync
            && let Err(error) = File::open(&self.options.folder).and_then(|folder| folder.sync_all())
        {
            tracing::warn!(%error, "cannot sync the media folder");
        }
        Ok(())
    }

    /// A medium's file and length.
    pub(super) async fn find(&self, id: MediaId) -> Result<Option<(tokio::fs::File, u64)>, Refusal> {
        let found = async {
            let file = tokio::fs::File::open(self.path(id)).await?;
            let bytes = file.metadata().await?.len();
            io::Result::Ok((file, bytes))
        };
        match found.await {
            Ok(found) => Ok(Some(found)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => {
                tracing::warn!(%error, %id, "cannot read a medium");
                Err(Code::Busy.into())
            }
        }
    }

    /// A write failed: the refusal, and a line in the log for the first of a row.
    pub(super) fn fail(&self, error: &io::Error) -> Refusal {
        if !self.failing.swap(true, Relaxed) {
            tracing::warn!(%error, folder = %self.options.folder.display(), "uploads fail and are refused");
        }
        Code::StorageFull.into()
    }

    /// A write went well.
    pub(super) fn succeed(&self) {
        if self.failing.swap(false, Relaxed) {
            tracing::info!("uploads succeed again");
        }
    }
}

fn kind(path: &Path) -> Entry {
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
        return Entry::Stranger;
    };
    match name.strip_suffix(".part") {
        Some(stem) if stem.parse::<MediaId>().is_ok() => Entry::Part,
        None if name.parse::<MediaId>().is_ok() => Entry::Medium,
        _ => Entry::Stranger,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::SystemTime;

    use super::super::part::Part;
    use super::sweep::Swept;
    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);

    fn options(folder: &Path) -> Options {
        Options {
            media_max_bytes: 100,
            total_max_bytes: 150,
            ..Options::in_folder(folder.to_owned())
        }
    }

    async fn put(shelf: &Arc<Shelf>, bytes: usize) -> Result<MediaId, Refusal> {
        let mut part = Part::create(Arc::clone(shelf)).await?;
        part.append(&vec![7; bytes]).await?;
        part.finish().await
    }

    #[tokio::test]
    async fn a_restart_counts_what_is_there_and_removes_what_was_cut_off() {
        let folder = tempfile::tempdir().unwrap();
        let shelf = Arc::new(Shelf::open(options(folder.path())).unwrap());
        put(&shelf, 60).await.unwrap();
        let cut_off = folder.path().join(format!("{}.part", MediaId::random()));
        fs::write(&cut_off, "half").unwrap();
        fs::write(folder.path().join("README"), "not ours").unwrap();
        let shelf = Shelf::open(options(folder.path())).unwrap();
        assert_eq!(shelf.held(), (1, 60));
        assert!(!cut_off.exists() && folder.path().join("README").exists());
    }

    #[tokio::test]
    async fn room_is_bounded_and_given_back() {
        let folder = tempfile::tempdir().unwrap();
        let shelf = Arc::new(Shelf::open(options(folder.path())).unwrap());
        put(&shelf, 100).await.unwrap();
        assert_eq!(put(&shelf, 51).await, Err(Code::StorageFull.into()));
        assert_eq!(
            put(&shelf, 101).await.unwrap_err().reason,
            Reason::Protocol(Code::Oversized)
        );
        assert_eq!(shelf.held(), (1, 100));
        put(&shelf, 50).await.unwrap();
        assert_eq!(shelf.held(), (2, 150));
    }

    #[tokio::test]
    async fn an_upload_given_up_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let shelf = Arc::new(Shelf::open(options(folder.path())).unwrap());
        let mut part = Part::create(Arc::clone(&shelf)).await.unwrap();
        part.append(&[7; 80]).await.unwrap();
        assert_eq!(shelf.held(), (0, 80));
        drop(part);
        assert_eq!(shelf.held(), (0, 0));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn a_sweep_removes_by_age_alone() {
        let folder = tempfile::tempdir().unwrap();
        let shelf = Arc::new(Shelf::open(options(folder.path())).unwrap());
        let id = put(&shelf, 60).await.unwrap();
        fs::write(folder.path().join("README"), "not ours").unwrap();
        let now = SystemTime::now();
        assert_eq!(shelf.sweep(now + 29 * DAY), Swept::default());
        assert_eq!(
            shelf.sweep(now - 365 * DAY),
            Swept::default(),
            "the clock was set back"
        );
        assert_eq!(shelf.sweep(now + 31 * DAY), Swept { files: 1, bytes: 60 });
        assert_eq!(shelf.held(), (0, 0));
        assert!(shelf.find(id).await.unwrap().is_none());
        assert!(folder.path().join("README").exists());
    }

    #[tokio::test]
    async fn a_folder_that_went_away_refuses_and_comes_back() {
        let folder = tempfile::tempdir().unwrap();
        let media = folder.path().join("media");
        let shelf = Arc::new(
            Shelf::open(Options {
                fsync: true,
                ..options(&media)
            })
            .unwrap(),
        );
        fs::remove_dir(&media).unwrap();
        assert_eq!(put(&shelf, 10).await, Err(Code::StorageFull.into()));
        assert_eq!(shelf.held(), (0, 0));
        fs::create_dir(&media).unwrap();
        let id = put(&shelf, 10).await.unwrap();
        assert_eq!(shelf.find(id).await.unwrap().unwrap().1, 10);
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_told_at_the_start() {
        let error = Shelf::open(options(Path::new("/dev/null/media")))
            .unwrap_err()
            .to_string();
        assert!(error.contains("/dev/null/media"), "{error}");
    }
}
