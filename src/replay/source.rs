//! Where recorded connections come from: a capture or a file of sessions, told by the first bytes.
//!
//! It knows files and pipes; what becomes of the events is the sink's business.

use std::fs::File;
use std::io::{self, Cursor, Read};
use std::path::Path;

use anyhow::{Context as _, Result};
use replay::{
    CaptureFigures, CaptureOptions, Decryption, DecryptionLimits, DecryptionReport, Played, Progress,
    Reading, Secrets, Select, Selection, Sink, Source,
};

/// So many first bytes tell a file of sessions.
const FIRST_BYTES: u64 = 16;

/// What reading came to.
#[derive(Debug)]
pub(crate) enum Origin {
    /// A capture, and what became of its TLS.
    Capture(Box<CaptureFigures>, DecryptionReport),
    /// A file of sessions.
    Sessions(Played),
}

/// Everything that was read.
#[derive(Debug)]
pub(crate) struct Reads {
    pub(crate) origin: Origin,
    /// Connections that the selection left out.
    pub(crate) left_out: u64,
}

/// Reads a capture or a file of sessions (`-` is standard input), takes off its TLS where there are secrets, and hands the
/// selected connections to `sink`.
pub(crate) fn read<S: Sink>(
    path: &Path,
    keys: Option<&Path>,
    selection: Selection,
    sink: S,
) -> Result<(Reads, S)> {
    let name = || format!("{}", path.display());
    let mut reader: Box<dyn Read + Send> = if path.as_os_str() == "-" {
        Box::new(io::stdin())
    } else {
        Box::new(File::open(path).with_context(|| format!("cannot open {}", path.display()))?)
    };
    let mut first = Vec::new();
    reader
        .by_ref()
        .take(FIRST_BYTES)
        .read_to_end(&mut first)
        .with_context(name)?;
    let is_recording = replay::is_recording(&first);
    let whole = Cursor::new(first).chain(reader);
    if is_recording {
        let mut select = Select::new(selection, sink);
        let played = replay::play(whole, &mut select).with_context(name)?;
        let (sink, left_out) = select.finish();
        return Ok((
            Reads {
                origin: Origin::Sessions(played),
                left_out,
            },
            sink,
        ));
    }
    let mut secrets = Secrets::new(replay::SESSIONS_MAX);
    if let Some(keys) = keys {
        let log = File::open(keys).with_context(|| format!("cannot open {}", keys.display()))?;
        secrets.read(log).with_context(|| format!("{}", keys.display()))?;
    }
    let decryption = Decryption::new(secrets, DecryptionLimits::default(), sink);
    let mut stage = Select::new(selection, decryption);
    let figures = capture(Source::reader(whole), &mut stage).with_context(name)?;
    let (decryption, left_out) = stage.finish();
    let (sink, report) = decryption.finish();
    Ok((
        Reads {
            origin: Origin::Capture(Box::new(figures), report),
            left_out,
        },
        sink,
    ))
}

/// Reads a capture; secrets that it brings along serve for what is behind them.
fn capture<S: Sink>(source: Source, stage: &mut Select<Decryption<S>>) -> Result<CaptureFigures> {
    let mut reading = Reading::new(source, &CaptureOptions::default())?;
    loop {
        match reading.advance(stage)? {
            Progress::More => {}
            Progress::Secrets(text) => stage.sink_mut().secrets_mut().add(&text),
            Progress::Done => break,
        }
    }
    Ok(reading.finish(stage)?)
}

impl Reads {
    /// What was not used of the file, in a sentence.
    pub(crate) fn shortfall(&self) -> Option<String> {
        match &self.origin {
            Origin::Capture(figures, _) => match &figures.ending {
                replay::Ending::Whole => None,
                ending => Some(ending.to_string()),
            },
            Origin::Sessions(played) => played.torn.as_ref().map(ToString::to_string),
        }
    }

    /// From the first packet to the last, nanoseconds; a file of sessions does not say.
    pub(crate) fn lasted_ns(&self) -> u64 {
        match &self.origin {
            Origin::Capture(figures, _) => figures.lasted_ns,
            Origin::Sessions(_) => 0,
        }
    }

    /// When the first packet was seen, nanoseconds since 1970; 0 where nobody says.
    pub(crate) fn started_unix_ns(&self) -> u64 {
        match &self.origin {
            Origin::Capture(figures, _) => figures.started_ns,
            Origin::Sessions(played) => {
                let began = played.notes.iter().find_map(|note| match note {
                    replay::Note::Began { unix_ns } => Some(*unix_ns),
                    _ => None,
                });
                began.unwrap_or(0)
            }
        }
    }
}
