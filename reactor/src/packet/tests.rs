//! The transport against the Linux stack, in a network namespace of the test's own.
//!
//! Where there is no privilege to make one, each test is skipped.

mod crowd;
mod ejabberd;
mod misfits;
mod nginx;
mod scripted;

use std::collections::HashMap;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use testbed::skipped;

use super::*;
use crate::{Clock, Kernel, KernelOptions, Shard, ShardStats, Sources, listen, spawn};

const SERVER: Ipv4Addr = Ipv4Addr::new(198, 19, 255, 254);
/// A test that takes longer hangs.
const STUCK_US: u64 = 120_000_000;

/// Runs a body on a thread with a network namespace of its own, where the server's address is on the loopback.
fn in_a_namespace(body: impl FnOnce() + Send + 'static) {
    testbed::in_a_namespace(SERVER, body);
}

fn subnet() -> Subnet {
    "198.18.0.0/16".parse().unwrap()
}

fn tun(edit: impl FnOnce(&mut TunOptions)) -> Tun {
    let mut options = TunOptions::new(subnet());
    edit(&mut options);
    Tun::open(&options).unwrap()
}

fn any_port() -> SocketAddr {
    (SERVER, 0).into()
}

/// A transport, its application and the loop around them, turned by hand.
struct Bench<D> {
    packet: Packet<D>,
    log: Log,
    wake: Wake,
    clock: Clock,
}

/// Remembers what it heard.
#[derive(Default)]
struct Log {
    opened: Vec<Id>,
    got: HashMap<Id, Vec<u8>>,
    closed: HashMap<Id, Closed>,
}

impl<L: Link> App<L> for Log {
    fn opened(&mut self, _: &mut L, id: Id, origin: Origin, _: u64) {
        assert_eq!(origin, Origin::Connected);
        self.opened.push(id);
    }
    fn received(&mut self, _: &mut L, id: Id, bytes: &[u8], _: u64) -> Taken {
        self.got.entry(id).or_default().extend_from_slice(bytes);
        Taken(bytes.len())
    }
    fn closed(&mut self, _: &mut L, id: Id, why: Closed, _: u64) {
        assert_eq!(self.closed.insert(id, why), None, "an end is told once");
    }
    fn turn(&mut self, _: &mut L, now_us: u64) -> Option<u64> {
        Some(now_us + 100_000)
    }
}

impl Log {
    fn bytes(&self, id: Id) -> usize {
        self.got.get(&id).map_or(0, Vec::len)
    }
}

impl<D: Device> Bench<D> {
    fn new(device: D, edit: impl FnOnce(&mut PacketOptions)) -> Self {
        let wake = Wake::new().unwrap();
        let mut options = PacketOptions::new(subnet());
        edit(&mut options);
        Self {
            packet: Packet::new(device, options, &wake).unwrap(),
            log: Log::default(),
            wake,
            clock: Clock::start(),
        }
    }

    fn turn(&mut self) {
        self.packet.flush();
        self.packet.wait(Duration::from_millis(100)).unwrap();
        self.packet.handle(&mut self.log, &self.wake, self.clock.now_us());
        self.packet.flush();
    }

    fn until(&mut self, what: &str, mut is_so: impl FnMut(&mut Self) -> bool) {
        while !is_so(self) {
            assert!(
                self.clock.now_us() < STUCK_US,
                "never {what}: {:?}",
                self.packet.stats()
            );
            self.turn();
        }
    }

    fn connect(&mut self, to: SocketAddr) -> Id {
        let id = self.packet.connect(to).unwrap();
        self.until("connected", |bench| {
            assert_eq!(bench.log.closed.get(&id), None);
            bench.log.opened.contains(&id)
        });
        id
    }

    /// Waits until a server that was just started takes connections.
    fn until_listening(&mut self, to: SocketAddr) {
        self.until("listening", |bench| {
            let id = bench.packet.connect(to).unwrap();
            bench.until("answered", |bench| {
                bench.log.opened.contains(&id) || bench.log.closed.contains_key(&id)
            });
            bench.packet.close(id, Close::Reset);
            bench.log.closed.clear();
            bench.log.opened.contains(&id)
        });
    }

    /// Waits for the end of every connection, and that nothing is left of any.
    fn empty(&mut self) {
        self.until("empty", |bench| bench.packet.stats().in_use == 0);
        assert_eq!(self.packet.connections(), 0);
    }
}

