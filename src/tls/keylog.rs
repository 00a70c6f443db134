//! A key log on disk: the secrets of TLS connections, a line each, for captures of them to be decrypted with.
//!
//! It does not know whose connections they are. Each line is written at once, under a lock, so that a capture can be read while
//! the run goes on: five lines and five system calls a handshake, which is for looking closely, not for records.

use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context as _, Result, bail};
use wire::tls::KeyLog;

/// What others than its owner may do with a file.
const OTHERS: u32 = 0o077;

/// A key log that is written (draft-ietf-tls-keylogfile).
#[derive(Debug)]
pub(crate) struct KeyLogFile(Mutex<Log>);

#[derive(Debug)]
struct Log {
    file: File,
    /// Whether a line is missing.
    broken: bool,
}

impl KeyLogFile {
    /// Opens one to append to, or makes it, readable by its owner alone.
    ///
    /// # Errors
    /// It cannot be written, or others may read it.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let file = OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .open(path)
            .with_context(|| format!("--keylog {}: cannot write it", path.display()))?;
        if file.metadata()?.mode() & OTHERS != 0 {
            bail!(
                "--keylog {0}: others may read it, and with it all that is said; expected a new file, or one after `chmod 600 {0}`",
                path.display()
            );
        }
        Ok(Self(Mutex::new(Log { file, broken: false })))
    }
}

impl KeyLog for KeyLogFile {
    fn log(&self, label: &str, client_random: &[u8], secret: &[u8]) {
        let line = line(label, client_random, secret);
        let mut log = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = log.file.write_all(line.as_bytes()) {
            log.complain(&error);
        }
    }
}

impl Log {
    /// Says once that secrets are missing: the run itself is as good without.
    fn complain(&mut self, error: &io::Error) {
        if !std::mem::replace(&mut self.broken, true) {
            errln!("note: the key log lacks connections from here on: {error}");
        }
    }
}

fn line(label: &str, client_random: &[u8], secret: &[u8]) -> String {
    let mut line = label.to_owned();
    for bytes in [client_random, secret] {
        line.push(' ');
        for byte in bytes {
            // Writing to a string cannot fail.
            let _ = write!(line, "{byte:02x}");
        }
    }
    line.push('\n');
    line
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn lines_are_appended_to_a_file_of_one_s_own() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys");
        for _ in 0..2 {
            let log = KeyLogFile::open(&path).unwrap();
            log.log("CLIENT_RANDOM", &[0xab; 2], &[1, 0xf0]);
        }
        assert_eq!(
            std::fs::read_to_string(&path).unwrap(),
            "CLIENT_RANDOM abab 01f0\n".repeat(2)
        );
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        let refused = KeyLogFile::open(&path).unwrap_err().to_string();
        assert!(refused.contains("chmod 600"), "{refused}");
    }
}
