//! A relay that writes what passes through it as a capture: Ethernet, IPv4, TCP, nanoseconds.
//!
//! It does not know what is said.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// How long it looks for what is still on its way.
const LINGER: Duration = Duration::from_secs(10);
/// Bytes of a packet's payload at most.
const SEGMENT: usize = 1_400;

const FIN: u8 = 0x01;
const SYN: u8 = 0x02;
const ACK: u8 = 0x10;

/// A relay in front of a server.
pub(crate) struct Wiretap {
    pub(crate) address: SocketAddr,
    heard: Arc<Mutex<Heard>>,
    begun: Instant,
}

#[derive(Default)]
struct Heard {
    packets: Vec<(Duration, Vec<u8>)>,
    open: usize,
}

/// One relayed connection, as the capture shows it.
struct Wire {
    client: SocketAddr,
    server: SocketAddr,
    /// The next sequence number of either side.
    next: [u32; 2],
}

impl Wiretap {
    /// Relays to a server.
    pub(crate) fn before(server: &str) -> Self {
        let (heard, begun) = (Arc::default(), Instant::now());
        Self {
            address: listen(server, &heard, begun),
            heard,
            begun,
        }
    }

    /// Relays to another server as well, into the same capture. Returns where.
    pub(crate) fn also_before(&self, server: &str) -> SocketAddr {
        listen(server, &self.heard, self.begun)
    }

    /// Writes what was heard, once every connection has ended.
    pub(crate) fn write(&self, path: &Path) {
        let deadline = Instant::now() + LINGER;
        while self.heard.lock().unwrap().open > 0 && Instant::now() < deadline {
            thread::yield_now();
        }
        let heard = self.heard.lock().unwrap();
        // libpcap's file format, nanoseconds, little-endian, Ethernet.
        let mut file = Vec::new();
        for word in [0xa1b2_3c4d_u32, 2 | 4 << 16, 0, 0, 262_144, 1] {
            file.extend(word.to_le_bytes());
        }
        for (at, packet) in &heard.packets {
            let seconds = 1_800_000_000 + at.as_secs() as u32;
            for word in [
                seconds,
                at.subsec_nanos(),
                packet.len() as u32,
                packet.len() as u32,
            ] {
                file.extend(word.to_le_bytes());
            }
            file.extend(packet);
        }
        std::fs::write(path, file).unwrap();
    }
}

/// Relays what connects to a new address.
fn listen(server: &str, heard: &Arc<Mutex<Heard>>, begun: Instant) -> SocketAddr {
    let server: SocketAddr = server.parse().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let heard = Arc::clone(heard);
    thread::spawn(move || {
        for client in listener.incoming() {
            let Ok(upstream) = TcpStream::connect(server) else {
                continue;
            };
            relay(client.unwrap(), upstream, server, &heard, begun);
        }
    });
    address
}

/// Relays one connection, both ways.
fn relay(
    client: TcpStream,
    upstream: TcpStream,
    server: SocketAddr,
    heard: &Arc<Mutex<Heard>>,
    begun: Instant,
) {
    for stream in [&client, &upstream] {
        stream.set_nodelay(true).unwrap();
    }
    let wire = Wire {
        client: client.peer_addr().unwrap(),
        server,
        next: [1_000, 5_000],
    };
    let wire = Arc::new(Mutex::new(wire));
    {
        let (mut heard, mut wire) = (heard.lock().unwrap(), wire.lock().unwrap());
        heard.open += 2;
        for (side, flags) in [(0, SYN), (1, SYN | ACK), (0, ACK)] {
            heard
                .packets
                .push((begun.elapsed(), wire.packet(side, flags, &[])));
        }
    }
    for (side, from, to) in [
        (0, client.try_clone().unwrap(), upstream.try_clone().unwrap()),
        (1, upstream, client),
    ] {
        let (heard, wire) = (Arc::clone(heard), Arc::clone(&wire));
        thread::spawn(move || pour(side, from, to, &heard, &wire, begun));
    }
}

/// Relays one side.
fn pour(
    side: usize,
    mut from: TcpStream,
    mut to: TcpStream,
    heard: &Mutex<Heard>,
    wire: &Mutex<Wire>,
    begun: Instant,
) {
    let mut buffer = [0; 64 * 1024];
    loop {
        let length = from.read(&mut buffer).unwrap_or(0);
        let mut ear = heard.lock().unwrap();
        let mut line = wire.lock().unwrap();
        let at = begun.elapsed();
        for segment in buffer[..length].chunks(SEGMENT) {
            ear.packets.push((at, line.packet(side, ACK, segment)));
        }
        if length == 0 {
            ear.packets.push((at, line.packet(side, FIN | ACK, &[])));
            ear.open -= 1;
        }
        drop((ear, line));
        if length == 0 {
            let _ = to.shutdown(Shutdown::Write);
            return;
        }
        if to.write_all(&buffer[..length]).is_err() {
            continue;
        }
    }
}

impl Wire {
    /// A packet of a side: 0 is the client.
    fn packet(&mut self, side: usize, flags: u8, payload: &[u8]) -> Vec<u8> {
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
