//! Captures driven again: at a fresh server, at one that dies, as many people.

use std::net::TcpListener;

use record::{Run, Summary, Verdict};

use crate::home::{Done, Home};
use crate::inspect::json;
use crate::run_folder::RunFolder;
use crate::serving::Serving;
use crate::visits::{Visits, visited};
use crate::wiretap::Wiretap;

/// How often a replay is tried again whose driver found no CPU.
const ATTEMPTS: u32 = 3;

/// Runs `teem replay ... --out NAME`, and again where the driver itself fell short: a busy host's fault, not teem's.
pub(crate) fn replay(home: &Home, name: &str, args: &[&str]) -> (Done, RunFolder) {
    let mut whole = vec!["replay"];
    whole.extend(args);
    whole.extend(["--quiet", "--out", name]);
    for attempt in 1.. {
        let done = home.teem(&whole);
        let run = RunFolder::at(&home.path(name));
        if attempt == ATTEMPTS || !run.generator_fell_short() {
            return (done, run);
        }
        eprintln!(
            "attempt {attempt}: {:?}: once more",
            run.summary().invalid_because
        );
        std::fs::remove_dir_all(home.path(name)).unwrap();
    }
    unreachable!("the last attempt returned");
}

/// Asserts that all sends, sessions and bytes are accounted for, and returns the replay's figures.
#[track_caller]
pub(crate) fn closes(summary: &Summary) -> record::ReplaySummary {
    let replay = summary.replay.clone().unwrap();
    let (sends, sessions) = (&replay.sends, &replay.sessions);
    assert_eq!(sends.planned, sends.sent + sends.unsent, "{replay:?}");
    assert_eq!(sends.unsent, sends.unsent_by.values().sum::<u64>(), "{replay:?}");
    assert_eq!(
        sessions.planned,
        sessions.finished + sessions.failed,
        "{replay:?}"
    );
    assert_eq!(
        sessions.failed,
        sessions.failed_by.values().sum::<u64>(),
        "{replay:?}"
    );
    let driven = replay.bytes.recorded_client + replay.bytes.recorded_server;
    let undriven: u64 = replay.bytes.undriven_by.values().sum();
    assert_eq!(replay.bytes.recorded, Some(driven + undriven), "{replay:?}");
    if let Some(capture) = &replay.bytes.capture {
        assert_eq!(capture.captured, capture.reassembled + capture.skipped());
        assert_eq!(capture.reassembled, capture.recorded + capture.tls, "{capture:?}");
        let by_kind = capture.tls_by.as_ref().map(|kinds| kinds.values().sum());
        assert_eq!(by_kind, Some(capture.tls), "{capture:?}");
        assert_eq!(capture.tls_unbalanced, 0);
    }
    replay
}

#[test]
fn visitors_are_driven_again_with_the_tokens_of_the_new_server() {
    let home = Home::new();
    let capture = visited(&home, 5, 6);
    let fresh = Visits::start(u64::MAX, 1_000_000);
    let target = fresh.address.as_str();
    let (done, run) = replay(
        &home,
        "out",
        &[
            &capture,
            "--target",
            target,
            "--causal",
            "--threshold",
            "replay.sessions == 5",
        ],
    );
    done.code(0);
    let summary = run.summary();
    assert_eq!(summary.verdict, Verdict::Pass);
    let figures = closes(&summary);
    assert_eq!((figures.sends.sent, figures.sessions.finished), (35, 5));
    let answers = figures.answers;
    assert_eq!(
        (answers.different, answers.missing, answers.extra),
        (0, 0, 0),
        "{answers:?}"
    );
    assert_eq!(answers.identical + answers.masked, 35, "{answers:?}");
    assert_eq!(fresh.refused(), 0, "a token of the recording was said");
    assert_eq!(figures.lateness_ms.count, 35);
    assert_eq!(figures.recorded_answer_ms.count, figures.answer_ms.count);
    // The folder is one of teem's: rendered again it is the same, and can be judged by more.
    let before = run.bytes("report.html");
    home.teem(&["report", "out"]).code(0);
    assert_eq!(run.bytes("report.html"), before);
    assert!(run.text("report.html").contains("Sends, planned and made"));
    home.teem(&["gate", "out", "--threshold", "replay.answers > 1000"])
        .code(1);
    home.teem(&["gate", "out", "--threshold", "replay.different == 0"])
        .code(0);
}

