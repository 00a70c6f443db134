//! A relay that writes what passes through it as a capture: Ethernet, IPv4, TCP, nanoseconds.
//!
//! It does not know what is said.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crate::wire::{ACK, FIN, SYN, Wire, capture};

/// How long it looks for what is still on its way.
const LINGER: Duration = Duration::from_secs(10);
/// Bytes of a packet's payload at most.
const SEGMENT: usize = 1_400;

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
        std::fs::write(path, capture(&heard.packets)).unwrap();
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
    let wire = Wire::between(client.peer_addr().unwrap(), server);
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
