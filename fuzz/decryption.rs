//! What must hold of a decryption, whatever was recorded. Each property panics when it does not.
//!
//! The fuzz target calls this with bytes it invents, `replay/tests/captures/decryption.rs` with the bytes that were kept.
//! This file knows no fuzzing engine.
//!
//! The bytes: how the data is cut (one), whether the record starts midway (one), the key log with its length before it (two,
//! the higher first), then events: a kind (0 and 1 data of the client and of the server, 2 and 3 a gap, 4 and 5 a finish), a
//! length (two), and the data.

use replay::{Decryption, DecryptionLimits, DecryptionReport, End, Event, Flow, Secrets, Side, Sink, Start};

const FLOW: Flow = Flow(0);

/// What came out of a flow.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Heard {
    /// Each side's plain bytes, the client's first; missing ones are zeros.
    pub(crate) said: [Vec<u8>; 2],
    /// Missing bytes.
    pub(crate) missing: [u64; 2],
    finished: [bool; 2],
    closed: bool,
}

impl Sink for Heard {
    fn event(&mut self, event: Event<'_>) {
        assert!(!self.closed, "{event:?} after the end");
        match event {
            Event::Open { .. } => {}
            Event::Data {
                side, offset, bytes, ..
            } => {
                assert!(!bytes.is_empty());
                self.at(side, offset).extend_from_slice(bytes);
            }
            Event::Gap {
                side, offset, length, ..
            } => {
                assert!(length > 0);
                let said = self.at(side, offset);
                said.resize(said.len() + length as usize, 0);
                self.missing[side as usize] += length;
            }
            Event::Finish { side, .. } => {
                let finished = &mut self.finished[side as usize];
                assert!(!std::mem::replace(finished, true), "{side:?} finishes once");
            }
            Event::Close { .. } => self.closed = true,
        }
    }
}

impl Heard {
    fn at(&mut self, side: Side, offset: u64) -> &mut Vec<u8> {
        assert!(!self.finished[side as usize], "{side:?} spoke after its end");
        let said = &mut self.said[side as usize];
        assert_eq!(
            said.len() as u64,
            offset,
            "{side:?} said something without a seam"
        );
        said
    }
}

/// However a recorded conversation is cut, the same comes out of it.
pub(crate) fn tls_decrypt(bytes: &[u8]) {
    let Some((&piece, recorded)) = bytes.split_first() else {
        return;
    };
    // A handshake is held up to a bound: what is cut finely meets it elsewhere.
    if recorded.len() > 1 << 16 {
        return;
    }
    let (Some((whole, report)), Some((cut, other))) = (
        decrypt(recorded, usize::MAX),
        decrypt(recorded, usize::from(piece).max(1)),
    ) else {
        return;
    };
    assert_eq!(whole, cut, "in pieces of {piece} bytes it came to something else");
    // Of several faults the one that is met first is told, and which that is may hang on the cut.
    let read = |report: &DecryptionReport| -> Vec<(u64, bool)> {
        let flows = report.flows.iter();
        flows
            .map(|flow| (flow.records, flow.undecrypted.is_none()))
            .collect()
    };
    assert_eq!(read(&report), read(&other));
}

/// Every byte that was said came out, or was taken off for a reason.
fn is_accounted_for(said_bytes: u64, heard: &Heard, report: &DecryptionReport) {
    let bytes = &report.figures.bytes;
    let heard_bytes: u64 = heard.said.iter().map(|said| said.len() as u64).sum();
    let known_bytes = heard_bytes - heard.missing.iter().sum::<u64>();
    assert_eq!(said_bytes, known_bytes + bytes.off_bytes(), "{bytes:?}");
    assert!(bytes.closes(), "{bytes:?}");
    assert_eq!(report.figures.unbalanced, 0, "{bytes:?}");
}

/// Decrypts what was recorded; `None` if that is cut short.
pub(crate) fn decrypt(recorded: &[u8], piece: usize) -> Option<(Heard, DecryptionReport)> {
    let (&[midway, high, low], rest) = recorded.split_first_chunk()?;
    let (log, mut rest) = rest.split_at_checked(u16::from_be_bytes([high, low]).into())?;
    let mut secrets = Secrets::new(4 << 10);
    secrets.add(log);
    let mut decryption = Decryption::new(secrets, DecryptionLimits::default(), Heard::default());
    let start = if midway & 1 == 1 {
        Start::Midway
    } else {
        Start::Handshake
    };
    let address = std::net::SocketAddr::from(([127, 0, 0, 1], 443));
    decryption.event(Event::Open {
        flow: FLOW,
        at_ns: 0,
        client: address,
        server: address,
        start,
    });
    let (mut offsets, mut finished) = ([0, 0], [false; 2]);
    let mut said_bytes = 0;
    while let Some((&[kind, high, low], after)) = rest.split_first_chunk() {
        let side = if kind & 1 == 0 { Side::Client } else { Side::Server };
        let length = u16::from_be_bytes([high, low]);
        rest = after;
        if finished[side as usize] {
            continue;
        }
        match kind {
            0 | 1 => {
                let (data, after) = rest.split_at_checked(length.into())?;
                rest = after;
                said_bytes += data.len() as u64;
                data.chunks(piece)
                    .for_each(|bytes| say(&mut decryption, side, &mut offsets, bytes));
            }
            2 | 3 if length > 0 => {
                decryption.event(Event::Gap {
                    flow: FLOW,
                    side,
                    at_ns: 0,
                    offset: offsets[side as usize],
                    length: length.into(),
                });
                offsets[side as usize] += u64::from(length);
            }
            4 | 5 => {
                finished[side as usize] = true;
                decryption.event(Event::Finish {
                    flow: FLOW,
                    side,
                    at_ns: 0,
                });
            }
            _ => {}
        }
    }
    decryption.event(Event::Close {
        flow: FLOW,
        at_ns: 0,
        end: End::Open,
    });
    let (heard, report) = decryption.finish();
    is_accounted_for(said_bytes, &heard, &report);
    Some((heard, report))
}

fn say(decryption: &mut Decryption<Heard>, side: Side, offsets: &mut [u64; 2], bytes: &[u8]) {
    let offset = &mut offsets[side as usize];
    decryption.event(Event::Data {
        flow: FLOW,
        side,
        at_ns: 0,
        offset: *offset,
        bytes,
    });
    *offset += bytes.len() as u64;
}
