use std::net::SocketAddr;
use std::sync::Arc;

use wire::tls::{ClientOptions, ClientTls, Identity, ServerOptions, ServerTls, Trust};

use super::*;
use crate::{Close, Kernel, KernelOptions, SendError, Shard, ShardStats, Sources, Wake, listen, spawn};

pub(super) mod end;
mod mishaps;
mod ways;
mod wire_sim;

#[derive(Debug)]
struct Fixed;

impl wire::tls::TimeProvider for Fixed {
    fn current_time(&self) -> Option<wire::tls::UnixTime> {
        // Any time will do: a pinned certificate has none.
        Some(wire::tls::UnixTime::since_unix_epoch(
            std::time::Duration::from_secs(1_700_000_000),
        ))
    }
}

/// A client's options and a server's.
pub(super) fn options(tickets: u8) -> (SecureOptions, SecureOptions) {
    let identity = Identity::generate(&["localhost"]).unwrap();
    let client = ClientOptions {
        trust: Trust::Pinned(identity.certificate().unwrap().clone()),
        name: "localhost".to_owned(),
        alpn: Vec::new(),
        resumes: tickets > 0,
    };
    let server = ServerOptions {
        identity,
        alpn: Vec::new(),
        tickets,
    };
    let client = SecureOptions {
        client: Some(ClientTls::new(client, Arc::new(Fixed)).unwrap()),
        ..SecureOptions::default()
    };
    let server = SecureOptions {
        server: Some(ServerTls::new(server, Arc::new(Fixed)).unwrap()),
        ..SecureOptions::default()
    };
    (client, server)
}

const MESSAGE: usize = 100_000;

/// Echoes whole messages.
struct Echo {
    left: u32,
}

impl<L: Link> App<L> for Echo {
    fn opened(&mut self, _: &mut L, _: Id, origin: Origin, _: u64) {
        assert_eq!(origin, Origin::Accepted);
    }
    fn received(&mut self, link: &mut L, id: Id, bytes: &[u8], _: u64) -> Taken {
        let whole = bytes.len() / MESSAGE * MESSAGE;
        link.send(id, &bytes[..whole]).unwrap();
        Taken(whole)
    }
    fn closed(&mut self, _: &mut L, _: Id, why: Closed, _: u64) {
        assert_eq!(why, Closed::Peer);
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
    listener: Option<crate::Listener>,
    app: A,
    options: SecureOptions,
) -> std::thread::JoinHandle<Result<Secure<A>, crate::ShardError>>
where
    A: Send + 'static,
    Secure<A>: App<Kernel>,
{
    let wake = Wake::new().unwrap();
    spawn("test".to_owned(), None, move || {
        let mut app = Secure::new(app, options);
        let bounds = KernelOptions {
            out_max_bytes: 1 << 20,
        };
        let mut kernel = Kernel::new(listener, Sources::default(), bounds, &wake)?;
        Shard::new(crate::Clock::start(), wake, Arc::new(ShardStats::default()))
            .run(&mut kernel, &mut app)?;
        Ok(app)
    })
    .unwrap()
}

#[test]
fn large_messages_echo_whole_over_sockets() {
    const CONNECTIONS: u32 = 40;
    for tickets in [0, 2] {
        let (client, mut server) = options(tickets);
        // Fewer than connect at once: the kernel holds the others until there is room.
        server.handshakes_max = 7;
        let listener = listen("127.0.0.1:0".parse().unwrap(), 128).unwrap();
        let to = listener.address;
        let server = run(Some(listener), Echo { left: CONNECTIONS }, server);
        let caller = Caller {
            to,
            connects: CONNECTIONS,
            got: Vec::new(),
            done: 0,
        };
        let caller = run(None, caller, client).join().unwrap().unwrap();
        assert_eq!(caller.app().done, CONNECTIONS);
        let stats = server.join().unwrap().unwrap().stats();
        assert_eq!(
            (stats.handshakes, stats.failed, stats.refused),
            (u64::from(CONNECTIONS), 0, 0)
        );
        assert!(stats.accept_rests > 0);
    }
}
