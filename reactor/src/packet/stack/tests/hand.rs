//! One connection of the machine, and its server by hand: a segment at a time, on a clock turned by hand.
//!
//! It knows no rule: what must come of a segment, the tests say.

use super::*;
use crate::packet::segment::{End, Offload, Options};

/// A machine with one connection, and what its server says, written by hand.
pub(super) struct Hand {
    pub(super) stack: Stack,
    pub(super) out: Vec<Vec<u8>>,
    pub(super) now_us: u64,
    pub(super) id: Id,
    pub(super) client: End,
    /// The server's next number, and the client's as the server knows it.
    pub(super) seq: u32,
    pub(super) ack: u32,
    /// What the application heard.
    pub(super) heard: Vec<u8>,
    pub(super) ended: Option<Closed>,
}

impl Hand {
    /// With an open connection.
    pub(super) fn open(edit: impl FnOnce(&mut PacketOptions)) -> Self {
        Self::opening(edit).opened()
    }

    /// With an open connection whose next numbers are the client's and the server's.
    pub(super) fn open_at(client: u32, server: u32, edit: impl FnOnce(&mut PacketOptions)) -> Self {
        let mut hand = Self::connecting(edit);
        hand.stack.slots.at_mut(0).snd_una = client.wrapping_sub(1);
        hand.seq = server.wrapping_sub(1);
        hand.stack.flush(&mut hand.out, hand.now_us);
        hand.opened()
    }

    /// The server accepts whatever SYN was sent.
    pub(super) fn opened(mut self) -> Self {
        let hand = &mut self;
        let syn = hand.sent();
        assert!(syn[0].0.flags == Flags::SYN && syn[0].0.options.scale.is_some());
        hand.ack = syn[0].0.seq.wrapping_add(1);
        hand.say(Flags::SYN | Flags::ACK, b"");
        assert_eq!(hand.flush(), [(Flags::ACK, 0)], "the handshake's third segment");
        self
    }

    /// With a SYN on its way.
    pub(super) fn opening(edit: impl FnOnce(&mut PacketOptions)) -> Self {
        let mut hand = Self::connecting(edit);
        hand.stack.flush(&mut hand.out, hand.now_us);
        hand
    }

    fn connecting(edit: impl FnOnce(&mut PacketOptions)) -> Self {
        let mut options = options();
        edit(&mut options);
        let mut stack = Stack::new(options, WIRE);
        let id = stack.connect(SERVER).unwrap();
        let (address, port) = options.subnet.source(0, 1);
        Self {
            stack,
            out: Vec::new(),
            now_us: 1_000_000,
            id,
            client: End { address, port },
            seq: 5_000,
            ack: 0,
            heard: Vec::new(),
            ended: None,
        }
    }

    /// The server sends a segment in its turn.
    pub(super) fn say(&mut self, flags: Flags, payload: &[u8]) {
        self.say_at(self.seq, flags, payload);
        let one = flags.has(Flags::SYN) || flags.has(Flags::FIN);
        self.seq = self.seq.wrapping_add(payload.len() as u32 + u32::from(one));
    }

    pub(super) fn say_at(&mut self, seq: u32, flags: Flags, payload: &[u8]) {
        self.say_with(seq, 10_000, flags, payload);
    }

    /// The server sends a segment with a window of its choice.
    pub(super) fn say_with(&mut self, seq: u32, window: u16, flags: Flags, payload: &[u8]) {
        let header = Header {
            source: End {
                address: SERVER.ip().to_bits(),
                port: SERVER.port(),
            },
            to: self.client,
            seq,
            ack: self.ack,
            flags,
            window,
            options: Options::default(),
        };
        let mut packet = vec![0; 2048];
        let length = header.emit(&mut packet, [payload, &[]], 1460, Offload::None);
        if let Some(heard) = self.stack.input(&mut self.out, &packet[..length], self.now_us) {
            self.heard.extend_from_slice(&packet[heard.data]);
            for (bytes, range) in heard.more {
                self.heard.extend_from_slice(&bytes[range]);
            }
            self.ended = heard.ended.or(self.ended);
            if heard.ended == Some(Closed::Peer) {
                self.stack.finish(&mut self.out, heard.id);
            }
        }
    }

    /// What the machine has sent since last asked.
    pub(super) fn sent(&mut self) -> Vec<(Header, usize)> {
        let packets = std::mem::take(&mut self.out);
        let read = |packet: &Vec<u8>| Header::parse(packet).map(|(header, range)| (header, range.len()));
        packets.iter().map(|packet| read(packet).unwrap()).collect()
    }

    /// Ends the turn. Returns the flags and payload lengths sent in it.
    pub(super) fn flush(&mut self) -> Vec<(Flags, usize)> {
        self.stack.flush(&mut self.out, self.now_us);
        let sent = self.sent();
        sent.into_iter()
            .map(|(header, length)| (header.flags, length))
            .collect()
    }

    /// Lets time pass until something is due, and does it. Returns what was sent.
    pub(super) fn wait(&mut self) -> Vec<(Flags, usize)> {
        self.tick();
        self.flush()
    }

    /// The same; what is sent stays where it is.
    pub(super) fn tick(&mut self) {
        self.now_us = self.now_us.max(self.stack.due_us());
        while let Some((_, why)) = self.stack.expire(&mut self.out, self.now_us) {
            self.ended = Some(why);
        }
        self.stack.flush(&mut self.out, self.now_us);
    }
}

pub(super) const DATA: Flags = Flags::ACK;

pub(super) fn pushed() -> Flags {
    Flags::ACK | Flags::PSH
}
