//! Decryption against real peers: what two ends of rustls or OpenSSL said is what must come out.

mod library;
mod openssl;

mod torn;
mod wire;

use super::*;
use crate::event::{End, Side, Start};

/// What came out, of one flow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Heard {
    /// Plain bytes of the client and of the server; missing ones are zeros.
    said: [Vec<u8>; 2],
    /// Missing bytes of each.
    missing: [u64; 2],
    /// Where they are missing, and how many.
    gaps: Vec<(Side, u64, u64)>,
    /// Whether each finished.
    finished: [bool; 2],
    closed: bool,
    /// Whose bytes came, in order, those next to each other made one.
    turns: Vec<(Side, usize)>,
    last_ns: u64,
}

impl Sink for Heard {
    fn event(&mut self, event: Event<'_>) {
        assert!(!self.closed, "{event:?} after the end");
        assert!(
            event.at_ns() >= self.last_ns,
            "{event:?} is earlier than what came before it"
        );
        self.last_ns = event.at_ns();
        match event {
            Event::Open { .. } => {}
            Event::Data {
                side, offset, bytes, ..
            } => {
                let said = &mut self.said[side as usize];
                assert!(!self.finished[side as usize] && !bytes.is_empty());
                assert_eq!(said.len() as u64, offset, "the bytes of {side:?} are contiguous");
                said.extend_from_slice(bytes);
                match self.turns.last_mut() {
                    Some((last, length)) if *last == side => *length += bytes.len(),
                    _ => self.turns.push((side, bytes.len())),
                }
            }
            Event::Gap {
                side, offset, length, ..
            } => {
                let said = &mut self.said[side as usize];
                assert!(!self.finished[side as usize] && length > 0);
                assert_eq!(said.len() as u64, offset);
                said.resize(said.len() + length as usize, 0);
                self.missing[side as usize] += length;
                self.gaps.push((side, offset, length));
            }
            Event::Finish { side, .. } => {
                assert!(
                    !std::mem::replace(&mut self.finished[side as usize], true),
                    "{side:?} finishes once"
                );
            }
            Event::Close { .. } => self.closed = true,
        }
    }
}

/// A flow's bytes as a capture has them.
struct Feed {
    decryption: Decryption<Heard>,
    offsets: [u64; 2],
    /// Bytes fed, without those that are missing.
    fed_bytes: u64,
    now_ns: u64,
}

const FLOW: Flow = Flow(7);

impl Feed {
    fn new(log: &str, start: Start) -> Self {
        Self::within(DecryptionLimits::default(), log, start)
    }

    fn within(limits: DecryptionLimits, log: &str, start: Start) -> Self {
        let mut secrets = Secrets::default();
        secrets.add(log.as_bytes());
        let mut decryption = Decryption::new(secrets, limits, Heard::default());
        decryption.event(Event::Open {
            flow: FLOW,
            at_ns: 0,
            client: "127.0.0.1:1".parse().unwrap(),
            server: "127.0.0.1:443".parse().unwrap(),
            start,
        });
        Self {
            decryption,
            offsets: [0; 2],
            fed_bytes: 0,
            now_ns: 0,
        }
    }

    fn data(&mut self, side: Side, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        self.now_ns += 1;
        let offset = &mut self.offsets[side as usize];
        self.decryption.event(Event::Data {
            flow: FLOW,
            side,
            at_ns: self.now_ns,
            offset: *offset,
            bytes,
        });
        *offset += bytes.len() as u64;
        self.fed_bytes += bytes.len() as u64;
    }

    fn gap(&mut self, side: Side, length: usize) {
        self.now_ns += 1;
        let offset = &mut self.offsets[side as usize];
        self.decryption.event(Event::Gap {
            flow: FLOW,
            side,
            at_ns: self.now_ns,
            offset: *offset,
            length: length as u64,
        });
        *offset += length as u64;
    }

    fn finish(mut self) -> (Heard, DecryptionReport) {
        for side in [Side::Client, Side::Server] {
            self.now_ns += 1;
            self.decryption.event(Event::Finish {
                flow: FLOW,
                side,
                at_ns: self.now_ns,
            });
        }
        self.now_ns += 1;
        self.decryption.event(Event::Close {
            flow: FLOW,
            at_ns: self.now_ns,
            end: End::Finished(Side::Client),
        });
        assert_eq!(
            self.decryption.buffered_bytes, 0,
            "nothing stays of what was buffered"
        );
        assert!(self.decryption.flows.is_empty());
        let fed_bytes = self.fed_bytes;
        let (heard, report) = self.decryption.finish();
        // Every scene's bytes are accounted for, by three counts that know nothing of each other.
        let heard_bytes: u64 = heard.said.iter().map(|said| said.len() as u64).sum();
        let known_bytes = heard_bytes - heard.missing.iter().sum::<u64>();
        let bytes = report.figures.bytes;
        assert_eq!(fed_bytes, known_bytes + bytes.off_bytes(), "{bytes:?}");
        assert!(bytes.closes(), "{bytes:?}");
        assert_eq!(report.figures.unbalanced, 0);
        (heard, report)
    }
}

/// Feeds what was said in turns, in pieces of so many bytes.
fn decrypt(log: &str, turns: &[(Side, Vec<u8>)], piece: usize) -> (Heard, DecryptionReport) {
    let mut feed = Feed::new(log, Start::Handshake);
    for (side, bytes) in turns {
        bytes.chunks(piece).for_each(|piece| feed.data(*side, piece));
    }
    feed.finish()
}

#[test]
fn what_is_not_tls_passes_as_it_is() {
    let turns = [
        (Side::Server, b"220 ready\r\n".to_vec()),
        // It begins as a ClientHello would, and is none.
        (Side::Client, b"\x16\x03\x01\x02".to_vec()),
        (Side::Client, b"\x00\x02 nothing of the kind".to_vec()),
        (Side::Server, b"\x17\x03\x03\x00\x20 nor this".to_vec()),
        (Side::Client, b"\x16\x03".to_vec()),
    ];
    for piece in [1, 3, 100] {
        let (heard, report) = decrypt("", &turns, piece);
        assert_eq!(
            heard.said[0],
            b"\x16\x03\x01\x02\x00\x02 nothing of the kind\x16\x03"
        );
        assert_eq!(heard.said[1], b"220 ready\r\n\x17\x03\x03\x00\x20 nor this");
        assert_eq!(heard.finished, [true; 2]);
        assert_eq!(report.figures, DecryptionFigures::default());
        assert_eq!(report.flows, []);
    }
}

#[test]
fn what_starts_in_mid_stream_is_listed() {
    for piece in [1, 4, 100] {
        let mut feed = Feed::new("", Start::Midway);
        let record = b"\x17\x03\x03\x00\x05hello";
        record
            .chunks(piece)
            .for_each(|piece| feed.data(Side::Server, piece));
        let (heard, report) = feed.finish();
        assert_eq!(heard.said[1], record);
        assert_eq!(report.flows[0].undecrypted, Some(Undecrypted::Midway));
        assert_eq!(report.figures.undecrypted["midway"], 1);
    }
}

/// What the modules say of their memory.
#[test]
fn a_flow_costs_what_is_said_of_it() {
    let sizes = (
        size_of::<(Flow, State)>(),
        size_of::<Conversation>(),
        size_of::<super::opener::Opener>(),
    );
    assert_eq!(sizes, (56, 608, 112));
}
