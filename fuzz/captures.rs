//! What must hold of any capture whatever. Each property panics when it does not.
//!
//! The fuzz targets call these with bytes they invent, `replay/tests/captures/corpus.rs` with the bytes that were kept.
//! This file knows no fuzzing engine.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hasher as _};
use std::io::{Cursor, Read};
use std::net::SocketAddr;

use replay::packet::{Endpoint, Flags, Path, Segment};
use replay::reassembly::{Reassembly, ReassemblyLimits};
use replay::{CaptureOptions, End, Event, Flow, Side, Sink, Source, read_capture};

/// Small, so that every bound is met.
const LIMITS: ReassemblyLimits = ReassemblyLimits {
    flows: 4,
    waiting_bytes: 4_000,
    waiting_bytes_side: 2_000,
    grace_ns: 1_000,
    silence_ns: 5_000,
    idle_ns: 50_000,
    linger_ns: 5_000,
};
/// A piece may go over a bound before it is seen to: the longest, with its overhead.
const SLACK_BYTES: u64 = 70_000;

/// A capture: the first byte says how the rest comes in pieces. However it comes, it says the same; events keep their order, and
/// every byte is accounted for.
pub(crate) fn capture(bytes: &[u8]) {
    let Some((&piece, file)) = bytes.split_first() else {
        return;
    };
    let whole = read(file, usize::MAX);
    let pieces = read(file, usize::from(piece) + 1);
    // How much a damaged packing gives before it is found out depends on how it comes.
    if !matches!(
        file,
        [0x1f, 0x8b, ..] | [0x28, 0xb5, ..] | [0x50..=0x5f, 0x2a, ..]
    ) {
        assert_eq!(
            whole, pieces,
            "in pieces of {piece} bytes the capture says something else"
        );
    }
}

/// What reading it comes to, as text, and a hash of all events.
fn read(file: &[u8], piece: usize) -> (String, u64) {
    let mut order = Order::default();
    let source = Source::reader(Pieces(Cursor::new(file.to_vec()), piece));
    let options = CaptureOptions { limits: LIMITS };
    let told = match read_capture(source, &options, &mut order) {
        Ok(figures) => {
            assert!(figures.tcp.closes(), "{figures:?}");
            order.assert_closed();
            format!("{figures:?}")
        }
        Err(error) => error.to_string(),
    };
    (told, order.hash.finish())
}

/// A reader that gives little at once.
struct Pieces(Cursor<Vec<u8>>, usize);

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let length = buffer.len().min(self.1);
        self.0.read(&mut buffer[..length])
    }
}

/// Segments of a few connections, eight bytes each: who, flags, number, acknowledgement, length, captured, time. The events keep
/// their order, what waits keeps its bound, and every byte is accounted for.
pub(crate) fn segments(bytes: &[u8]) {
    let text = [0x5a; 255];
    let mut reassembly = Reassembly::new(LIMITS);
    let mut order = Order::default();
    let mut at_ns = 0;
    for step in bytes.chunks_exact(8) {
        let &[who, flags, high, low, acked, length, captured, later] = step else {
            continue;
        };
        at_ns += u64::from(later) * 40;
        let client = SocketAddr::from(([10, 0, 0, 1], 1_000 + u16::from(who >> 1 & 7)));
        let server = SocketAddr::from(([10, 0, 0, 2], 80));
        let (source, to) = if who & 1 == 0 {
            (client, server)
        } else {
            (server, client)
        };
        // Numbers lie around the point where they wrap, or, with the highest bit, far from it.
        let near = i16::from_be_bytes([high, low]);
        let far = if who & 0x80 == 0 { 0 } else { 1 << 30 };
        let segment = Segment {
            source: Endpoint::from(source),
            to: Endpoint::from(to),
            path: Path::default(),
            seq: (far + i32::from(near)).cast_unsigned(),
            ack: u32::from(acked) << 2,
            flags: flag(flags, 1, Flags::FIN)
                | flag(flags, 2, Flags::SYN)
                | flag(flags, 4, Flags::RST)
                | flag(flags, 8, Flags::ACK),
            window: u16::from(who) << 6,
            scale: None,
            payload: &text[..usize::from(length.min(captured))],
            length: u32::from(length),
        };
        reassembly.segment(at_ns, &segment, &mut order);
    }
    let figures = reassembly.finish(&mut order);
    assert!(figures.closes(), "{figures:?}");
    assert!(
        figures.waiting_bytes_peak <= LIMITS.waiting_bytes as u64 + SLACK_BYTES,
        "{figures:?}"
    );
    order.assert_closed();
}

fn flag(bits: u8, bit: u8, flag: Flags) -> Flags {
    if bits & bit == 0 { Flags::default() } else { flag }
}

/// Checks that events come in order, each stream contiguous.
#[derive(Default)]
struct Order {
    flows: HashMap<Flow, Known>,
    opened: u64,
    last_ns: u64,
    hash: DefaultHasher,
}

#[derive(Default)]
struct Known {
    offsets: [u64; 2],
    finished: [bool; 2],
    end: Option<End>,
}

impl Order {
    fn assert_closed(&self) {
        assert!(
            self.flows.values().all(|known| known.end.is_some()),
            "a flow was not closed"
        );
    }

    fn said(&mut self, flow: Flow, side: Side, offset: u64, length: u64) {
        let known = self.known(flow);
        assert_eq!(known.offsets[side as usize], offset, "a stream is contiguous");
        assert!(length > 0, "nothing empty is told");
        assert!(!known.finished[side as usize], "nothing is said behind the end");
        known.offsets[side as usize] += length;
    }

    fn known(&mut self, flow: Flow) -> &mut Known {
        let known = self.flows.get_mut(&flow).expect("a flow is opened first");
        assert_eq!(known.end, None, "nothing comes behind the close");
        known
    }
}

impl Sink for Order {
    fn event(&mut self, event: Event<'_>) {
        assert!(event.at_ns() >= self.last_ns, "time runs forwards");
        self.last_ns = event.at_ns();
        self.hash.write(format!("{event:?}").as_bytes());
        match event {
            Event::Open { flow, .. } => {
                assert_eq!(flow.0, self.opened, "flows are numbered in order");
                self.opened += 1;
                self.flows.insert(flow, Known::default());
            }
            Event::Data {
                flow,
                side,
                offset,
                bytes,
                ..
            } => self.said(flow, side, offset, bytes.len() as u64),
            Event::Gap {
                flow,
                side,
                offset,
                length,
                ..
            } => self.said(flow, side, offset, length),
            Event::Finish { flow, side, .. } => {
                let finished = &mut self.known(flow).finished[side as usize];
                assert!(!std::mem::replace(finished, true), "a side finishes once");
            }
            Event::Close { flow, end, .. } => self.known(flow).end = Some(end),
        }
    }
}
