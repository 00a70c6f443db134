//! A shard by hand, over a link that does as it is told.

use std::collections::HashMap;
use std::net::SocketAddr;

use reactor::SendError;

use super::*;
use crate::drive::picked::Picked;
use crate::drive::testing::{Said as Line, recorded};
use crate::drive::{Clones, Counts, DriveOptions};
use crate::{Side, Speed};

const SERVER: &str = "10.0.0.9:7000";
const MS: u64 = 1_000_000;

/// Takes everything, but for as many sends as it is full for, after those that find room.
#[derive(Default)]
struct Bare {
    connected: u32,
    roomy: u32,
    full: u32,
    said: Vec<u8>,
}

impl Link for Bare {
    fn connect(&mut self, _: SocketAddr) -> Result<Id, Closed> {
        self.connected += 1;
        Ok(id(self.connected - 1))
    }

    fn send(&mut self, _: Id, bytes: &[u8]) -> Result<(), SendError> {
        if self.roomy > 0 {
            self.roomy -= 1;
        } else if self.full > 0 {
            self.full -= 1;
            return Err(SendError::Full);
        }
        self.said.extend(bytes);
        Ok(())
    }

    fn close(&mut self, _: Id, _: Close) {}

    fn connections(&self) -> u32 {
        self.connected
    }

    fn pause_accepting(&mut self, _: bool) {}

    fn stop_listening(&mut self) {}
}

fn id(index: u32) -> Id {
    Id {
        index,
        ..Id::from_bits(0)
    }
}

/// A shard that drives one session after another, all of which began long ago.
fn driver(lines: &'static [Line], change: impl FnOnce(&mut DriveOptions)) -> (Driver, Clock) {
    let clock = Clock::start();
    let recording = Arc::new(recorded(&[(0, "10.0.0.1:1", SERVER, lines)]));
    let target: SocketAddr = "127.0.0.1:1".parse().unwrap();
    let targets = HashMap::from([(SERVER.parse().unwrap(), target.into())]);
    let mut options = DriveOptions::new(recording, targets, clock);
    change(&mut options);
    let picked = Picked::of(&options.recording, &options.selection);
    let program = Arc::new(Program::new(&options, &picked, 1).unwrap());
    let control = Arc::new(Control::new(false));
    control.begin(0);
    let driver = Driver::new(program, control, Arc::default(), clock, 0, Margin::none());
    (driver, clock)
}

fn wait_until(clock: Clock, until_ns: u64) {
    while clock.now_ns() < until_ns {
        std::hint::spin_loop();
    }
}

#[test]
fn a_connect_that_begins_late_makes_the_first_send_late_and_not_held_back() {
    const LINES: [Line; 1] = [(Side::Client, 0, b"hello\n")];
    let (mut driver, clock) = driver(&LINES, |options| {
        options.lateness_limit = std::time::Duration::from_millis(5);
    });
    let mut link = Bare::default();
    wait_until(clock, 20 * MS);
    driver.turn(&mut link, clock.now_us()).unwrap();
    let tally = driver.books.tally;
    assert_eq!((tally.begun, tally.connects_late, tally.connects_held), (1, 1, 0));
    assert!(driver.books.timings.connect_lateness.max_us() >= 19_000);
    driver.opened(&mut link, id(0), Origin::Connected, clock.now_us());
    driver.turn(&mut link, clock.now_us());
    assert_eq!(link.said, b"hello\n");
    let shown = driver.board.look();
    assert_eq!((shown.tally.sent, shown.tally.late), (1, 1), "{:?}", shown.tally);
    assert!(shown.timings.lateness.max_us() >= 19_000);
}

/// Drives a session whose sends are `apart_ns` apart, and sleeps `over_ns` longer than asked for each time. Returns what was
/// counted, and the greatest lateness, microseconds.
fn overslept(limit: std::time::Duration, over_ns: u64) -> (crate::Counts, u64) {
    static LINES: [Line; 8] = {
        let mut lines: [Line; 8] = [(Side::Client, 0, b"hello\n"); 8];
        let mut at = 0;
        while at < lines.len() {
            lines[at].1 = at as u64 * 10 * MS;
            at += 1;
        }
        lines
    };
    let (mut driver, clock) = driver(&LINES, |options| options.lateness_limit = limit);
    let mut link = Bare::default();
    driver.turn(&mut link, clock.now_us()).unwrap();
    driver.opened(&mut link, id(0), Origin::Connected, clock.now_us());
    while let Some(due_us) = driver.turn(&mut link, clock.now_us()) {
        wait_until(clock, due_us * 1_000 + over_ns);
    }
    assert_eq!(
        link.said.len(),
        LINES.len() * LINES[0].2.len(),
        "nothing is skipped"
    );
    let shown = driver.board.look();
    (shown.tally, shown.timings.lateness.max_us())
}

#[test]
fn a_driver_that_oversleeps_counts_each_send_that_it_made_late_and_skips_none() {
    let limit = std::time::Duration::from_millis(1);
    let (tally, late_us) = overslept(limit, 15 * MS);
    assert_eq!((tally.sent, tally.unsent_in_all()), (8, 0));
    // Two sends fall into one sleep, so that the second is late by as much less.
    assert!(tally.late >= 4 && late_us >= 14_000, "{late_us} us: {tally:?}");
    // By a limit that nobody exceeds nothing is late: it is the limit that is judged by.
    let (tally, _) = overslept(std::time::Duration::from_secs(3_600), 15 * MS);
    assert_eq!((tally.sent, tally.late), (8, 0), "{tally:?}");
}