#[test]
fn clones_are_as_many_visitors_and_each_learns_a_token_of_its_own() {
    let home = Home::new();
    let capture = visited(&home, 2, 3);
    let fresh = Visits::start(u64::MAX, 1_000_000);
    let arguments = [
        capture.as_str(),
        "--target",
        &fresh.address,
        "--causal",
        "--clones",
        "20",
        "--spread",
        "300ms",
        "--loop",
        "2",
    ];
    let (done, run) = replay(&home, "out", &arguments);
    done.code(0);
    let figures = closes(&run.summary());
    assert_eq!((figures.sessions.finished, figures.sends.sent), (80, 320));
    assert_eq!(fresh.refused(), 0);
    // A token each, and none of them twice.
    assert_eq!(fresh.greeted(), 80);
}

#[test]
fn a_target_that_dies_in_the_middle_is_counted_by_kind_and_fails() {
    let home = Home::new();
    let capture = visited(&home, 4, 10);
    let dying = Visits::start(12, 1);
    let (done, run) = replay(&home, "out", &[&capture, "--target", &dying.address, "--causal"]);
    done.code(1);
    let figures = closes(&run.summary());
    assert_eq!(figures.sessions.failed, 4, "{figures:?}");
    let cut = ["closed", "reset"].map(|cause| figures.sessions.failed_by.get(cause).copied().unwrap_or(0));
    assert_eq!(cut.iter().sum::<u64>(), 4, "{figures:?}");
    assert!(figures.answers.missing > 0, "{figures:?}");
}

#[test]
fn a_target_that_refuses_is_counted_and_stops_the_replay_where_that_is_asked_for() {
    let home = Home::new();
    let capture = visited(&home, 3, 1);
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let target = free.local_addr().unwrap().to_string();
    drop(free);
    let (done, run) = replay(&home, "on", &[&capture, "--target", &target]);
    done.code(1);
    let figures = closes(&run.summary());
    assert_eq!(figures.sessions.failed_by["refused"], 3, "{figures:?}");
    the_first_failure_is_named_and_can_be_cut_out(&home, &capture, &run);
    let stop = ["--on-failure", "stop", "--clones", "50", "--spread", "1h"];
    let (done, run) = replay(
        &home,
        "off",
        &[&[capture.as_str(), "--target", &target], &stop[..]].concat(),
    );
    done.code(1);
    let figures = closes(&run.summary());
    assert!(figures.sessions.failed_by["stopped"] > 100, "{figures:?}");
}

fn the_first_failure_is_named_and_can_be_cut_out(home: &Home, capture: &str, run: &RunFolder) {
    let failures = Run::read(&home.path("on")).unwrap().replay.unwrap().failures;
    let mut flows: Vec<u64> = failures.iter().map(|failing| failing.flow).collect();
    flows.sort_unstable();
    assert_eq!(flows, [0, 1, 2], "{failures:?}");
    assert!(
        failures.iter().all(|failing| failing.cause == "refused"),
        "{failures:?}"
    );
    assert!(run.text("report.html").contains("First failures"));
    let flow = failures[0].flow.to_string();
    home.teem(&["replay", capture, "--cut", &flow, "failing.teem"])
        .code(0);
    let cut = json(home, &["failing.teem"]);
    assert_eq!(cut["flows"].as_array().unwrap().len(), 1);
    assert_eq!(cut["flows"][0]["flow"], failures[0].flow);
}

#[test]
fn a_driver_that_does_not_keep_the_clock_says_nothing_of_its_target() {
    let home = Home::new();
    let capture = visited(&home, 2, 3);
    let fresh = Visits::start(u64::MAX, 1);
    // Nobody sends at the nanosecond.
    let limit = ["--lateness-limit", "0us", "--quiet", "--out", "late"];
    let done = home.teem(&[&["replay", &capture, "--target", &fresh.address], &limit[..]].concat());
    let done = done.code(3);
    assert!(done.out.contains("INVALID"), "{done:?}");
    assert!(
        done.out.contains("The clock was not kept: 8 of 8 sends"),
        "{done:?}"
    );
    assert!(done.out.contains("2 of 2 connects were begun"), "{done:?}");
    let summary = RunFolder::at(&home.path("late")).summary();
    assert_eq!(summary.verdict, Verdict::Invalid);
    let figures = closes(&summary);
    assert_eq!((figures.sends.late, figures.sessions.connects_late), (8, 2));
    assert_eq!(figures.connect_lateness_ms.count, 2);
    // What was chosen is no lateness: the sessions that wait for a place are told as such.
    let bound = ["--at-once", "1", "--clones", "8"];
    let (done, run) = replay(
        &home,
        "bound",
        &[&[capture.as_str(), "--target", &fresh.address], &bound[..]].concat(),
    );
    done.code(0);
    assert_eq!(closes(&run.summary()).sessions.finished, 16);
}