fn pattern(length: usize, seed: u32) -> Vec<u8> {
    (0..length as u32)
        .map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8 ^ seed as u8)
        .collect()
}

/// Echoes until the peer closes, on a thread for each connection.
fn echo(connections: usize) -> SocketAddr {
    let listener = TcpListener::bind(any_port()).unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().take(connections) {
            let mut stream = stream.unwrap();
            thread::spawn(move || {
                let mut buffer = vec![0; 65_536];
                while let Ok(length @ 1..) = stream.read(&mut buffer) {
                    if stream.write_all(&buffer[..length]).is_err() {
                        return;
                    }
                }
            });
        }
    });
    address
}

/// Sends megabytes on a few connections and waits for their echo.
fn megabytes(mut bench: Bench<impl Device>, length: usize) -> Bench<impl Device> {
    const CONNECTIONS: usize = 4;
    let to = echo(CONNECTIONS);
    let ids: Vec<_> = (0..CONNECTIONS).map(|_| bench.connect(to)).collect();
    for id in &ids {
        bench.packet.send(*id, &pattern(length, id.index)).unwrap();
    }
    bench.until("echoed", |bench| {
        ids.iter().all(|id| bench.log.bytes(*id) >= length)
    });
    for id in ids {
        assert!(bench.log.got[&id] == pattern(length, id.index), "bytes differ");
        bench.packet.close(id, Close::Graceful);
    }
    bench.empty();
    bench
}

#[test]
fn megabytes_echo_whole() {
    in_a_namespace(|| {
        let bench = megabytes(Bench::new(tun(|_| {}), |_| {}), 4 << 20);
        let stats = bench.packet.stats();
        assert_eq!(
            (stats.malformed, stats.bad_checksums, stats.write_errors),
            (0, 0, 0)
        );
        assert_eq!((stats.bytes_in, stats.bytes_out), (16 << 20, 16 << 20));
    });
}

#[test]
fn megabytes_echo_whole_over_a_path_that_loses_and_shuffles() {
    in_a_namespace(|| {
        let faults = FaultOptions {
            loss: 0.01,
            repeat: 0.01,
            reorder: 0.01,
            corrupt: 0.0,
            seed: 7,
        };
        let device = Faults::new(tun(|options| options.segment_offload = false), faults);
        let bench = megabytes(Bench::new(device, |_| {}), 1 << 20);
        assert!(bench.packet.stats().retransmits > 0);
    });
}

#[test]
fn corrupted_packets_are_noticed_and_made_good() {
    in_a_namespace(|| {
        let faults = FaultOptions {
            corrupt: 0.01,
            seed: 8,
            ..FaultOptions::default()
        };
        let device = tun(|options| {
            options.checksum_offload = false;
            options.segment_offload = false;
        });
        let bench = megabytes(Bench::new(Faults::new(device, faults), |_| {}), 1 << 20);
        let stats = bench.packet.stats();
        assert!(stats.bad_checksums > 0 && stats.retransmits > 0, "{stats:?}");
    });
}

#[test]
fn a_subnet_in_use_is_refused_with_the_route_in_the_way() {
    in_a_namespace(|| {
        let first = tun(|_| {});
        let mut options = TunOptions::new("198.18.4.0/24".parse().unwrap());
        let refused = Tun::open(&options).unwrap_err().to_string();
        assert!(
            refused.contains("198.18.0.0/16") && refused.contains(first.name()),
            "{refused}"
        );
        options.name = "a name longer than any".to_owned();
        drop(first);
        let refused = Tun::open(&options).unwrap_err().to_string();
        assert!(refused.contains("TUNSETIFF"), "{refused}");
    });
}

#[test]
fn a_refused_connect_says_so() {
    in_a_namespace(|| {
        let to = TcpListener::bind(any_port()).unwrap().local_addr().unwrap();
        let mut bench = Bench::new(tun(|_| {}), |_| {});
        let id = bench.packet.connect(to).unwrap();
        bench.until("refused", |bench| bench.log.closed.contains_key(&id));
        assert_eq!(bench.log.closed[&id], Closed::Refused);
        assert_eq!(bench.packet.stats().in_use, 0);
    });
}

