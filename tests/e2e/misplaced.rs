//! Options of `teem replay` that can do nothing where they stand: told before anything is driven, and what to do instead.

use std::fs;

use record::EventKind;

use crate::exchange::{self, Exchange};
use crate::home::Home;
use crate::run_folder::RunFolder;
use crate::visits::{Visits, visited};

/// Nobody listens at port 1 (tcpmux): what gets as far as that has not been refused.
const NOBODY: [&str; 2] = ["--target", "127.0.0.1:1"];

/// A home with a capture of two visits to a web server, as it is and saved.
fn home() -> Home {
    let home = Home::new();
    let exchanges = [
        Exchange::between("10.0.0.1:40000", "10.0.0.2:80", 1),
        Exchange::between("10.0.0.3:40001", "10.0.0.2:80", 2),
    ];
    fs::write(home.path("two.pcap"), exchange::capture(&exchanges)).unwrap();
    home.teem(&["replay", "inspect", "two.pcap", "--save", "two.teem"])
        .code(0);
    home.write("keys.log", "# none\n");
    home
}

#[test]
fn an_option_that_can_do_nothing_is_refused_with_what_to_do() {
    let home = home();
    let before = home.entries();
    let cases: [(&[&str], &[&str]); 14] = [
        (&["--at-once", "0"], &["--at-once", "1 or more", "left out"]),
        (&["--shards", "0"], &["--shards", "1 or more", "left out"]),
        (&["--clones", "0"], &["--clones", "1 or more"]),
        (&["--loop", "0"], &["--loop", "1 or more"]),
        (&["--patience", "0s"], &["--patience", "a time such as 5s"]),
        (&["--flow", "3-1"], &["--flow", "runs backwards", "1-3"]),
        (
            &["--from", "5s", "--until", "2s"],
            &["--from 5s --until 2s", "the earlier first"],
        ),
        (&["--until", "0"], &["--until 0s", "such as 90s"]),
        (
            &["--provision"],
            &["--provision: nobody chats", "[[provision]]", "leave it out"],
        ),
        (&["--durability", "commit"], &["--durability"]),
        (&["--tls-name", "a.example"], &["--tls-name", "tls://"]),
        (
            &["--client-cert", "c.pem", "--client-key", "k.pem"],
            &["--client-cert", "tls://"],
        ),
        (&["--cut", "1", "one.teem"], &["--cut", "--target"]),
        (&["--serve"], &["--serve", "--target"]),
    ];
    for (given, words) in cases {
        home.teem(&[&["replay", "two.pcap"], &NOBODY[..], given].concat())
            .mistake(words);
    }
    for given in [
        &["--serve", "--tls-name", "a.example"][..],
        &["--cut", "1", "one.teem", "--speed", "2"],
        &["--cut", "1", "one.teem", "--port", "80"],
    ] {
        home.teem(&[&["replay", "two.pcap"], given].concat())
            .mistake(&[given[0]]);
    }
    let alone = [
        "replay",
        "two.pcap",
        "--durability",
        "commit",
        "--rules",
        "none.toml",
    ];
    assert!(home.teem(&alone).code(2).err.contains("--serve"));
    home.teem(&["replay", "inspect", "two.pcap", "--flow", "3-1"])
        .mistake(&["--flow", "runs backwards"]);
    home.teem(&["replay", "inspect", "two.pcap", "--from", "5s", "--until", "5s"])
        .mistake(&["the earlier first"]);
    assert_eq!(home.entries(), before, "something was left behind");
}

#[test]
fn a_key_log_opens_nothing_of_a_file_of_sessions() {
    let home = home();
    let keys = ["two.teem", "--keys", "keys.log"];
    for command in [&["replay"][..], &["replay", "inspect"], &["replay", "fit"]] {
        let target = if command.len() == 1 { &NOBODY[..] } else { &[] };
        home.teem(&[command, &keys, target].concat()).mistake(&[
            "two.teem is a file of sessions",
            "keys.log",
            "with the capture",
        ]);
    }
    home.teem(&["replay", "inspect", "two.pcap", "--keys", "keys.log"])
        .code(0);
}

#[test]
fn a_cut_of_a_flow_that_is_not_there_says_which_are() {
    let home = home();
    home.teem(&["replay", "two.pcap", "--cut", "77", "one.teem"])
        .mistake(&["--cut 77", "2 flows, from 0 to 1"]);
    home.teem(&["replay", "two.pcap", "--cut", "x", "one.teem"])
        .mistake(&["--cut x", "teem replay inspect"]);
    // A session that was cut out keeps its number.
    home.teem(&["replay", "two.pcap", "--cut", "1", "one.teem"])
        .code(0);
    home.teem(&["replay", "one.teem", "--cut", "0", "none.teem"])
        .mistake(&["--cut 0", "1 flow, 1"]);
}

#[test]
fn rules_that_are_for_no_session_are_told_once() {
    let home = Home::new();
    let capture = visited(&home, 2, 1);
    let fresh = Visits::start(u64::MAX, 1_000_000);
    home.write(
        "rules.toml",
        "[[rule]]\nprotocol = \"http\"\n[[rule]]\nprotocol = \"redis\"\n[[rule]]\nserver = \":1\"\n",
    );
    let to = ["--target", &fresh.address, "--speed", "max", "--out", "out"];
    let done = home.teem(&[&["replay", capture.as_str(), "--rules", "rules.toml"], &to[..]].concat());
    let done = done.code(0);
    let told = "no session that was driven fits the rules of lines 3, 5";
    assert_eq!(done.err.matches(told).count(), 1, "{done:?}");
    let run = RunFolder::at(&home.path("out"));
    let notes = run.events_of(EventKind::Note);
    let notes: Vec<_> = notes.iter().filter(|note| note.detail.contains(told)).collect();
    assert_eq!(notes.len(), 1, "{notes:?}");
    assert!(run.text("report.html").contains(told));
}
