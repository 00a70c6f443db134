//! The transport's turn over a device that plays a script: no kernel, no clock.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use super::*;
use crate::packet::segment::{End, Flags, Header, Offload, Options};

const PEER: End = End {
    address: SERVER.to_bits(),
    port: 7,
};
/// The peer's first number, and a time to begin at.
const ISN: u32 = 5_000;
const START_US: u64 = 10_000_000;

/// Gives what was put in; after that nothing, or noise without an end.
struct Script {
    incoming: VecDeque<Vec<u8>>,
    noisy: bool,
    sent: Vec<Vec<u8>>,
    wake: Wake,
}

impl Sink for Script {
    fn transmit(&mut self, packet: &[u8]) -> io::Result<()> {
        self.sent.push(packet.to_vec());
        Ok(())
    }
}

impl Device for Script {
    fn receive(&mut self, into: &mut [u8]) -> io::Result<Option<usize>> {
        match self.incoming.pop_front() {
            Some(packet) => {
                into[..packet.len()].copy_from_slice(&packet);
                Ok(Some(packet.len()))
            }
            None => Ok(self.noisy.then_some(1)),
        }
    }

    fn medium(&self) -> Medium {
        Medium {
            mtu: 1500,
            checksum_offload: false,
            segment_offload: false,
        }
    }
}

impl AsFd for Script {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.wake.as_fd()
    }
}

fn script() -> Script {
    let wake = Wake::new().unwrap();
    // Its descriptor has something to read for ever.
    wake.wake();
    Script {
        incoming: VecDeque::new(),
        noisy: false,
        sent: Vec::new(),
        wake,
    }
}

/// A transport over a script, its clock turned by hand.
struct Play<D> {
    packet: Packet<D>,
    wake: Wake,
    now_us: u64,
}

impl<D: Device> Play<D> {
    fn new(device: D) -> Self {
        let wake = Wake::new().unwrap();
        let options = PacketOptions {
            seed: Some(1),
            ..PacketOptions::new(subnet())
        };
        let mut packet = Packet::new(device, options, &wake).unwrap();
        packet.now_us = START_US;
        Self {
            packet,
            wake,
            now_us: START_US,
        }
    }

    fn turn(&mut self, app: &mut impl App<Packet<D>>) {
        self.packet.wait(Duration::ZERO).unwrap();
        self.packet.handle(app, &self.wake, self.now_us);
        self.packet.flush();
    }
}

impl Play<Script> {
    /// Opens a connection. Returns its id, and the header of what its peer says.
    fn open(&mut self, app: &mut impl App<Packet<Script>>) -> (Id, Header) {
        let id = self.packet.connect((SERVER, 7).into()).unwrap();
        self.packet.flush();
        let (syn, _) = Header::parse(&self.packet.device.sent[0]).unwrap();
        let header = Header {
            source: PEER,
            to: syn.source,
            seq: ISN,
            ack: syn.seq.wrapping_add(1),
            flags: Flags::SYN | Flags::ACK,
            window: 10_000,
            options: Options::default(),
        };
        self.say(&header, b"");
        self.turn(app);
        self.packet.device.sent.clear();
        let data = Header {
            seq: ISN + 1,
            flags: Flags::ACK,
            ..header
        };
        (id, data)
    }

    fn say(&mut self, header: &Header, payload: &[u8]) {
        let mut packet = vec![0; 2048];
        let length = header.emit(&mut packet, [payload, &[]], 1460, Offload::None);
        packet.truncate(length);
        self.packet.device.incoming.push_back(packet);
    }
}

#[test]
fn an_acknowledgement_owed_is_sent_in_time_though_reading_never_ends() {
    let mut play = Play::new(script());
    let mut log = Log::default();
    let (id, data) = play.open(&mut log);
    play.packet.device.noisy = true;
    play.say(&data, b"a lone message");
    play.turn(&mut log);
    assert_eq!((log.bytes(id), play.packet.device.sent.len()), (14, 0), "owed");
    play.now_us += 40_000;
    play.turn(&mut log);
    let (ack, range) = Header::parse(&play.packet.device.sent[0]).unwrap();
    assert_eq!((ack.flags, ack.ack, range.len()), (Flags::ACK, ISN + 1 + 14, 0));
    // Retransmission does rest: the acknowledgement may be among what is yet to be read.
    play.packet.send(id, b"an answer").unwrap();
    play.turn(&mut log);
    play.now_us += 500_000;
    play.turn(&mut log);
    assert_eq!(play.packet.stats().retransmits, 0);
    play.now_us += 1_000_000;
    play.turn(&mut log);
    assert_eq!(play.packet.stats().retransmits, 1);
}

/// Closes as soon as it hears anything, and counts how often it hears.
struct Leaver {
    how: Close,
    heard: Vec<u8>,
}

impl<L: Link> App<L> for Leaver {
    fn opened(&mut self, _: &mut L, _: Id, _: Origin, _: u64) {}
    fn received(&mut self, link: &mut L, id: Id, bytes: &[u8], _: u64) -> Taken {
        self.heard.extend_from_slice(bytes);
        link.close(id, self.how);
        Taken(bytes.len())
    }
    fn closed(&mut self, _: &mut L, _: Id, _: Closed, _: u64) {
        panic!("it closed by itself");
    }
    fn turn(&mut self, _: &mut L, _: u64) -> Option<u64> {
        None
    }
}

#[test]
fn one_that_closed_hears_no_more_of_what_came_early() {
    for how in [Close::Reset, Close::Graceful] {
        let mut leaver = Leaver {
            how,
            heard: Vec::new(),
        };
        let mut play = Play::new(script());
        let (_, data) = play.open(&mut leaver);
        for (offset, text) in [(5, b"last "), (10, b"never"), (0, b"first")] {
            let seq = data.seq + offset;
            play.say(&Header { seq, ..data }, text);
        }
        play.turn(&mut leaver);
        assert_eq!(leaver.heard, b"first", "{how:?}");
        assert_eq!(play.packet.connections(), 0);
    }
}

#[test]
fn what_a_device_holds_back_is_read_in_the_next_turn_without_an_event() {
    let faults = FaultOptions {
        repeat: 1.0,
        ..FaultOptions::default()
    };
    let mut device = script();
    // The copy of the last is the first of the next turn.
    device.incoming = vec![vec![0]; READS_A_TURN / 2 + 1].into();
    let descriptor = device.wake.clone();
    let mut play = Play::new(Faults::new(device, faults));
    let mut log = Log::default();
    play.packet.readable = true;
    play.packet.handle(&mut log, &play.wake, play.now_us);
    descriptor.clear();
    // Nothing but a look-up of what is ready: it would find nothing.
    play.turn(&mut log);
    assert_eq!(play.packet.stats().segments_in, READS_A_TURN as u64 + 2);
    assert!(!play.packet.readable, "that was all");
}
