//! Files of sessions, written and read back: whole, torn, altered, hostile.

use proptest::prelude::*;

use super::index;
use super::*;
use crate::{End, Event, Flow, Protocol, Secrecy, Side, Sink, Start};

/// An event that owns its bytes.
#[derive(Clone, Debug, PartialEq)]
enum Owned {
    Data(Flow, Side, u64, u64, Vec<u8>),
    Other(Event<'static>),
}

impl Owned {
    fn of(event: Event<'_>) -> Self {
        match (event, event.unborrowed()) {
            (_, Some(event)) => Self::Other(event),
            (
                Event::Data {
                    flow,
                    side,
                    at_ns,
                    offset,
                    bytes,
                },
                None,
            ) => Self::Data(flow, side, at_ns, offset, bytes.to_vec()),
            (other, None) => unreachable!("{other} borrows nothing"),
        }
    }

    fn event(&self) -> Event<'_> {
        match self {
            Self::Data(flow, side, at_ns, offset, bytes) => Event::Data {
                flow: *flow,
                side: *side,
                at_ns: *at_ns,
                offset: *offset,
                bytes,
            },
            Self::Other(event) => *event,
        }
    }
}

/// What happens next, on one of the open connections.
#[derive(Clone, Debug)]
enum Step {
    Open {
        v6: bool,
        host: u8,
        port: u16,
        start: Start,
        skipped: u8,
    },
    Data(usize, Side, Vec<u8>),
    Gap(usize, Side, u64),
    Finish(usize, Side),
    Close(usize, End),
}

fn side() -> impl Strategy<Value = Side> {
    prop_oneof![Just(Side::Client), Just(Side::Server)]
}

fn step() -> impl Strategy<Value = Step> {
    let end = prop_oneof![
        side().prop_map(End::Finished),
        side().prop_map(End::Reset),
        Just(End::Idle),
        Just(End::Open),
        Just(End::Dropped),
    ];
    let start = prop_oneof![Just(Start::Handshake), Just(Start::Midway)];
    // Mostly short; now and then more than a block takes.
    let said = prop_oneof![
        9 => prop::collection::vec(any::<u8>(), 1..60),
        1 => (1..200_000_usize, any::<u8>()).prop_map(|(length, byte)| vec![byte; length]),
    ];
    prop_oneof![
        2 => (any::<bool>(), 0..4_u8, any::<u16>(), start, 0..3_u8)
            .prop_map(|(v6, host, port, start, skipped)| Step::Open { v6, host, port, start, skipped }),
        6 => (any::<usize>(), side(), said).prop_map(|(which, side, said)| Step::Data(which, side, said)),
        1 => (any::<usize>(), side(), 1..1_u64 << 40).prop_map(|(which, side, length)| Step::Gap(which, side, length)),
        1 => (any::<usize>(), side()).prop_map(|(which, side)| Step::Finish(which, side)),
        1 => (any::<usize>(), end).prop_map(|(which, end)| Step::Close(which, end)),
    ]
}

