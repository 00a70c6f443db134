//! Packets of TCP connections as a capture shows them: Ethernet, IPv4, nanoseconds.
//!
//! It does not know what is said, nor when.

use std::net::SocketAddr;
use std::time::Duration;

pub(crate) const FIN: u8 = 0x01;
pub(crate) const SYN: u8 = 0x02;
pub(crate) const ACK: u8 = 0x10;

/// The second at which captures begin.
const BEGUN_S: u32 = 1_800_000_000;

/// A connection.
pub(crate) struct Wire {
    client: SocketAddr,
    server: SocketAddr,
    /// The next sequence number of either side.
    next: [u32; 2],
}

impl Wire {
    pub(crate) fn between(client: SocketAddr, server: SocketAddr) -> Self {
        Self {
            client,
            server,
            next: [1_000, 5_000],
        }
    }

    /// A packet of a side: 0 is the client.
    pub(crate) fn packet(&mut self, side: usize, flags: u8, payload: &[u8]) -> Vec<u8> {
        let (from, to) = match side {
            0 => (self.client, self.server),
            _ => (self.server, self.client),
        };
        let (SocketAddr::V4(from), SocketAddr::V4(to)) = (from, to) else {
            panic!("IPv4 only")
        };
        let mut packet = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0];
        packet.extend([0x45, 0]);
        packet.extend((40 + payload.len() as u16).to_be_bytes());
        packet.extend([0, 0, 0x40, 0, 64, 6, 0, 0]);
        packet.extend(from.ip().octets());
        packet.extend(to.ip().octets());
        packet.extend(from.port().to_be_bytes());
        packet.extend(to.port().to_be_bytes());
        packet.extend(self.next[side].to_be_bytes());
        let acknowledged = if flags & ACK == 0 { 0 } else { self.next[1 - side] };
        packet.extend(acknowledged.to_be_bytes());
        packet.extend([0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
        packet.extend(payload);
        self.next[side] += payload.len() as u32 + u32::from(flags & (SYN | FIN) != 0);
        packet
    }
}

/// A capture of packets, each with when it was seen: libpcap's file format, little-endian.
pub(crate) fn capture(packets: &[(Duration, Vec<u8>)]) -> Vec<u8> {
    let mut file = Vec::new();
    for word in [0xa1b2_3c4d_u32, 2 | 4 << 16, 0, 0, 262_144, 1] {
        file.extend(word.to_le_bytes());
    }
    for (at, packet) in packets {
        let (second, length) = (BEGUN_S + at.as_secs() as u32, packet.len() as u32);
        for word in [second, at.subsec_nanos(), length, length] {
            file.extend(word.to_le_bytes());
        }
        file.extend(packet);
    }
    file
}
