//! What must hold of any bytes that claim to be a file of sessions. A property panics when it does not.
//!
//! The fuzz target calls it with bytes it invents, `replay/tests/captures/corpus.rs` with those that were kept. The first byte says whether what
//! follows is a whole file, or entries that the property puts into a block: checksums keep a fuzzer out otherwise.

use std::collections::HashMap;

use replay::{Event, Flow, Recording, RecordingWriter, Side, Sink, TurnKind};

/// A reader never panics; what it tells makes sense, the index tells the same, and it comes back from a file that is made of it.
pub(crate) fn session_file(bytes: &[u8]) {
    let Some((&kind, rest)) = bytes.split_first() else {
        return;
    };
    let file = if kind & 1 == 0 {
        rest.to_vec()
    } else {
        in_a_block(rest)
    };
    let mut heard = Heard::default();
    let Ok(played) = replay::play(&file[..], &mut heard) else {
        return;
    };
    assert!(played.sound_bytes <= file.len() as u64);
    assert_eq!(played.connections, heard.opened);
    let Ok(recording) = Recording::read(&file[..]) else {
        return;
    };
    assert_eq!(totals(&recording), heard.said, "the index tells something else");
    assert_eq!(recording.played().datagrams, played.datagrams);

    let mut writer = RecordingWriter::memory();
    replay::play(&file[..], &mut writer).expect("it was read before");
    assert_eq!(
        (writer.tally().strays, writer.tally().steps_back),
        (0, heard.steps_back)
    );
    if let Some(list) = &played.datagrams {
        assert!(list.flows.len() <= replay::packet::DatagramList::FLOWS_MAX);
        writer.datagrams(list);
    }
    let again = writer.finish().expect("memory");
    assert_eq!(totals(&again), heard.said, "it does not come back");
    assert_eq!(again.played().datagrams, played.datagrams);
}

/// One block, made of entries and, behind the last 0xff, payload.
fn in_a_block(bytes: &[u8]) -> Vec<u8> {
    let split = bytes
        .iter()
        .rposition(|byte| *byte == 0xff)
        .unwrap_or(bytes.len());
    let (entries, payload) = (&bytes[..split], bytes.get(split + 1..).unwrap_or_default());
    let mut file = b"\x89teemses\x01\0\0\0".to_vec();
    seal(&mut file, 0);
    let begin = file.len();
    file.extend(b"TBLK");
    for length in [entries.len(), entries.len(), payload.len(), payload.len(), 0] {
        file.extend((length as u32).to_le_bytes());
    }
    file.extend(crc32c::crc32c(entries).to_le_bytes());
    file.extend(crc32c::crc32c(payload).to_le_bytes());
    seal(&mut file, begin);
    file.extend(entries);
    file.extend(payload);
    file
}

/// Appends the checksum of what begins there.
fn seal(file: &mut Vec<u8>, begin: usize) {
    let sum = crc32c::crc32c(&file[begin..]);
    file.extend(sum.to_le_bytes());
}

/// What was said by each side of each connection: bytes and missing bytes.
type Totals = HashMap<Flow, [(u64, u64); 2]>;

#[derive(Default)]
struct Heard {
    opened: u64,
    open: HashMap<Flow, [u64; 2]>,
    said: Totals,
    now_ns: u64,
    steps_back: u64,
}

impl Sink for Heard {
    fn event(&mut self, event: Event<'_>) {
        // A block counts from 0, so a hostile file may go back; a writer holds the clock then.
        self.steps_back += u64::from(event.at_ns() < self.now_ns);
        self.now_ns = self.now_ns.max(event.at_ns());
        if let Event::Open { flow, .. } = event {
            assert!(
                self.said.insert(flow, [(0, 0); 2]).is_none(),
                "{flow:?} begins twice"
            );
            self.open.insert(flow, [0; 2]);
            self.opened += 1;
            return;
        }
        let offsets = self
            .open
            .get_mut(&event.flow())
            .expect("an event of no open connection");
        match event {
            Event::Data {
                flow,
                side,
                offset,
                bytes,
                ..
            } => {
                assert!(!bytes.is_empty());
                add(offsets, side, offset, bytes.len() as u64);
                if let Some(said) = self.said.get_mut(&flow) {
                    said[side as usize].0 += bytes.len() as u64;
                }
            }
            Event::Gap {
                flow,
                side,
                offset,
                length,
                ..
            } => {
                assert!(length > 0);
                add(offsets, side, offset, length);
                if let Some(said) = self.said.get_mut(&flow) {
                    said[side as usize].1 += length;
                }
            }
            Event::Close { flow, .. } => {
                self.open.remove(&flow);
            }
            Event::Open { .. } | Event::Finish { .. } => {}
        }
    }
}

fn add(offsets: &mut [u64; 2], side: Side, offset: u64, length: u64) {
    assert_eq!(offsets[side as usize], offset, "a stream that does not add up");
    offsets[side as usize] += length;
}

fn totals(recording: &Recording) -> Totals {
    let mut scratch = Vec::new();
    let sessions = recording.sessions().iter().enumerate();
    sessions
        .map(|(index, session)| {
            let mut said = [(0, 0); 2];
            for turn in recording.turns(index) {
                let one = &mut said[turn.side as usize];
                match turn.kind {
                    TurnKind::Bytes { length, .. } => {
                        let bytes = recording.bytes(turn, &mut scratch).expect("the bytes of a turn");
                        assert_eq!(bytes.len(), length as usize);
                        one.0 += bytes.len() as u64;
                    }
                    TurnKind::Gap { length } => one.1 += length,
                    TurnKind::Finish => {}
                }
            }
            (session.flow, said)
        })
        .collect()
}
