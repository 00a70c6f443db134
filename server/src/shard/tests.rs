//! The shard without sockets: its transport has no connection, so whatever it sends goes nowhere.

use rand::SeedableRng as _;
use reactor::{Kernel, KernelOptions, Sources, Wake};
use wire::chat::{Address, Body, Kind, Members, Number};

use super::frames::LETTERS_MAX;
use super::*;
use crate::parcel::{Content, Location};

const CONN: Id = Id {
    index: 3,
    generation: 9,
};

fn shard() -> (ServerShard, Kernel) {
    let wake = Wake::new().unwrap();
    let (parcels, _) = Queue::new("parcels", 2, wake.clone());
    let (_, outboxes) = Queue::new("outboxes", 2, wake.clone());
    let figures: Arc<[Arc<ShardFigures>]> = Arc::new([Arc::default(), Arc::default()]);
    let parts = ShardParts {
        index: 0,
        address: "127.0.0.1:0".parse().unwrap(),
        way: Way::Thread { parcels, outboxes },
        knobs: Knobs::default(),
        figures: Arc::clone(&figures[0]),
        others: figures,
        connections_max: 10,
        parted: false,
        stop: Arc::default(),
        rng: ChaCha12Rng::seed_from_u64(1),
    };
    let kernel = Kernel::new(None, Sources::default(), KernelOptions::default(), &wake).unwrap();
    (ServerShard::new(parts), kernel)
}

fn ping() -> Vec<u8> {
    let mut bytes = Vec::new();
    ClientFrame::Ping { token: 1 }.encode(&mut bytes);
    bytes
}

#[test]
fn a_guest_has_a_minute_however_much_it_says() {
    let (mut shard, mut kernel) = shard();
    shard.sessions.greet(CONN, [0; 16], 0);
    let minute_us = u64::from(GUEST_S) * 1_000_000;
    shard.received(&mut kernel, CONN, &ping(), minute_us);
    shard.walk(&mut kernel, minute_us);
    assert!(shard.sessions.at(CONN.index).is_some());
    shard.received(&mut kernel, CONN, &ping(), minute_us + 1_000_000);
    shard.walk(&mut kernel, minute_us + 1_000_000);
    assert!(shard.sessions.at(CONN.index).is_none());
    assert_eq!(shard.parts.figures.idle_closed.total(), 1);
    assert!(shard.parcel.letters.is_empty(), "nobody left");
}

/// Eleven minutes, as a climb sets it: who pings every ten stays, who vanished is found within a walk's minute.
#[test]
fn the_silent_are_dropped_after_eleven_minutes_and_who_pings_every_ten_is_not() {
    let (mut shard, mut kernel) = shard();
    shard.parts.knobs.set("idle_timeout_s", "660").unwrap();
    let at = |index| Id { index, ..CONN };
    // Chunks of them: the walk takes its whole minute.
    let (silent, pinging) = (at(2_900), at(1));
    for (id, number) in [(silent, 7), (pinging, 8)] {
        shard.sessions.greet(id, [0; 16], 0);
        shard.sessions.log_in(id, number);
    }
    let mut found_s = None;
    for second in 1..=3_600_u64 {
        if second % 600 == 0 {
            shard.received(&mut kernel, pinging, &ping(), second * 1_000_000);
        }
        shard.walk(&mut kernel, second * 1_000_000);
        let gone = shard.sessions.at(silent.index).is_none();
        found_s = found_s.or(gone.then_some(second));
        assert!(shard.sessions.at(pinging.index).is_some(), "at {second} s");
    }
    assert!(
        found_s.is_some_and(|at_s| (661..=661 + 60).contains(&at_s)),
        "{found_s:?}"
    );
    assert_eq!(shard.parts.figures.idle_closed.total(), 1);
}

#[test]
fn what_follows_in_the_same_read_does_not_revive_a_connection_that_was_ended() {
    let (mut shard, mut kernel) = shard();
    shard.sessions.greet(CONN, [0; 16], 0);
    shard.sessions.log_in(CONN, 7);
    shard.end(CONN);
    let bytes = ping();
    assert_eq!(shard.received(&mut kernel, CONN, &bytes, 0), Taken(bytes.len()));
    assert!(shard.sessions.at(CONN.index).is_none());
    assert_eq!((shard.parcel.letters.len(), shard.sessions.online()), (1, 0));
}

#[test]
fn a_log_in_that_outlived_its_connection_is_undone() {
    let (mut shard, mut kernel) = shard();
    let mut outbox = Outbox::default();
    outbox.logged_in(Location::new(0, CONN), 7, &ServerFrame::Pong { token: 1 });
    // The slot was let again meanwhile: the next tenant is not number 7.
    let next = Id {
        generation: CONN.generation + 1,
        ..CONN
    };
    shard.sessions.greet(next, [0; 16], 0);
    shard.apply(&mut kernel, &outbox);
    let letter = shard.parcel.letters[0];
    assert_eq!((letter.what, letter.number), (Content::Closed, 7));
    assert_eq!(Location::new(0, letter.conn), Location::new(0, CONN));
    assert_eq!(shard.sessions.hear(next, 1), Some(0));
}

#[test]
fn a_shard_that_is_far_behind_stops_reading_before_its_parcel_grows_further() {
    let (mut shard, _) = shard();
    assert!(!shard.is_far_behind());
    let frame = vec![0; 8 * 1024];
    while !shard.is_far_behind() {
        shard.parcel.frame(CONN, 7, &frame);
    }
    assert!(shard.parcel.bytes.len() <= (32 << 20) + frame.len());
}

