mod unread;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use super::*;
use crate::{Clock, Close, Link, SendError, Shard, ShardError, ShardStats, Taken, listen, spawn};

/// Echoes whole messages of a fixed length; `b"quit"` closes.
struct Echo {
    open: u32,
    left: u32,
}

const MESSAGE: usize = 100_000;

impl<L: Link> App<L> for Echo {
    fn opened(&mut self, _: &mut L, _: Id, origin: Origin, _: u64) {
        assert_eq!(origin, Origin::Accepted);
        self.open += 1;
    }
    fn received(&mut self, link: &mut L, id: Id, bytes: &[u8], _: u64) -> Taken {
        let whole = bytes.len() / MESSAGE * MESSAGE;
        link.send(id, &bytes[..whole]).unwrap();
        Taken(whole)
    }
    fn closed(&mut self, _: &mut L, _: Id, why: Closed, _: u64) {
        assert_eq!(why, Closed::Peer);
        self.open -= 1;
        self.left -= 1;
    }
    fn turn(&mut self, _: &mut L, now_us: u64) -> Option<u64> {
        (self.left > 0).then_some(now_us + 1_000_000)
    }
}

/// Sends one message on each of its connections, checks the echo, closes.
struct Caller {
    to: SocketAddr,
    connects: u32,
    got: Vec<usize>,
    done: u32,
}

fn pattern(index: u32) -> Vec<u8> {
    (0..MESSAGE).map(|at| (at as u32 * 31 + index) as u8).collect()
}

impl<L: Link> App<L> for Caller {
    fn opened(&mut self, link: &mut L, id: Id, origin: Origin, _: u64) {
        assert_eq!(origin, Origin::Connected);
        let message = pattern(id.index);
        // In two parts: the second finds the first waiting where the socket is full.
        link.send(id, &message[..70_000]).unwrap();
        link.send(id, &message[70_000..]).unwrap();
    }
    fn received(&mut self, link: &mut L, id: Id, bytes: &[u8], _: u64) -> Taken {
        let got = &mut self.got[id.index as usize];
        assert_eq!(bytes, &pattern(id.index)[*got..*got + bytes.len()]);
        *got += bytes.len();
        if *got == MESSAGE {
            link.close(id, Close::Graceful);
            self.done += 1;
        }
        Taken(bytes.len())
    }
    fn closed(&mut self, _: &mut L, _: Id, why: Closed, _: u64) {
        panic!("{why}");
    }
    fn turn(&mut self, link: &mut L, now_us: u64) -> Option<u64> {
        while self.connects > 0 {
            link.connect(self.to).unwrap();
            self.connects -= 1;
            self.got.push(0);
        }
        (self.done < self.got.len() as u32).then_some(now_us + 1_000_000)
    }
}

fn run<A>(
    listener: Option<Listener>,
    sources: Sources,
    app: A,
) -> std::thread::JoinHandle<Result<A, ShardError>>
where
    A: App<Kernel> + Send + 'static,
{
    let wake = Wake::new().unwrap();
    spawn("test".to_owned(), None, move || {
        let mut app = app;
        let options = KernelOptions {
            out_max_bytes: 1 << 20,
        };
        let mut kernel = Kernel::new(listener, sources, options, &wake)?;
        Shard::new(Clock::start(), wake, Arc::new(ShardStats::default())).run(&mut kernel, &mut app)?;
        Ok(app)
    })
    .unwrap()
}

#[test]
fn large_messages_echo_whole_over_many_connections() {
    const CONNECTIONS: u32 = 50;
    let listener = listen("127.0.0.1:0".parse().unwrap(), 128).unwrap();
    let to = listener.address;
    let server = run(
        Some(listener),
        Sources::default(),
        Echo {
            open: 0,
            left: CONNECTIONS,
        },
    );
    let sources = Sources::new(vec![Ipv4Addr::new(127, 8, 8, 1), Ipv4Addr::new(127, 8, 8, 2)]);
    let caller = run(
        None,
        sources,
        Caller {
            to,
            connects: CONNECTIONS,
            got: Vec::new(),
            done: 0,
        },
    );
    assert_eq!(caller.join().unwrap().unwrap().done, CONNECTIONS);
    assert_eq!(server.join().unwrap().unwrap().open, 0);
}

/// Learns how its one connect ended.
struct Refused {
    to: SocketAddr,
    why: Option<Closed>,
    asked: bool,
}

impl<L: Link> App<L> for Refused {
    fn opened(&mut self, _: &mut L, _: Id, _: Origin, _: u64) {
        panic!("nobody listens there");
    }
    fn received(&mut self, _: &mut L, _: Id, bytes: &[u8], _: u64) -> Taken {
        Taken(bytes.len())
    }
    fn closed(&mut self, _: &mut L, _: Id, why: Closed, _: u64) {
        self.why = Some(why);
    }
    fn turn(&mut self, link: &mut L, now_us: u64) -> Option<u64> {
        if !std::mem::replace(&mut self.asked, true) {
            link.connect(self.to).unwrap();
        }
        self.why.is_none().then_some(now_us + 1_000_000)
    }
}

