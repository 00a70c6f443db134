//! Files that are open while they are used: of a directory's only so many are at once, however many it has.
//!
//! It refuses to know what they hold. A log of 16 GiB is a thousand segments, and where shards have descriptor tables of their
//! own, all of main's numbers stay below a thousand. A use costs a lock that nobody else wants; a file that had been closed costs
//! an `open` as well, which delivering old mail meets, and a commit does not.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use super::disk::DiskFile;

/// Files open at once at most, beside one that is just made.
pub(crate) const OPEN_MAX: usize = 32;

/// Those of a directory's files that somebody uses.
#[derive(Debug, Default)]
pub(super) struct OpenFiles {
    /// Locked before a file's own state.
    pool: Mutex<Pool>,
}

#[derive(Debug, Default)]
struct Pool {
    /// Those that are open, the one opened first before all; some may be gone.
    open: VecDeque<Weak<PooledFile>>,
    /// All; some may be gone.
    all: Vec<Weak<PooledFile>>,
}

/// A file that is opened when it is used.
#[derive(Debug)]
struct PooledFile {
    /// Itself, for the pool.
    this: Weak<Self>,
    files: Arc<OpenFiles>,
    state: Mutex<State>,
}

/// What is known of a file. One with writes that no sync followed stays open: to an open file a failed write is told for sure.
#[derive(Debug)]
struct State {
    path: PathBuf,
    file: Option<Arc<File>>,
    /// Writes under way.
    writing: u32,
    /// Writes begun, and how many of them a sync has followed.
    writes: u64,
    synced: u64,
    /// What a sync came to that nobody had asked for: the next one tells it.
    trouble: Option<io::Error>,
}

impl OpenFiles {
    /// Takes in a file that was just made or opened.
    pub(super) fn adopt(self: &Arc<Self>, path: PathBuf, file: File) -> Arc<dyn DiskFile> {
        let mut pool = lock(&self.pool);
        make_room(&mut pool.open);
        let pooled = Arc::new_cyclic(|this| PooledFile {
            this: Weak::clone(this),
            files: Arc::clone(self),
            state: Mutex::new(State {
                path,
                file: Some(Arc::new(file)),
                writing: 0,
                writes: 0,
                synced: 0,
                trouble: None,
            }),
        });
        pool.open.push_back(Arc::downgrade(&pooled));
        if pool.all.len() == pool.all.capacity() {
            pool.all.retain(|file| file.strong_count() > 0);
        }
        pool.all.push(Arc::downgrade(&pooled));
        pooled
    }

    /// Notes that a file has another name now.
    pub(super) fn renamed(&self, from: &Path, to: &Path) {
        for file in lock(&self.pool).all.iter().filter_map(Weak::upgrade) {
            let mut state = lock(&file.state);
            if state.path == from {
                state.path = to.to_path_buf();
            }
        }
    }
}

/// Closes files until one more may be open: those opened first, and those that are synced before others. Where none can be synced
/// more are open all the same: nobody writes further ones then, and mail is to be read on.
fn make_room(queue: &mut VecDeque<Weak<PooledFile>>) {
    queue.retain(|file| file.strong_count() > 0);
    for may_sync in [false, true] {
        let mut position = 0;
        while queue.len() >= OPEN_MAX && position < queue.len() {
            let closes = queue[position].upgrade().is_none_or(|file| file.close(may_sync));
            if closes {
                queue.remove(position);
            } else {
                position += 1;
            }
        }
    }
}

impl PooledFile {
    /// Closes it, if nothing is lost with that; whether it did.
    fn close(&self, may_sync: bool) -> bool {
        let mut state = lock(&self.state);
        if state.writing > 0 || state.trouble.is_some() {
            return false;
        }
        if state.writes > state.synced
            && let Some(file) = &state.file
        {
            if !may_sync {
                return false;
            }
            if let Err(error) = file.sync_data() {
                state.trouble = Some(error);
                return false;
            }
            state.synced = state.writes;
        }
        state.file = None;
        true
    }

    /// Its state, with the file open.
    fn opened(&self) -> io::Result<(Arc<File>, MutexGuard<'_, State>)> {
        let state = lock(&self.state);
        if let Some(file) = state.file.clone() {
            return Ok((file, state));
        }
        drop(state);
        // Who has this lock opens; the file's own is free meanwhile, as those are that are closed for it.
        let mut pool = lock(&self.files.pool);
        let state = lock(&self.state);
        if let Some(file) = state.file.clone() {
            return Ok((file, state));
        }
        drop(state);
        make_room(&mut pool.open);
        let mut state = lock(&self.state);
        let file = OpenOptions::new().read(true).write(true).open(&state.path)?;
        pool.open.push_back(Weak::clone(&self.this));
        Ok((Arc::clone(state.file.insert(Arc::new(file))), state))
    }

