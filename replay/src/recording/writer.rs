//! Events to a file of sessions, in one pass.
//!
//! It knows no capture: whoever makes events hands them over in the order of their time. A write for 256 KiB; memory as
//! the encoder's.

use std::fs::File;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::Path;

use super::encoder::{Encoder, Tally};
use super::note::Note;
use super::{Recording, RecordingError, datagrams, index};
use crate::packet::DatagramList;
use crate::{Event, Flow, Secrecy, Sink};

/// So much is gathered for one write.
const WRITE_BYTES: usize = 256 << 10;

/// Takes events and makes a [`Recording`] of them.
#[derive(Debug)]
pub struct RecordingWriter {
    encoder: Encoder,
    /// `None` keeps it in memory.
    file: Option<File>,
    /// What is not in the file yet.
    buffer: Vec<u8>,
    /// What went wrong first; from then on nothing is written.
    failed: Option<RecordingError>,
}

impl RecordingWriter {
    /// One that writes a file, replacing an earlier one.
    ///
    /// # Errors
    ///
    /// [`RecordingError::Io`], when it cannot be made.
    pub fn create(path: &Path) -> Result<Self, RecordingError> {
        let file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(path)?;
        Ok(Self::new(Some(file), true))
    }

    /// One that writes into an empty file that is open for reading, too: a temporary one, for instance. Its blocks are not packed:
    /// it is made to be read back at once.
    #[must_use]
    pub fn scratch(file: File) -> Self {
        Self::new(Some(file), false)
    }

    /// One that keeps everything in memory.
    #[must_use]
    pub fn memory() -> Self {
        Self::new(None, false)
    }

    fn new(file: Option<File>, pack: bool) -> Self {
        let mut buffer = Vec::with_capacity(WRITE_BYTES);
        Self {
            encoder: Encoder::new(pack, &mut buffer),
            file,
            buffer,
            failed: None,
        }
    }

    /// Adds a fact about the whole recording.
    pub fn note(&mut self, note: &Note) {
        self.noted(note.encode());
    }

    /// Adds what was counted of UDP.
    pub fn datagrams(&mut self, list: &DatagramList) {
        datagrams::notes(list).for_each(|note| self.noted(note));
    }

    fn noted(&mut self, note: (u64, Vec<u8>)) {
        if self.failed.is_none() {
            let noted = self.encoder.note(note, &mut self.buffer);
            self.went(noted.map_err(RecordingError::from));
        }
    }

    /// What has been written so far.
    #[must_use]
    pub fn tally(&self) -> Tally {
        self.encoder.tally()
    }

    /// Ends the file.
    ///
    /// # Errors
    ///
    /// [`RecordingError`], when something could not be written, now or before.
    pub fn close(mut self) -> Result<Tally, RecordingError> {
        self.end()?;
        Ok(self.encoder.tally())
    }

    /// Ends the file and reads it back.
    ///
    /// # Errors
    ///
    /// [`RecordingError`], when something could not be written, now or before, or not be read.
    pub fn finish(self) -> Result<Recording, RecordingError> {
        self.finish_within(index::MEMORY_BYTES)
    }

    /// As [`RecordingWriter::finish`], with so much of a file's payload in memory.
    pub(super) fn finish_within(mut self, memory_bytes: u64) -> Result<Recording, RecordingError> {
        self.end()?;
        match self.file {
            None => index::of_bytes(&self.buffer[..], u64::MAX),
            Some(mut file) => {
                file.seek(SeekFrom::Start(0))?;
                index::of_file(file, memory_bytes)
            }
        }
    }

    fn end(&mut self) -> Result<(), RecordingError> {
        if self.failed.is_none() {
            let ended = self.encoder.finish(&mut self.buffer);
            self.went(ended.map_err(RecordingError::from));
            let flushed = self.flush();
            self.went(flushed);
        }
        self.failed.take().map_or(Ok(()), Err)
    }

    fn flush(&mut self) -> Result<(), RecordingError> {
        if let Some(file) = &mut self.file {
            file.write_all(&self.buffer)?;
            self.buffer.clear();
        }
        Ok(())
    }

    /// A sink cannot say what went wrong: it is kept until the end.
    fn went(&mut self, result: Result<(), RecordingError>) {
        if let (Err(error), None) = (result, &self.failed) {
            self.failed = Some(error);
        }
    }
}

impl Sink for RecordingWriter {
    fn event(&mut self, event: Event<'_>) {
        if self.failed.is_some() {
            return;
        }
        let encoded = self.encoder.event(event, &mut self.buffer);
        self.went(encoded.map_err(RecordingError::from));
        if self.file.is_some() && self.buffer.len() >= WRITE_BYTES {
            let flushed = self.flush();
            self.went(flushed);
        }
    }

    fn secrecy(&mut self, flow: Flow, secrecy: Secrecy) {
        self.encoder.secrecy(flow, secrecy);
    }
}
