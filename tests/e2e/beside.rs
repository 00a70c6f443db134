//! Captures driven beside a swarm: a `[[replay]]` in a scenario, at the run's own server.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use record::{BesideFigure, EventKind, Run, Verdict};

use crate::home::{Home, until};
use crate::serving::Serving;
use crate::wiretap::Wiretap;

/// A small swarm. Its phases leave room for what was recorded, and for waiting twice in vain for an answer (5 s each) that
/// another order of things has brought to somebody else.
const SWARM: &str = r#"
name = "beside"
connections = 60
seed = 3
thresholds = ["replay.unsent == 0", "replay.sessions > 0", "replay.different <= 0.05 * replay.answers", "replay.missing <= 0.05 * replay.answers"]

[[population]]
name = "town"
share = "100%"
away = "10%"

[[phase]]
kind = "ramp"
duration = "2s"

[[phase]]
kind = "hold"
duration = "22s"

[[phase]]
kind = "drain"
duration = "4s"

[messages]
rate = "100/s"
"#;

/// Some people who chat, whose numbers are those of the swarm's own.
const PEOPLE: &str = r#"
name = "people"
connections = 12
seed = 5

[[phase]]
kind = "ramp"
duration = "1s"

[[phase]]
kind = "hold"
duration = "5s"

[[phase]]
kind = "drain"
duration = "2s"

[messages]
rate = "20/s"
to_groups = "20%"
group_size = 4
"#;

/// A capture of chats at a server that is gone since.
fn chats(home: &Home) -> PathBuf {
    let arguments = [
        "--data",
        "recorded",
        "--provisioned",
        "3000",
        "--secret-file",
        "secret",
    ];
    let server = Serving::start(home, &arguments);
    let tap = Wiretap::before(&server.ready.listen);
    let address = tap.address.to_string();
    home.write("people.toml", PEOPLE);
    let run = [
        "people.toml",
        "--target",
        &address,
        "--secret-file",
        "secret",
        "--plain",
    ];
    let (done, _) = home.run("people", &run);
    done.code(0);
    server.stop();
    let folder = home.path("captures");
    std::fs::create_dir(&folder).unwrap();
    let capture = folder.join("chats.pcap");
    tap.write(&capture);
    capture
}

/// The swarm with a replay.
fn scenario(home: &Home, replay: &str) -> String {
    let text = format!("{SWARM}\n[[replay]]\n{replay}");
    home.write("beside.toml", &text);
    "beside.toml".to_owned()
}

#[test]
fn recorded_people_chat_beside_a_swarm_and_both_ledgers_close() {
    let home = Home::new();
    chats(&home);
    let file = scenario(
        &home,
        "capture = \"captures/chats.pcap\"\nat = \"3s\"\nclones = 3\nspread = \"1s\"\nmode = \"causal\"\n",
    );
    for (name, flags) in [("covered", &[][..]), ("plain", &["--plain"][..])] {
        let (done, run) = home.run(name, &[&[file.as_str()], flags].concat());
        assert!(run.has("summary.json"), "{done:?}");
        let summary = run.summary();
        assert_eq!(
            summary.verdict,
            Verdict::Pass,
            "{done:?} {} {:?}",
            run.text("replay.json"),
            summary.messages
        );
        let replay = summary.replay.unwrap();
        assert_eq!(
            replay.sessions.planned,
            3 * (replay.sessions.recorded - replay.sessions.unplayable),
            "{replay:?}"
        );
        assert_eq!(replay.sessions.finished, replay.sessions.planned, "{replay:?}");
        assert!(replay.sends.sent > 300, "{replay:?}");
        let answers = replay.answers;
        let as_recorded = answers.identical + answers.masked;
        assert!(
            as_recorded > 0 && as_recorded * 20 >= answers.compared() * 19,
            "most answers are as recorded: {answers:?}"
        );
        // The server did more than the swarm asked it to, and says how much of it was the replay's.
        let folder = Run::read(&home.path(name)).unwrap();
        let counters = &folder.samples.last().unwrap().counters;
        let apart = counters["server.copies_accepted_apart"];
        assert!(apart > 100, "{counters:?}");
        assert_eq!(
            summary.messages.server_accepted,
            Some(counters["server.copies_accepted"] - apart)
        );
        assert_eq!(
            folder.replay.unwrap().capture.rsplit('/').next(),
            Some("chats.pcap")
        );
        assert!(folder.events.iter().any(|event| event.name == "replay"));
        let page = run.text("report.html");
        assert!(page.contains("Ledger of the replay") && page.contains("Sends, planned and made"));
        assert!(run.text("summary.md").contains("Ledger of the replay"));
        // What was resolved is a scenario again, wherever it is run from.
        home.write("again.toml", &folder.manifest.resolved);
        home.teem(&["scenarios", "check", "again.toml"]).code(0);
    }
}

