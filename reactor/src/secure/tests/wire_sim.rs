//! Two shards and the wire between them, on one thread and from a seed: any piece may be delivered, any turn be taken,
//! any send be refused.

use proptest::prelude::*;

use super::end::{Conn, End, id};
use super::*;

/// Bytes that each end sends on each connection.
const TOTAL: usize = 60_000;

struct Random(u64);

impl Random {
    /// A number below `bound` (xorshift64, Marsaglia 2003).
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound as u64) as usize
    }
}

/// Sends and checks a pattern, in pieces of any size, and takes as much as it likes.
struct Talker {
    random: Random,
    connects: usize,
    peers: Vec<Talk>,
}

#[derive(Default)]
struct Talk {
    open: bool,
    sent: usize,
    got: usize,
    ended: Option<Closed>,
}

fn byte(at: usize) -> u8 {
    (at * 7 + at / 251) as u8
}

impl Talker {
    fn talk(&mut self, id: Id) -> &mut Talk {
        while self.peers.len() <= id.index as usize {
            self.peers.push(Talk::default());
        }
        &mut self.peers[id.index as usize]
    }
}

impl<L: Link> App<L> for Talker {
    fn opened(&mut self, _: &mut L, id: Id, _: Origin, _: u64) {
        self.talk(id).open = true;
    }
    fn received(&mut self, _: &mut L, id: Id, bytes: &[u8], _: u64) -> Taken {
        let take = self.random.below(bytes.len()) + 1;
        let talk = self.talk(id);
        assert!(talk.open);
        assert!(
            bytes[..take]
                .iter()
                .zip(talk.got..)
                .all(|(got, at)| *got == byte(at))
        );
        // The last ones are taken in any case: nothing follows that would bring them again.
        let take = if talk.got + bytes.len() == TOTAL {
            bytes.len()
        } else {
            take
        };
        talk.got += take;
        Taken(take)
    }
    fn closed(&mut self, _: &mut L, id: Id, why: Closed, _: u64) {
        self.talk(id).ended = Some(why);
    }
    fn turn(&mut self, link: &mut L, now_us: u64) -> Option<u64> {
        if self.connects > 0 && self.random.below(3) == 0 {
            self.connects -= 1;
            let id = link.connect("127.0.0.1:1".parse().unwrap()).unwrap();
            self.talk(id);
        }
        for index in 0..self.peers.len() {
            let length = self.random.below(30_000);
            let talk = &mut self.peers[index];
            if talk.open && talk.ended.is_none() && talk.sent < TOTAL {
                let end = (talk.sent + length).min(TOTAL);
                let bytes: Vec<_> = (talk.sent..end).map(byte).collect();
                match link.send(id(index), &bytes) {
                    Ok(()) => talk.sent = end,
                    Err(error) => assert_eq!(error, SendError::Full),
                }
            }
        }
        Some(now_us + 1)
    }
}

/// Delivers what is on its way to one end: some bytes of one connection, or its end.
fn deliver(from: &mut End, to: &mut End, app: &mut Secure<Talker>, random: &mut Random, now_us: u64) {
    let index = random.below(from.conns.len().max(1));
    let Some(conn) = from.conns.get_mut(index) else {
        return;
    };
    if conn.out.is_empty() {
        if conn.closed.is_some()
            && !std::mem::replace(&mut conn.told, true)
            && to.conns[index].closed.is_none()
        {
            to.conns[index].closed = Some(Close::Graceful);
            app.closed(to, id(index), Closed::Peer, now_us);
        }
        return;
    }
    let length = (random.below(9000) + 1).min(conn.out.len());
    let mut bytes = std::mem::take(&mut to.conns[index].stash);
    bytes.extend(conn.out.drain(..length));
    if to.conns[index].closed.is_none() {
        let Taken(taken) = app.received(to, id(index), &bytes, now_us);
        to.conns[index].stash = bytes.split_off(taken);
    }
}

fn talk(seed: u64, tickets: u8, records_max: u32) {
    let mut random = Random(seed | 1);
    let (client, server) = options(tickets);
    let bounds = |options| SecureOptions {
        records_max,
        keys: 2,
        flights_a_turn: 1,
        ..options
    };
    let talker = |seed, connects| Talker {
        random: Random(seed),
        connects,
        peers: Vec::new(),
    };
    let mut apps = [
        Secure::new(talker(seed | 2, 4), bounds(client)),
        Secure::new(talker(seed | 4, 0), bounds(server)),
    ];
    let mut ends = [End::new(40_000), End::new(40_000)];
    let finished = |app: &Secure<Talker>| {
        let full = |talk: &Talk| talk.sent == TOTAL && talk.got == TOTAL;
        app.app().peers.len() == 4 && app.app().peers.iter().all(full)
    };
    for now_us in 0..200_000 {
        let [client, server] = &mut ends;
        let [client_app, server_app] = &mut apps;
        match random.below(4) {
            0 => assert!(client_app.turn(client, now_us).is_some()),
            1 => assert!(server_app.turn(server, now_us).is_some()),
            2 => deliver(client, server, server_app, &mut random, now_us),
            _ => deliver(server, client, client_app, &mut random, now_us),
        }
        // The transport connects: both ends hear of it.
        if client.conns.len() > server.conns.len() {
            server.conns.push(Conn::default());
            let index = server.conns.len() - 1;
            server_app.opened(server, id(index), Origin::Accepted, now_us);
            client_app.opened(client, id(index), Origin::Connected, now_us);
        }
        if apps.iter().all(finished) {
            return;
        }
    }
    let progress: Vec<_> = apps
        .iter()
        .flat_map(|app| &app.app().peers)
        .map(|talk| (talk.sent, talk.got))
        .collect();
    panic!("seed {seed}: it came to {progress:?} only");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]
    #[test]
    fn everything_arrives_in_order(seed in any::<u64>(), tickets in 0u8..3, records_max in 2u32..40) {
        talk(seed, tickets, records_max);
    }
}
