//! Several interfaces in one section of a pcapng, each with its own link type, clock and shift.
//!
//! It looks through the public interface alone: times, streams, what an interface is called.

use std::io::Cursor;
use std::net::SocketAddr;

use replay::capture::{Capture, Item, Link};
use replay::{CaptureOptions, Ending, Flow, Side, Source, read_capture};

use crate::streams::Streams;
use crate::wire::{Form, Frame, Sent, Wrap};

/// How much less than they are the second interface's times say, seconds.
const SHIFT_S: i64 = 1_600_000_000;
const SECOND_NS: u64 = 1_000_000_000;
const BEGAN_NS: u64 = 1_700_000_000 * SECOND_NS;
/// Packets are this far apart, of which a microsecond's clock loses the end.
const APART_NS: u64 = 1_234_567;

/// What each end says in turn.
const SAID: [(usize, &[u8]); 6] = [
    (0, b"which way did "),
    (0, b"this come?"),
    (1, b"one over the wire, "),
    (0, b" And that?"),
    (1, b"one over the tunnel, "),
    (1, b"in turn"),
];

/// A handshake, and what is said.
fn talk() -> Vec<Sent> {
    let ends: [SocketAddr; 2] = ["10.0.0.1:40000", "10.0.0.2:80"].map(|end| end.parse().unwrap());
    let mut next = [1_000_u32, 5_000];
    let opening = [(0, true, &b""[..]), (1, true, b""), (0, false, b"")];
    let said = SAID.iter().map(|&(side, text)| (side, false, text));
    opening
        .into_iter()
        .chain(said)
        .zip(0..)
        .map(|((side, syn, text), number)| {
            let sent = Sent {
                at_ns: BEGAN_NS + number * APART_NS,
                from: ends[side],
                to: ends[1 - side],
                seq: next[side],
                ack: (!syn || side == 1).then_some(next[1 - side]),
                syn,
                fin: false,
                rst: false,
                payload: text.to_vec(),
            };
            next[side] += text.len() as u32 + u32::from(syn);
            sent
        })
        .collect()
}

/// The packets in turn on Ethernet in microseconds, and as raw IP in nanoseconds with a shift.
fn file(big_endian: bool) -> Vec<u8> {
    let fine = Form {
        next_generation: true,
        big_endian,
        ..Form::PLAIN
    };
    let coarse = Form {
        nanoseconds: false,
        ..fine
    };
    let mut file = [
        fine.section(),
        coarse.interface(Wrap::Ethernet.link()),
        fine.shifted_interface(Wrap::Raw.link(), SHIFT_S),
    ]
    .concat();
    for (sent, number) in talk().iter().zip(0..) {
        let (form, wrap, shift_ns) = if number % 2 == 0 {
            (coarse, Wrap::Ethernet, 0)
        } else {
            (fine, Wrap::Raw, SHIFT_S as u64 * SECOND_NS)
        };
        let bytes = wrap.around(&sent.ip());
        let frame = Frame {
            at_ns: sent.at_ns - shift_ns,
            sent_bytes: bytes.len() as u32,
            bytes,
        };
        file.extend(form.packet_block_of(number % 2, &frame));
    }
    file
}

#[test]
fn each_packet_has_the_link_the_clock_and_the_shift_of_its_interface() {
    for big_endian in [false, true] {
        let source = Source::reader(Cursor::new(file(big_endian)));
        let mut capture = Capture::open(source).unwrap();
        let mut found = Vec::new();
        while let Some(Item::Packet(packet)) = capture.item().unwrap() {
            found.push((packet.link, packet.at_ns));
        }
        let expected: Vec<_> = talk()
            .iter()
            .zip(0..)
            .map(|(sent, number)| {
                if number % 2 == 0 {
                    (Link::Ethernet, sent.at_ns / 1_000 * 1_000)
                } else {
                    (Link::RawIp, sent.at_ns)
                }
            })
            .collect();
        assert_eq!(found, expected, "big-endian: {big_endian}");
        assert_eq!(capture.ending(), Some(&Ending::Whole));
        let links: Vec<Link> = capture
            .interfaces()
            .iter()
            .map(|described| described.link)
            .collect();
        assert_eq!(links, [Link::Ethernet, Link::RawIp]);
    }
}

#[test]
fn a_connection_whose_packets_take_turns_is_one_stream_each_way() {
    for big_endian in [false, true] {
        let source = Source::reader(Cursor::new(file(big_endian)));
        let mut streams = Streams::default();
        let figures = read_capture(source, &CaptureOptions::default(), &mut streams).unwrap();
        assert_eq!(figures.packets, 3 + SAID.len() as u64);
        assert_eq!((figures.skipped.total(), figures.backward_packets), (0, 0));
        let lasted_ns = (2 + SAID.len() as u64) * APART_NS;
        assert_eq!(
            figures.lasted_ns,
            lasted_ns / 1_000 * 1_000,
            "its last clock is the coarse one"
        );
        assert_eq!(streams.flows.len(), 1);
        let heard = &streams.flows[&Flow(0)];
        for (side, end) in [(Side::Client, 0), (Side::Server, 1)] {
            let said: Vec<u8> = SAID
                .iter()
                .filter(|(by, _)| *by == end)
                .flat_map(|(_, text)| text.to_vec())
                .collect();
            let stream = heard.stream(side);
            assert!(stream.gaps.is_empty(), "{side:?}: {stream:?}");
            assert_eq!(stream.bytes, said, "{side:?}");
        }
    }
}
