//! A file of sessions beside the capture that it was made of: the same talk in a fraction of the room.

use std::io::Cursor;
use std::net::SocketAddr;

use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use replay::{CaptureOptions, Recording, RecordingWriter, Side, Source, read_capture};

use crate::wire::{Form, Frame, Packing, Sent, Wrap};

const PEOPLE: u16 = 20;
const TURNS: u64 = 100;
/// Apart enough that no two lie in one instant.
const APART_NS: u64 = 7_000_001;

/// How a capture is packed, whether what is said in it can be packed at all, and the most of its room that a file of sessions takes:
/// generous, so that another compressor may be worse.
const CASES: [(Packing, bool, f64); 3] = [
    (Packing::Plain, true, 0.05),
    // Nothing but the packets' headers is saved.
    (Packing::Plain, false, 0.5),
    (Packing::Zstd, false, 0.95),
];

/// People who chat, each line acknowledged, as a capture; and how much they said.
fn capture(packing: Packing, is_text: bool) -> (Vec<u8>, u64) {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut frames = Vec::new();
    let mut said_bytes = 0;
    for person in 0..PEOPLE {
        let ends: [SocketAddr; 2] = [
            ([10, 0, 0, 1], 40_000 + person).into(),
            ([10, 0, 0, 2], 7_000).into(),
        ];
        let mut next = [1_000_u32, 5_000];
        let mut at_ns = u64::from(person) * 1_009;
        let mut send = |side: usize, syn: bool, payload: Vec<u8>| {
            at_ns += APART_NS;
            said_bytes += payload.len() as u64;
            let length = payload.len() as u32 + u32::from(syn);
            let sent = Sent {
                at_ns,
                from: ends[side],
                to: ends[1 - side],
                seq: next[side],
                ack: (!syn || side == 1).then_some(next[1 - side]),
                syn,
                fin: false,
                rst: false,
                payload,
            };
            next[side] += length;
            let bytes = Wrap::Ethernet.around(&sent.ip());
            frames.push(Frame {
                at_ns,
                sent_bytes: bytes.len() as u32,
                bytes,
            });
        };
        send(0, true, Vec::new());
        send(1, true, Vec::new());
        send(0, false, Vec::new());
        for turn in 0..TURNS {
            let side = (turn % 2) as usize;
            let mut line = format!("{turn}: what {person} says is of the usual length\n").into_bytes();
            if !is_text {
                rng.fill_bytes(&mut line);
            }
            send(side, false, line);
            send(1 - side, false, Vec::new());
        }
    }
    frames.sort_by_key(|frame| frame.at_ns);
    let form = Form {
        packing,
        ..Form::PLAIN
    };
    (form.file(Wrap::Ethernet.link(), &frames), said_bytes)
}

#[test]
fn a_file_of_sessions_is_smaller_than_its_capture() {
    for (packing, is_text, share) in CASES {
        let (capture, said_bytes) = capture(packing, is_text);
        let saved = tempfile::NamedTempFile::new().unwrap();
        let mut writer = RecordingWriter::create(saved.path()).unwrap();
        let source = Source::reader(Cursor::new(capture.clone()));
        read_capture(source, &CaptureOptions::default(), &mut writer).unwrap();
        writer.close().unwrap();
        let saved_bytes = std::fs::metadata(saved.path()).unwrap().len();
        assert!(
            (saved_bytes as f64) < capture.len() as f64 * share,
            "{packing:?}, text {is_text}: {saved_bytes} B of {} B",
            capture.len()
        );
        // Small, and nothing of it is missing.
        let recording = Recording::open(saved.path()).unwrap();
        let sessions = recording.sessions();
        assert_eq!(sessions.len(), usize::from(PEOPLE));
        let kept: u64 = sessions
            .iter()
            .flat_map(|session| [Side::Client, Side::Server].map(|side| session.said(side)))
            .map(|said| said.bytes)
            .sum();
        assert_eq!(kept, said_bytes, "{packing:?}");
    }
}
