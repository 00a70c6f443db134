//! Thousands of connections, that come, ask, and go.

use super::*;

/// The server's end of thousands of connections: an echo on a shard of kernel sockets.
struct Echo {
    left: u32,
}

impl<L: Link> App<L> for Echo {
    fn opened(&mut self, _: &mut L, _: Id, _: Origin, _: u64) {}
    fn received(&mut self, link: &mut L, id: Id, bytes: &[u8], _: u64) -> Taken {
        link.send(id, bytes).unwrap();
        Taken(bytes.len())
    }
    fn closed(&mut self, _: &mut L, _: Id, _: Closed, _: u64) {
        self.left -= 1;
    }
    fn turn(&mut self, _: &mut L, now_us: u64) -> Option<u64> {
        (self.left > 0).then_some(now_us + 1_000_000)
    }
}

/// Asks on each connection so many times, and closes.
struct Asker {
    to: SocketAddr,
    connects: u32,
    asked: Vec<u32>,
    done: u32,
}

const QUESTION: &[u8] = b"what does a question of this length cost?";
const QUESTIONS: u32 = 5;

impl<L: Link> App<L> for Asker {
    fn opened(&mut self, link: &mut L, id: Id, _: Origin, _: u64) {
        self.asked.resize(self.asked.len().max(id.index as usize + 1), 0);
        link.send(id, QUESTION).unwrap();
    }
    fn received(&mut self, link: &mut L, id: Id, bytes: &[u8], _: u64) -> Taken {
        if bytes.len() < QUESTION.len() {
            return Taken(0);
        }
        assert_eq!(bytes, QUESTION);
        let asked = &mut self.asked[id.index as usize];
        *asked += 1;
        if *asked < QUESTIONS {
            link.send(id, QUESTION).unwrap();
        } else {
            self.done += 1;
            let how = if id.index.is_multiple_of(2) {
                Close::Reset
            } else {
                Close::Graceful
            };
            link.close(id, how);
        }
        Taken(QUESTION.len())
    }
    fn closed(&mut self, _: &mut L, _: Id, why: Closed, _: u64) {
        panic!("{why}");
    }
    fn turn(&mut self, link: &mut L, now_us: u64) -> Option<u64> {
        for _ in 0..self.connects.min(200) {
            link.connect(self.to).unwrap();
            self.connects -= 1;
        }
        let due_us = if self.connects > 0 {
            now_us
        } else {
            now_us + 10_000
        };
        (link.connections() > 0 || self.connects > 0).then_some(due_us)
    }
}

#[test]
fn thousands_of_connections_come_and_go_and_leave_nothing() {
    in_a_namespace(|| {
        const CONNECTIONS: u32 = 4_000;
        crate::raise_nofile().unwrap();
        let listener = listen(any_port(), 4096).unwrap();
        let to = listener.address;
        let wake = Wake::new().unwrap();
        let server = spawn("server".to_owned(), None, move || {
            let mut kernel = Kernel::new(
                Some(listener),
                Sources::default(),
                KernelOptions::default(),
                &wake,
            )?;
            let mut echo = Echo { left: CONNECTIONS };
            Shard::new(Clock::start(), wake, Arc::new(ShardStats::default())).run(&mut kernel, &mut echo)
        })
        .unwrap();
        let wake = Wake::new().unwrap();
        let mut packet = Packet::new(tun(|_| {}), PacketOptions::new(subnet()), &wake).unwrap();
        let mut asker = Asker {
            to,
            connects: CONNECTIONS,
            asked: Vec::new(),
            done: 0,
        };
        let (clock, stats) = (Clock::start(), Arc::new(ShardStats::default()));
        Shard::new(clock, wake.clone(), stats)
            .run(&mut packet, &mut asker)
            .unwrap();
        assert_eq!(asker.done, CONNECTIONS);
        server.join().unwrap().unwrap();
        let mut bench = Bench {
            packet,
            log: Log::default(),
            wake,
            clock,
        };
        bench.empty();
        let stats = bench.packet.stats();
        assert_eq!(
            (stats.opened, stats.closed, stats.syn_retries),
            (u64::from(CONNECTIONS), u64::from(CONNECTIONS), 0),
            "{stats:?}"
        );
    });
}
