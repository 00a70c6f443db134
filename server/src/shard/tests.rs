//! The shard without sockets: its transport has no connection, so whatever it sends goes nowhere.

use rand::SeedableRng as _;
use reactor::{Kernel, KernelOptions, Sources, Wake};

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