/// Drives these lines at this speed to their end, over a link that is full at times.
fn driven(lines: &'static [Line], speed: &str, mut link: Bare) -> (Counts, Bare) {
    let speed: Speed = speed.parse().unwrap();
    let (mut driver, clock) = driver(lines, |options| {
        (options.connect_speed, options.think_speed) = (speed, speed);
    });
    driver.turn(&mut link, clock.now_us()).unwrap();
    driver.opened(&mut link, id(0), Origin::Connected, clock.now_us());
    while driver.turn(&mut link, clock.now_us()).is_some() {
        wait_until(clock, clock.now_ns() + MS / 10);
    }
    let tally = driver.board.look().tally;
    assert_eq!(tally.bytes_out, link.said.len() as u64, "{tally:?}");
    (tally, link)
}

#[test]
fn what_finds_no_room_is_said_later_where_no_clock_is_kept_and_fails_where_one_is() {
    const LINES: [Line; 2] = [(Side::Client, 0, b"one\n"), (Side::Client, 1, b"two\n")];
    let full = || Bare {
        full: 2,
        ..Bare::default()
    };
    let (tally, link) = driven(&LINES, "max", full());
    assert_eq!(
        (tally.finished, tally.sent, tally.stalled),
        (1, 2, 1),
        "{tally:?}"
    );
    assert_eq!(link.said, b"one\ntwo\n");
    let (tally, _) = driven(&LINES, "1", full());
    let full = Cause::Full as usize;
    assert_eq!(
        (tally.failed[full], tally.sent, tally.unsent[full]),
        (1, 0, 2),
        "{tally:?}"
    );
}

#[test]
fn a_request_that_never_became_whole_waits_for_room_or_fails_and_is_not_lost() {
    const CUT: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\nHo";
    const LINES: [Line; 1] = [(Side::Client, 0, CUT)];
    for (speed, failed) in [("max", 0), ("1", 1)] {
        let roomy = Bare {
            roomy: 1,
            full: 1,
            ..Bare::default()
        };
        let (tally, link) = driven(&LINES, speed, roomy);
        assert_eq!(
            (tally.finished, tally.failed[Cause::Full as usize], tally.sent),
            (1 - failed, failed, 1),
            "{tally:?}"
        );
        assert_eq!(link.said == CUT, failed == 0, "{tally:?}");
    }
}

#[test]
fn turns_that_wait_for_answers_are_set_beside_the_capture_and_others_are_their_own_plan() {
    const LINES: [Line; 6] = [
        (Side::Client, 0, b"one\n"),
        (Side::Server, MS, b"1\n"),
        (Side::Client, 2 * MS, b"two\n"),
        (Side::Server, 3 * MS, b"2\n"),
        (Side::Client, 4 * MS, b"three\n"),
        (Side::Server, 5 * MS, b"3\n"),
    ];
    for (order, gaps) in [(Order::Causal, Some((2, 1.0))), (Order::Timed, None)] {
        let (mut driver, clock) = driver(&LINES, |options| options.order = order);
        let mut link = Bare::default();
        driver.turn(&mut link, clock.now_us()).unwrap();
        driver.opened(&mut link, id(0), Origin::Connected, clock.now_us());
        let mut answered = 0;
        while driver.turn(&mut link, clock.now_us()).is_some() {
            // A server that takes its time.
            let asked = link.said.iter().filter(|byte| **byte == b'\n').count();
            if asked > answered {
                wait_until(clock, clock.now_ns() + 5 * MS);
                driver.received(&mut link, id(0), b".\n", clock.now_us());
                answered += 1;
            }
        }
        let shown = driver.board.look();
        assert_eq!(shown.tally.sent, 3, "{:?}", shown.tally);
        let captured = shown.rhythm.captured.likeness();
        assert_eq!(captured.map(|likeness| (likeness.gaps, likeness.distance)), gaps);
        assert_eq!(shown.rhythm.planned.likeness().unwrap().gaps, 2);
    }
}

#[test]
fn a_flood_of_what_is_due_does_not_keep_a_turn_from_its_end() {
    const LINES: [Line; 1] = [(Side::Client, 0, b"hello\n")];
    let max: Speed = "max".parse().unwrap();
    let (mut driver, clock) = driver(&LINES, |options| {
        (options.connect_speed, options.think_speed) = (max, max);
        options.connecting_max = u32::MAX;
        options.clones = Clones {
            count: 1_000_000,
            ..Clones::default()
        };
    });
    let mut link = Bare::default();
    assert!(driver.turn(&mut link, clock.now_us()).is_some());
    assert!(
        link.connected > 0 && link.connected < 1_000_000,
        "{}",
        link.connected
    );
}

#[test]
fn at_the_highest_speed_an_answer_counts_from_its_request() {
    const LINES: [Line; 2] = [(Side::Client, 0, b"hello\n"), (Side::Server, 1, b"HELLO\n")];
    let max: Speed = "max".parse().unwrap();
    let (mut driver, clock) = driver(&LINES, |options| {
        (options.connect_speed, options.think_speed) = (max, max);
    });
    let mut link = Bare::default();
    wait_until(clock, 50 * MS);
    let before_us = clock.now_us();
    driver.turn(&mut link, before_us).unwrap();
    driver.opened(&mut link, id(0), Origin::Connected, clock.now_us());
    driver.turn(&mut link, clock.now_us()).unwrap();
    driver.received(&mut link, id(0), b"HELLO\n", clock.now_us());
    let took_us = clock.now_us() - before_us;
    driver.turn(&mut link, clock.now_us());
    let shown = driver.board.look();
    assert_eq!(shown.timings.answer.count(), 1, "{:?}", shown.tally);
    // A histogram keeps three digits.
    let most_us = took_us + took_us / 500 + 1;
    assert!(shown.timings.answer.max_us() <= most_us);
    assert!(shown.timings.connect.max_us() <= most_us);
}
