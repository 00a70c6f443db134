//! A capture of Ethernet, IPv4 and TCP as packets: read, written, cut, and looked through for connections.
//!
//! It does not know what is said, nor what reads it.

use std::collections::BTreeMap;

use rand::RngExt as _;
use rand::rngs::StdRng;

/// What either side is called in an inspection.
pub(super) const SIDES: [&str; 2] = ["client_said", "server_said"];

/// The server's port.
const PORT: u16 = 7_700;
/// The header of libpcap's classic format, and of a packet in it.
const FILE_HEAD: usize = 24;
const PACKET_HEAD: usize = 16;

pub(super) const FIN: u8 = 0x01;
pub(super) const SYN: u8 = 0x02;
pub(super) const RST: u8 = 0x04;
pub(super) const ACK: u8 = 0x10;

/// A capture.
#[derive(Clone)]
pub(super) struct Capture {
    head: Vec<u8>,
    pub(super) packets: Vec<Packet>,
}

/// A packet, and when it was seen.
#[derive(Clone)]
pub(super) struct Packet {
    pub(super) at_us: u64,
    pub(super) bytes: Vec<u8>,
}

/// What a packet says of its connection.
#[derive(Clone)]
pub(super) struct Segment {
    client: String,
    /// 0 is the client.
    pub(super) side: usize,
    pub(super) seq: u32,
    pub(super) ack: u32,
    pub(super) flags: u8,
    /// Where its TCP header and its payload begin.
    tcp: usize,
    payload: usize,
    pub(super) length: usize,
}

impl Capture {
    /// Reads what tcpdump writes: little-endian, microseconds.
    pub(super) fn read(file: &[u8]) -> Self {
        let (head, mut rest) = file.split_at(FILE_HEAD);
        assert_eq!(head[..4], 0xa1b2_c3d4_u32.to_le_bytes(), "tcpdump's own format");
        let mut packets = Vec::new();
        while !rest.is_empty() {
            let field = |at: usize| u32::from_le_bytes(rest[at..at + 4].try_into().unwrap());
            let length = field(8) as usize;
            assert_eq!(length, field(12) as usize, "nothing was cut off");
            packets.push(Packet {
                at_us: u64::from(field(0)) * 1_000_000 + u64::from(field(4)),
                bytes: rest[PACKET_HEAD..PACKET_HEAD + length].to_vec(),
            });
            rest = &rest[PACKET_HEAD + length..];
        }
        Self {
            head: head.to_vec(),
            packets,
        }
    }

    pub(super) fn write(&self) -> Vec<u8> {
        let mut file = self.head.clone();
        for packet in &self.packets {
            let length = packet.bytes.len() as u32;
            let (second, micros) = (packet.at_us / 1_000_000, packet.at_us % 1_000_000);
            for field in [second as u32, micros as u32, length, length] {
                file.extend(field.to_le_bytes());
            }
            file.extend(&packet.bytes);
        }
        file
    }

    /// The file up to somewhere within a packet, how many are whole, and where the cut one begins.
    pub(super) fn cut_short(&self, rng: &mut StdRng) -> (Vec<u8>, usize, usize) {
        let count = rng.random_range(self.packets.len() / 4..self.packets.len() / 2);
        let whole = self.part(0, count).write().len();
        let mut file = self.write();
        file.truncate(whole + rng.random_range(1..PACKET_HEAD + 40));
        (file, count, whole)
    }

    /// The packets from somewhere on, and of each connection that is left: nothing if it is whole, or else the bytes that
    /// either side says from there on.
    pub(super) fn without_start(&self, rng: &mut StdRng) -> (Self, BTreeMap<String, Option<[u64; 2]>>) {
        let count = rng.random_range(self.packets.len() / 4..self.packets.len() / 2);
        let rest = self.part(count, self.packets.len());
        let mut left = BTreeMap::new();
        for (client, at) in rest.conversations() {
            let segments: Vec<Segment> = at.iter().filter_map(|&at| rest.packets[at].segment()).collect();
            if segments[0].flags & (SYN | ACK) == SYN {
                left.insert(client, None);
                continue;
            }
            // What was sent again counts once, and what is from before the first that is left does not.
            let (mut begins, mut bytes) = ([None; 2], [0; 2]);
            for segment in &segments {
                let begin = *begins[segment.side].get_or_insert(segment.seq);
                // What comes behind a FIN has a number more than there are bytes.
                if segment.length == 0 {
                    continue;
                }
                let end = segment
                    .seq
                    .wrapping_add(segment.length as u32)
                    .wrapping_sub(begin);
                bytes[segment.side] = bytes[segment.side].max(u64::try_from(end.cast_signed()).unwrap_or(0));
            }
            // Cut within the handshake, or with no byte left, it is not what this is about.
            if segments.iter().all(|segment| segment.flags & SYN == 0) && bytes[0] > 0 && bytes[1] > 0 {
                left.insert(client, Some(bytes));
            }
        }
        (rest, left)
    }

