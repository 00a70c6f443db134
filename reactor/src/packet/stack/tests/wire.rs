//! The machine and the simple peer over a bad wire, on a virtual clock: whatever the wire does, each stream's echo is
//! whole and in order, every end is told once, and nothing is left.

use std::collections::{BTreeMap, HashMap};

use super::peer::Peer;
use super::*;

/// The longest that a run may take on its own clock.
const STUCK_US: u64 = 3_600_000_000;
const CONNECTIONS: usize = 12;

/// Packets on their way, by when they arrive and a number that keeps them apart; `true` goes to the peer.
type Way = BTreeMap<(u64, u64), (bool, Vec<u8>)>;

struct Sim {
    random: Random,
    stack: Stack,
    peer: Peer,
    way: Way,
    now_us: u64,
    /// The shares of packets lost, repeated and corrupted, and the longest delay.
    loss: f64,
    repeat: f64,
    corrupt: f64,
    delay_us: u64,
    /// Where both ends' numbers wrap soon.
    wraps: bool,
    clients: HashMap<Id, Client>,
    ended: Vec<(Id, Closed)>,
}

#[derive(Default)]
struct Client {
    message: Vec<u8>,
    sent: usize,
    got: usize,
    reset: bool,
}

impl Sim {
    fn new(seed: u64) -> Self {
        let mut random = Random(seed);
        let stack = Stack::new(
            PacketOptions {
                retries: 20,
                syn_retries: 20,
                window_bytes: 2_000 << (random.next() % 8),
                out_max_bytes: 4_000,
                seed: Some(seed),
                ..options()
            },
            WIRE,
        );
        Self {
            loss: random.share() * 0.15,
            repeat: random.share() * 0.1,
            corrupt: random.share() * 0.05,
            delay_us: 1 + random.next() % 50_000,
            wraps: seed.is_multiple_of(3),
            random,
            stack,
            peer: Peer::default(),
            way: Way::new(),
            now_us: 1_000_000,
            clients: HashMap::new(),
            ended: Vec::new(),
        }
    }

    fn put(&mut self, to_peer: bool, mut packet: Vec<u8>) {
        if self.random.share() < self.corrupt {
            let bits = (packet.len() - 10) as u64 * 8;
            let bit = (self.random.next() % bits) as usize;
            packet[10 + bit / 8] ^= 1 << (bit % 8);
        }
        let copies = if self.random.share() < self.loss {
            0
        } else {
            1 + u64::from(self.random.share() < self.repeat)
        };
        for _ in 0..copies {
            let at_us = self.now_us + 1 + self.random.next() % self.delay_us;
            self.way
                .insert((at_us, self.random.next()), (to_peer, packet.clone()));
        }
    }

    fn connect(&mut self) {
        let id = self.stack.connect(SERVER).unwrap();
        let isn = self.isn();
        if self.wraps && id.generation == 0 {
            self.stack.slots.at_mut(id.index).snd_una = isn;
        }
        let length = 1 + (self.random.next() % 30_000) as usize;
        let message = (0..length).map(|_| self.random.next() as u8).collect();
        let reset = self.random.share() < 0.3;
        let client = Client {
            message,
            reset,
            ..Client::default()
        };
        self.clients.insert(id, client);
    }

    /// A first number: anywhere, or so that it wraps within what most connections send.
    fn isn(&mut self) -> u32 {
        let number = self.random.next() as u32;
        if self.wraps {
            u32::MAX - number % 20_000
        } else {
            number
        }
    }

    /// One step: whatever is due next, on the way or in the machine.
    fn step(&mut self, out: &mut Vec<Vec<u8>>) {
        let arrives_us = self
            .way
            .first_key_value()
            .map_or(u64::MAX, |((at_us, _), _)| *at_us);
        // The peer's own interval, too.
        let next_us = arrives_us.min(self.stack.due_us()).min(self.now_us + 100_000);
        self.now_us = self.now_us.max(next_us);
        if arrives_us <= self.now_us
            && let Some((_, (to_peer, packet))) = self.way.pop_first()
        {
            if to_peer {
                let isn = self.isn();
                self.peer.input(&packet, isn, self.now_us);
            } else if let Some(heard) = self.stack.input(out, &packet, self.now_us) {
                self.hear(out, heard, &packet);
            }
        }
        while let Some(ended) = self.stack.expire(out, self.now_us) {
            self.ended.push(ended);
        }
        self.peer.tick(self.now_us);
        self.feed();
        self.stack.flush(out, self.now_us);
        out.drain(..).for_each(|packet| self.put(true, packet));
        for packet in std::mem::take(&mut self.peer.out) {
            self.put(false, packet);
        }
    }

    fn hear(&mut self, out: &mut Vec<Vec<u8>>, heard: Heard, packet: &[u8]) {
        let client = self.clients.get_mut(&heard.id).expect("a client's");
        let first = (packet, heard.data);
        let more = heard
            .more
            .iter()
            .map(|(bytes, range)| (&bytes[..], range.clone()));
        for (bytes, range) in std::iter::once(first).chain(more) {
            let expected = &client.message[client.got..client.got + range.len()];
            assert_eq!(&bytes[range.clone()], expected, "at {}", client.got);
            client.got += range.len();
        }
        if client.got == client.message.len() && heard.ended.is_none() {
            let how = if client.reset {
                Close::Reset
            } else {
                Close::Graceful
            };
            self.stack.close(out, heard.id, how);
        }
        if let Some(why) = heard.ended {
            self.ended.push((heard.id, why));
        }
    }

    /// Sends on where there is room.
    fn feed(&mut self) {
        for (id, client) in &mut self.clients {
            let piece = &client.message[client.sent..client.message.len().min(client.sent + 3_000)];
            if !piece.is_empty() && self.stack.send(*id, piece, false).is_ok() {
                client.sent += piece.len();
            }
        }
    }

    fn run(mut self) {
        let mut out = Vec::new();
        let mut connects = CONNECTIONS;
        while self.stack.stats().in_use > 0 || connects > 0 {
            assert!(self.now_us < STUCK_US, "stuck: {:?}", self.stack.stats());
            if connects > 0 && self.random.share() < 0.1 {
                connects -= 1;
                self.connect();
            }
            self.step(&mut out);
        }
        assert_eq!(self.ended, [], "no connection ends but by its client");
        let missing = self
            .clients
            .values()
            .filter(|client| client.got < client.message.len());
        assert_eq!(missing.count(), 0);
        let stats = self.stack.stats();
        assert_eq!(
            (stats.opened, stats.closed),
            (CONNECTIONS as u64, CONNECTIONS as u64)
        );
        assert_eq!((self.stack.held(), self.stack.early_bytes), (0, 0));
    }
}

#[test]
fn every_echo_is_whole_whatever_the_wire_does() {
    for seed in 0..60 {
        let outcome = std::panic::catch_unwind(|| Sim::new(seed).run());
        if let Err(panic) = outcome {
            eprintln!("seed {seed}");
            std::panic::resume_unwind(panic);
        }
    }
}