#[test]
fn a_replay_is_planned_before_anything_starts() {
    let home = Home::new();
    chats(&home);
    let file = scenario(
        &home,
        "capture = \"captures/chats.pcap\"\nat = \"3s\"\nclones = 7\n",
    );
    home.teem(&["run", &file, "--dry-run", "--quiet", "--out", "plan"])
        .code(0);
    let run = Run::read(&home.path("plan")).unwrap();
    let sends: u64 = run.plan.replay_sends.iter().sum();
    assert!(sends > 0 && sends.is_multiple_of(7), "{sends}");
    assert_eq!(run.plan.replay_sends[..3], [0, 0, 0]);
    assert_eq!(run.plan.replay_sends.len(), run.plan.connections.len());
    assert!(
        run.plan
            .marks
            .iter()
            .any(|mark| mark.name == "replay" && mark.t_ms == 3_000)
    );
    let page = std::fs::read_to_string(home.path("plan").join("report.html")).unwrap();
    assert!(page.contains("The replay, planned"));
}

#[test]
fn mistakes_are_told_with_their_place_before_anything_starts() {
    let home = Home::new();
    chats(&home);
    home.write("text.pcap", "no capture\n");
    let good = "capture = \"captures/chats.pcap\"";
    let lines = SWARM.lines().count() + 2;
    for (replay, place, words) in [
        (
            "capture = \"captures/chat.pcap\"",
            ":1:11",
            "cannot read captures/chat.pcap",
        ),
        ("capture = \"captures\"", ":1:11", "it is a folder"),
        ("capture = \"text.pcap\"", ":1:11", "text.pcap"),
        (
            "capture = \"captures/chats.pcap\"\nclone = 3",
            ":2:1",
            "did you mean `clones`?",
        ),
        (
            "capture = \"captures/chats.pcap\"\nspeed = 1000",
            ":2:9",
            "0.1 to 100",
        ),
        (
            "capture = \"captures/chats.pcap\"\nkeys = \"none.log\"",
            ":2:8",
            "cannot read none.log",
        ),
        (
            "capture = \"captures/chats.pcap\"\nat = \"26s\"",
            ":1:11",
            "ends after the schedule",
        ),
        (
            "capture = \"captures/chats.pcap\"\nat = \"1h\"",
            ":2:6",
            "begins after the schedule",
        ),
        (
            "capture = \"captures/chats.pcap\"\nports = [9]",
            ":1:11",
            "no session is left",
        ),
        (
            "capture = \"captures/chats.pcap\"\ntarget = \"here\"",
            ":2:10",
            "expected HOST:PORT",
        ),
    ] {
        let file = scenario(&home, replay);
        let (line, column) = place[1..].split_once(':').unwrap();
        let line: usize = line.parse().unwrap();
        let place = format!("beside.toml:{}:{column}", lines + line);
        home.teem(&["run", &file, "--out", "never"])
            .mistake(&[&place, words]);
        assert!(!home.path("never").exists(), "{replay}");
    }
    let file = scenario(&home, good);
    home.teem(&["scenarios", "check", &file]).code(0);
}

