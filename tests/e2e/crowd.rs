//! A capture of a few people's chat, driven as a crowd: over packets in a lab, and over sockets, at a server of the replay's own.

use record::{Run, Verdict, name};

use crate::home::Home;
use crate::lab::{Turn, powerless};
use crate::replay::{closes, replay};
use crate::serving::Serving;
use crate::wiretap::Wiretap;

/// Twenty people who are all there for a while, and talk.
const SCENARIO: &str = r#"
name = "few"
title = "Twenty people who talk"
connections = 20
thresholds = []
[[population]]
name = "everyone"
share = "100%"
away = "0%"
groups = 0
[[phase]]
kind = "ramp"
duration = "1s"
[[phase]]
kind = "hold"
duration = "5s"
[messages]
rate = "20/s"
to_away = "0%"
to_groups = "0%"
bytes = "100B"
typing = "0%"
"#;
/// How many there are of each.
const CLONES: u64 = 50;

/// A capture of them.
pub(crate) fn talked(home: &Home) -> String {
    let server = [
        "--data",
        "recorded",
        "--provisioned",
        "3000",
        "--secret-file",
        "secret",
    ];
    let server = Serving::start(home, &server);
    let tap = Wiretap::before(&server.ready.listen);
    let address = tap.address.to_string();
    let file = home.write("few.toml", SCENARIO);
    let file = file.to_string_lossy();
    let to = ["--target", &address, "--secret-file", "secret", "--plain"];
    let (done, _) = home.run("people", &[&[file.as_ref()], &to[..]].concat());
    done.code(0);
    server.stop();
    let capture = home.path("few.pcap");
    tap.write(&capture);
    capture.to_string_lossy().into_owned()
}

/// Drives a capture of twenty as a thousand, and asserts that they were a thousand people at once, all answered as recorded.
fn are_a_thousand(home: &Home, capture: &str, arguments: &[&str]) {
    let clones = CLONES.to_string();
    let all = ["--clones", &clones, "--spread", "2s"];
    let (done, run) = replay(home, "out", &[&[capture], &all[..], arguments].concat());
    let summary = run.summary();
    let figures = closes(&summary);
    assert_eq!(summary.verdict, Verdict::Pass, "{done:#?} {figures:#?}");
    assert_eq!(figures.sessions.finished, 20 * CLONES, "{figures:?}");
    let answers = &figures.answers;
    assert!(answers.identical + answers.masked > 20 * CLONES, "{answers:?}");
    assert_eq!(
        (answers.different, answers.missing, answers.extra),
        (0, 0, 0),
        "{answers:?}"
    );
    // Who logs in takes the place of whoever has the same number: so many online are so many people.
    let samples = Run::read(&home.path("out")).unwrap().samples;
    let online = samples
        .iter()
        .filter_map(|sample| sample.gauges.get(name::server::ONLINE));
    let most = online.copied().fold(0.0, f64::max);
    assert_eq!(most, (20 * CLONES) as f64);
    assert!(!run.has("data"), "what the server kept is left behind");
}

#[test]
fn twenty_people_become_a_thousand_over_packets() {
    let Some(turn) = Turn::take() else { return };
    let home = Home::new();
    let capture = talked(&home);
    are_a_thousand(&home, &capture, &["--serve", "--transport", "packet"]);
    turn.assert_undone();
}

#[test]
fn twenty_people_become_a_thousand_over_sockets_and_tls() {
    let home = Home::new();
    let capture = talked(&home);
    are_a_thousand(&home, &capture, &["--serve=tls"]);
}

#[test]
fn a_server_of_the_replays_own_is_for_chats() {
    let home = Home::new();
    let capture = crate::visits::visited(&home, 1, 1);
    home.teem(&["replay", &capture, "--serve"])
        .mistake(&["--serve", "nobody chats"]);
    home.teem(&["replay", "-", "--serve"])
        .mistake(&["--serve", "pipe"]);
    let both = ["replay", &capture, "--serve", "--target", "127.0.0.1:1"];
    home.teem(&both).code(2);
}

#[test]
fn what_packets_lack_is_one_sentence() {
    let home = Home::new();
    let capture = crate::visits::visited(&home, 1, 1);
    let packets = ["replay", &capture, "--serve", "--transport", "packet"];
    home.finish(powerless(&home, &packets))
        .mistake(&["CAP_NET_ADMIN", "root"]);
    let alone = [
        "replay",
        &capture,
        "--target",
        "127.0.0.1:1",
        "--transport",
        "packet",
    ];
    home.teem(&alone).mistake(&["--transport packet", "teem lab"]);
}
