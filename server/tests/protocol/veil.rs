//! Under TLS: what becomes of handshakes and sessions is counted, each by its name.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Instant;

use wire::chat::ServerFrame;
use wire::tls::{
    Alert, ClientOptions, ClientTls, Handshake, Identity, Keys, Progress, ServerOptions, ServerTls, Session,
    TimeProvider, Trust, UnixTime,
};

use crate::house::{House, PATIENCE};

#[derive(Debug)]
struct HostClock;

impl TimeProvider for HostClock {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::now())
    }
}

/// A client's connection after its handshake.
struct Veiled {
    stream: TcpStream,
    session: Session,
    keys: Keys,
    resumed: bool,
}

impl Veiled {
    /// Connects, shakes hands, and takes tickets and the greeting, which follows them.
    fn connect(to: SocketAddr, tls: &ClientTls) -> Self {
        let mut stream = connect(to);
        let mut handshake = Handshake::client(tls).unwrap();
        let mut out = Vec::new();
        let mut progress = handshake.receive(&[], &mut out).unwrap();
        loop {
            stream.write_all(&out).unwrap();
            out.clear();
            if progress == Progress::Complete {
                break;
            }
            progress = handshake.receive(&read(&mut stream), &mut out).unwrap();
        }
        let finished = handshake.finish().unwrap();
        let mut veiled = Self {
            stream,
            session: finished.session,
            keys: Keys::new(2),
            resumed: finished.resumed,
        };
        veiled.greeting(finished.leftover);
        veiled
    }

    fn greeting(&mut self, mut sealed: Vec<u8>) {
        let mut plain = Vec::new();
        while ServerFrame::decode(&plain).unwrap().is_none() {
            if !sealed.is_empty()
                && let Some(opened) = self.session.open(&mut self.keys, 0, &sealed, &mut plain).unwrap()
            {
                sealed.drain(..opened.length);
            } else {
                sealed.extend(read(&mut self.stream));
            }
        }
    }

    /// Says its last, as it should be said.
    fn close(mut self) {
        let mut sealed = Vec::new();
        let keys = &mut self.keys;
        let written = self.session.alert(keys, 0, Alert::CLOSE_NOTIFY, &mut sealed);
        self.session.commit(written.unwrap());
        self.stream.write_all(&sealed).unwrap();
        ended(self.stream);
    }
}

fn connect(to: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(to).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

fn read(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = vec![0; 16 * 1024];
    let length = stream.read(&mut bytes).unwrap();
    assert!(length > 0, "the connection ended");
    bytes.truncate(length);
    bytes
}

/// Reads until the server has ended a connection.
fn ended(mut stream: TcpStream) {
    match stream.read_to_end(&mut Vec::new()) {
        Ok(_) => {}
        Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
    }
}

/// A house of one shard under TLS, and what a client needs to come back to it.
fn veiled() -> (House, ClientTls) {
    let identity = Identity::generate(&["localhost"]).unwrap();
    let trust = Trust::Pinned(identity.certificate().unwrap().clone());
    let server = ServerOptions {
        identity,
        alpn: Vec::new(),
        tickets: 2,
    };
    let client = ClientOptions {
        trust,
        name: "localhost".to_owned(),
        alpn: Vec::new(),
        resumes: true,
    };
    let house = House::with(|config| {
        config.shards = Some(1);
        config.tls = Some(ServerTls::new(server, Arc::new(HostClock)).unwrap());
    });
    (house, ClientTls::new(client, Arc::new(HostClock)).unwrap())
}

#[test]
fn what_becomes_of_handshakes_and_sessions_is_counted_apart() {
    let (house, tls) = veiled();
    // One that never says anything has ten seconds, which pass meanwhile.
    let silent = connect(house.address());
    let (broken, truncated) = (
        Veiled::connect(house.address(), &tls),
        Veiled::connect(house.address(), &tls),
    );
    let closed = Veiled::connect(house.address(), &tls);
    assert_eq!(
        [broken.resumed, truncated.resumed, closed.resumed],
        [false, true, true]
    );

    // No ClientHello; a record that nobody sealed; a FIN without a close_notify; and one with it, which is no mishap.
    let mut stranger = connect(house.address());
    stranger.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    ended(stranger);
    let mut stream = broken.stream;
    stream
        .write_all(&[&[0x17, 3, 3, 0, 32][..], &[7; 32]].concat())
        .unwrap();
    ended(stream);
    truncated.stream.shutdown(Shutdown::Write).unwrap();
    ended(truncated.stream);
    closed.close();
    ended(silent);

    let names = [
        "handshakes",
        "handshakes_resumed",
        "handshakes_failed",
        "handshakes_timed_out",
        "handshakes_refused",
        "sessions_broken",
        "sessions_truncated",
        "accept_rests",
    ];
    let counted = || names.map(|name| house.counter(&format!("server.tls.{name}")));
    // Nobody is refused: at the bound accepting rests, and the kernel holds them.
    let expected = [3, 2, 1, 1, 0, 1, 1, 0];
    let until = Instant::now() + PATIENCE;
    // They are published some times a second.
    while counted() != expected {
        assert!(Instant::now() < until, "{names:?} are {:?}", counted());
        assert_eq!(house.health(), 200);
    }
}
