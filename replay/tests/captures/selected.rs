//! A part of a capture, chosen while it is read, beside the whole of it, chosen from afterwards: the same comes of both, and what
//! nobody asked for is counted and not kept.
//!
//! `TEEM_SEED=N` repeats the one that failed.

use std::io::Cursor;
use std::net::SocketAddr;
use std::ops::Range;

use rand::{Rng as _, RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use replay::{
    CaptureFigures, CaptureOptions, Decryption, DecryptionLimits, DecryptionReport, Event, Flow, LeftOut,
    Picked, Recording, RecordingWriter, Secrets, Select, Selection, Session, Side, Sink as _, Source, Start,
    Turn, TurnKind, read_capture,
};

use crate::truth::{MILLISECOND_NS, make};

const SEEDS: Range<u64> = 0..150;

/// What a session's ends did, and what they said.
type Turns = Vec<(Turn, Vec<u8>)>;

/// A capture, read as a replay reads it.
struct Read {
    figures: CaptureFigures,
    tls: DecryptionReport,
    left_out: LeftOut,
    recording: Recording,
}

fn read(file: &[u8], selection: &Selection) -> Read {
    let writer = RecordingWriter::memory();
    let decryption = Decryption::new(Secrets::default(), DecryptionLimits::default(), writer);
    let mut stage = Select::new(selection.clone(), decryption);
    let source = Source::reader(Cursor::new(file.to_vec()));
    let figures = read_capture(source, &CaptureOptions::default(), &mut stage).unwrap();
    let (decryption, left_out) = stage.finish();
    let (writer, tls) = decryption.finish();
    Read {
        figures,
        tls,
        left_out,
        recording: writer.finish().unwrap(),
    }
}

impl Read {
    fn said_bytes(&self) -> u64 {
        let sessions = self.recording.sessions().iter();
        sessions
            .map(|session| session.client_said.bytes + session.server_said.bytes)
            .sum()
    }

    /// The sessions that are taken, with all that they say.
    fn picked(&self, selection: &Selection) -> Vec<(Session, Turns)> {
        let picked = Picked::of(&self.recording, selection);
        let mut places: Vec<u32> = picked.sessions;
        places.extend(picked.unplayable.iter().map(|(place, _)| *place));
        places.sort_unstable();
        let mut scratch = Vec::new();
        places
            .into_iter()
            .map(|place| {
                let turns = self.recording.turns(place as usize).iter();
                let said = turns
                    .map(|turn| {
                        let bytes = self.recording.bytes(turn, &mut scratch).unwrap().to_vec();
                        (*turn, bytes)
                    })
                    .collect();
                (self.recording.sessions()[place as usize].clone(), said)
            })
            .collect()
    }
}

/// What somebody may ask for of such a capture.
fn draw(rng: &mut ChaCha8Rng) -> Selection {
    let mut selection = Selection::default();
    if rng.random_bool(0.3) {
        selection.hosts.push("2001:db8::1".parse().unwrap());
    }
    if rng.random_bool(0.4) {
        let ports = [40_000, 40_002, 40_003, 443, 9];
        selection.ports.push(ports[rng.random_range(0..ports.len())]);
    }
    if rng.random_bool(0.4) {
        let first = rng.random_range(0..4);
        selection.flows.push(first..=first + rng.random_range(0..2));
    }
    if rng.random_bool(0.3) {
        let from_ns = rng.random_range(0..200) * MILLISECOND_NS;
        selection.began_ns = from_ns..from_ns + rng.random_range(1..2_000) * MILLISECOND_NS;
    }
    selection
}

/// A turn without its place in a recording, which is another where others are left out.
fn said(turn: &Turn, bytes: &[u8]) -> (u64, Side, Vec<u8>, Option<u64>) {
    let missing = match turn.kind {
        TurnKind::Gap { length } => Some(length),
        TurnKind::Bytes { .. } | TurnKind::Finish => None,
    };
    (turn.at_ns, turn.side, bytes.to_vec(), missing)
}

/// How many connections were left out, and how many taken.
fn check(seed: u64) -> (u64, usize) {
    let selection = draw(&mut ChaCha8Rng::seed_from_u64(seed));
    let file = make(seed).file;
    let (part, whole) = (read(&file, &selection), read(&file, &Selection::default()));
    let (wanted, of_whole) = (part.picked(&selection), whole.picked(&selection));
    assert_eq!(wanted.len(), of_whole.len(), "TEEM_SEED={seed}: {selection:?}");
    for ((session, turns), (same, as_well)) in wanted.iter().zip(&of_whole) {
        assert_eq!(session, same, "TEEM_SEED={seed}: {selection:?}");
        let told =
            |turns: &Turns| -> Vec<_> { turns.iter().map(|(turn, bytes)| said(turn, bytes)).collect() };
        assert!(
            told(turns) == told(as_well),
            "TEEM_SEED={seed}: {selection:?}: {session:?}"
        );
    }
    assert_eq!(
        part.recording.sessions().len(),
        wanted.len(),
        "TEEM_SEED={seed}: nothing else is kept"
    );
    let left_out = whole.recording.sessions().len() - of_whole.len();
    assert_eq!(part.left_out.flows, left_out as u64, "TEEM_SEED={seed}");
    // Nothing of the capture is lost from the count, and it is the same count.
    for read in [&part, &whole] {
        let accounted =
            read.said_bytes() + read.left_out.bytes_of_both() + read.tls.figures.bytes.off_bytes();
        assert_eq!(read.figures.tcp.reassembled_bytes, accounted, "TEEM_SEED={seed}");
    }
    assert_eq!(part.figures.tcp, whole.figures.tcp, "TEEM_SEED={seed}");
    (part.left_out.flows, wanted.len())
}

#[test]
fn choosing_while_reading_is_choosing_afterwards() {
    match std::env::var("TEEM_SEED").ok().and_then(|seed| seed.parse().ok()) {
        Some(seed) => {
            check(seed);
        }
        None => {
            let all: Vec<(u64, usize)> = SEEDS.map(check).collect();
            let met = |of: fn(&(u64, usize)) -> bool| all.iter().filter(|found| of(found)).count();
            assert!(met(|(left_out, _)| *left_out > 0) > 50);
            assert!(met(|(_, taken)| *taken > 0) > 50);
            assert!(met(|(left_out, taken)| *left_out > 0 && *taken > 0) > 20);
        }
    }
}

#[test]
fn what_nobody_wants_is_not_written() {
    const LARGE_BYTES: usize = 64 << 20;
    let file = tempfile::tempfile().unwrap();
    let writer = RecordingWriter::scratch(file.try_clone().unwrap());
    let selection = Selection {
        ports: vec![80],
        ..Selection::default()
    };
    let mut stage = Select::new(selection, writer);
    let client: SocketAddr = ([10, 0, 0, 1], 40_000).into();
    for (flow, port) in [(Flow(0), 443), (Flow(1), 80)] {
        stage.event(Event::Open {
            flow,
            at_ns: 0,
            client,
            server: ([10, 0, 0, 2], port).into(),
            start: Start::Handshake,
        });
    }
    let mut noise = vec![0; 1 << 16];
    ChaCha8Rng::seed_from_u64(1).fill_bytes(&mut noise);
    for piece in 0..LARGE_BYTES / noise.len() {
        stage.event(Event::Data {
            flow: Flow(0),
            side: Side::Server,
            at_ns: 1,
            offset: (piece * noise.len()) as u64,
            bytes: &noise,
        });
    }
    let hello = b"GET / HTTP/1.1\r\n\r\n";
    stage.event(Event::Data {
        flow: Flow(1),
        side: Side::Client,
        at_ns: 2,
        offset: 0,
        bytes: hello,
    });
    let (writer, left_out) = stage.finish();
    assert_eq!(left_out.bytes, [0, LARGE_BYTES as u64]);
    assert_eq!(writer.tally().payload_bytes, hello.len() as u64);
    let recording = writer.finish().unwrap();
    assert_eq!(recording.sessions().len(), 1);
    assert!(
        file.metadata().unwrap().len() < 1_024,
        "nothing but one short session"
    );
}