    fn write<T>(&self, write: impl FnOnce(&File) -> io::Result<T>) -> io::Result<T> {
        let (file, mut state) = self.opened()?;
        state.writes += 1;
        state.writing += 1;
        drop(state);
        let result = write(&file);
        lock(&self.state).writing -= 1;
        result
    }
}

impl DiskFile for PooledFile {
    fn size(&self) -> io::Result<u64> {
        let (file, state) = self.opened()?;
        drop(state);
        Ok(file.metadata()?.len())
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let (file, state) = self.opened()?;
        drop(state);
        FileExt::read_at(&*file, buffer, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.write(|file| FileExt::write_at(file, bytes, offset))
    }

    fn sync_data(&self) -> io::Result<()> {
        let (file, mut state) = self.opened()?;
        if let Some(error) = state.trouble.take() {
            return Err(error);
        }
        // A write that is under way may miss the sync, and nobody can tell which ones do.
        let covered = if state.writing == 0 {
            state.writes
        } else {
            state.synced
        };
        drop(state);
        file.sync_data()?;
        let mut state = lock(&self.state);
        state.synced = state.synced.max(covered);
        Ok(())
    }

    fn truncate(&self, bytes: u64) -> io::Result<()> {
        self.write(|file| file.set_len(bytes))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Descriptors of this process that are files of the folder.
#[cfg(test)]
pub(super) fn open_in(folder: &Path) -> usize {
    let descriptors = std::fs::read_dir("/proc/self/fd").unwrap();
    let targets = descriptors.filter_map(|entry| std::fs::read_link(entry.unwrap().path()).ok());
    targets.filter(|target| target.parent() == Some(folder)).count()
}

#[cfg(test)]
mod tests {
    use super::super::disk::{Disk as _, RealDisk, read_exact_at, write_all_at};
    use super::*;

    #[test]
    fn only_so_many_are_open_and_all_are_used() {
        let directory = tempfile::tempdir().unwrap();
        let folder = directory.path().canonicalize().unwrap();
        let disk = RealDisk::open(folder.clone()).unwrap();
        let files: Vec<_> = (0..5 * OPEN_MAX)
            .map(|index| disk.create(&index.to_string(), 8).unwrap())
            .collect();
        for round in 0..3_u8 {
            for (index, file) in files.iter().enumerate() {
                write_all_at(&**file, &[round, index as u8], 0).unwrap();
                if index % 3 == 0 {
                    file.sync_data().unwrap();
                }
                assert!(open_in(&folder) <= OPEN_MAX);
            }
        }
        for (index, file) in files.iter().enumerate() {
            let mut found = [0; 2];
            read_exact_at(&**file, &mut found, 0).unwrap();
            assert_eq!((found, file.size().unwrap()), ([2, index as u8], 8));
        }
        drop(files);
        assert_eq!(open_in(&folder), 0);
    }

    #[test]
    fn one_with_another_name_is_found_by_that() {
        let directory = tempfile::tempdir().unwrap();
        let disk = RealDisk::open(directory.path().join("inner")).unwrap();
        let moved = disk.create("before", 0).unwrap();
        write_all_at(&*moved, b"it", 0).unwrap();
        disk.rename("before", "after").unwrap();
        let others: Vec<_> = (0..OPEN_MAX)
            .map(|index| disk.create(&index.to_string(), 8).unwrap())
            .collect();
        let mut found = [0; 2];
        read_exact_at(&*moved, &mut found, 0).unwrap();
        assert_eq!((&found, others.len()), (b"it", OPEN_MAX));
    }

    #[test]
    fn threads_use_them_at_once() {
        let directory = tempfile::tempdir().unwrap();
        let disk = RealDisk::open(directory.path().join("inner")).unwrap();
        let files: Vec<_> = (0..2 * OPEN_MAX)
            .map(|index| disk.create(&index.to_string(), 16).unwrap())
            .collect();
        std::thread::scope(|scope| {
            for thread in 0..2_u8 {
                let files = &files;
                scope.spawn(move || {
                    for file in files.iter().cycle().take(500) {
                        write_all_at(&**file, &[thread + 1], thread.into()).unwrap();
                        file.sync_data().unwrap();
                    }
                });
            }
        });
        for file in &files {
            let mut found = [0; 2];
            read_exact_at(&**file, &mut found, 0).unwrap();
            assert_eq!(found, [1, 2]);
        }
    }
}