#[test]
fn a_servers_reset_and_its_close_are_told_apart() {
    in_a_namespace(|| {
        let listener = TcpListener::bind(any_port()).unwrap();
        let mut bench = Bench::new(tun(|_| {}), |_| {});
        let [reset, closed] = [0, 1].map(|_| bench.connect(listener.local_addr().unwrap()));
        let first = listener.accept().unwrap().0;
        socket2::SockRef::from(&first)
            .set_linger(Some(Duration::ZERO))
            .unwrap();
        drop(first);
        drop(listener.accept().unwrap());
        bench.until("ended", |bench| bench.log.closed.len() == 2);
        assert_eq!(bench.log.closed[&reset], Closed::Reset);
        assert_eq!(bench.log.closed[&closed], Closed::Peer);
        bench.empty();
    });
}

#[test]
fn what_waits_still_reaches_a_server_that_has_closed_its_half() {
    in_a_namespace(|| {
        let listener = TcpListener::bind(any_port()).unwrap();
        let mut bench = Bench::new(tun(|_| {}), |_| {});
        let id = bench.connect(listener.local_addr().unwrap());
        let mut server = listener.accept().unwrap().0;
        let message = pattern(8 << 20, 1);
        bench.packet.send(id, &message).unwrap();
        server.write_all(b"the last of it").unwrap();
        server.shutdown(Shutdown::Write).unwrap();
        let reader = thread::spawn(move || {
            let mut got = Vec::new();
            server.read_to_end(&mut got).unwrap();
            got
        });
        bench.empty();
        assert_eq!(bench.log.got[&id], b"the last of it");
        assert_eq!(bench.log.closed[&id], Closed::Peer);
        assert!(reader.join().unwrap() == message);
    });
}

#[test]
fn a_server_that_stalls_is_probed_and_waited_for() {
    in_a_namespace(|| {
        let listener = TcpListener::bind(any_port()).unwrap();
        let mut bench = Bench::new(tun(|_| {}), |_| {});
        let id = bench.connect(listener.local_addr().unwrap());
        let mut server = listener.accept().unwrap().0;
        let piece = pattern(64 << 10, 0);
        let mut sent = 0;
        // It reads nothing: at last no more is kept for it.
        bench.until("full", |bench| match bench.packet.send(id, &piece) {
            Ok(()) => {
                sent += piece.len();
                false
            }
            Err(SendError::Full) => bench.packet.stats().probes >= 2,
            Err(SendError::Gone) => panic!("gone"),
        });
        let reader = thread::spawn(move || {
            let mut got = Vec::new();
            server.read_to_end(&mut got).unwrap();
            got
        });
        bench.packet.close(id, Close::Graceful);
        bench.empty();
        let got = reader.join().unwrap();
        assert_eq!(got.len(), sent);
        assert!(got.chunks(piece.len()).all(|chunk| chunk == piece));
    });
}

#[test]
fn keepalives_of_a_server_are_answered() {
    in_a_namespace(|| {
        let listener = TcpListener::bind(any_port()).unwrap();
        let mut bench = Bench::new(tun(|_| {}), |_| {});
        let id = bench.connect(listener.local_addr().unwrap());
        let server = listener.accept().unwrap().0;
        let keepalive = socket2::TcpKeepalive::new()
            .with_time(Duration::from_secs(1))
            .with_interval(Duration::from_secs(1))
            .with_retries(1);
        socket2::SockRef::from(&server)
            .set_tcp_keepalive(&keepalive)
            .unwrap();
        // The first unanswered one would end it.
        bench.until("kept alive", |bench| bench.packet.stats().out_of_window >= 3);
        assert!(bench.log.closed.is_empty());
        bench.packet.send(id, b"here").unwrap();
        bench.turn();
        bench.packet.close(id, Close::Graceful);
        drop(server);
        bench.empty();
    });
}

#[test]
fn a_slot_is_used_again_while_the_server_remembers() {
    in_a_namespace(|| {
        let listener = TcpListener::bind(any_port()).unwrap();
        let to = listener.local_addr().unwrap();
        let mut bench = Bench::new(tun(|_| {}), |_| {});
        // More often than a slot has ports; the server closes first, so its old ends are all in TIME_WAIT.
        for round in 0..12 {
            let id = bench.connect(to);
            assert_eq!((id.index, id.generation), (0, round));
            drop(listener.accept().unwrap());
            bench.empty();
            assert_eq!(bench.log.closed[&id], Closed::Peer);
        }
        assert_eq!(bench.packet.stats().syn_retries, 0);
    });
}
