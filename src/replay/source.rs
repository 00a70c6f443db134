//! Where recorded connections come from: a capture or a file of sessions, told by the first bytes.
//!
//! It knows files and pipes; what becomes of the events is the sink's business, that of a recording the driver's.

mod notes;

use std::fs::File;
use std::io::{self, Cursor, Read};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use replay::packet::DatagramList;
use replay::{
    CaptureFigures, CaptureOptions, Decryption, DecryptionReport, LeftOut, Played, Progress, Reading,
    Recording, RecordingWriter, Secrets, Select, Selection, Shares, Sink, Source, is_recording,
};

pub(crate) use notes::beyond_listed;

/// So many first bytes tell a file of sessions.
const FIRST_BYTES: u64 = 16;

/// What reading came to.
#[derive(Debug)]
pub(crate) enum Origin {
    /// A capture, and what became of its TLS.
    Capture(Box<CaptureFigures>, Box<DecryptionReport>),
    /// A file of sessions.
    Sessions(Played),
}

/// Everything that was read.
#[derive(Debug)]
pub(crate) struct Reads {
    pub(crate) origin: Origin,
    /// What the selection left out.
    pub(crate) left_out: LeftOut,
}

/// Reads a capture or a file of sessions (`-` is standard input), takes off its TLS where there are secrets, and hands the
/// selected connections to `sink`, within less memory where that masks them.
pub(crate) fn read<S: Sink>(
    path: &Path,
    keys: Option<&Path>,
    selection: Selection,
    masks: bool,
    sink: S,
) -> Result<(Reads, S)> {
    let name = || format!("{}", path.display());
    refuse_folder(path)?;
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
    let is_sessions = is_recording(&first);
    let whole = Cursor::new(first).chain(reader);
    if is_sessions {
        refuse_keys(path, keys)?;
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
    let mut source = Source::reader(whole);
    let shares = Shares::beside(source.window_bytes().with_context(name)?, masks);
    let mut secrets = Secrets::new(shares.secrets_bytes);
    if let Some(keys) = keys {
        let log = File::open(keys).with_context(|| format!("cannot open {}", keys.display()))?;
        secrets.read(log).with_context(|| format!("{}", keys.display()))?;
    }
    let decryption = Decryption::new(secrets, shares.decryption, sink);
    let mut stage = Select::new(selection, decryption);
    let options = CaptureOptions {
        limits: shares.reassembly,
    };
    let figures = capture(source, &options, &mut stage).with_context(name)?;
    let (decryption, left_out) = stage.finish();
    let (sink, report) = decryption.finish();
    Ok((
        Reads {
            origin: Origin::Capture(Box::new(figures), Box::new(report)),
            left_out,
        },
        sink,
    ))
}

/// Refuses a folder, which can be opened like a file and not be read.
fn refuse_folder(path: &Path) -> Result<()> {
    if path.is_dir() {
        bail!(
            "{} is a folder: expected a capture (pcap, pcapng), a file of sessions (*.teem), or - for standard input",
            path.display()
        );
    }
    Ok(())
}

/// Refuses a key log beside a file of sessions.
fn refuse_keys(sessions: &Path, keys: Option<&Path>) -> Result<()> {
    let Some(keys) = keys else { return Ok(()) };
    bail!(
        "{} is a file of sessions, of which no key log opens more ({}): give the keys with the capture that it is saved from",
        sessions.display(),
        keys.display()
    )
}

/// A recording that was read whole, and what its file came to.
#[derive(Debug)]
pub(crate) struct Recorded {
    pub(crate) recording: Arc<Recording>,
    pub(crate) reads: Reads,
}

/// Reads a recording: a file of sessions whole, where it lies, all else by way of a file that is gone with the recording. Of what has to
/// be written there, connections that are not selected are left out.
///
/// # Errors
/// It cannot be read, or is neither.
pub(crate) fn recorded(path: &Path, keys: Option<&Path>, selection: Selection) -> Result<Recorded> {
    let name = || path.display().to_string();
    refuse_folder(path)?;
    if path.as_os_str() != "-" && is_file_of_sessions(path)? {
        refuse_keys(path, keys)?;
        let recording = Recording::open(path).with_context(name)?;
        let reads = Reads {
            origin: Origin::Sessions(recording.played().clone()),
            left_out: LeftOut::default(),
        };
        return Ok(Recorded {
            recording: Arc::new(recording),
            reads,
        });
    }
    let writer = RecordingWriter::scratch(scratch()?);
    let (reads, writer) = read(path, keys, selection, false, writer)?;
    let recording = writer.finish().with_context(|| {
        format!(
            "cannot keep what {} says in {}: set TMPDIR to a folder with more room, or choose a part of it with --from, --until, --flow, --port or --host",
            path.display(),
            std::env::temp_dir().display()
        )
    })?;
    Ok(Recorded {
        recording: Arc::new(recording),
        reads,
    })
}

impl Recorded {
    /// What was not used of the file, or is not driven, a sentence each.
    pub(crate) fn notes(&self) -> Vec<String> {
        self.reads
            .shortfall()
            .into_iter()
            .chain(self.reads.undriven())
            .chain(self.reads.refused())
            .collect()
    }

    /// Connections of the capture, those that were left out included.
    pub(crate) fn connections(&self) -> u64 {
        self.recording.sessions().len() as u64 + self.reads.left_out.flows
    }

    /// What was counted in a capture; `None` of a file of sessions.
    pub(crate) fn figures(&self) -> Option<&CaptureFigures> {
        self.capture().map(|(figures, _)| figures)
    }

    /// The same, and what became of its TLS.
    pub(crate) fn capture(&self) -> Option<(&CaptureFigures, &DecryptionReport)> {
        match &self.reads.origin {
            Origin::Capture(figures, report) => Some((figures, report)),
            Origin::Sessions(_) => None,
        }
    }
}

/// Whether a file begins as one of sessions does.
///
/// # Errors
/// It cannot be read.
pub(super) fn is_file_of_sessions(path: &Path) -> Result<bool> {
    let mut first = Vec::new();
    File::open(path)
        .and_then(|file| file.take(FIRST_BYTES).read_to_end(&mut first))
        .with_context(|| format!("cannot open {}", path.display()))?;
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

/// Reads a capture; secrets that it brings along serve for what is behind them.
fn capture<S: Sink>(
    source: Source,
    options: &CaptureOptions,
    stage: &mut Select<Decryption<S>>,
) -> Result<CaptureFigures> {
    let mut reading = Reading::new(source, options)?;
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
    /// What was counted of UDP; `None` of a file of sessions that does not say.
    pub(crate) fn datagrams(&self) -> Option<&DatagramList> {
        match &self.origin {
            Origin::Capture(figures, _) => Some(&figures.datagrams),
            Origin::Sessions(played) => played.datagrams.as_ref(),
        }
    }

    /// From the first packet to the last, nanoseconds; a file of sessions does not say.
    pub(crate) fn lasted_ns(&self) -> u64 {
        match &self.origin {
            Origin::Capture(figures, _) => figures.lasted_ns,
            Origin::Sessions(_) => 0,
        }
    }

    /// Whether it is a file of sessions with this note.
    pub(crate) fn says(&self, note: &replay::Note) -> bool {
        matches!(&self.origin, Origin::Sessions(played) if played.notes.contains(note))
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

#[cfg(test)]
mod tests {
    use super::*;

    /// A packet of raw IPv4 in a classic capture: what a client says to a port, from a number of its stream on.
    fn packet(port: u16, (syn, seq): (bool, u32), payload: &[u8]) -> Vec<u8> {
        let length = 40 + payload.len() as u16;
        let mut ip = vec![0x45, 0];
        ip.extend(length.to_be_bytes());
        ip.extend([0, 0, 0, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
        ip.extend([40_000_u16, port].map(u16::to_be_bytes).as_flattened());
        ip.extend([seq, 0].map(u32::to_be_bytes).as_flattened());
        ip.extend([0x50, if syn { 2 } else { 16 }, 0xff, 0xff, 0, 0, 0, 0]);
        ip.extend(payload);
        let lengths = [0, 0, u32::from(length), u32::from(length)];
        [lengths.map(u32::to_le_bytes).as_flattened(), &ip].concat()
    }

    #[test]
    fn what_is_not_wanted_of_a_capture_is_counted_and_not_written() {
        const PIECES: u32 = 400;
        let noise: Vec<u8> = (0..1_000_u32).map(|at| (at * at / 8) as u8).collect();
        let header = [0xa1b2_c3d4_u32, 4 << 16 | 2, 0, 0, 65_535, 101];
        let mut capture = header.map(u32::to_le_bytes).as_flattened().to_vec();
        for port in [443, 80] {
            capture.extend(packet(port, (true, 6), b""));
        }
        capture.extend(packet(80, (false, 7), b"hello"));
        for piece in 0..PIECES {
            capture.extend(packet(443, (false, 7 + 1_000 * piece), &noise));
        }
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), capture).unwrap();
        let read = |ports: &[u16]| {
            let selection = Selection {
                ports: ports.to_vec(),
                ..Selection::default()
            };
            recorded(file.path(), None, selection).unwrap()
        };
        let noise_bytes = u64::from(PIECES) * 1_000;
        let (all, some) = (read(&[]), read(&[80]));
        assert_eq!(all.recording.played().payload_bytes, noise_bytes + 5);
        assert_eq!((all.connections(), some.connections()), (2, 2));
        let (written, left_out) = (some.recording.played(), some.reads.left_out);
        assert_eq!((written.payload_bytes, written.connections), (5, 1));
        assert!(written.sound_bytes < 500, "the whole of the file: {written:?}");
        assert_eq!((left_out.flows, left_out.bytes), (1, [noise_bytes, 0]));
        assert_eq!(some.recording.sessions()[0], all.recording.sessions()[1]);
    }
}
