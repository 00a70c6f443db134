//! A session by hand: what it says, what it awaits, what it times.

use super::*;
use crate::drive::testing::{Said as Turned, recorded, said};

/// A recording of one session.
fn one(opened_ns: u64, turns: &[Turned]) -> Recording {
    recorded(&[(opened_ns, "10.0.0.1:1", "10.0.0.9:7", turns)])
}

fn part(recording: &Recording) -> Part {
    let rules = Arc::new(Rules::default());
    Part::new(0, &recording.sessions()[0], 2, 0, &rules, 1)
}

#[test]
fn a_session_steps_from_turn_to_turn_and_owes_what_the_server_said() {
    let recording = one(
        100,
        &[
            said(Side::Server, 150, b"banner"),
            said(Side::Client, 200, b"hello"),
            said(Side::Client, 250, b"again"),
            said(Side::Server, 300, b"both"),
        ],
    );
    let (mut part, mut scratch, mut out) = (part(&recording), Vec::new(), Vec::new());
    let step = part.step(&recording, &mut scratch).unwrap();
    assert_eq!((step.after_ns, step.think_ns, step.ends), (100, 50, false));
    assert!(!part.is_answered(), "the banner is awaited");
    part.hear(b"BANNER", 0);
    assert_eq!(part.answered(), None);
    assert!(part.is_answered() && part.has_heard());
    assert!(matches!(
        part.say(&recording, &mut scratch, &mut out),
        Ok(Said::Ready)
    ));
    assert_eq!((out.as_slice(), part.left), (&b"hello"[..], 1));
    let step = part.step(&recording, &mut scratch).unwrap();
    assert_eq!((step.after_ns, step.think_ns, step.ends), (150, 50, false));
    part.due_ns = 9_000;
    assert!(part.say(&recording, &mut scratch, &mut out).is_ok());
    let step = part.step(&recording, &mut scratch).unwrap();
    assert_eq!((step.after_ns, step.ends), (200, true));
    part.hear(b"bo", 0);
    let question = part.answered().unwrap();
    assert_eq!(
        (question.asked_ns, question.recorded_us),
        (9_000, 0),
        "50 ns are no microsecond"
    );
    assert!(!part.is_answered());
    part.hear(b"th", 0);
    assert_eq!(part.answered(), None);
    assert!(part.is_answered());
}

#[test]
fn a_gap_is_from_turn_to_turn_as_captured_and_as_made() {
    let recording = one(
        100,
        &[
            said(Side::Client, 200, b"one"),
            said(Side::Server, 230, b"1"),
            said(Side::Client, 260, b"two"),
        ],
    );
    let (mut part, mut scratch, mut out) = (part(&recording), Vec::new(), Vec::new());
    part.step(&recording, &mut scratch).unwrap();
    part.say(&recording, &mut scratch, &mut out).unwrap();
    assert_eq!(part.gap(&recording, 9_000), None, "it is the first");
    part.step(&recording, &mut scratch).unwrap();
    part.say(&recording, &mut scratch, &mut out).unwrap();
    assert_eq!(part.gap(&recording, 9_100), Some((60, 100)));
}

#[test]
fn a_surplus_answers_nothing_that_comes_later() {
    let recording = one(
        0,
        &[
            said(Side::Client, 10, b"one"),
            said(Side::Server, 20, b"1"),
            said(Side::Client, 30, b"two"),
            said(Side::Server, 40, b"2"),
        ],
    );
    let (mut part, mut scratch, mut out) = (part(&recording), Vec::new(), Vec::new());
    for surplus in [b"1 and much more", b"2 and much more"] {
        part.step(&recording, &mut scratch).unwrap();
        assert!(part.is_answered());
        part.say(&recording, &mut scratch, &mut out).unwrap();
        part.step(&recording, &mut scratch).unwrap();
        assert!(!part.is_answered(), "the surplus counted");
        part.hear(surplus, 0);
    }
}

#[test]
fn a_driven_session_is_small() {
    assert!(size_of::<Part>() <= 96, "{}", size_of::<Part>());
}