    fn part(&self, from: usize, to: usize) -> Self {
        Self {
            head: self.head.clone(),
            packets: self.packets[from..to].to_vec(),
        }
    }

    /// Where the packets of each of the server's connections lie, by clients.
    pub(super) fn conversations(&self) -> BTreeMap<String, Vec<usize>> {
        let mut found: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (at, packet) in self.packets.iter().enumerate() {
            if let Some(segment) = packet.segment() {
                found.entry(segment.client).or_default().push(at);
            }
        }
        found
    }

    /// Pairs of a side's segments with data, one right behind the other, where the other side says nothing in between: their
    /// places.
    pub(super) fn neighbours(&self) -> Vec<(usize, usize)> {
        let mut pairs = Vec::new();
        for places in self.conversations().into_values() {
            let mut last: Option<(usize, Segment)> = None;
            for at in places {
                let segment = self.packets[at].segment().expect("it was one");
                if segment.length == 0 && segment.flags & (SYN | FIN | RST) == 0 {
                    continue;
                }
                if let Some((before, earlier)) = &last
                    && earlier.side == segment.side
                    && earlier.end() == segment.seq
                    && earlier.length.min(segment.length) > 0
                {
                    pairs.push((*before, at));
                }
                last = Some((at, segment));
            }
        }
        pairs
    }

    /// The same with some packets before or in place of others: the new packet, where it goes, and whether what is there stays.
    pub(super) fn with(&self, mut changes: BTreeMap<usize, Packet>, taken: &[usize], stays: bool) -> Self {
        let mut packets = Vec::new();
        for (at, packet) in self.packets.iter().enumerate() {
            let change = changes.remove(&at);
            if !taken.contains(&at) && (stays || change.is_none()) {
                packets.push(packet.clone());
            }
            packets.extend(change);
        }
        Self {
            head: self.head.clone(),
            packets,
        }
    }
}

impl Packet {
    pub(super) fn segment(&self) -> Option<Segment> {
        let word = |at: usize| {
            Some(u16::from_be_bytes([
                *self.bytes.get(at)?,
                *self.bytes.get(at + 1)?,
            ]))
        };
        let long = |at: usize| Some(u32::from(word(at)?) << 16 | u32::from(word(at + 2)?));
        if (word(12)?, self.bytes.get(23)) != (0x0800, Some(&6)) {
            return None;
        }
        let tcp = 14 + usize::from(self.bytes[14] & 15) * 4;
        let end = match word(16)? {
            0 => self.bytes.len(),
            length => 14 + usize::from(length),
        };
        let (from, to) = (word(tcp)?, word(tcp + 2)?);
        let side = usize::from(from == PORT);
        if from != PORT && to != PORT {
            return None;
        }
        let address = &self.bytes[if side == 0 { 26..30 } else { 30..34 }];
        let [a, b, c, d] = *address.as_array()?;
        let payload = tcp + usize::from(self.bytes[tcp + 12] >> 4) * 4;
        Some(Segment {
            client: format!("{a}.{b}.{c}.{d}:{}", if side == 0 { from } else { to }),
            side,
            seq: long(tcp + 4)?,
            ack: long(tcp + 8)?,
            flags: self.bytes[tcp + 13],
            tcp,
            payload,
            length: end - payload,
        })
    }

    /// A packet like this one that says this instead, from this number on. Where offload made it, it has no length.
    pub(super) fn saying(&self, seq: u32, said: &[u8], offload: bool) -> Self {
        let segment = self.segment().expect("it was one");
        let mut bytes = self.bytes[..segment.payload].to_vec();
        bytes[segment.tcp + 4..segment.tcp + 8].copy_from_slice(&seq.to_be_bytes());
        bytes.extend(said);
        let length = if offload { 0 } else { (bytes.len() - 14) as u16 };
        bytes[16..18].copy_from_slice(&length.to_be_bytes());
        Self {
            at_us: self.at_us,
            bytes,
        }
    }

    pub(super) fn said(&self, segment: &Segment) -> &[u8] {
        &self.bytes[segment.payload..segment.payload + segment.length]
    }
}

impl Segment {
    pub(super) fn end(&self) -> u32 {
        self.seq.wrapping_add(self.length as u32)
    }
}
