//! Files of sessions, saved from captures that are gone by then, driven at real servers: as they were said, and masked.

use std::fs;
use std::os::unix::fs::symlink;

use record::Verdict;
use serde_json::Value;

use crate::crowd::talked;
use crate::home::Home;
use crate::inspect::json;
use crate::replay::{closes, replay};
use crate::visits::{Visits, visited};

/// What the mask of a person without wishes leaves.
const ALL: &str = "";

/// Saves a capture's sessions, as they are and masked, and deletes the capture. Returns the files' names.
fn saved(home: &Home, capture: &str) -> [&'static str; 2] {
    home.write("mask.toml", ALL);
    let plain = ["replay", "inspect", capture, "--save", "plain.teem"];
    home.teem(&plain).code(0);
    let masked = [
        "replay",
        "inspect",
        capture,
        "--save",
        "masked.teem",
        "--mask",
        "mask.toml",
    ];
    // Of HTTP and of the chat nothing is left to tell.
    assert_eq!(home.teem(&masked).code(0).err, "");
    fs::remove_file(capture).unwrap();
    ["plain.teem", "masked.teem"]
}

/// What of each connection a mask leaves: who, when, how much.
fn outlines(document: &Value) -> Vec<Value> {
    let flows = document["flows"].as_array().unwrap().iter().cloned();
    flows
        .map(|mut flow| {
            for side in ["client_said", "server_said"] {
                flow[side]["sha256"].take();
            }
            flow
        })
        .collect()
}

#[test]
fn visitors_are_driven_from_their_file_with_and_without_what_names_them() {
    let home = Home::new();
    let capture = visited(&home, 5, 6);
    let files = saved(&home, &capture);
    let [plain, masked] = files.map(|file| json(&home, &[file]));
    assert_eq!(outlines(&plain), outlines(&masked));
    assert_ne!(plain["flows"], masked["flows"]);
    for (file, first_token) in files.into_iter().zip([1_000_000, 2_000_000]) {
        let fresh = Visits::start(u64::MAX, first_token);
        let out = format!("out-{file}");
        let (done, run) = replay(&home, &out, &[file, "--target", &fresh.address, "--causal"]);
        let summary = run.summary();
        let figures = closes(&summary);
        assert_eq!(summary.verdict, Verdict::Pass, "{file}: {done:?} {figures:?}");
        assert_eq!((figures.sends.sent, figures.sessions.finished), (35, 5), "{file}");
        let answers = figures.answers;
        assert_eq!(answers.identical + answers.masked, 35, "{file}: {answers:?}");
        assert_eq!(fresh.refused(), 0, "{file}: a token of the recording was said");
    }
}

#[test]
fn a_chat_is_driven_from_its_file_with_and_without_what_names_its_people() {
    let home = Home::new();
    let capture = talked(&home);
    let files = saved(&home, &capture);
    let [plain, masked] = files.map(|file| json(&home, &[file]));
    assert_eq!(outlines(&plain), outlines(&masked));
    for file in files {
        let out = format!("out-{file}");
        let (done, run) = replay(&home, &out, &[file, "--serve", "--clones", "3", "--spread", "1s"]);
        let summary = run.summary();
        let figures = closes(&summary);
        assert_eq!(summary.verdict, Verdict::Pass, "{file}: {done:?} {figures:?}");
        assert_eq!(figures.sessions.finished, 60, "{file}: {figures:?}");
        let answers = &figures.answers;
        assert!(answers.identical + answers.masked > 60, "{file}: {answers:?}");
        assert_eq!(
            (answers.different, answers.missing, answers.extra),
            (0, 0, 0),
            "{file}: {answers:?}"
        );
    }
}

#[test]
fn a_session_is_cut_out_of_the_file_it_is_written_over_and_a_failed_cut_leaves_that_as_it_was() {
    let home = Home::new();
    let capture = visited(&home, 3, 2);
    let [night, _] = saved(&home, &capture);
    let whole = json(&home, &[night]);
    let before = home.entries();
    home.teem(&["replay", night, "--cut", "9", night])
        .mistake(&["--cut 9", "3 flows"]);
    assert_eq!(json(&home, &[night])["flows"], whole["flows"]);
    home.teem(&["replay", night, "--cut", "1", night]).code(0);
    assert_eq!(json(&home, &[night])["flows"].as_array().unwrap().len(), 1);
    let cut = json(&home, &[night])["flows"][0].clone();
    assert_eq!(cut["client_said"], whole["flows"][1]["client_said"]);
    assert_eq!(cut["server_said"], whole["flows"][1]["server_said"]);
    assert_eq!(home.entries(), before, "nothing is left beside it");
}

#[test]
fn a_capture_is_never_written_over() {
    let home = Home::new();
    let capture = visited(&home, 2, 1);
    let capture = capture.as_str();
    let before = fs::read(capture).unwrap();
    symlink(capture, home.path("link.teem")).unwrap();
    home.write("notes.txt", "worth keeping\n");
    let said = ["is no file of sessions", "choose another name"];
    home.teem(&["replay", "inspect", capture, "--save", capture])
        .mistake(&said);
    home.teem(&["replay", "inspect", capture, "--save", "link.teem"])
        .mistake(&said);
    home.teem(&["replay", "inspect", capture, "--save", "notes.txt"])
        .mistake(&said);
    home.teem(&["replay", "inspect", capture, "--save", "-"])
        .mistake(&["standard output"]);
    home.teem(&["replay", capture, "--cut", "1", capture])
        .mistake(&said);
    home.teem(&["replay", "fit", capture, "--save", capture])
        .mistake(&["is no scenario", "choose another name"]);
    assert_eq!(fs::read(capture).unwrap(), before);
}

#[test]
fn what_is_no_capture_leaves_no_file_behind() {
    let home = Home::new();
    home.write(
        "notes.txt",
        "this is no capture at all, however long one reads on in it\n",
    );
    let before = home.entries();
    home.teem(&["replay", "inspect", "notes.txt", "--save", "night.teem"])
        .code(2);
    assert_eq!(home.entries(), before);
}
