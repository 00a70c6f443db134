//! Recordings made by hand, driven at servers on loopback.

mod plan;
mod timing;

use std::collections::HashMap;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use reactor::Clock;

use super::testing::{Said, finished, recorded, said};
use super::*;
use crate::{Recording, Side};

const SERVER: &str = "10.0.0.9:7000";
const MS: u64 = 1_000_000;

/// Answers every line with itself in capitals, and counts whom it served.
fn shouting(lines_until_death: u64) -> (SocketAddr, Arc<AtomicU64>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let lines = Arc::new(AtomicU64::new(0));
    let served = Arc::clone(&lines);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (stream, lines) = (stream.unwrap(), Arc::clone(&lines));
            thread::spawn(move || shout(stream, &lines, lines_until_death));
        }
    });
    (address, served)
}

fn shout(mut stream: TcpStream, lines: &AtomicU64, until: u64) {
    let mut buffer = [0; 4096];
    while let Ok(length) = stream.read(&mut buffer) {
        if length == 0 || lines.fetch_add(1, Ordering::Relaxed) >= until {
            return;
        }
        if stream.write_all(&buffer[..length].to_ascii_uppercase()).is_err() {
            return;
        }
    }
}

/// A few sessions of a few lines each.
fn talk(sessions: usize) -> Recording {
    const LINES: [Said; 4] = [
        (Side::Client, 2 * MS, b"hello\n"),
        (Side::Server, 3 * MS, b"HELLO\n"),
        (Side::Client, 30 * MS, b"bye\n"),
        (Side::Server, 31 * MS, b"BYE\n"),
    ];
    let clients: Vec<String> = (0..sessions)
        .map(|client| format!("10.0.0.1:{}", 1_000 + client))
        .collect();
    let all: Vec<_> = clients
        .iter()
        .map(|client| (0, client.as_str(), SERVER, &LINES[..]))
        .collect();
    recorded(&all)
}

fn options(recording: Recording, target: SocketAddr) -> DriveOptions {
    let targets = HashMap::from([(SERVER.parse().unwrap(), target.into())]);
    DriveOptions::new(Arc::new(recording), targets, Clock::start())
}

fn driven(options: &DriveOptions) -> Drive {
    let mut drive = Drive::start(options).unwrap();
    drive.join().unwrap();
    drive
}

/// Whatever happened, everything that was planned is accounted for.
fn assert_closes(drive: &Drive) {
    let (planned, tally) = (drive.planned().clone(), drive.figures().tally);
    assert_eq!(planned.sends, tally.sent + tally.unsent_in_all(), "{tally:?}");
    assert_eq!(planned.sessions, tally.finished + tally.failures(), "{tally:?}");
    assert_eq!(tally.open, 0);
}

#[test]
fn what_was_said_is_said_again_and_the_answers_agree() {
    for order in [Order::Timed, Order::Causal] {
        let (target, _) = shouting(u64::MAX);
        let drive = driven(&DriveOptions {
            order,
            ..options(talk(3), target)
        });
        assert_closes(&drive);
        let tally = drive.figures().tally;
        assert_eq!(
            (tally.sent, tally.finished, tally.opened),
            (6, 3, 3),
            "{order:?}: {tally:?}"
        );
        assert_eq!((tally.bytes_out, tally.bytes_in), (30, 30));
        assert_eq!(
            tally.answers.different + tally.answers.missing + tally.answers.extra,
            0,
            "{tally:?}"
        );
        assert!(tally.answers.identical > 0, "{tally:?}");
        let timings = drive.take_timings();
        assert_eq!((timings.lateness.count(), timings.answer.count()), (6, 6));
        assert_eq!(timings.recorded_answer.max_us(), 1_000);
    }
}