/// Connections that make sense: offsets add up, time does not go back, all are closed in the end. At most 16 KB are said at once,
/// as longer ones come back in pieces.
fn history() -> impl Strategy<Value = Vec<Owned>> {
    prop::collection::vec((step(), 0..1_u64 << 35), 1..60).prop_map(|steps| {
        let (mut events, mut open, mut at_ns, mut next) = (Vec::new(), Vec::<(Flow, [u64; 2])>::new(), 0, 0);
        for (step, after_ns) in steps {
            at_ns += after_ns;
            let count = open.len().max(1);
            match step {
                Step::Open {
                    v6,
                    host,
                    port,
                    start,
                    skipped,
                } => {
                    next += u64::from(skipped) + 1;
                    let ip = |host: u8| -> std::net::IpAddr {
                        if v6 {
                            [0, 0, 0, 0, 0, 0, 0, u16::from(host)].into()
                        } else {
                            [10, 0, 0, host].into()
                        }
                    };
                    let (client, server) = ((ip(host), port).into(), (ip(host + 1), 7700).into());
                    events.push(Owned::Other(Event::Open {
                        flow: Flow(next),
                        at_ns,
                        client,
                        server,
                        start,
                    }));
                    open.push((Flow(next), [0; 2]));
                }
                _ if open.is_empty() => {}
                Step::Data(which, side, said) => {
                    let (flow, offsets) = &mut open[which % count];
                    for bytes in said.chunks(16_000) {
                        let offset = &mut offsets[side as usize];
                        events.push(Owned::Data(*flow, side, at_ns, *offset, bytes.to_vec()));
                        *offset += bytes.len() as u64;
                    }
                }
                Step::Gap(which, side, length) => {
                    let index = which % count;
                    let (flow, offsets) = &mut open[index];
                    let offset = offsets[side as usize];
                    offsets[side as usize] += length;
                    events.push(Owned::Other(Event::Gap {
                        flow: *flow,
                        side,
                        at_ns,
                        offset,
                        length,
                    }));
                }
                Step::Finish(which, side) => {
                    events.push(Owned::Other(Event::Finish {
                        flow: open[which % count].0,
                        side,
                        at_ns,
                    }));
                }
                Step::Close(which, end) => {
                    let (flow, _) = open.swap_remove(which % count);
                    events.push(Owned::Other(Event::Close { flow, at_ns, end }));
                }
            }
        }
        open.sort_unstable_by_key(|(flow, _)| *flow);
        events.extend(open.iter().map(|(flow, _)| {
            Owned::Other(Event::Close {
                flow: *flow,
                at_ns,
                end: End::Open,
            })
        }));
        events
    })
}

fn written(events: &[Owned]) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    let mut writer = RecordingWriter::create(file.path()).unwrap();
    writer.note(&Note::Began {
        unix_ns: 1_700_000_000_000_000_000,
    });
    events.iter().for_each(|event| writer.event(event.event()));
    assert_eq!(writer.tally().strays, 0);
    writer.close().unwrap();
    file
}