/// The frame that the shard said last.
fn said(shard: &ServerShard) -> String {
    let (frame, _) = ServerFrame::decode(&shard.answer).unwrap().unwrap();
    format!("{frame:?}")
}

fn encoded(frame: &ClientFrame<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    frame.encode(&mut bytes);
    bytes
}

fn text(id: u64) -> Vec<u8> {
    let to = Address::Person(Number::new(8).unwrap());
    let body = Body {
        kind: Kind::Text,
        bytes: b"m",
    };
    encoded(&ClientFrame::Send { id, to, body })
}

#[test]
fn a_message_is_refused_as_busy_while_the_office_is_behind_and_an_acknowledgement_is_not() {
    let (mut shard, mut kernel) = shard();
    shard.sessions.greet(CONN, [0; 16], 0);
    shard.sessions.log_in(CONN, 7);
    while shard.parcel.letters.len() < LETTERS_MAX - 1 {
        shard.parcel.frame(CONN, 7, b"f");
    }
    shard.received(&mut kernel, CONN, &text(1), 0);
    assert_eq!(shard.parcel.letters.len(), LETTERS_MAX, "the last that is taken");
    shard.received(&mut kernel, CONN, &text(2), 0);
    let refused = ServerFrame::Refused {
        id: 2,
        code: Code::Busy,
    };
    assert_eq!(said(&shard), format!("{refused:?}"));
    assert_eq!(shard.parcel.letters.len(), LETTERS_MAX);
    let figures = &shard.parts.figures;
    assert_eq!(
        (figures.messages_refused.total(), figures.letters_refused.total()),
        (1, 1)
    );
    shard.received(&mut kernel, CONN, &encoded(&ClientFrame::Ack { seq: 1 }), 0);
    assert_eq!(shard.parcel.letters.len(), LETTERS_MAX + 1);
    shard.parcel.clear();
    shard.received(&mut kernel, CONN, &text(2), 0);
    assert_eq!(shard.parcel.letters.len(), 1, "it is taken again");
}

#[test]
fn accepting_pauses_once_while_the_office_is_behind_and_goes_on_after() {
    let (mut shard, mut kernel) = shard();
    shard.parts.knobs.set("accept_pause_queue", "10").unwrap();
    let pauses = |shard: &ServerShard| (shard.paused, shard.parts.figures.accept_pauses.total());
    (0..10).for_each(|_| shard.parcel.frame(CONN, 7, b"f"));
    shard.regulate(&mut kernel);
    assert_eq!(pauses(&shard), (false, 0), "so many may wait");
    shard.parcel.frame(CONN, 7, b"f");
    shard.regulate(&mut kernel);
    shard.regulate(&mut kernel);
    assert_eq!(pauses(&shard), (true, 1), "a pause is counted once");
    shard.parcel.clear();
    shard.regulate(&mut kernel);
    assert_eq!(pauses(&shard), (false, 1));
}

#[test]
fn whatever_the_office_is_asked_is_limited_but_for_acknowledgements() {
    let (mut shard, mut kernel) = shard();
    shard.parts.knobs.set("messages_per_second", "1").unwrap();
    shard.sessions.greet(CONN, [0; 16], 0);
    shard.sessions.log_in(CONN, 7);
    let number = Number::new(8).unwrap();
    shard.received(&mut kernel, CONN, &text(1), 0);
    let limited = [
        ClientFrame::Watch { number, on: true },
        ClientFrame::SetGroup {
            tag: 1,
            members: Members::parse(&[]).unwrap(),
        },
        ClientFrame::Register { number },
        ClientFrame::Prove { number, pin: 1 },
    ];
    for frame in &limited {
        shard.received(&mut kernel, CONN, &encoded(frame), 0);
        let (code, about) = (Code::RateLimited, frame.kind());
        let refused = ServerFrame::Error { code, about };
        assert_eq!(said(&shard), format!("{refused:?}"));
    }
    shard.answer.clear();
    let typing = encoded(&ClientFrame::Typing { to: number, on: true });
    shard.received(&mut kernel, CONN, &typing, 0);
    assert!(shard.answer.is_empty(), "what is never answered is dropped");
    assert_eq!(
        (
            shard.parcel.letters.len(),
            shard.parts.figures.frames_limited.total()
        ),
        (1, 5)
    );
    for seq in 1..=3 {
        shard.received(&mut kernel, CONN, &encoded(&ClientFrame::Ack { seq }), 0);
    }
    shard.received(&mut kernel, CONN, &typing, 1_000_000);
    assert_eq!(shard.parcel.letters.len(), 5, "a second later");
}

#[test]
fn the_other_shards_are_counted_once_a_turn() {
    let (mut shard, _) = shard();
    shard.parts.others[0].connections.set(100);
    shard.parts.others[1].connections.set(5);
    assert_eq!(shard.elsewhere(1), 5, "its own are known better");
    shard.parts.others[1].connections.set(6);
    assert_eq!((shard.elsewhere(1), shard.elsewhere(2)), (5, 6));
}

#[test]
fn a_shared_table_is_full_for_all_and_an_own_one_for_its_shard() {
    for (parted, crowded) in [(false, true), (true, false)] {
        let (mut shard, kernel) = shard();
        shard.parts.parted = parted;
        shard.parts.others[1].connections.set(10);
        assert!(!shard.is_crowded(&kernel, 1));
        shard.parts.others[1].connections.set(11);
        assert_eq!(shard.is_crowded(&kernel, 2), crowded);
        shard.parts.knobs.set("connections_max", "10").unwrap();
        assert!(shard.is_crowded(&kernel, 3), "the knob counts all in any case");
    }
}
