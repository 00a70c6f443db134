//! Targets that are slow to answer, to read, to come free: what is timed, held, counted.

use std::time::Duration;

use super::*;

/// Answers every line of a client, once it has heard them all.
fn answering_late(lines: usize) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, mut heard, mut buffer) = (stream.unwrap(), Vec::new(), [0; 4096]);
            while heard.iter().filter(|byte| **byte == b'\n').count() < lines {
                match stream.read(&mut buffer) {
                    Ok(length @ 1..) => heard.extend_from_slice(&buffer[..length]),
                    _ => break,
                }
            }
            let _ = stream.write_all(&heard.to_ascii_uppercase());
            let _ = stream.read(&mut buffer);
        }
    });
    address
}

#[test]
fn an_answer_that_comes_after_the_next_request_is_timed_all_the_same() {
    let drive = driven(&options(talk(1), answering_late(2)));
    assert_closes(&drive);
    let tally = drive.figures().tally;
    let timings = drive.take_timings();
    assert_eq!(
        (timings.answer.count(), tally.answers_untimed),
        (2, 0),
        "{tally:?}"
    );
    // The first was asked 28 ms before the second, and answered after it.
    assert!(timings.answer.max_us() >= 27_000, "{:?}", timings.answer.max_us());
    assert!(timings.answer.quantile_us(0.5) <= timings.answer.max_us() - 27_000);
    assert_eq!(timings.recorded_answer.count(), 2);
}

#[test]
fn an_answer_that_never_comes_is_counted() {
    let drive = driven(&DriveOptions {
        patience: Duration::from_millis(100),
        ..options(talk(2), answering_late(3))
    });
    assert_closes(&drive);
    let (tally, timings) = (drive.figures().tally, drive.take_timings());
    assert_eq!(
        (timings.answer.count(), tally.answers_untimed),
        (0, 4),
        "{tally:?}"
    );
}

#[test]
fn sessions_that_may_not_be_open_at_once_are_held_and_no_lateness_of_the_driver() {
    let (target, _) = shouting(u64::MAX);
    let drive = driven(&DriveOptions {
        at_once: Some(1),
        ..options(talk(3), target)
    });
    assert_closes(&drive);
    let (tally, timings) = (drive.figures().tally, drive.take_timings());
    // Each lasts 31 ms, all were due at once, and their first sends 2 ms later.
    assert_eq!(tally.connects_held, 2, "{tally:?}");
    assert_eq!(timings.connect_lateness.count(), 3);
    assert!(timings.held.max_us() >= 28_000, "{}", timings.held.max_us());
}

#[test]
fn no_more_sessions_are_open_at_once_than_may_be_however_many_shards_drive_them() {
    let (target, _) = shouting(u64::MAX);
    for (at_once, held) in [(1, 2), (2, 1), (3, 0)] {
        let drive = driven(&DriveOptions {
            at_once: Some(at_once),
            shards: Some(2),
            ..options(talk(3), target)
        });
        assert_closes(&drive);
        let tally = drive.figures().tally;
        assert_eq!((tally.finished, tally.connects_held), (3, held), "{tally:?}");
    }
}

/// Reads all that a client says, and answers with how much it was; it begins once it is told to.
fn reading_late(bytes: u64) -> (SocketAddr, std::sync::mpsc::Sender<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (begin, begun) = std::sync::mpsc::channel();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        begun.recv().unwrap();
        let mut heard = 0;
        let mut buffer = vec![0; 16 << 10];
        while heard < bytes {
            match stream.read(&mut buffer) {
                Ok(length @ 1..) => heard += length as u64,
                _ => return,
            }
        }
        let _ = stream.write_all(b"thanks\n");
        let _ = stream.read(&mut buffer);
    });
    (address, begin)
}

#[test]
fn an_upload_at_the_highest_speed_waits_for_a_target_that_reads_slowly() {
    static PIECE: [u8; 32 << 10] = [b'u'; 32 << 10];
    const PIECES: u64 = 800;
    let mut upload: Vec<Said> = (0..PIECES)
        .map(|piece| said(Side::Client, piece * MS, &PIECE))
        .collect();
    upload.push(said(Side::Server, PIECES * MS, b"thanks\n"));
    let (target, begin) = reading_late(PIECES * PIECE.len() as u64);
    let max: Speed = "max".parse().unwrap();
    let mut drive = Drive::start(&DriveOptions {
        connect_speed: max,
        think_speed: max,
        patience: Duration::from_secs(60),
        ..options(recorded(&[(0, "10.0.0.1:1", SERVER, &upload)]), target)
    })
    .unwrap();
    // Nothing is read until all buffers are full.
    while drive.figures().tally.stalled == 0 {
        assert!(
            !drive.has_finished(),
            "the buffers hold all of it: {:?}",
            drive.figures().tally
        );
        thread::sleep(Duration::from_millis(1));
    }
    begin.send(()).unwrap();
    drive.join().unwrap();
    assert_closes(&drive);
    let tally = drive.figures().tally;
    assert_eq!((tally.sent, tally.finished), (PIECES, 1), "{tally:?}");
    assert_eq!(tally.answers.identical, 1, "{tally:?}");
}
