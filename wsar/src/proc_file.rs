//! A file of `/proc`, opened once and read again and again.
//!
//! It does not know what the text means.

use std::borrow::Cow;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

/// Room that a reading starts with, bytes: enough for any file that is read here, on a host of ordinary size.
const FIRST_ROOM_BYTES: usize = 64 * 1024;
/// The longest text that is read, bytes. `/proc/stat` of a thousand CPUs stays below.
const LONGEST_BYTES: usize = 8 * 1024 * 1024;

/// Where a text is read into; shared by all files of a sampler, so that a sample allocates nothing for them.
#[derive(Debug)]
pub(crate) struct Buffer(Vec<u8>);

impl Buffer {
    pub(crate) fn new() -> Self {
        Self(vec![0; FIRST_ROOM_BYTES])
    }
}

/// An open file of `/proc`. Reading from offset 0 makes the kernel write its text anew.
///
/// Of a process, it stays with that process: once it is gone, reading fails, even if another took its number.
#[derive(Debug)]
pub(crate) struct ProcFile(File);

impl ProcFile {
    pub(crate) fn open(path: impl AsRef<Path>) -> io::Result<Self> {
        File::open(path).map(Self)
    }

    /// The whole text as it is now.
    ///
    /// # Errors
    /// The kernel refuses (`ESRCH` where a process is gone), or the text is longer than 8 MiB.
    pub(crate) fn read<'b>(&self, buffer: &'b mut Buffer) -> io::Result<Cow<'b, str>> {
        let bytes = &mut buffer.0;
        let mut filled = 0;
        loop {
            if filled == bytes.len() {
                if filled >= LONGEST_BYTES {
                    return Err(io::ErrorKind::FileTooLarge.into());
                }
                bytes.resize(filled * 2, 0);
            }
            match self.0.read_at(&mut bytes[filled..], filled as u64) {
                Ok(0) => return Ok(String::from_utf8_lossy(&bytes[..filled])),
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_reading_is_fresh_and_whole() {
        let file = ProcFile::open("/proc/self/comm").unwrap();
        let mut buffer = Buffer::new();
        assert_eq!(
            file.read(&mut buffer).unwrap(),
            std::fs::read_to_string("/proc/self/comm").unwrap()
        );
        let stat = ProcFile::open("/proc/meminfo").unwrap();
        for _ in 0..2 {
            let text = stat.read(&mut buffer).unwrap();
            assert!(text.starts_with("MemTotal:") && text.ends_with('\n'));
        }
    }

    #[test]
    fn a_text_longer_than_the_room_is_read_whole() {
        let file = ProcFile::open("/proc/meminfo").unwrap();
        let mut narrow = Buffer(vec![0; 7]);
        assert!(file.read(&mut narrow).unwrap().lines().count() > 10);
    }

    #[test]
    fn an_endless_text_is_refused() {
        let file = ProcFile::open("/dev/zero").unwrap();
        assert_eq!(
            file.read(&mut Buffer::new()).unwrap_err().kind(),
            io::ErrorKind::FileTooLarge
        );
    }
}
