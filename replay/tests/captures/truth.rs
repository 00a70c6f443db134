//! Conversations with a known truth, made into packets, spoilt as captures are, and put together again.
//!
//! `TEEM_SEED=N` repeats the one that failed.

use std::io::Cursor;
use std::net::SocketAddr;
use std::ops::Range;

use rand::{Rng as _, RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use replay::reassembly::ReassemblyFigures;
use replay::{CaptureOptions, End, Ending, Flow, Side, Source, Start, read_capture};

use crate::streams::{Conversation, Streams};
use crate::wire::{Form, Frame, Packing, Sent, Wrap};

const SEEDS: Range<u64> = 0..400;
pub(crate) const MILLISECOND_NS: u64 = 1_000_000;

/// What one side says, and from which number on.
#[derive(Clone, Debug)]
struct Truth {
    text: Vec<u8>,
    isn: u32,
    /// What of it is in the capture.
    captured: Vec<bool>,
}

/// A connection as it was.
#[derive(Clone, Debug)]
struct Talk {
    ends: [SocketAddr; 2],
    sides: [Truth; 2],
    end: Option<End>,
}

/// A segment, and what of the truth is in it.
#[derive(Clone, Debug)]
struct Packet {
    sent: Sent,
    talk: usize,
    side: usize,
    offset: usize,
    /// Bytes of the payload that are captured.
    kept: usize,
}

/// How a capture is spoilt.
#[derive(Clone, Copy, Debug)]
struct Spoil {
    drop: f64,
    duplicate: f64,
    overlap: f64,
    lie: f64,
    snap: f64,
    merge: f64,
    jitter_ms: u64,
    cut: usize,
}

impl Spoil {
    /// Most captures have a few of these, some have none.
    fn draw(rng: &mut ChaCha8Rng) -> Self {
        let cut = if rng.random_bool(0.3) {
            rng.random_range(1..60)
        } else {
            0
        };
        let mut sometimes = |most: f64| {
            if rng.random_bool(0.4) {
                rng.random_range(0.0..most)
            } else {
                0.0
            }
        };
        Self {
            drop: sometimes(0.3),
            duplicate: sometimes(0.3),
            overlap: sometimes(0.3),
            // Of what is cut off a lie would be the first that is heard.
            lie: if cut > 0 { 0.0 } else { sometimes(0.2) },
            snap: sometimes(0.3),
            merge: sometimes(0.9),
            jitter_ms: sometimes(40.0) as u64,
            cut,
        }
    }
}

fn talks(rng: &mut ChaCha8Rng) -> Vec<Talk> {
    let count = rng.random_range(1..6);
    (0..count)
        .map(|number| {
            // Two share their sockets: the second begins anew after the first ended.
            let port = 40_000 + if number == 1 { 0 } else { number };
            let ends = if number == 2 {
                [format!("[2001:db8::1]:{port}"), "[2001:db8::2]:443".to_owned()]
            } else {
                [format!("10.0.0.1:{port}"), "10.0.0.2:443".to_owned()]
            };
            let mut side = || {
                let most = if rng.random_bool(0.1) { 200_000 } else { 20_000 };
                let mut text = vec![0; rng.random_range(0..most)];
                rng.fill_bytes(&mut text);
                let wraps = rng.random_bool(0.5);
                Truth {
                    isn: if wraps {
                        0u32.wrapping_sub(rng.random_range(1..9_000))
                    } else {
                        rng.random()
                    },
                    captured: vec![false; text.len()],
                    text,
                }
            };
            Talk {
                ends: ends.map(|end| end.parse().expect("an address")),
                sides: [side(), side()],
                end: None,
            }
        })
        .collect()
}

/// All packets of a connection, a millisecond apart.
fn packets(number: usize, talk: &mut Talk, start_ns: u64, rng: &mut ChaCha8Rng) -> Vec<Packet> {
    let mut packets = Vec::new();
    let mut at_ns = start_ns;
    let mut said = [0; 2];
    let sides = talk.sides.clone();
    let mut push = |side: usize,
                    said: [usize; 2],
                    length: usize,
                    (syn, fin, rst): (bool, bool, bool),
                    finished: [bool; 2]| {
        at_ns += MILLISECOND_NS * if rst { 60 } else { 1 };
        let other = 1 - side;
        let begun = u32::from(!syn);
        let number_of =
            |side: usize, said: usize, more: u32| sides[side].isn.wrapping_add(said as u32 + more);
        let offset = said[side];
        packets.push(Packet {
            sent: Sent {
                at_ns,
                from: talk.ends[side],
                to: talk.ends[other],
                seq: number_of(side, offset, begun + u32::from(finished[side])),
                ack: (!syn || side == 1)
                    .then(|| number_of(other, said[other], 1 + u32::from(finished[other]))),
                syn,
                fin,
                rst,
                payload: sides[side].text[offset..offset + length].to_vec(),
            },
            talk: number,
            side,
            offset,
            kept: length,
        });
    };
    let plain = (false, false, false);
    let open = [false; 2];
    push(0, said, 0, (true, false, false), open);
    push(1, said, 0, (true, false, false), open);
    push(0, said, 0, plain, open);
    while (0..2).any(|side| said[side] < sides[side].text.len()) {
        let side = rng.random_range(0..2);
        let left = sides[side].text.len() - said[side];
        let length = left.min(rng.random_range(1..1_460));
        push(side, said, length, plain, open);
        said[side] += length;
    }
    for side in [1, 0] {
        push(side, said, 0, plain, open); // all is acknowledged
    }
    match rng.random_range(0..4) {
        0 => {}
        1 => {
            push(1, said, 0, (false, false, true), open);
            talk.end = Some(End::Reset(Side::Server));
        }
        _ => {
            let first = rng.random_range(0..2);
            let mut finished = open;
            for side in [first, 1 - first] {
                push(side, said, 0, (false, true, false), finished);
                finished[side] = true;
            }
            push(first, said, 0, plain, finished);
            talk.end = Some(End::Finished([Side::Client, Side::Server][first]));
        }
    }
    packets
}

/// Neighbours of a side become one long segment, as offload makes them.
fn merge(packets: Vec<Packet>, chance: f64, rng: &mut ChaCha8Rng) -> Vec<Packet> {
    let mut merged: Vec<Packet> = Vec::new();
    for packet in packets {
        if let Some(last) = merged.last_mut()
            && (last.side, last.offset + last.sent.payload.len()) == (packet.side, packet.offset)
            && !last.sent.payload.is_empty()
            && !packet.sent.payload.is_empty()
            && rng.random_bool(chance)
        {
            last.sent.payload.extend(&packet.sent.payload);
            last.kept = last.sent.payload.len();
            continue;
        }
        merged.push(packet);
    }
    merged
}

/// Drops, repeats and cuts packets, and changes their order within the jitter.
fn spoil(packets: Vec<Packet>, talks: &[Talk], spoil: &Spoil, rng: &mut ChaCha8Rng) -> Vec<Packet> {
    let mut spoilt = Vec::new();
    let jitter_ns = spoil.jitter_ms * MILLISECOND_NS;
    for mut packet in packets {
        if packet.sent.syn || packet.sent.rst {
            spoilt.push(packet);
            continue;
        }
        let carries = !packet.sent.payload.is_empty();
        let original_ns = packet.sent.at_ns;
        packet.sent.at_ns += jitter_ns / 2;
        if jitter_ns > 0 && carries {
            packet.sent.at_ns = original_ns + rng.random_range(0..jitter_ns);
        }
        if carries && rng.random_bool(spoil.snap) {
            packet.kept = rng.random_range(0..packet.sent.payload.len());
        }
        let dropped = rng.random_bool(spoil.drop);
        if carries && rng.random_bool(spoil.overlap) {
            let truth = &talks[packet.talk].sides[packet.side];
            let from = packet.offset - rng.random_range(0..=packet.offset.min(2_000));
            let to = packet.offset + rng.random_range(1..=packet.sent.payload.len());
            let mut again = packet.clone();
            again.sent.at_ns += rng.random_range(0..5) * MILLISECOND_NS;
            again.sent.seq = truth.isn.wrapping_add(1 + from as u32);
            again.sent.payload = truth.text[from..to].to_vec();
            (again.offset, again.kept) = (from, to - from);
            spoilt.push(again);
        }
        if !dropped && carries && packet.kept == packet.sent.payload.len() && rng.random_bool(spoil.lie) {
            let mut lie = packet.clone();
            lie.sent.at_ns += MILLISECOND_NS;
            lie.sent.payload.iter_mut().for_each(|byte| *byte ^= 0xff);
            spoilt.push(lie);
        }
        if !dropped && rng.random_bool(spoil.duplicate) {
            let mut again = packet.clone();
            again.sent.at_ns += rng.random_range(0..20) * MILLISECOND_NS;
            spoilt.push(again);
        }
        if !dropped {
            spoilt.push(packet);
        }
    }
    spoilt.sort_by_key(|packet| packet.sent.at_ns);
    spoilt.split_off(spoil.cut.min(spoilt.len()))
}

/// A capture, what was really said in it, and how it was made.
pub(crate) struct Made {
    pub(crate) file: Vec<u8>,
    talks: Vec<Talk>,
    spoil: Spoil,
    form: Form,
}

pub(crate) fn make(seed: u64) -> Made {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let how = Spoil::draw(&mut rng);
    let mut talks = talks(&mut rng);
    let mut all = Vec::new();
    let mut ended_ns = 0;
    for (number, talk) in talks.iter_mut().enumerate() {
        // One begins when the one before has ended if they share their sockets; else they run side by side.
        let start_ns = MILLISECOND_NS * 1_000
            + if number == 1 {
                ended_ns + 200 * MILLISECOND_NS
            } else {
                0
            };
        let sent = packets(number, talk, start_ns, &mut rng);
        ended_ns = sent.last().map_or(0, |packet| packet.sent.at_ns);
        all.extend(merge(sent, how.merge, &mut rng));
    }
    let spoilt = spoil(all, &talks, &how, &mut rng);
    for packet in &spoilt {
        let captured = &mut talks[packet.talk].sides[packet.side].captured;
        captured[packet.offset..packet.offset + packet.kept].fill(true);
    }
    // What offload made longer than IP can say fits into no tunnel.
    let long = spoilt.iter().any(|packet| packet.sent.payload.len() > 60_000);
    let tunnels = if long { &[][..] } else { &Wrap::TUNNELS };
    let wraps = [&Wrap::LINKS, tunnels].concat();
    let wrap = wraps[rng.random_range(0..wraps.len())];
    let form = Form::all().nth(rng.random_range(0..24)).expect("one of all");
    let frames: Vec<Frame> = spoilt
        .iter()
        .map(|packet| {
            let whole = wrap.around(&packet.sent.ip());
            let cut = packet.sent.payload.len() - packet.kept;
            Frame {
                at_ns: packet.sent.at_ns,
                sent_bytes: whole.len() as u32,
                bytes: whole[..whole.len() - cut].to_vec(),
            }
        })
        .collect();
    Made {
        file: form.file(wrap.link(), &frames),
        talks,
        spoil: how,
        form,
    }
}

/// Whether a stream is this truth but for its gaps, from somewhere on; bytes the other way round are lies.
fn fits(stream: &[u8], gaps: &[Range<u64>], truth: &[u8], shift: usize) -> bool {
    let mut at = 0;
    let ends = gaps.iter().map(|gap| (gap.start as usize, gap.end as usize));
    for (start, end) in ends.chain([(stream.len(), stream.len())]) {
        // Behind the truth only a FIN that was lost with what came before it can be: in a gap.
        let said = truth.get(at + shift..start + shift).unwrap_or_default();
        if said != &stream[at..start] {
            return false;
        }
        at = end;
    }
    true
}

/// Every captured byte is there, every other is in a gap, and nothing else is.
fn assert_exact(seed: u64, made: &Made, talk: &Talk, heard: &Conversation, told: &str) {
    for side in [Side::Client, Side::Server] {
        let (truth, stream) = (&talk.sides[side as usize], heard.stream(side));
        assert!(
            fits(&stream.bytes, &stream.gaps, &truth.text, 0),
            "TEEM_SEED={seed}: {side:?} of {told} is not what was said"
        );
        let mut there = vec![true; stream.bytes.len()];
        for gap in &stream.gaps {
            there[gap.start as usize..gap.end as usize].fill(false);
        }
        for (at, &captured) in truth.captured.iter().enumerate() {
            let is_there = there.get(at).copied().unwrap_or(false);
            // What a snapped packet lacks is a gap at once, even where a repetition has it later.
            let may_lack = made.spoil.snap > 0.0 && !is_there;
            assert!(
                is_there == captured || may_lack,
                "TEEM_SEED={seed}: byte {at} of {side:?} of {told}"
            );
        }
    }
    if let Some(end) = talk.end
        && matches!(end, End::Reset(_))
    {
        assert_eq!(heard.end, Some(end), "TEEM_SEED={seed}: {told}");
    }
}

/// What came of one seed.
fn check(seed: u64) -> ReassemblyFigures {
    let made = make(seed);
    let mut streams = Streams::default();
    let source = Source::reader(Cursor::new(made.file.clone()));
    let figures = read_capture(source, &CaptureOptions::default(), &mut streams)
        .unwrap_or_else(|error| panic!("TEEM_SEED={seed}: {error}"));
    let told = format!("{:?} {:?} {:?}", made.spoil, made.form, figures.tcp);
    assert_eq!(figures.ending, Ending::Whole, "TEEM_SEED={seed}: {told}");
    assert!(figures.tcp.closes(), "TEEM_SEED={seed}: {told}");
    assert_eq!(
        figures.skipped.total(),
        figures.tcp.skipped.total(),
        "TEEM_SEED={seed}: {told}"
    );
    if made.spoil.cut > 0 {
        // The capture joined in mid-stream: each stream is a part of some truth.
        for heard in streams.flows.values() {
            for side in [Side::Client, Side::Server] {
                let stream = heard.stream(side);
                let client = if side == Side::Client {
                    heard.client
                } else {
                    heard.server
                };
                let fits_some = made.talks.iter().any(|talk| {
                    (0..2).filter(|&end| talk.ends[end] == client).any(|end| {
                        let truth = &talk.sides[end].text;
                        (0..=truth.len()).any(|shift| fits(&stream.bytes, &stream.gaps, truth, shift))
                    })
                });
                assert!(fits_some, "TEEM_SEED={seed}: {side:?} of {heard:?}: {told}");
            }
        }
        return figures.tcp;
    }
    assert_eq!(streams.flows.len(), made.talks.len(), "TEEM_SEED={seed}: {told}");
    for talk in &made.talks {
        let at = streams
            .flows
            .iter()
            .find(|(_, heard)| [heard.client, heard.server] == talk.ends && heard.start == Start::Handshake)
            .map(|(&flow, _)| flow);
        let flow: Flow = at.unwrap_or_else(|| panic!("TEEM_SEED={seed}: {:?} is missing", talk.ends));
        let heard = streams.flows.remove(&flow).expect("just found");
        assert_exact(seed, &made, talk, &heard, &told);
    }
    figures.tcp
}

#[test]
fn streams_are_the_truth_outside_their_gaps() {
    match std::env::var("TEEM_SEED").ok().and_then(|seed| seed.parse().ok()) {
        Some(seed) => {
            check(seed);
        }
        None => {
            let all: Vec<ReassemblyFigures> = SEEDS.map(check).collect();
            // A simulation in which nothing goes wrong would show little.
            let met =
                |of: fn(&ReassemblyFigures) -> u64| all.iter().filter(|figures| of(figures) > 0).count();
            assert!(met(|figures| figures.gaps) > 50);
            assert!(met(|figures| figures.retransmitted_bytes) > 50);
            assert!(met(|figures| figures.inconsistent_bytes) > 20);
            assert!(met(|figures| figures.waiting_bytes_peak) > 50);
        }
    }
}

#[test]
fn every_form_of_file_and_every_wrapping_says_the_same() {
    for v6 in [false, true] {
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        let mut talk = talks(&mut rng).swap_remove(0);
        if v6 {
            talk.ends =
                ["[2001:db8::1]:40000", "[2001:db8::2]:443"].map(|end| end.parse().expect("an address"));
        }
        let sent = packets(0, &mut talk, MILLISECOND_NS, &mut rng);
        Form::all().for_each(|form| assert_read(&talk, &sent, form, Wrap::Ethernet, 1));
        for wrap in Wrap::all() {
            for &link in wrap.links(v6) {
                assert_read(&talk, &sent, Form::PLAIN, wrap, link);
                let next_generation = Form {
                    next_generation: true,
                    ..Form::PLAIN
                };
                assert_read(&talk, &sent, next_generation, wrap, link);
            }
        }
    }
    assert_eq!(Form::PLAIN.packing, Packing::Plain);
}

/// What was said is read back from a file of this form, wrapping and link type.
fn assert_read(talk: &Talk, sent: &[Packet], form: Form, wrap: Wrap, link: u32) {
    let told = format!("{form:?} {wrap:?} {link} {:?}", talk.ends);
    let frames: Vec<Frame> = sent
        .iter()
        .map(|packet| {
            let bytes = wrap.around(&packet.sent.ip());
            let sent_bytes = bytes.len() as u32;
            Frame {
                at_ns: packet.sent.at_ns,
                bytes,
                sent_bytes,
            }
        })
        .collect();
    let mut streams = Streams::default();
    let source = Source::reader(Cursor::new(form.file(link, &frames)));
    let figures = read_capture(source, &CaptureOptions::default(), &mut streams)
        .unwrap_or_else(|error| panic!("{told}: {error}"));
    assert_eq!(figures.packets, sent.len() as u64, "{told}");
    assert_eq!(figures.skipped.total(), 0, "{told}");
    let heard = streams.flows.remove(&Flow(0)).expect("one flow");
    assert_eq!([heard.client, heard.server], talk.ends, "{told}");
    for side in [Side::Client, Side::Server] {
        let (truth, stream) = (&talk.sides[side as usize], heard.stream(side));
        assert!(stream.gaps.is_empty() && stream.bytes == truth.text, "{told}");
    }
}
