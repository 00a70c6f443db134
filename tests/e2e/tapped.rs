//! A wiretap's capture as packets: read, spoilt one by one, and written again.
//!
//! It does not know what is said, nor what reads it.

use std::net::SocketAddrV4;
use std::path::Path;

pub(crate) const FIN: u8 = 0x01;
pub(crate) const ACK: u8 = 0x10;

/// The header of libpcap's classic format, and of a packet in it.
const FILE_HEAD: usize = 24;
const PACKET_HEAD: usize = 16;
/// Ethernet, IPv4 and TCP, as the wiretap writes them, without options.
const IP: usize = 14;
const TCP: usize = IP + 20;
const PAYLOAD: usize = TCP + 20;

/// A capture.
#[derive(Clone)]
pub(crate) struct Tapped {
    head: Vec<u8>,
    packets: Vec<Packet>,
    server: u16,
}

#[derive(Clone)]
struct Packet {
    /// Seconds and nanoseconds, as they are in the file.
    at: [u8; 8],
    bytes: Vec<u8>,
}

impl Tapped {
    /// Reads what the wiretap wrote of this server's connections.
    pub(crate) fn read(path: &Path, server: &str) -> Self {
        let file = std::fs::read(path).unwrap();
        let (head, mut rest) = file.split_at(FILE_HEAD);
        let mut packets = Vec::new();
        while let Some((head, behind)) = rest.split_first_chunk::<PACKET_HEAD>() {
            let length = u32::from_le_bytes(*head[8..].first_chunk().unwrap()) as usize;
            packets.push(Packet {
                at: *head.first_chunk().unwrap(),
                bytes: behind[..length].to_vec(),
            });
            rest = &behind[length..];
        }
        Self {
            head: head.to_vec(),
            packets,
            server: server.parse::<SocketAddrV4>().unwrap().port(),
        }
    }

    /// The same without any packet.
    pub(crate) fn emptied(&self) -> Self {
        Self {
            packets: Vec::new(),
            ..self.clone()
        }
    }

    pub(crate) fn write(&self, path: &Path) {
        let mut file = self.head.clone();
        for packet in &self.packets {
            let length = (packet.bytes.len() as u32).to_le_bytes();
            file.extend([&packet.at[..], &length, &length, &packet.bytes].concat());
        }
        std::fs::write(path, file).unwrap();
    }

    /// The clients' ports, in the order in which they came.
    pub(crate) fn clients(&self) -> Vec<u16> {
        let mut ports = Vec::new();
        for packet in &self.packets {
            let [from, to] = packet.ports();
            let client = if from == self.server { to } else { from };
            if !ports.contains(&client) {
                ports.push(client);
            }
        }
        ports
    }

    /// Where a client's connection has its packets.
    pub(crate) fn all_of(&self, client: u16) -> Vec<usize> {
        let is_its = |at: &usize| self.packets[*at].is_tcp() && self.packets[*at].ports().contains(&client);
        (0..self.packets.len()).filter(is_its).collect()
    }

    /// Those of one side: 0 is the client.
    pub(crate) fn of(&self, client: u16, side: usize) -> Vec<usize> {
        let mut found = self.all_of(client);
        found.retain(|&at| self.packets[at].ports()[side] == client);
        found
    }

    /// Of these, those that say something.
    pub(crate) fn saying(&self, client: u16, side: usize) -> Vec<usize> {
        let mut found = self.of(client, side);
        found.retain(|&at| !self.payload(at).is_empty());
        found
    }

    /// The first of a side with this flag.
    pub(crate) fn with_flags(&self, client: u16, side: usize, flag: u8) -> usize {
        let has = |at: &usize| self.packets[*at].bytes[TCP + 13] & flag != 0;
        self.of(client, side).into_iter().find(has).unwrap()
    }

    pub(crate) fn payload(&self, at: usize) -> &[u8] {
        &self.packets[at].bytes[PAYLOAD..]
    }

    /// Takes a packet out; the bytes that it said.
    pub(crate) fn take(&mut self, at: usize) -> usize {
        self.packets.remove(at).bytes.len() - PAYLOAD
    }

    /// Says a packet again right behind it, changed; its bytes.
    pub(crate) fn again(&mut self, at: usize, change: impl FnOnce(&mut [u8])) -> usize {
        let mut copy = self.packets[at].clone();
        change(&mut copy.bytes[PAYLOAD..]);
        let length = copy.bytes.len() - PAYLOAD;
        self.packets.insert(at + 1, copy);
        length
    }

    /// Behind a packet comes a keep-alive of its side (RFC 9293, section 3.8.4): the last byte's number, and a byte of nothing.
    pub(crate) fn keep_alive(&mut self, at: usize) {
        let last = self.payload(at).len() as u32 - 1;
        self.insert_behind(at, last, ACK, &[0]);
    }

    /// Behind a packet comes another of its side, whose number is that much higher; its bytes.
    pub(crate) fn insert_behind(&mut self, at: usize, further: u32, flags: u8, payload: &[u8]) -> usize {
        let mut packet = self.packets[at].clone();
        let bytes = &mut packet.bytes;
        let number = u32::from_be_bytes(*bytes[TCP + 4..].first_chunk().unwrap()).wrapping_add(further);
        bytes[TCP + 4..TCP + 8].copy_from_slice(&number.to_be_bytes());
        bytes[TCP + 13] = flags;
        bytes.truncate(PAYLOAD);
        bytes.extend(payload);
        packet.settle();
        self.packets.insert(at + 1, packet);
        payload.len()
    }

    /// A datagram comes last.
    pub(crate) fn datagram(&mut self, from: &str, to: &str, payload: &[u8]) {
        let [from, to] = [from, to].map(|end| end.parse::<SocketAddrV4>().unwrap());
        let mut bytes = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0];
        bytes.extend([0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, 17, 0, 0]);
        bytes.extend([from.ip().octets(), to.ip().octets()].concat());
        for word in [from.port(), to.port(), 8 + payload.len() as u16, 0] {
            bytes.extend(word.to_be_bytes());
        }
        bytes.extend(payload);
        self.push(bytes);
    }

    /// A question of the link layer's comes last.
    pub(crate) fn arp(&mut self) {
        let mut bytes = vec![255, 255, 255, 255, 255, 255, 2, 0, 0, 0, 0, 1, 8, 6];
        bytes.extend([0, 1, 8, 0, 6, 4, 0, 1]);
        bytes.resize(IP + 28, 0);
        self.push(bytes);
    }

    fn push(&mut self, bytes: Vec<u8>) {
        let at = self.packets.last().map_or([0; 8], |packet| packet.at);
        let mut packet = Packet { at, bytes };
        if packet.bytes[12..IP] == [8, 0] {
            packet.settle();
        }
        self.packets.push(packet);
    }
}

impl Packet {
    fn is_tcp(&self) -> bool {
        self.bytes[12..IP] == [8, 0] && self.bytes[IP + 9] == 6
    }

    /// Source and destination.
    fn ports(&self) -> [u16; 2] {
        [0, 2].map(|at| u16::from_be_bytes(*self.bytes[TCP + at..].first_chunk().unwrap()))
    }

    /// Makes the length right that IP has of it.
    fn settle(&mut self) {
        let length = (self.bytes.len() - IP) as u16;
        self.bytes[IP + 2..IP + 4].copy_from_slice(&length.to_be_bytes());
    }
}
