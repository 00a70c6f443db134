//! A window that slides over what is read: as much as is asked for lies in one piece, at a known offset.
//!
//! It knows no format. One `read` for each [`WINDOW_BYTES`]; nothing is copied but the piece of a record that the end of
//! the window cut. It grows to the longest record asked for, and the formats bound that.

use std::io::{self, Read};

/// How much is read at once: large enough to make the system call cheap, small enough to stay in the cache.
const WINDOW_BYTES: usize = 256 << 10;

pub(super) struct Window {
    reader: Box<dyn Read + Send>,
    buffer: Vec<u8>,
    /// What is read and not passed: `buffer[from..to]`.
    from: usize,
    to: usize,
    /// Bytes passed.
    offset: u64,
    ended: bool,
}

impl Window {
    pub(super) fn new(reader: Box<dyn Read + Send>) -> Self {
        Self {
            reader,
            buffer: vec![0; WINDOW_BYTES],
            from: 0,
            to: 0,
            offset: 0,
            ended: false,
        }
    }

    /// Bytes passed so far.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// What lies in the window.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.buffer[self.from..self.to]
    }

    /// Brings so many bytes into the window; false where the source has not so many left.
    pub(super) fn fill(&mut self, bytes: usize) -> io::Result<bool> {
        if self.to - self.from >= bytes {
            return Ok(true);
        }
        self.read(bytes)
    }

    /// Passes so many bytes of those in the window.
    pub(super) fn pass(&mut self, bytes: usize) {
        debug_assert!(self.from + bytes <= self.to, "only what was filled is passed");
        self.from += bytes;
        self.offset += bytes as u64;
    }

    /// Passes so many bytes, read or not; false where the source ends before.
    pub(super) fn pass_far(&mut self, mut bytes: u64) -> io::Result<bool> {
        loop {
            let near = bytes.min((self.to - self.from) as u64);
            self.pass(usize::try_from(near).unwrap_or(0));
            bytes -= near;
            if bytes == 0 {
                return Ok(true);
            }
            if !self.fill(1)? {
                return Ok(false);
            }
        }
    }

    #[cold]
    fn read(&mut self, bytes: usize) -> io::Result<bool> {
        self.buffer.copy_within(self.from..self.to, 0);
        self.to -= self.from;
        self.from = 0;
        if self.buffer.len() < bytes {
            self.buffer.resize(bytes.next_multiple_of(WINDOW_BYTES), 0);
        }
        while self.to < bytes && !self.ended {
            match self.reader.read(&mut self.buffer[self.to..]) {
                Ok(0) => self.ended = true,
                Ok(more) => self.to += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(self.to >= bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_lies_in_one_piece() {
        let text: Vec<u8> = (0..3 * WINDOW_BYTES + 17).map(|place| place as u8).collect();
        let mut window = Window::new(Box::new(io::Cursor::new(text.clone())));
        let mut at = 0;
        for step in [1, 1000, WINDOW_BYTES - 500, 2, WINDOW_BYTES + 9] {
            assert!(window.fill(step).expect("memory is read"));
            assert_eq!(window.bytes()[..step], text[at..at + step]);
            assert_eq!(window.offset(), at as u64);
            window.pass(step);
            at += step;
        }
        let left = text.len() - at;
        assert!(!window.fill(left + 1).expect("memory is read"));
        assert!(window.pass_far(left as u64 - 3).expect("memory is read"));
        assert_eq!(window.bytes(), &text[text.len() - 3..]);
        assert!(!window.pass_far(4).expect("memory is read"));
    }
}
