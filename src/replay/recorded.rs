//! A recording from whatever holds one: a file of sessions, or a capture with its key log.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use replay::{
    CaptureFigures, CaptureOptions, Decryption, DecryptionLimits, Ending, Progress, Reading, Recording,
    RecordingWriter, SESSIONS_MAX, Secrets, Source, is_recording,
};

/// What was read.
pub(crate) struct Recorded {
    pub(crate) recording: Arc<Recording>,
    /// Where it came from a capture.
    pub(crate) figures: Option<CaptureFigures>,
}

/// Reads a file of sessions, or a capture and, with a key log, what is in its TLS.
///
/// # Errors
/// It cannot be read, or is neither.
pub(crate) fn read(path: &Path, keys: Option<&Path>) -> Result<Recorded> {
    let name = || path.display().to_string();
    if path.as_os_str() != "-" && is_file_of_sessions(path)? {
        return Ok(Recorded {
            recording: Arc::new(Recording::open(path).with_context(name)?),
            figures: None,
        });
    }
    let mut secrets = Secrets::new(SESSIONS_MAX);
    if let Some(keys) = keys {
        let log = File::open(keys).with_context(|| format!("cannot read {}", keys.display()))?;
        secrets.read(log).with_context(|| keys.display().to_string())?;
    }
    let source = Source::open(path).with_context(name)?;
    let writer = RecordingWriter::scratch(scratch()?);
    let mut decryption = Decryption::new(secrets, DecryptionLimits::default(), writer);
    let mut reading = Reading::new(source, &CaptureOptions::default()).with_context(name)?;
    loop {
        match reading.advance(&mut decryption).with_context(name)? {
            Progress::More => {}
            Progress::Secrets(text) => decryption.secrets_mut().add(&text),
            Progress::Done => break,
        }
    }
    let figures = reading.finish(&mut decryption).with_context(name)?;
    let (writer, _) = decryption.finish();
    Ok(Recorded {
        recording: Arc::new(writer.finish()?),
        figures: Some(figures),
    })
}

impl Recorded {
    /// What of a capture could not be used, a sentence each.
    pub(crate) fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if let Some(torn) = &self.recording.played().torn {
            notes.push(torn.to_string());
        }
        let Some(figures) = &self.figures else {
            return notes;
        };
        if !matches!(figures.ending, Ending::Whole) {
            notes.push(figures.ending.to_string());
        }
        if !figures.datagrams.is_empty() {
            notes.push(format!(
                "{} UDP flows are not replayed: `teem replay inspect` lists them",
                figures.datagrams.len()
            ));
        }
        notes
    }
}

fn is_file_of_sessions(path: &Path) -> Result<bool> {
    let mut first = Vec::new();
    File::open(path)
        .and_then(|file| file.take(16).read_to_end(&mut first))
        .with_context(|| format!("cannot read {}", path.display()))?;
    Ok(is_recording(&first))
}

/// A file that is gone once it is closed.
fn scratch() -> Result<File> {
    let folder = std::env::temp_dir();
    let path = folder.join(format!(
        "teem-replay-{}-{:x}",
        std::process::id(),
        rand::random::<u64>()
    ));
    let cannot = || format!("cannot write {}", path.display());
    let file = File::options()
        .read(true)
        .write(true)
        .create_new(true)
        .open(&path)
        .with_context(cannot)?;
    std::fs::remove_file(&path).with_context(cannot)?;
    Ok(file)
}
