//! Captures that are cut short, damaged, empty, foreign, or say things beside their packets.

use std::io::Cursor;

use replay::capture::{Capture, Fault, Item};
use replay::{
    CaptureError, CaptureFigures, CaptureOptions, Ending, Progress, Reading, Skip, Source, read_capture,
};

use crate::streams::Streams;
use crate::wire::{Form, Frame, Packing, Sent, Wrap};

fn read(file: &[u8]) -> Result<CaptureFigures, CaptureError> {
    let source = Source::reader(Cursor::new(file.to_vec()));
    read_capture(source, &CaptureOptions::default(), &mut Streams::default())
}

fn frame(at_ns: u64, text: &[u8]) -> Frame {
    let sent = Sent {
        at_ns,
        from: "10.0.0.1:40000".parse().unwrap(),
        to: "10.0.0.2:80".parse().unwrap(),
        seq: 1 + at_ns as u32,
        ack: Some(1),
        syn: false,
        fin: false,
        rst: false,
        payload: text.to_vec(),
    };
    let bytes = Wrap::Ethernet.around(&sent.ip());
    Frame {
        at_ns,
        sent_bytes: bytes.len() as u32,
        bytes,
    }
}

const NEXT: Form = Form {
    next_generation: true,
    ..Form::PLAIN
};

#[test]
fn wherever_a_capture_ends_what_is_before_is_used() {
    let frames = [
        frame(0, b"one"),
        frame(1_000, b"a second"),
        frame(2_000, b"the third one"),
    ];
    for form in Form::all().filter(|form| form.packing == Packing::Plain) {
        let whole = form.file(1, &frames);
        let ends: Vec<usize> = (0..=frames.len())
            .map(|count| form.file(1, &frames[..count]).len())
            .collect();
        for cut in 0..=whole.len() {
            let figures = match read(&whole[..cut]) {
                Ok(figures) => figures,
                Err(error) => {
                    let head = if form.next_generation { 28 } else { 24 };
                    assert!(cut < head, "{form:?} cut at {cut}: {error}");
                    continue;
                }
            };
            let packets = ends.iter().filter(|&&end| end <= cut).count().saturating_sub(1);
            assert_eq!(figures.packets, packets as u64, "{form:?} cut at {cut}");
            let begins = ends.iter().rev().find(|&&end| end <= cut).copied();
            match figures.ending {
                Ending::Whole => assert!(
                    begins == Some(cut) || cut == form.section().len(),
                    "{form:?} at {cut}"
                ),
                Ending::Truncated { offset } => {
                    assert!(offset as usize <= cut, "{form:?} cut at {cut}");
                    assert!(
                        begins.is_none_or(|begins| offset as usize == begins),
                        "{form:?} cut at {cut}"
                    );
                }
                Ending::Corrupt { .. } => panic!("{form:?} cut at {cut} is taken for damaged"),
            }
        }
    }
}

#[test]
fn a_packed_capture_that_is_cut_is_used_up_to_there() {
    let frames: Vec<Frame> = (0..2_000).map(|at| frame(at, &at.to_le_bytes())).collect();
    for packing in [Packing::Gzip, Packing::Zstd] {
        let form = Form {
            packing,
            ..Form::PLAIN
        };
        let whole = form.file(1, &frames);
        let figures = read(&whole[..whole.len() - 1_000]).unwrap();
        assert!(
            matches!(figures.ending, Ending::Truncated { .. }),
            "{:?}",
            figures.ending
        );
        assert!(
            figures.packets > 0 && figures.packets < 2_000,
            "{packing:?}: {}",
            figures.packets
        );
        let mut damaged = whole.clone();
        let middle = whole.len() / 2;
        damaged[middle..middle + 40].fill(0x55);
        match read(&damaged) {
            Ok(figures) => assert_ne!(figures.ending, Ending::Whole, "{packing:?}"),
            // Where a block is larger than the damage's place, there is nothing before it.
            Err(error) => assert!(
                error.to_string().contains("cannot unpack it"),
                "{packing:?}: {error}"
            ),
        }
    }
}

#[test]
fn what_is_no_capture_is_told_in_a_sentence() {
    let told = |file: &[u8]| read(file).unwrap_err().to_string();
    assert_eq!(told(b""), "the capture is empty: not even a header");
    assert_eq!(
        told(b"GIF89a, say"),
        "not a capture: it begins with 47 49 46 38 39 61 2c 20; expected pcap or pcapng, as it is or packed by gzip or zstd"
    );
    assert!(told(b"ab").starts_with("not a capture: it begins with 61 62;"));
    assert_eq!(
        told(&Form::PLAIN.file(147, &[])),
        "unknown link type 147 at offset 20: expected Ethernet (1), raw IP (101, 228, 229), loopback (0, 108), \
         or Linux cooked (113, 276)"
    );
    assert!(told(&NEXT.file(147, &[frame(0, b"x")])).starts_with("unknown link type 147 at offset 28:"));
    let mut version = Form::PLAIN.file(1, &[]);
    version[4] = 7;
    assert_eq!(
        told(&version),
        "the capture's header is unusable at offset 4: version 7.4 of the format"
    );
    assert!(told(&Form::PLAIN.file(1, &[])[..20]).ends_with("offset 0: it ends there"));
    let missing = Source::open(std::path::Path::new("/nowhere/at/all.pcap")).unwrap_err();
    assert!(
        missing
            .to_string()
            .starts_with("cannot open /nowhere/at/all.pcap: ")
    );
}

