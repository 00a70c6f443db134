//! The end of a growing file of lines: what was added since the last look.
//!
//! It does not know what a line means.

use std::io::{self, SeekFrom};
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;

use tokio::fs::{self, File};
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};

/// The longest line kept; a longer one is dropped and counted.
const LINE_MAX_BYTES: usize = 4 * 1024;
/// What one turn reads at most.
const TURN_BYTES: usize = 64 * 1024;

/// Where reading begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begin {
    /// At the file's first line.
    Start,
    /// After what the file holds now; at the first line where it does not exist yet.
    End,
}

/// A file's end. A file that was truncated or replaced is read from its start.
#[derive(Debug)]
pub(super) struct Tail {
    path: PathBuf,
    /// The open file and its inode.
    file: Option<(File, u64)>,
    offset_bytes: u64,
    buffer: Vec<u8>,
    /// A line whose end has not come yet.
    partial: Vec<u8>,
    /// Whether the line that is being read is dropped because it is too long.
    dropping: bool,
    overlong: u64,
}

impl Tail {
    /// Settles where to begin; opens nothing.
    pub(super) fn new(path: PathBuf, begin: Begin) -> Self {
        let offset_bytes = match begin {
            Begin::Start => 0,
            Begin::End => std::fs::metadata(&path).map_or(0, |metadata| metadata.len()),
        };
        Self {
            path,
            file: None,
            offset_bytes,
            buffer: vec![0; TURN_BYTES],
            partial: Vec::new(),
            dropping: false,
            overlong: 0,
        }
    }

    /// Reads what was added, up to [`TURN_BYTES`]: whole lines without their ends go to `lines`, empty ones left
    /// out. Returns whether more may be there at once. A file that does not exist has nothing to read.
    pub(super) async fn turn(&mut self, lines: &mut Vec<Vec<u8>>) -> io::Result<bool> {
        let metadata = match fs::metadata(&self.path).await {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                // What comes under this name next is another file, even if it gets the same inode.
                self.restart();
                return Ok(false);
            }
            Err(error) => return Err(error),
        };
        let replaced = self
            .file
            .as_ref()
            .is_some_and(|(_, inode)| *inode != metadata.ino());
        if replaced || metadata.len() < self.offset_bytes {
            self.restart();
        }
        if metadata.len() == self.offset_bytes {
            return Ok(false);
        }
        let file = match &mut self.file {
            Some((file, _)) => file,
            None => {
                let mut file = File::open(&self.path).await?;
                let inode = file.metadata().await?.ino();
                file.seek(SeekFrom::Start(self.offset_bytes)).await?;
                &mut self.file.insert((file, inode)).0
            }
        };
        let mut buffer = std::mem::take(&mut self.buffer);
        let read = file.read(&mut buffer).await;
        if let Ok(read) = read {
            self.offset_bytes += read as u64;
            self.split(&buffer[..read], lines);
        } else {
            // Opened anew next time: whatever was wrong with this handle may not be with that.
            self.file = None;
        }
        let full = matches!(read, Ok(read) if read == buffer.len());
        self.buffer = buffer;
        read.map(|_| full)
    }

    /// Lines dropped since the last call because they were too long.
    pub(super) fn overlong(&mut self) -> u64 {
        std::mem::take(&mut self.overlong)
    }

    fn restart(&mut self) {
        self.file = None;
        self.offset_bytes = 0;
        self.partial.clear();
        self.dropping = false;
    }

    fn split(&mut self, mut bytes: &[u8], lines: &mut Vec<Vec<u8>>) {
        while let Some(end) = bytes.iter().position(|&byte| byte == b'\n') {
            self.extend(&bytes[..end]);
            bytes = &bytes[end + 1..];
            self.dropping = false;
            if !self.partial.is_empty() {
                lines.push(std::mem::take(&mut self.partial));
            }
        }
        self.extend(bytes);
    }

    fn extend(&mut self, bytes: &[u8]) {
        if self.dropping {
            return;
        }
        if self.partial.len() + bytes.len() > LINE_MAX_BYTES {
            self.partial.clear();
            self.dropping = true;
            self.overlong += 1;
            return;
        }
        self.partial.extend_from_slice(bytes);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use proptest::prelude::*;

    use super::*;

    async fn read(tail: &mut Tail) -> Vec<String> {
        let mut lines = Vec::new();
        while tail.turn(&mut lines).await.unwrap() {}
        lines
            .into_iter()
            .map(|line| String::from_utf8(line).unwrap())
            .collect()
    }

    #[tokio::test]
    async fn follows_growth_truncation_and_replacement() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lines");
        let mut tail = Tail::new(path.clone(), Begin::Start);
        assert!(read(&mut tail).await.is_empty());
        let mut file = std::fs::File::create(&path).unwrap();
        file.write_all(b"one\ntw").unwrap();
        assert_eq!(read(&mut tail).await, ["one"]);
        file.write_all(b"o\nthree\nfo").unwrap();
        assert_eq!(read(&mut tail).await, ["two", "three"]);
        // Truncated in place, and shorter than before: what was a partial line is gone with it.
        std::fs::write(&path, "five\n").unwrap();
        assert_eq!(read(&mut tail).await, ["five"]);
        let next = folder.path().join("next");
        std::fs::write(&next, "six is longer\n").unwrap();
        std::fs::rename(&next, &path).unwrap();
        assert_eq!(read(&mut tail).await, ["six is longer"]);
        std::fs::remove_file(&path).unwrap();
        assert!(read(&mut tail).await.is_empty());
        std::fs::write(&path, "seven, in a file made anew\n").unwrap();
        assert_eq!(read(&mut tail).await, ["seven, in a file made anew"]);
    }

    #[tokio::test]
    async fn from_the_end_only_what_comes_later_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lines");
        std::fs::write(&path, "old\n").unwrap();
        let mut tail = Tail::new(path.clone(), Begin::End);
        let mut file = std::fs::OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(b"new\n").unwrap();
        assert_eq!(read(&mut tail).await, ["new"]);
    }

    proptest! {
        #[test]
        fn any_chunking_gives_the_same_lines(
            text in prop::collection::vec(prop_oneof![4 => "[a-z]{1,20}", 1 => "[a-z]{4097}", 1 => Just(String::new())], 0..12),
            cuts in prop::collection::vec(1usize..700, 1..40),
        ) {
            let whole: String = text.iter().map(|line| format!("{line}\n")).collect();
            let mut tail = Tail::new(PathBuf::new(), Begin::Start);
            let mut lines = Vec::new();
            let mut rest = whole.as_bytes();
            for cut in cuts.iter().cycle() {
                if rest.is_empty() {
                    break;
                }
                let (chunk, after) = rest.split_at((*cut).min(rest.len()));
                tail.split(chunk, &mut lines);
                rest = after;
            }
            let expected: Vec<Vec<u8>> = text
                .iter()
                .filter(|line| !line.is_empty() && line.len() <= LINE_MAX_BYTES)
                .map(|line| line.clone().into_bytes())
                .collect();
            prop_assert_eq!(lines, expected);
            prop_assert_eq!(tail.overlong() as usize, text.iter().filter(|line| line.len() > LINE_MAX_BYTES).count());
        }
    }
}
