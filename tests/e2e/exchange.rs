//! Captures of HTTP exchanges, made by hand: between whom, when, and how far apart their packets are.
//!
//! It starts nothing.

use std::net::SocketAddrV4;

pub(crate) const REQUEST: &[u8] =
    b"GET /inbox?token=s3cret HTTP/1.1\r\nHost: a.example\r\nCookie: sid=k33p\r\n\r\n";
pub(crate) const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

const FIN: u8 = 1;
const SYN: u8 = 2;
const ACK: u8 = 16;

/// Handshake, a request with a cookie, an answer, both ends' FIN: seven packets.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Exchange {
    /// Client and server.
    pub(crate) ends: [SocketAddrV4; 2],
    pub(crate) opened_s: u32,
    /// From each packet to the next; the request is the third.
    pub(crate) apart_s: u32,
}

impl Exchange {
    /// Between these two, its packets a second apart.
    pub(crate) fn between(client: &str, server: &str, opened_s: u32) -> Self {
        Self {
            ends: [client, server].map(|end| end.parse().unwrap()),
            opened_s,
            apart_s: 1,
        }
    }

    /// Its packets, and the seconds at which they were captured.
    fn packets(&self) -> Vec<(u32, Vec<u8>)> {
        let mut next = [1_000_u32, 5_000];
        let packets: [(usize, u8, &[u8]); 7] = [
            (0, SYN, b""),
            (1, SYN | ACK, b""),
            (0, ACK, REQUEST),
            (1, ACK, ANSWER),
            (0, FIN | ACK, b""),
            (1, FIN | ACK, b""),
            (0, ACK, b""),
        ];
        (0..)
            .zip(packets)
            .map(|(number, (from, flags, payload))| {
                let packet = self.segment(from, next, flags, payload);
                next[from] += payload.len() as u32 + u32::from(flags & (SYN | FIN) != 0);
                (self.opened_s + number * self.apart_s, packet)
            })
            .collect()
    }

    /// An IPv4 packet with a TCP segment; nobody looks at its checksums.
    fn segment(&self, from: usize, next: [u32; 2], flags: u8, payload: &[u8]) -> Vec<u8> {
        let (source, to) = (self.ends[from], self.ends[1 - from]);
        let mut packet = vec![0x45, 0];
        packet.extend((40 + payload.len() as u16).to_be_bytes());
        packet.extend([0, 0, 0x40, 0, 64, 6, 0, 0]);
        packet.extend(source.ip().octets());
        packet.extend(to.ip().octets());
        packet.extend(source.port().to_be_bytes());
        packet.extend(to.port().to_be_bytes());
        packet.extend(next[from].to_be_bytes());
        packet.extend(next[1 - from].to_be_bytes());
        packet.extend([0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
        packet.extend(payload);
        packet
    }
}

/// A capture of these, in the order of time: libpcap's format, microseconds, raw IP.
pub(crate) fn capture(exchanges: &[Exchange]) -> Vec<u8> {
    let mut packets: Vec<_> = exchanges.iter().flat_map(Exchange::packets).collect();
    packets.sort_by_key(|(second, _)| *second);
    let mut file = Vec::new();
    for word in [0xa1b2_c3d4_u32, 2 | 4 << 16, 0, 0, 65_535, 101] {
        file.extend(word.to_le_bytes());
    }
    for (second, packet) in packets {
        let length = packet.len() as u32;
        for word in [second, 0, length, length] {
            file.extend(word.to_le_bytes());
        }
        file.extend(packet);
    }
    file
}