#[test]
fn the_highest_speed_waits_for_answers_only() {
    let (target, served) = shouting(u64::MAX);
    let max: Speed = "max".parse().unwrap();
    let drive = driven(&DriveOptions {
        connect_speed: max,
        think_speed: max,
        clones: Clones {
            count: 50,
            spread_ns: 0,
            loops: 2,
        },
        ..options(talk(2), target)
    });
    assert_closes(&drive);
    let tally = drive.figures().tally;
    assert_eq!((tally.sent, tally.finished), (400, 200), "{tally:?}");
    assert_eq!(served.load(Ordering::Relaxed), 400);
    assert_eq!(
        drive.take_timings().lateness.count(),
        0,
        "there is no clock to keep"
    );
}

#[test]
fn a_target_that_refuses_is_counted_and_nothing_is_lost() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let target = free.local_addr().unwrap();
    drop(free);
    let drive = driven(&options(talk(5), target));
    assert_closes(&drive);
    let tally = drive.figures().tally;
    assert_eq!(tally.failed[Cause::Refused as usize], 5, "{tally:?}");
    assert_eq!(tally.unsent[Cause::Refused as usize], 10);
}

#[test]
fn a_target_that_dies_in_the_middle_is_counted_by_kind() {
    let (target, _) = shouting(4);
    let drive = driven(&options(talk(4), target));
    assert_closes(&drive);
    let tally = drive.figures().tally;
    // The first round is answered, the second is cut off: said, and nothing heard.
    assert!(tally.answers.missing + tally.answers.different > 0, "{tally:?}");
}

#[test]
fn the_first_failure_may_stop_everything() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let target = free.local_addr().unwrap();
    drop(free);
    let drive = driven(&DriveOptions {
        on_failure: OnFailure::Stop,
        clones: Clones {
            count: 10,
            spread_ns: 3_600_000 * MS,
            loops: 1,
        },
        ..options(talk(1), target)
    });
    assert_closes(&drive);
    assert!(drive.was_stopped_by_failure());
    let tally = drive.figures().tally;
    assert_eq!(tally.failed[Cause::Refused as usize], 1, "{tally:?}");
    assert_eq!(tally.failed[Cause::Stopped as usize], 9, "{tally:?}");
}

#[test]
fn a_stop_and_a_change_of_speed_reach_a_sleeping_shard() {
    const LATE: [Said; 1] = [(Side::Client, 3_600_000 * MS, b"at last\n")];
    let (target, _) = shouting(u64::MAX);
    let recording = || recorded(&[(0, "10.0.0.1:1", SERVER, &LATE)]);
    let mut drive = Drive::start(&options(recording(), target)).unwrap();
    drive.stop();
    drive.join().unwrap();
    assert_closes(&drive);
    assert_eq!(drive.figures().tally.failed[Cause::Stopped as usize], 1);

    let mut drive = Drive::start(&options(recording(), target)).unwrap();
    let max: Speed = "max".parse().unwrap();
    drive.change_speeds(max, max);
    drive.join().unwrap();
    assert_closes(&drive);
    assert_eq!(drive.figures().tally.sent, 1);
}

/// Reads all that a client says, to its FIN, and only then says how much that was.
fn counting() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, mut said) = (stream.unwrap(), Vec::new());
            if stream.read_to_end(&mut said).is_ok() {
                let _ = stream.write_all(format!("{} bytes\n", said.len()).as_bytes());
            }
        }
    });
    address
}

#[test]
fn a_client_that_finishes_is_heard_to_and_hears_the_answer_to_that() {
    for order in [Order::Timed, Order::Causal] {
        let session: &[Said] = &[
            said(Side::Client, 2 * MS, b"all "),
            said(Side::Client, 4 * MS, b"there is"),
            finished(Side::Client, 5 * MS),
            said(Side::Server, 6 * MS, b"12 bytes\n"),
            finished(Side::Server, 6 * MS),
        ];
        let drive = driven(&DriveOptions {
            order,
            ..options(recorded(&[(0, "10.0.0.1:1000", SERVER, session)]), counting())
        });
        assert_closes(&drive);
        let tally = drive.figures().tally;
        assert_eq!(
            (tally.finished, tally.answers.identical),
            (1, 1),
            "{order:?}: {tally:?}"
        );
        assert_eq!(tally.answers_given_up, 0, "{order:?}: {tally:?}");
    }
}
