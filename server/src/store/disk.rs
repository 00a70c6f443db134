//! The file system as the store sees it: one flat directory of files.
//!
//! It refuses to know what the files hold. The real directory is here, and has one user at a time; the tests bring a
//! simulated one that runs out of space, tears writes and forgets what was never synced.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use super::Error;
use super::files::OpenFiles;
use crate::custody::{FILE_MODE, private_folder};

/// A flat directory of files.
pub(super) trait Disk: Send + Sync {
    /// The names of the files.
    fn list(&self) -> io::Result<Vec<String>>;
    /// Makes a file of `bytes` zeros whose blocks are really allocated and whose name survives a crash.
    fn create(&self, name: &str, bytes: u64) -> io::Result<Arc<dyn DiskFile>>;
    /// Opens a file that exists.
    fn open(&self, name: &str) -> io::Result<Arc<dyn DiskFile>>;
    /// Removes a file; the removal survives a crash once this returns.
    fn remove(&self, name: &str) -> io::Result<()>;
    /// Gives a file another name, in place of the file that had it; durable once this returns.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;
}

/// One open file, addressed by offset.
pub(super) trait DiskFile: Send + Sync {
    /// The length in bytes.
    fn size(&self) -> io::Result<u64>;
    /// Reads some bytes at `offset`; 0 at the end.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;
    /// Writes some of `bytes` at `offset`; possibly fewer than asked.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize>;
    /// Returns once what was written is on stable storage (`fdatasync`).
    fn sync_data(&self) -> io::Result<()>;
    /// Cuts the file to `bytes`.
    fn truncate(&self, bytes: u64) -> io::Result<()>;
}

