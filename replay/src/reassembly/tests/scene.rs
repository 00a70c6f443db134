//! A reassembly that is told segments in a short hand, and what it tells, in a line each.
//!
//! It does not know what that should be.

use super::super::*;
use crate::event::Event;
use crate::packet::{Endpoint, Path};

pub(super) const MS: u64 = 1_000_000;
/// The numbers of either side's SYN.
const CLIENT: u32 = 1_000;
pub(super) const SERVER: u32 = u32::MAX - 2;

/// What was told, in a line each.
#[derive(Default)]
pub(super) struct Lines(Vec<String>);

impl Sink for Lines {
    fn event(&mut self, event: Event<'_>) {
        let at = event.at_ns() / MS;
        let flow = event.flow().0;
        self.0.push(match event {
            Event::Open {
                client,
                server,
                start,
                ..
            } => {
                format!("{at} {flow} open {} {} {start:?}", client.port(), server.port())
            }
            Event::Data {
                side, offset, bytes, ..
            } => {
                format!("{at} {flow} {side:?} {offset} {}", String::from_utf8_lossy(bytes))
            }
            Event::Gap {
                side, offset, length, ..
            } => format!("{at} {flow} {side:?} {offset} lacks {length}"),
            Event::Finish { side, .. } => format!("{at} {flow} {side:?} finishes"),
            Event::Close { end, .. } => format!("{at} {flow} close {end:?}"),
        });
    }
}

/// A reassembly that is told segments in a short hand.
pub(super) struct Scene {
    pub(super) reassembly: Reassembly,
    pub(super) lines: Lines,
    pub(super) at_ms: u64,
    pub(super) client_port: u16,
}

impl Scene {
    pub(super) fn new(limits: ReassemblyLimits) -> Self {
        Self {
            reassembly: Reassembly::new(limits),
            lines: Lines::default(),
            at_ms: 0,
            client_port: 40_000,
        }
    }

    /// After a handshake, with what it told taken away.
    pub(super) fn open() -> Self {
        let mut scene = Self::new(ReassemblyLimits::default());
        scene.shake();
        scene.lines.0.clear();
        scene
    }

    pub(super) fn shake(&mut self) {
        self.send(Side::Client, Flags::SYN, -1, 0, "");
        self.send(Side::Server, Flags::SYN | Flags::ACK, -1, 0, "");
        self.send(Side::Client, Flags::ACK, 0, 0, "");
    }

    /// A millisecond later: flags, offset, what is acknowledged as an offset, and what is said.
    pub(super) fn send(
        &mut self,
        side: Side,
        flags: Flags,
        offset: i64,
        acked: i64,
        text: &str,
    ) -> &mut Self {
        self.send_snapped(side, flags, offset, acked, text, text.len())
    }

    pub(super) fn send_snapped(
        &mut self,
        side: Side,
        flags: Flags,
        offset: i64,
        acked: i64,
        text: &str,
        length: usize,
    ) -> &mut Self {
        let end = |address: [u8; 4], port| Endpoint::from(std::net::SocketAddr::from((address, port)));
        let (client, server) = (end([10, 0, 0, 1], self.client_port), end([10, 0, 0, 2], 80));
        let (source, to, own, other) = match side {
            Side::Client => (client, server, CLIENT, SERVER),
            Side::Server => (server, client, SERVER, CLIENT),
        };
        self.at_ms += 1;
        let segment = Segment {
            source,
            to,
            path: Path::default(),
            seq: own.wrapping_add(1).wrapping_add(offset as u32),
            ack: other.wrapping_add(1).wrapping_add(acked as u32),
            flags,
            window: 1_000,
            scale: None,
            payload: text.as_bytes(),
            length: length as u32,
        };
        self.reassembly
            .segment(self.at_ms * MS, &segment, &mut self.lines);
        self
    }

    pub(super) fn say(&mut self, side: Side, offset: i64, acked: i64, text: &str) -> &mut Self {
        self.send(side, Flags::ACK, offset, acked, text)
    }

    pub(super) fn wait(&mut self, milliseconds: u64) -> &mut Self {
        self.at_ms += milliseconds;
        self.reassembly.advance(self.at_ms * MS, &mut self.lines);
        self
    }

    pub(super) fn told(&mut self) -> Vec<String> {
        std::mem::take(&mut self.lines.0)
    }

    pub(super) fn figures(&self) -> &ReassemblyFigures {
        self.reassembly.figures()
    }

    pub(super) fn finish(mut self) -> (Vec<String>, ReassemblyFigures) {
        let figures = self.reassembly.finish(&mut self.lines);
        assert!(figures.closes(), "{figures:?}");
        (self.lines.0, figures)
    }
}