#[test]
fn a_knob_turns_a_replays_speed_while_it_lasts_and_is_noted() {
    let home = Home::new();
    chats(&home);
    let file = scenario(
        &home,
        "capture = \"captures/chats.pcap\"\nat = \"2s\"\nspeed = 0.8\nmode = \"causal\"\n",
    );
    let run = [
        "run",
        &file,
        "--plain",
        "--knobs",
        "127.0.0.1:0",
        "--quiet",
        "--out",
        "turned",
    ];
    let running = home.command(&run).stdout(Stdio::null()).spawn().unwrap();
    let address = knobs(&home.path("turned"));
    let done = home.teem(&["knob", "--admin", &address]).code(0);
    assert!(
        done.out.contains("think_speed") && done.out.contains("0.8x"),
        "{done:?}"
    );
    home.teem(&["knob", "--admin", &address, "sped", "2"])
        .mistake(&["`sped`", "connect_speed"]);
    home.teem(&["knob", "--admin", &address, "speed", "1000"])
        .mistake(&["from 0.1 to 100"]);
    let done = home.teem(&["knob", "--admin", &address, "speed", "4"]).code(0);
    assert!(done.out.contains("speed: 0.8x -> 4x"), "{done:?}");
    running.wait_with_output().unwrap();
    let turned = Run::read(&home.path("turned")).unwrap();
    let knobs: Vec<_> = turned
        .events
        .iter()
        .filter(|event| event.kind == EventKind::Knob)
        .collect();
    assert_eq!(knobs.len(), 1, "{:?}", turned.events);
    assert_eq!(
        (knobs[0].name.as_str(), knobs[0].detail.as_str()),
        ("speed", "0.8x -> 4x")
    );
    let replay = turned.replay.unwrap();
    assert_eq!(replay.sends.planned, replay.sends.sent + replay.sends.unsent);
}

#[test]
fn a_replay_that_would_take_an_hour_ends_at_once_when_its_knob_says_so() {
    let home = Home::new();
    let capture = chats(&home);
    let server = Serving::start(
        &home,
        &[
            "--data",
            "fresh",
            "--provisioned",
            "2M",
            "--secret-file",
            "secret",
        ],
    );
    let replay = [
        "replay",
        capture.to_str().unwrap(),
        "--target",
        &server.ready.listen,
        "--secret-file",
        "secret",
        "--clones",
        "2",
        "--spread",
        "2h",
        "--knobs",
        "127.0.0.1:0",
        "--quiet",
        "--out",
        "hour",
    ];
    let running = home.command(&replay).stdout(Stdio::null()).spawn().unwrap();
    let address = knobs(&home.path("hour"));
    home.teem(&["knob", "--admin", &address, "speed", "max"]).code(0);
    running.wait_with_output().unwrap();
    let run = Run::read(&home.path("hour")).unwrap();
    let replay = run.replay.unwrap();
    assert_eq!(replay.sends.sent, replay.sends.planned, "{replay:?}");
    assert!(
        run.events.iter().any(|event| event.detail == "1x -> max"),
        "{:?}",
        run.events
    );
    home.teem(&[
        "replay",
        replay.capture.as_str(),
        "--target",
        "127.0.0.1:1",
        "--knobs",
        "0.0.0.0:0",
    ])
    .mistake(&["--knobs 0.0.0.0:0", "loopback"]);
}

#[test]
fn a_population_is_fitted_to_a_capture_and_its_report_sets_the_two_side_by_side() {
    let home = Home::new();
    let capture = chats(&home);
    let capture = capture.to_str().unwrap();
    let done = home
        .teem(&["replay", "fit", capture, "--save", "town.toml"])
        .code(0);
    assert!(
        done.out.contains("chat-") && done.out.contains("message, B"),
        "{done:?}"
    );
    home.teem(&["scenarios", "check", "town.toml"]).code(0);
    home.teem(&["run", "town.toml", "--dry-run", "--quiet", "--out", "town"])
        .code(0);
    let run = Run::read(&home.path("town")).unwrap();
    let sizes = &run.plan.beside[0];
    assert_eq!(sizes.figure, BesideFigure::Bytes);
    assert!(sizes.count > 20 && sizes.distance < 0.25, "{sizes:?}");
    let page = std::fs::read_to_string(home.path("town").join("report.html")).unwrap();
    assert!(page.contains("beside those who were observed"));
    home.write("text.pcap", "no capture\n");
    home.teem(&["replay", "fit", "text.pcap"]).mistake(&["text.pcap"]);
}

/// Where a run's knobs are, once it says so.
fn knobs(folder: &Path) -> String {
    until("the run says where its knobs are", || {
        let events = std::fs::read_to_string(folder.join("events.jsonl")).ok()?;
        let (_, after) = events.split_once("--admin ")?;
        Some(after.split_once(' ')?.0.to_owned())
    })
}