#[test]
fn a_damaged_record_ends_the_classic_format() {
    let mut file = Form::PLAIN.file(1, &[frame(0, b"one"), frame(1, b"two")]);
    let second = Form::PLAIN.file(1, &[frame(0, b"one")]).len();
    file[second + 11] = 0x7f;
    let figures = read(&file).unwrap();
    assert_eq!(figures.packets, 1);
    let told = figures.ending.to_string();
    let expected = format!("the capture is damaged at offset {second}: a packet of 2130706");
    assert!(told.starts_with(&expected), "{told}");
}

#[test]
fn a_damaged_block_is_passed_over_as_long_as_its_lengths_agree() {
    let packet = |at_ns| NEXT.packet_block(&frame(at_ns, b"text"));
    let stranger = {
        let mut block = packet(1);
        block[8] = 9; // an interface that nobody described
        block
    };
    let head = [NEXT.section(), NEXT.interface(1)].concat();
    let figures = read(
        &[
            &head[..],
            &packet(0),
            &stranger,
            &NEXT.block(0x4242, b"whatever"),
            &packet(2),
        ]
        .concat(),
    );
    let figures = figures.unwrap();
    assert_eq!((figures.packets, figures.skipped.packets(Skip::Block)), (2, 1));
    assert_eq!(figures.ending, Ending::Whole);
    assert_eq!(figures.interfaces[0].name.as_deref(), Some("eth7"));

    let mut torn = packet(1);
    let last = torn.len() - 4;
    torn[last] ^= 0x10;
    let offset = (head.len() + packet(0).len()) as u64;
    let figures = read(&[&head[..], &packet(0), &torn, &packet(2)].concat()).unwrap();
    assert_eq!(figures.packets, 1);
    assert!(
        matches!(figures.ending, Ending::Corrupt { offset: at, fault: Fault::BlockEnd { .. } } if at == offset)
    );
}

#[test]
fn sections_interfaces_and_old_blocks_are_understood() {
    let big = Form {
        big_endian: true,
        nanoseconds: false,
        ..NEXT
    };
    let bytes = frame(0, b"old").bytes;
    let length = (bytes.len() as u32).to_le_bytes();
    // Interface, drops, time in two halves, lengths; and the simple kind, whose time is the last one's.
    let old = NEXT.block(
        2,
        &[
            &[0; 4][..],
            &[0; 4],
            &77u32.to_le_bytes(),
            &length,
            &length,
            &bytes,
        ]
        .concat(),
    );
    let simple = NEXT.block(3, &[&length[..], &bytes].concat());
    let raw = Wrap::Raw.around(&frame(0, b"").bytes[14..]);
    let second = big.packet_block(&Frame {
        at_ns: 5_000,
        sent_bytes: raw.len() as u32,
        bytes: raw,
    });
    let file = [
        NEXT.section(),
        NEXT.interface(1),
        old,
        simple,
        big.section(),
        big.interface(101),
        second,
    ]
    .concat();
    let mut capture = Capture::open(Source::reader(Cursor::new(file))).unwrap();
    let mut times = Vec::new();
    while let Some(Item::Packet(packet)) = capture.item().unwrap() {
        times.push((packet.at_ns, packet.bytes.len() as u32 == packet.sent_bytes));
    }
    assert_eq!(times, [(77, true), (77, true), (5_000, true)]);
    assert_eq!(capture.ending(), Some(&Ending::Whole));
    assert_eq!(capture.interfaces().len(), 2);
}

#[test]
fn secrets_come_before_the_packets_behind_them() {
    let log = b"CLIENT_RANDOM aa bb";
    let secrets = |kind: u32, text: &[u8]| {
        let length = text.len() as u32;
        NEXT.block(
            10,
            &[&kind.to_le_bytes()[..], &length.to_le_bytes(), text].concat(),
        )
    };
    let head = [NEXT.section(), secrets(0x544c_534b, log), NEXT.interface(1)].concat();
    let file = [
        &head[..],
        &NEXT.packet_block(&frame(0, b"x")),
        &secrets(0x5747_4b4c, b"not TLS"),
        &secrets(0x544c_534b, b"more\n"),
    ]
    .concat();
    let figures = read(&file).unwrap();
    assert_eq!(figures.secrets, b"CLIENT_RANDOM aa bb\nmore\n");
    assert_eq!(figures.secrets_refused_bytes, 7);

    let mut reading = Reading::new(Source::reader(Cursor::new(file)), &CaptureOptions::default()).unwrap();
    let mut sink = Streams::default();
    let first = reading.advance(&mut sink).unwrap();
    assert_eq!(first, Progress::Secrets(b"CLIENT_RANDOM aa bb\n".to_vec()));
    assert!(sink.flows.is_empty(), "secrets are told before what they open");
    assert_eq!(
        reading.advance(&mut sink).unwrap(),
        Progress::Secrets(b"more\n".to_vec())
    );
    assert_eq!(reading.advance(&mut sink).unwrap(), Progress::Done);
}
