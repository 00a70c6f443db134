//! A file of sessions that is being written, beside where it will be.
//!
//! It does not know what is written. An earlier file of sessions of that name, which may be what is read, stays until the new one is
//! whole; any other file of that name is nothing to write over, least of all the capture.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use replay::{RecordingWriter, Tally};

use super::source::is_file_of_sessions;

/// A file that is gone unless it got its name.
#[derive(Debug)]
pub(super) struct Part {
    here: PathBuf,
    path: PathBuf,
}

impl Part {
    /// Begins the file that will be at `path`.
    ///
    /// # Errors
    /// That is no file's name, something else than a file of sessions has it, or nothing can be written beside it.
    pub(super) fn begin(path: &Path) -> Result<(Self, RecordingWriter)> {
        let Some(name) = path.file_name() else {
            bail!("{}: not a file's name", path.display())
        };
        if path.as_os_str() == "-" {
            bail!("a file of sessions is not written to standard output; name a file, like night.teem");
        }
        let is_free = match fs::metadata(path) {
            Ok(there) => there.is_file() && (there.len() == 0 || is_file_of_sessions(path)?),
            Err(_) => true,
        };
        if !is_free {
            bail!(
                "{} is there and is no file of sessions, so it is not written over; choose another name, or remove it first",
                path.display()
            );
        }
        let mut part_name = name.to_owned();
        part_name.push(".part");
        let here = path.with_file_name(part_name);
        let writer =
            RecordingWriter::create(&here).with_context(|| format!("cannot write {}", here.display()))?;
        let path = path.to_owned();
        Ok((Self { here, path }, writer))
    }

    /// Ends the file, and gives it its name.
    ///
    /// # Errors
    /// It could not be written whole; then there is none.
    pub(super) fn end(self, writer: RecordingWriter) -> Result<Tally> {
        let tally = writer
            .close()
            .with_context(|| format!("cannot write {}", self.here.display()))?;
        fs::rename(&self.here, &self.path)
            .with_context(|| format!("cannot write {}", self.path.display()))?;
        Ok(tally)
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // Once it has its name nothing is here any more.
        let _ = fs::remove_file(&self.here);
    }
}