#[test]
fn one_session_is_cut_out_and_driven_alone() {
    let home = Home::new();
    let capture = visited(&home, 3, 2);
    home.teem(&["replay", &capture, "--cut", "1", "one.teem"]).code(0);
    let fresh = Visits::start(u64::MAX, 1);
    let (done, run) = replay(
        &home,
        "out",
        &["one.teem", "--target", &fresh.address, "--speed", "max"],
    );
    done.code(0);
    let figures = closes(&run.summary());
    assert_eq!((figures.sessions.planned, figures.sends.sent), (1, 3));
    assert_eq!(figures.lateness_ms.count, 0, "there was no clock to keep");
    assert_eq!(
        Run::read(&home.path("out")).unwrap().replay.unwrap().order,
        "causal"
    );
    home.teem(&["replay", &capture, "--cut", "9", "none.teem"])
        .mistake(&["--cut 9", "3 flows"]);
}

#[test]
fn mistakes_say_what_was_expected() {
    let home = Home::new();
    let capture = visited(&home, 1, 1);
    home.teem(&["replay", &capture]).mistake(&["--target HOST:PORT"]);
    home.teem(&["replay", &capture, "--target", "nowhere.invalid:1"])
        .mistake(&["nowhere.invalid:1", "resolved"]);
    home.teem(&["replay", &capture, "--target", "127.0.0.1:1", "--port", "9"])
        .mistake(&[
            "no session is left",
            "1 not chosen by the filters",
            "teem replay inspect",
        ]);
    home.teem(&["replay", &capture, "--target", "10.9.8.7:6=127.0.0.1:1"])
        .mistake(&["no target", "=HOST:PORT", "--port"]);
    let spread = ["--speed", "max", "--clones", "9", "--spread", "30s"];
    home.teem(&[&["replay", &capture, "--target", "127.0.0.1:1"], &spread[..]].concat())
        .mistake(&["--spread", "--connect-speed"]);
    home.teem(&[
        "replay",
        &capture,
        "--target",
        "127.0.0.1:1",
        "--loop",
        "2G",
        "--speed",
        "0.1",
    ])
    .mistake(&["days", "--until", "--loop"]);
    home.teem(&[
        "replay",
        &capture,
        "--target",
        "127.0.0.1:1",
        "--threshold",
        "replay.sant == 1",
    ])
    .mistake(&["replay.sent"]);
    let done = home.teem(&["replay", &capture, "--target", "127.0.0.1:1", "--speed", "1000"]);
    assert!(done.code(2).err.contains("from 0.1 to 100, or max"));
}

#[test]
fn a_chat_between_people_is_driven_at_a_fresh_server() {
    let home = Home::new();
    let arguments = |data| ["--data", data, "--provisioned", "3000", "--secret-file", "secret"];
    let recorded = Serving::start(&home, &arguments("recorded"));
    let tap = Wiretap::before(&recorded.ready.listen);
    let address = tap.address.to_string();
    let people = [
        "smoke",
        "--target",
        &address,
        "--secret-file",
        "secret",
        "--plain",
        "--connections",
        "20",
    ];
    let (done, _) = home.run("people", &people);
    done.code(0);
    recorded.stop();
    let capture = home.path("chat.pcap");
    tap.write(&capture);
    let fresh = Serving::start(&home, &arguments("fresh"));
    let (done, run) = replay(
        &home,
        "out",
        &[
            capture.to_str().unwrap(),
            "--target",
            &fresh.ready.listen,
            "--secret-file",
            "secret",
        ],
    );
    let summary = run.summary();
    let figures = closes(&summary);
    assert_eq!(figures.sends.unsent, 0, "{figures:?}");
    assert_eq!(
        summary.verdict,
        Verdict::Pass,
        "{done:?} {figures:?} {}",
        run.text("replay.json")
    );
}