/// Reads exactly `buffer.len()` bytes at `offset`.
pub(super) fn read_exact_at(file: &dyn DiskFile, mut buffer: &mut [u8], mut offset: u64) -> io::Result<()> {
    while !buffer.is_empty() {
        match file.read_at(buffer, offset) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => {
                buffer = &mut buffer[count..];
                offset += count as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Writes all of `bytes` at `offset`.
pub(super) fn write_all_at(file: &dyn DiskFile, mut bytes: &[u8], mut offset: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        match file.write_at(bytes, offset) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => {
                bytes = &bytes[count..];
                offset += count as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// A new file is synced in pieces, so that a commit meanwhile does not queue behind all of it.
const SYNC_EVERY_BYTES: u64 = 1 << 20;

/// A directory of the host, which is nobody else's meanwhile.
#[derive(Debug)]
pub(super) struct RealDisk {
    directory: PathBuf,
    /// Syncs the directory, and holds its lock, which ends with the process whatever ends that.
    handle: File,
    files: Arc<OpenFiles>,
}

impl RealDisk {
    /// Opens the directory, and makes it first where it is missing.
    ///
    /// # Errors
    /// [`Error::InUse`] while another has it open: recovery would wipe what that one is about to commit.
    pub(super) fn open(directory: PathBuf) -> Result<Self, Error> {
        let named = |error| name(&directory, error);
        private_folder(&directory).map_err(named)?;
        let handle = File::open(&directory).map_err(named)?;
        match flock(&handle, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Self {
                directory,
                handle,
                files: Arc::default(),
            }),
            Err(Errno::WOULDBLOCK) => Err(Error::InUse { directory }),
            Err(errno) => Err(named(errno.into()).into()),
        }
    }

    /// A path in it, and what makes an error tell it.
    fn at(&self, file: &str) -> (PathBuf, impl Fn(io::Error) -> io::Error) {
        let path = self.directory.join(file);
        (path.clone(), move |error| name(&path, error))
    }

    fn fill(file: &File, bytes: u64) -> io::Result<()> {
        if bytes == 0 {
            return Ok(());
        }
        // Reserving first finds a full disk at once instead of after many writes.
        match rustix::fs::fallocate(file, rustix::fs::FallocateFlags::empty(), 0, bytes) {
            Ok(()) | Err(rustix::io::Errno::OPNOTSUPP) => {}
            Err(errno) => return Err(errno.into()),
        }
        // Real zeros, although reserved blocks read as zeros too: the first write into a reserved block changes
        // metadata, which made each fdatasync on ext4 take 220 us instead of 130.
        const ZEROS: &[u8] = &[0; 256 * 1024];
        let mut offset = 0;
        while offset < bytes {
            let count = (bytes - offset).min(ZEROS.len() as u64);
            FileExt::write_all_at(file, &ZEROS[..count as usize], offset)?;
            offset += count;
            if offset.is_multiple_of(SYNC_EVERY_BYTES) {
                file.sync_data()?;
            }
        }
        file.sync_all()
    }
}

impl Disk for RealDisk {
    fn list(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(&self.directory).map_err(|error| name(&self.directory, error))? {
            let entry = entry?;
            if let (true, Ok(name)) = (entry.file_type()?.is_file(), entry.file_name().into_string()) {
                names.push(name);
            }
        }
        Ok(names)
    }

    fn create(&self, name: &str, bytes: u64) -> io::Result<Arc<dyn DiskFile>> {
        let (path, named) = self.at(name);
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .mode(FILE_MODE)
            .open(&path)
            .map_err(&named)?;
        let made = Self::fill(&file, bytes).and_then(|()| self.handle.sync_all());
        if let Err(error) = made {
            // Half a segment must not hold the last free blocks of a full disk.
            let _ = std::fs::remove_file(&path);
            return Err(named(error));
        }
        Ok(self.files.adopt(path, file))
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        let (path, named) = self.at(name);
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .open(&path)
            .map_err(named)?;
        Ok(self.files.adopt(path, file))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let (path, named) = self.at(name);
        std::fs::remove_file(path).map_err(named)?;
        self.handle.sync_all()
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let (path, named) = self.at(from);
        let target = self.directory.join(to);
        std::fs::rename(&path, &target).map_err(named)?;
        self.files.renamed(&path, &target);
        self.handle.sync_all()
    }
}

/// An error that tells the path, of the same kind.
fn name(path: &Path, error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_real_file_is_made_full_of_zeros_and_keeps_what_is_written() {
        let directory = tempfile::tempdir().unwrap();
        let disk = RealDisk::open(directory.path().join("inner")).unwrap();
        let file = disk.create("a.log", 300_000).unwrap();
        assert_eq!(file.size().unwrap(), 300_000);
        write_all_at(&*file, b"kept", 299_996).unwrap();
        file.sync_data().unwrap();
        disk.rename("a.log", "b.log").unwrap();
        let mut tail = [1; 8];
        read_exact_at(&*disk.open("b.log").unwrap(), &mut tail, 299_992).unwrap();
        assert_eq!(&tail, b"\0\0\0\0kept");
        assert_eq!(disk.list().unwrap(), ["b.log"]);
        disk.remove("b.log").unwrap();
        assert!(disk.list().unwrap().is_empty());
        let error = disk.remove("b.log").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        assert!(error.to_string().contains("inner/b.log: No such file"), "{error}");
    }

    #[test]
    fn a_directory_has_one_user_at_a_time() {
        let directory = tempfile::tempdir().unwrap();
        let open = || RealDisk::open(directory.path().join("inner"));
        let first = open().unwrap();
        let error = open().map(drop).unwrap_err();
        assert!(matches!(error, Error::InUse { .. }), "{error}");
        drop(first);
        open().unwrap();
    }

    #[test]
    fn nobody_else_may_read_what_is_made() {
        use std::os::unix::fs::PermissionsExt as _;
        let directory = tempfile::tempdir().unwrap();
        let inner = directory.path().join("data/inner");
        RealDisk::open(inner.clone()).unwrap().create("a.log", 8).unwrap();
        for path in [directory.path().join("data"), inner.clone(), inner.join("a.log")] {
            let mode = path.metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o077, 0, "{}: {mode:o}", path.display());
        }
    }
}
