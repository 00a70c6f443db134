//! Several recordings laid over one swarm, and recordings of HTTP: `[[replay]]` tables at the run's own server and elsewhere.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;

use record::{Run, Verdict, name};

use crate::crowd::talked;
use crate::home::Home;
use crate::inspect::json;
use crate::replay::closes;
use crate::serving::Serving;
use crate::visits::{Visits, visited};
use crate::wiretap::Wiretap;

/// A few people who talk for as long as what was recorded lasts.
const SWARM: &str = r#"
name = "overlaid"
connections = 30
seed = 3
[[phase]]
kind = "ramp"
duration = "1s"
[[phase]]
kind = "hold"
duration = "10s"
[[phase]]
kind = "drain"
duration = "1s"
[messages]
rate = "40/s"
"#;

/// The first number of those that a server is provisioned with, and one that nobody has.
const KNOWN: u64 = 15_550_000_000;
const UNKNOWN: u64 = 999;

/// The swarm with these tables.
fn scenario(home: &Home, tables: &[&str]) -> &'static str {
    let tables: String = tables
        .iter()
        .map(|table| format!("[[replay]]\n{table}\n"))
        .collect();
    home.write("overlaid.toml", &format!("{SWARM}{tables}"));
    "overlaid.toml"
}

/// Bytes that a capture's connections said.
fn said(home: &Home, capture: &str) -> u64 {
    let totals = &json(home, &[capture])["totals"];
    ["client_bytes", "server_bytes"]
        .map(|side| totals[side].as_u64().unwrap())
        .iter()
        .sum()
}

fn file_name(path: &str) -> &str {
    Path::new(path).file_name().unwrap().to_str().unwrap()
}

#[test]
fn several_tables_have_their_own_times_and_targets_and_are_counted_together() {
    const VISITORS: usize = 3;
    const PAGES: usize = 4;
    let home = Home::new();
    let (chats, visits) = (talked(&home), visited(&home, VISITORS, PAGES));
    let elsewhere = Visits::start(u64::MAX, 1_000_000);
    let file = scenario(
        &home,
        &[
            "capture = \"few.pcap\"\nat = \"1s\"",
            "capture = \"few.pcap\"\nat = \"2s\"\nclones = 2",
            &format!(
                "capture = \"visits.pcap\"\nat = \"1500ms\"\nclones = 5\nmode = \"causal\"\ntarget = \"{}\"",
                elsewhere.address
            ),
        ],
    );
    let (done, run) = home.run("out", &[file, "--plain"]);
    let summary = run.summary();
    assert_eq!(
        summary.verdict,
        Verdict::Pass,
        "{done:?} {}",
        run.text("replay.json")
    );
    let figures = closes(&summary);
    let visitors = 5 * VISITORS as u64;
    // The run that was recorded looked once whether anybody listens.
    assert_eq!(figures.sessions.unplayable, 2, "{figures:?}");
    assert_eq!(figures.sessions.finished, 20 + 2 * 20 + visitors, "{figures:?}");
    assert_eq!(figures.sends.unsent, 0, "{figures:?}");
    // As many visitors as were asked for, each by a token of his own, and none of them at the run's own server.
    assert_eq!(elsewhere.refused(), 0, "a token of the recording was said");
    assert_eq!(elsewhere.greeted(), visitors);
    assert_eq!(elsewhere.answered(), visitors * (1 + PAGES as u64));
    // Each table reads its capture.
    let captured = figures.bytes.capture.unwrap();
    assert_eq!(captured.recorded, 2 * said(&home, &chats) + said(&home, &visits));
    assert_eq!((captured.gapped, captured.skipped()), (0, 0), "{captured:?}");
    // Two tables of the same people are other people: were they the same, one would put the other out.
    let folder = Run::read(&home.path("out")).unwrap();
    let chat = figures.chat.unwrap();
    let apart = folder.samples.last().unwrap().counters[name::server::COPIES_ACCEPTED_APART];
    assert!(chat.accepted > 0, "{chat:?}");
    assert_eq!((chat.refused, apart), (0, chat.accepted), "{chat:?}");
    let replay = folder.replay.unwrap();
    let names: Vec<&str> = replay.capture.split(" + ").map(file_name).collect();
    assert_eq!(names, ["few.pcap", "few.pcap", "visits.pcap"]);
    assert_eq!((replay.clones, replay.order.as_str()), (1 + 2 + 5, "causal"));
    let mut begins: Vec<u64> = folder
        .plan
        .marks
        .iter()
        .filter(|mark| mark.name == "replay")
        .map(|mark| mark.t_ms)
        .collect();
    begins.sort_unstable();
    assert_eq!(begins, [1_000, 1_500, 2_000]);
    assert_eq!(
        folder.plan.replay_sends.iter().sum::<u64>(),
        figures.sends.planned
    );
}

/// Asks a server of ours whether a number is registered.
fn ask(address: &str, number: u64) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    let request =
        format!("GET /v1/accounts/{number} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn recorded_http_is_asked_of_the_runs_own_server() {
    let home = Home::new();
    let recorded = Serving::start(&home, &["--data", "recorded", "--provisioned", "10"]);
    let tap = Wiretap::before(&recorded.ready.http);
    let address = tap.address.to_string();
    for (number, registered) in [(KNOWN, true), (UNKNOWN, false), (KNOWN + 1, true)] {
        let answer = ask(&address, number);
        assert!(
            answer.ends_with(&format!("{{\"registered\":{registered}}}")),
            "{answer}"
        );
    }
    recorded.stop();
    tap.write(&home.path("asked.pcap"));
    let file = scenario(
        &home,
        &["capture = \"asked.pcap\"\nat = \"1s\"\nclones = 4\nspeed = \"max\""],
    );
    let (done, run) = home.run("out", &[file]);
    let summary = run.summary();
    assert_eq!(
        summary.verdict,
        Verdict::Pass,
        "{done:?} {}",
        run.text("replay.json")
    );
    let figures = closes(&summary);
    let answers = &figures.answers;
    assert_eq!(
        (figures.sends.sent, answers.identical + answers.masked),
        (12, 12),
        "{figures:?}"
    );
    assert_eq!(
        (answers.different, answers.missing, answers.extra),
        (0, 0, 0),
        "{answers:?}"
    );
    assert!(figures.chat.is_none_or(|chat| chat.said == 0), "{figures:?}");

    // A target that nobody said the HTTP of is asked for it, and nothing is started.
    home.write("secret", &"0b".repeat(32));
    let elsewhere = [
        "--target",
        "127.0.0.1:1",
        "--secret-file",
        "secret",
        "--plain",
        "--out",
        "never",
    ];
    home.teem(&[&["run", file], &elsewhere[..]].concat())
        .mistake(&["overlaid.toml:", "--target-http"]);
    assert!(!home.path("never").exists());
}
