//! A trace of clients that ask a web server, as a capture: handshakes, then requests and their answers, Poisson arrivals.
//!
//! It knows bytes and instants; who sends them again is none of its business.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use super::Options;
use crate::draw::Draw;

/// Connections.
const CONNECTIONS: u32 = 64;
/// How long an answer takes in it, nanoseconds.
const ANSWER_NS: u64 = 200_000;
/// The first request, after the handshakes.
const BEGIN_NS: f64 = 1e8;

const SYN: u8 = 0x02;
const ACK: u8 = 0x10;

/// A trace in a file, and when what in it is sent.
#[derive(Debug)]
pub(super) struct Trace {
    pub(super) path: PathBuf,
    /// Every packet.
    pub(super) packets_ns: Vec<u64>,
    /// The packets with requests.
    pub(super) requests_ns: Vec<u64>,
}

/// A capture that is being written.
struct Writer {
    file: BufWriter<File>,
    packets_ns: Vec<u64>,
    /// Bytes that each side of each connection said, SYN included.
    said: Vec<[u32; 2]>,
}

impl Trace {
    /// Writes one.
    pub(super) fn write(
        path: &Path,
        options: &Options,
        request: &[u8],
        answer: &[u8],
    ) -> anyhow::Result<Self> {
        let mut writer = Writer::create(path)?;
        for connection in 0..CONNECTIONS {
            let at_ns = u64::from(connection) * 30_000;
            for (turn, (side, flags)) in [(0, SYN), (1, SYN | ACK), (0, ACK)].into_iter().enumerate() {
                writer.packet(at_ns + turn as u64 * 10_000, connection, side, flags, b"")?;
            }
        }
        let mut draw = Draw::new(1);
        let mut answers: VecDeque<(u64, u32)> = VecDeque::new();
        let mut requests_ns = Vec::new();
        let mut at_ns = BEGIN_NS;
        for number in 0..(options.seconds * options.rate) as u32 {
            at_ns += draw.gap_us(options.rate) * 1e3;
            while let Some((due_ns, connection)) = answers.pop_front_if(|(due_ns, _)| *due_ns <= at_ns as u64)
            {
                writer.packet(due_ns, connection, 1, ACK, answer)?;
            }
            let connection = number % CONNECTIONS;
            writer.packet(at_ns as u64, connection, 0, ACK, request)?;
            requests_ns.push(at_ns as u64);
            answers.push_back((at_ns as u64 + ANSWER_NS, connection));
        }
        for (due_ns, connection) in answers {
            writer.packet(due_ns, connection, 1, ACK, answer)?;
        }
        writer.file.flush()?;
        Ok(Self {
            path: path.to_owned(),
            packets_ns: writer.packets_ns,
            requests_ns,
        })
    }
}

impl Writer {
    /// libpcap's classic format, nanoseconds, Ethernet.
    fn create(path: &Path) -> anyhow::Result<Self> {
        let mut file = BufWriter::with_capacity(1 << 20, File::create(path)?);
        for word in [0xa1b2_3c4d_u32, 2 | 4 << 16, 0, 0, 262_144, 1] {
            file.write_all(&word.to_le_bytes())?;
        }
        Ok(Self {
            file,
            packets_ns: Vec::new(),
            said: vec![[0; 2]; CONNECTIONS as usize],
        })
    }

    /// One packet of a side (0 is the client), with all acknowledged that the other side said.
    fn packet(
        &mut self,
        at_ns: u64,
        connection: u32,
        side: usize,
        flags: u8,
        said: &[u8],
    ) -> anyhow::Result<()> {
        let numbers = &mut self.said[connection as usize];
        let (seq, ack) = (numbers[side], numbers[1 - side]);
        numbers[side] = seq.wrapping_add(said.len() as u32 + u32::from(flags & SYN != 0));
        let ports = [20_000 + connection as u16, 80];
        let ends = [[10, 0, 0, 1], [10, 0, 0, 2]];
        let mut packet = vec![0x02, 0, 0, 0, 0, 1, 0x02, 0, 0, 0, 0, 2, 8, 0, 0x45, 0];
        packet.extend((40 + said.len() as u16).to_be_bytes());
        packet.extend([0, 0, 0x40, 0, 64, 6, 0, 0]);
        packet.extend(ends[side]);
        packet.extend(ends[1 - side]);
        packet.extend(ports[side].to_be_bytes());
        packet.extend(ports[1 - side].to_be_bytes());
        packet.extend(seq.to_be_bytes());
        packet.extend(ack.to_be_bytes());
        packet.extend([0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
        packet.extend(said);
        let length = packet.len() as u32;
        for field in [
            1 + (at_ns / 1_000_000_000) as u32,
            (at_ns % 1_000_000_000) as u32,
            length,
            length,
        ] {
            self.file.write_all(&field.to_le_bytes())?;
        }
        self.file.write_all(&packet)?;
        self.packets_ns.push(at_ns);
        Ok(())
    }
}