#[test]
fn a_refused_connect_says_so() {
    let free = listen("127.0.0.1:0".parse().unwrap(), 1).unwrap();
    let to = free.address;
    drop(free);
    let app = run(
        None,
        Sources::default(),
        Refused {
            to,
            why: None,
            asked: false,
        },
    )
    .join()
    .unwrap()
    .unwrap();
    assert_eq!(app.why, Some(Closed::Refused));
}

#[test]
fn a_connection_is_24_bytes() {
    assert_eq!(size_of::<Conn>(), 24);
}

/// Takes bytes, and pauses reading after the first of them until a later turn.
struct Reluctant {
    pauses: u32,
    got: usize,
    closed: bool,
}

impl App<Kernel> for Reluctant {
    fn opened(&mut self, _: &mut Kernel, _: Id, _: Origin, _: u64) {}
    fn received(&mut self, link: &mut Kernel, _: Id, bytes: &[u8], _: u64) -> Taken {
        assert!(!link.reading_paused, "read while reading was paused");
        self.got += bytes.len();
        link.pause_reading(true);
        Taken(bytes.len())
    }
    fn closed(&mut self, _: &mut Kernel, _: Id, why: Closed, _: u64) {
        assert_eq!(why, Closed::Peer);
        self.closed = true;
    }
    fn turn(&mut self, link: &mut Kernel, now_us: u64) -> Option<u64> {
        if std::mem::take(&mut link.reading_paused) {
            self.pauses += 1;
            assert!(link.unfinished.len() <= 1, "a connection is put off once");
        }
        (!self.closed).then_some(now_us + 1_000_000)
    }
}

#[test]
fn what_comes_while_reading_is_paused_is_read_afterwards() {
    use std::io::Write as _;
    const BYTES: usize = 3 << 20;
    let listener = listen("127.0.0.1:0".parse().unwrap(), 16).unwrap();
    let to = listener.address;
    let app = Reluctant {
        pauses: 0,
        got: 0,
        closed: false,
    };
    let reader = run(Some(listener), Sources::default(), app);
    let mut writer = std::net::TcpStream::connect(to).unwrap();
    writer.write_all(&vec![7; BYTES]).unwrap();
    drop(writer);
    let app = reader.join().unwrap().unwrap();
    assert_eq!(app.got, BYTES);
    assert!(app.pauses >= (BYTES / (64 * 1024)) as u32, "{}", app.pauses);
}

/// Changes its listener as it is told by what it accepted.
struct Moving {
    second: Option<Listener>,
    accepted: u32,
}

impl App<Kernel> for Moving {
    fn opened(&mut self, link: &mut Kernel, id: Id, _: Origin, now_us: u64) {
        self.accepted += 1;
        link.close(id, Close::Graceful);
        match self.second.take() {
            Some(second) => {
                link.stop_listening();
                link.listen(second);
            }
            // As where no descriptor was free: accepting rests, and goes on by itself.
            None => {
                link.starved_until_us = Some(now_us + 1000);
                link.settle_accepting();
                assert!(!link.accepting);
            }
        }
    }
    fn received(&mut self, _: &mut Kernel, _: Id, bytes: &[u8], _: u64) -> Taken {
        Taken(bytes.len())
    }
    fn closed(&mut self, _: &mut Kernel, _: Id, _: Closed, _: u64) {}
    fn turn(&mut self, _: &mut Kernel, now_us: u64) -> Option<u64> {
        (self.accepted < 3).then_some(now_us + 10_000)
    }
}

#[test]
fn a_listener_is_replaced_and_a_starved_one_comes_back_by_itself() {
    use std::io::Read as _;
    let first = listen("127.0.0.1:0".parse().unwrap(), 16).unwrap();
    let second = listen("127.0.0.1:0".parse().unwrap(), 16).unwrap();
    let addresses = [first.address, second.address, second.address];
    let app = Moving {
        second: Some(second),
        accepted: 0,
    };
    let server = run(Some(first), Sources::default(), app);
    for to in addresses {
        let mut client = std::net::TcpStream::connect(to).unwrap();
        assert_eq!(
            client.read(&mut [0]).unwrap(),
            0,
            "accepted, and closed gracefully"
        );
    }
    assert_eq!(server.join().unwrap().unwrap().accepted, 3);
}

/// Says one word and finishes; counts what it hears until the peer finishes.
struct LastWord {
    to: Option<SocketAddr>,
    heard: Vec<u8>,
    ended: Option<Closed>,
}

