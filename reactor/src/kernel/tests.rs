use std::net::Ipv4Addr;
use std::sync::Arc;

use super::*;
use crate::{Clock, Shard, ShardError, ShardStats, listen, spawn};

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