fn played(bytes: &[u8]) -> (Vec<Owned>, Played) {
    let mut events = Vec::new();
    let played = play(bytes, &mut |event: Event<'_>| events.push(Owned::of(event))).unwrap();
    (events, played)
}

/// An index says the same as the events that it was made of.
fn check_index(recording: &Recording, events: &[Owned]) {
    let opened = events
        .iter()
        .map(Owned::event)
        .filter(|event| matches!(event, Event::Open { .. }));
    let opened: Vec<Flow> = opened.map(|event| event.flow()).collect();
    assert_eq!(
        recording
            .sessions()
            .iter()
            .map(|session| session.flow)
            .collect::<Vec<_>>(),
        opened
    );
    let mut scratch = Vec::new();
    for (index, session) in recording.sessions().iter().enumerate() {
        let mut turns = recording.turns(index).iter();
        let mut heard_ns = session.opened_ns;
        for event in events
            .iter()
            .map(Owned::event)
            .filter(|event| event.flow() == session.flow)
        {
            match event {
                Event::Open {
                    at_ns,
                    client,
                    server,
                    start,
                    ..
                } => {
                    let told = (session.opened_ns, session.client, session.server, session.start);
                    assert_eq!(told, (at_ns, client, server, start));
                }
                Event::Close { at_ns, end, .. } => {
                    // Silence is noticed long after the last packet, which is where the session ends.
                    let unheard = matches!(end, End::Idle | End::Dropped);
                    let closed_ns = if unheard { heard_ns } else { at_ns };
                    assert_eq!((session.closed_ns, session.end), (closed_ns, end));
                }
                Event::Data {
                    side, at_ns, bytes, ..
                } => {
                    let turn = turns.next().unwrap();
                    assert_eq!(
                        (turn.side, turn.at_ns, turn.session as usize),
                        (side, at_ns, index)
                    );
                    assert!(
                        recording.bytes(turn, &mut scratch).unwrap() == bytes,
                        "other bytes"
                    );
                }
                Event::Gap {
                    side, at_ns, length, ..
                } => {
                    let turn = turns.next().unwrap();
                    assert_eq!(
                        (turn.side, turn.at_ns, turn.kind),
                        (side, at_ns, TurnKind::Gap { length })
                    );
                }
                Event::Finish { side, at_ns, .. } => {
                    let turn = turns.next().unwrap();
                    assert_eq!(
                        (turn.side, turn.at_ns, turn.kind),
                        (side, at_ns, TurnKind::Finish)
                    );
                }
            }
            heard_ns = event.at_ns();
        }
        assert_eq!(turns.next(), None);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn what_happened_comes_back_from_memory_and_from_files(events in history()) {
        let file = written(&events);
        let bytes = std::fs::read(file.path()).unwrap();
        let (again, played) = played(&bytes);
        prop_assert!(again == events);
        prop_assert_eq!((&played.torn, played.sound_bytes), (&None, bytes.len() as u64));
        prop_assert_eq!(&played.notes, &[Note::Began { unix_ns: 1_700_000_000_000_000_000 }]);

        check_index(&Recording::open(file.path()).unwrap(), &events);
        // Packed blocks, read where they are asked for.
        check_index(&index::of_file(File::open(file.path()).unwrap(), 0).unwrap(), &events);
        for (memory_bytes, mut writer) in [
            (u64::MAX, RecordingWriter::memory()),
            (0, RecordingWriter::scratch(tempfile::tempfile().unwrap())),
        ] {
            events.iter().for_each(|event| writer.event(event.event()));
            let recording = writer.finish_within(memory_bytes).unwrap();
            check_index(&recording, &events);
        }
    }

    #[test]
    fn a_torn_file_is_used_up_to_there(events in history(), at in any::<prop::sample::Index>(), alter in any::<bool>()) {
        let file = written(&events);
        let mut bytes = std::fs::read(file.path()).unwrap();
        let at = block::FILE_HEADER_BYTES + at.index(bytes.len() - block::FILE_HEADER_BYTES);
        if alter { bytes[at] ^= 0x40 } else { bytes.truncate(at) }
        let (again, played) = played(&bytes);
        prop_assert!(events.starts_with(&again));
        let torn = played.torn.unwrap();
        prop_assert!(torn.offset <= at as u64 && torn.offset == played.sound_bytes);
        let recording = Recording::read(&bytes[..]).unwrap();
        prop_assert_eq!(recording.sessions().len() as u64, played.connections);
    }

    #[test]
    fn entries_that_make_no_sense_do_no_harm(entries in prop::collection::vec(any::<u8>(), 0..200), payload in any::<[u8; 20]>()) {
        let mut bytes = block::file_header().to_vec();
        block::write(&entries, &payload, false, &mut bytes).unwrap();
        let (_, played) = played(&bytes);
        prop_assert!(played.torn.is_some());
        Recording::read(&bytes[..]).unwrap();
    }
}

#[test]
fn what_the_writer_knew_is_kept() {
    let mut writer = RecordingWriter::memory();
    let (client, server) = ("10.0.0.1:40000".parse().unwrap(), "[::1]:443".parse().unwrap());
    for (flow, secrecy) in [
        (Flow(3), Secrecy::Opened),
        (Flow(4), Secrecy::Wire),
        (Flow(9), Secrecy::Broken),
    ] {
        writer.event(Event::Open {
            flow,
            at_ns: 5,
            client,
            server,
            start: Start::Handshake,
        });
        let bytes: &[u8] = if flow == Flow(4) {
            b"\x16\x03\x01\x02\x00\x01\x00"
        } else {
            b"GET / HTTP/1.1\r\n"
        };
        writer.event(Event::Data {
            flow,
            side: Side::Client,
            at_ns: 6,
            offset: 0,
            bytes,
        });
        writer.secrecy(flow, secrecy);
        writer.event(Event::Close {
            flow,
            at_ns: 7,
            end: End::Idle,
        });
    }
    let recording = writer.finish().unwrap();
    let told: Vec<_> = recording
        .sessions()
        .iter()
        .map(|s| (s.flow.0, s.protocol, s.secrecy, s.replayable))
        .collect();
    let expected = [
        (3, Protocol::Http, Secrecy::Opened, Ok(())),
        (4, Protocol::Tls, Secrecy::NoSecrets, Err(Unplayable::Sealed)),
        (9, Protocol::Http, Secrecy::Broken, Err(Unplayable::Sealed)),
    ];
    assert_eq!(told, expected);
}

#[test]
fn time_does_not_go_back_and_strays_are_left_out_and_counted() {
    let mut writer = RecordingWriter::memory();
    let (client, server) = ("10.0.0.1:1".parse().unwrap(), "10.0.0.2:2".parse().unwrap());
    let open = |flow, at_ns| Event::Open {
        flow,
        at_ns,
        client,
        server,
        start: Start::Handshake,
    };
    let said = |flow, at_ns| Event::Data {
        flow,
        side: Side::Client,
        at_ns,
        offset: 0,
        bytes: b"x",
    };
    writer.event(open(Flow(7), 100));
    writer.event(said(Flow(7), 90));
    writer.event(open(Flow(7), 110));
    writer.event(open(Flow(2), 120));
    writer.event(said(Flow(8), 130));
    let tally = Tally {
        connections: 1,
        payload_bytes: 1,
        steps_back: 1,
        strays: 3,
        forgotten: 0,
    };
    assert_eq!(writer.tally(), tally);
    let recording = writer.finish().unwrap();
    assert_eq!(
        recording
            .turns(0)
            .iter()
            .map(|turn| turn.at_ns)
            .collect::<Vec<_>>(),
        [100]
    );
}

#[test]
fn what_is_no_file_of_sessions_says_so() {
    let refused = |bytes: &[u8]| play(bytes, &mut |_: Event<'_>| {}).unwrap_err();
    for bytes in [&b""[..], b"short", &[0xd4; 400]] {
        assert!(matches!(refused(bytes), RecordingError::Foreign));
        assert!(!is_recording(bytes));
    }
    for kept in [1, 8, 15] {
        let cut = &block::file_header()[..kept];
        assert!(is_recording(cut), "what is left is of no capture");
        let told = format!("cut off at byte {kept}, within its first 16");
        assert!(refused(cut).to_string().contains(&told), "{kept}");
    }
    let mut later = block::file_header();
    later[8] = 2;
    assert!(
        matches!(refused(&later), RecordingError::Foreign),
        "the checksum is over the version, too"
    );
    let sum = crc32c::crc32c(&later[..12]).to_le_bytes();
    later[12..].copy_from_slice(&sum);
    let error = refused(&later);
    assert_eq!(
        error.to_string(),
        "a file of sessions of version 2: this teem reads up to version 1"
    );
}

#[test]
fn a_disk_that_is_full_is_told_at_the_end() {
    let Ok(full) = File::options().read(true).write(true).open("/dev/full") else {
        return;
    };
    let mut writer = RecordingWriter::scratch(full);
    let (client, server) = ("10.0.0.1:1".parse().unwrap(), "10.0.0.2:2".parse().unwrap());
    writer.event(Event::Open {
        flow: Flow(0),
        at_ns: 0,
        client,
        server,
        start: Start::Handshake,
    });
    let error = writer.close().unwrap_err();
    assert!(matches!(error, RecordingError::Io(error) if error.kind() == std::io::ErrorKind::StorageFull));
}

#[test]
fn a_turn_of_another_recording_is_refused() {
    let recording = RecordingWriter::memory().finish().unwrap();
    let turn = Turn {
        at_ns: 0,
        kind: TurnKind::Bytes {
            position: 5,
            length: 2,
        },
        session: 0,
        side: Side::Client,
    };
    let mut scratch = Vec::new();
    assert!(matches!(
        recording.bytes(&turn, &mut scratch),
        Err(RecordingError::Stranger { .. })
    ));
}