impl<L: Link> App<L> for LastWord {
    fn opened(&mut self, link: &mut L, id: Id, _: Origin, _: u64) {
        link.send(id, b"all").unwrap();
        assert!(link.finish_sending(id));
        assert_eq!(link.send(id, b"more"), Err(SendError::Gone));
    }
    fn received(&mut self, _: &mut L, _: Id, bytes: &[u8], _: u64) -> Taken {
        self.heard.extend_from_slice(bytes);
        Taken(bytes.len())
    }
    fn closed(&mut self, _: &mut L, _: Id, why: Closed, _: u64) {
        self.ended = Some(why);
    }
    fn turn(&mut self, link: &mut L, now_us: u64) -> Option<u64> {
        if let Some(to) = self.to.take() {
            link.connect(to).unwrap();
        }
        self.ended.is_none().then_some(now_us + 1_000_000)
    }
}

#[test]
fn who_has_said_its_last_still_listens() {
    use std::io::{Read as _, Write as _};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let caller = LastWord {
        to: Some(listener.local_addr().unwrap()),
        heard: Vec::new(),
        ended: None,
    };
    let caller = run(None, Sources::default(), caller);
    let (mut stream, _) = listener.accept().unwrap();
    let mut said = Vec::new();
    // To its end: FIN has come.
    stream.read_to_end(&mut said).unwrap();
    stream.write_all(b"one answer").unwrap();
    drop(stream);
    let caller = caller.join().unwrap().unwrap();
    assert_eq!(
        (said.as_slice(), caller.heard.as_slice()),
        (&b"all"[..], &b"one answer"[..])
    );
    assert_eq!(caller.ended, Some(Closed::Peer));
}

/// Answers only a turn after its peer has said its last: more than a socket takes at once.
#[derive(Default)]
struct Slow {
    got: Vec<u8>,
    finished: Option<Id>,
    answered: bool,
}

const ANSWER_BYTES: usize = 1 << 20;

impl App<Kernel> for Slow {
    fn opened(&mut self, _: &mut Kernel, _: Id, _: Origin, _: u64) {}
    fn received(&mut self, _: &mut Kernel, _: Id, bytes: &[u8], _: u64) -> Taken {
        self.got.extend_from_slice(bytes);
        Taken(bytes.len())
    }
    fn finished(&mut self, _: &mut Kernel, id: Id, _: u64) -> bool {
        assert!(self.finished.replace(id).is_none(), "told once");
        true
    }
    fn closed(&mut self, _: &mut Kernel, _: Id, why: Closed, _: u64) {
        panic!("{why}");
    }
    fn turn(&mut self, link: &mut Kernel, now_us: u64) -> Option<u64> {
        if let Some(id) = self.finished.filter(|_| !self.answered) {
            self.answered = true;
            link.send(id, &vec![9; ANSWER_BYTES]).unwrap();
            link.close(id, Close::Graceful);
        }
        // What the socket did not take goes out while the connection lingers.
        (!self.answered || link.held() > 0).then_some(now_us + 10_000)
    }
}

#[test]
fn a_peer_that_has_said_its_last_still_gets_its_answer() {
    use std::io::{Read as _, Write as _};
    let listener = listen("127.0.0.1:0".parse().unwrap(), 16).unwrap();
    let to = listener.address;
    let server = run(Some(listener), Sources::default(), Slow::default());
    let mut client = std::net::TcpStream::connect(to).unwrap();
    client.write_all(b"last words").unwrap();
    client.shutdown(std::net::Shutdown::Write).unwrap();
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).unwrap();
    assert_eq!(answer.len(), ANSWER_BYTES);
    assert_eq!(server.join().unwrap().unwrap().got, b"last words");
}

/// Resets all that is left in the turn after its first connection came.
struct Ending;

impl App<Kernel> for Ending {
    fn opened(&mut self, _: &mut Kernel, _: Id, _: Origin, _: u64) {}
    fn received(&mut self, _: &mut Kernel, _: Id, bytes: &[u8], _: u64) -> Taken {
        Taken(bytes.len())
    }
    fn closed(&mut self, _: &mut Kernel, _: Id, why: Closed, _: u64) {
        panic!("{why}");
    }
    fn turn(&mut self, link: &mut Kernel, now_us: u64) -> Option<u64> {
        if link.held() == 0 {
            return Some(now_us + 1_000_000);
        }
        link.reset_all();
        assert_eq!((link.held(), link.connections()), (0, 0));
        None
    }
}

#[test]
fn whoever_is_left_at_the_end_is_reset() {
    use std::io::Read as _;
    let listener = listen("127.0.0.1:0".parse().unwrap(), 16).unwrap();
    let to = listener.address;
    let server = run(Some(listener), Sources::default(), Ending);
    let mut client = std::net::TcpStream::connect(to).unwrap();
    let end = client.read(&mut [0]).unwrap_err();
    assert_eq!(end.kind(), std::io::ErrorKind::ConnectionReset);
    server.join().unwrap().unwrap();
}
