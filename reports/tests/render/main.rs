//! Renders invented run folders and looks at what comes out.

// The lint's exemption for tests does not reach their helpers.
#![allow(clippy::unwrap_used)]

mod climb;
mod judged;
mod replayed;
mod synthetic;

use std::fs;
use std::path::Path;

use judged::spoilt;
use record::{Event, EventKind, Replay, ReplayChat, Run, Summary, Verdict};
use synthetic::Invention;

fn rendered(invention: &Invention) -> (std::path::PathBuf, Summary) {
    let folder = invention.write();
    let summary = reports::render(&folder).unwrap();
    (folder, summary)
}

fn text(folder: &Path, file: &str) -> String {
    fs::read_to_string(folder.join(file)).unwrap()
}

fn pictures(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder.join("plots"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_whole_run() {
    let (folder, summary) = rendered(&Invention::default());
    assert_eq!(summary.verdict, Verdict::Pass, "{summary:#?}");
    assert_eq!(summary.verdict.exit_code(), 0);
    insta::assert_snapshot!("summary.md", text(&folder, "summary.md"));
    insta::assert_snapshot!("junit.xml", text(&folder, "junit.xml"));
    insta::assert_snapshot!("summary.json", text(&folder, "summary.json"));

    let schema = serde_json::from_str(record::schema::SUMMARY).unwrap();
    let written: serde_json::Value = serde_json::from_str(&text(&folder, "summary.json")).unwrap();
    jsonschema::validate(&schema, &written).unwrap();
    assert_eq!(serde_json::from_value::<Summary>(written).unwrap(), summary);

    let names = pictures(&folder);
    assert_eq!(names.len(), 22, "eleven plots, each as SVG and PNG: {names:?}");
    for name in &names {
        let bytes = fs::read(folder.join("plots").join(name)).unwrap();
        if name.ends_with(".png") {
            let mut reader = png::Decoder::new(bytes.as_slice()).read_info().unwrap();
            assert_eq!(reader.info().width, 2_000);
            let mut pixels = vec![0; reader.output_buffer_size()];
            reader.next_frame(&mut pixels).unwrap();
            let mut colours: Vec<&[u8]> = pixels.chunks_exact(3).collect();
            colours.sort_unstable();
            colours.dedup();
            assert!(colours.len() > 20, "{name} shows next to nothing");
        } else {
            let svg = String::from_utf8(bytes).unwrap();
            assert!(
                svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"),
                "{name}"
            );
            assert!(
                svg.contains("<title>") && svg.contains("font-family=\"DejaVu Sans"),
                "{name}"
            );
        }
    }
    let page = text(&folder, "report.html");
    assert_eq!(page.matches("<figure").count(), 11);
    assert!(page.contains("closed-loop") && page.contains("@font-face"));
    // One file, opens offline: nothing is fetched.
    for reference in ["src=\"", "href=\"", "url(http", "@import"] {
        assert!(!page.contains(reference), "{reference}");
    }
}

#[test]
fn rendering_again_changes_nothing() {
    let (folder, first) = rendered(&Invention {
        name: "again",
        seconds: 30,
        storm: false,
        ..Invention::default()
    });
    let files = [
        "summary.json",
        "report.html",
        "summary.md",
        "junit.xml",
        "plots/connections.svg",
    ];
    let before = files.map(|file| text(&folder, file));
    fs::write(folder.join("plots/stale.svg"), "from an earlier version").unwrap();
    assert_eq!(reports::render(&folder).unwrap(), first);
    assert_eq!(files.map(|file| text(&folder, file)), before);
    assert!(!folder.join("plots/stale.svg").exists());
}

#[test]
fn a_server_that_is_not_ours_is_left_out_and_said_so() {
    let invention = Invention {
        name: "foreign",
        server_counts: false,
        storm: false,
        ..Invention::default()
    };
    let (folder, summary) = rendered(&invention);
    // Its memory was not watched, so a threshold on it fails for want of a figure.
    assert_eq!(summary.verdict, Verdict::Fail);
    assert_eq!(summary.verdict.exit_code(), 1);
    assert_eq!(summary.messages.server_accepted, None);
    assert_eq!(summary.server.rss_bytes_peak, 0);
    insta::assert_snapshot!("foreign.md", text(&folder, "summary.md"));
    assert!(text(&folder, "report.html").contains("this ledger has one end"));
}

#[test]
fn a_run_of_no_length_is_invalid_and_still_renders() {
    let (folder, summary) = rendered(&Invention {
        name: "nothing",
        seconds: 0,
        storm: false,
        ..Invention::default()
    });
    assert_eq!(summary.verdict, Verdict::Invalid);
    assert_eq!(summary.verdict.exit_code(), 3);
    insta::assert_snapshot!("nothing.md", text(&folder, "summary.md"));
    insta::assert_snapshot!("nothing.xml", text(&folder, "junit.xml"));
    assert!(pictures(&folder).is_empty());
}

#[test]
fn a_dry_run_is_a_plan_and_nothing_else() {
    let (folder, summary) = rendered(&Invention {
        name: "plan",
        dry_run: true,
        ..Invention::default()
    });
    assert_eq!(summary.verdict, Verdict::Pass);
    assert!(summary.thresholds.is_empty());
    insta::assert_snapshot!("plan.md", text(&folder, "summary.md"));
    assert_eq!(pictures(&folder).len(), 4);
    assert!(!text(&folder, "report.html").contains("Ledger"));
}

#[test]
fn an_interrupted_run_is_marked_and_loses_nothing() {
    let invention = Invention {
        name: "interrupted",
        interrupted_at_s: Some(66),
        ..Invention::default()
    };
    let (folder, summary) = rendered(&invention);
    assert!(summary.interrupted);
    assert_eq!(summary.messages.lost, 0, "what was on its way is not lost");
    assert_eq!(summary.verdict, Verdict::Pass, "{summary:#?}");
    insta::assert_snapshot!("interrupted.md", text(&folder, "summary.md"));
}

#[test]
fn ten_minutes_with_a_million() {
    let invention = Invention {
        name: "long",
        seconds: 600,
        connections: 1_000_000,
        ..Invention::default()
    };
    let (folder, summary) = rendered(&invention);
    assert_eq!(summary.connections.peak, 1_000_000);
    assert_eq!(pictures(&folder).len(), 22);
}

#[test]
fn a_run_that_was_taken_down_says_how_long_that_took() {
    let folder = Invention {
        name: "taken-down",
        seconds: 10,
        ..Invention::default()
    }
    .write();
    let mut run = Run::read(&folder).unwrap();
    assert_eq!(reports::summarise(&run).teardown_s, None);
    for (t_ms, name) in [(10_000, record::CLOSING), (14_250, record::CLOSED)] {
        run.events.push(Event {
            t_ms,
            kind: EventKind::Note,
            name: name.to_owned(),
            detail: String::new(),
        });
    }
    assert_eq!(reports::summarise(&run).teardown_s, Some(4.25));
}

#[test]
fn a_replay() {
    let manifest = || {
        let folder = Invention {
            name: "replayed",
            seconds: 1,
            ..Invention::default()
        }
        .write();
        Run::read(&folder).unwrap().manifest
    };
    let folder = replayed::write("replay", manifest(), |_| {});
    let summary = reports::render(&folder).unwrap();
    assert_eq!(summary.verdict, Verdict::Pass, "{summary:#?}");
    insta::assert_snapshot!("replay summary.md", text(&folder, "summary.md"));
    let written: serde_json::Value = serde_json::from_str(&text(&folder, "summary.json")).unwrap();
    let schema = serde_json::from_str(record::schema::SUMMARY).unwrap();
    jsonschema::validate(&schema, &written).unwrap();
    let names = pictures(&folder);
    for plot in ["sends", "lateness", "answers", "percentiles", "comparison"] {
        assert!(names.contains(&format!("replay-{plot}.png")), "{names:?}");
    }
    let html = text(&folder, "report.html");
    for told in [
        "the status is 500, not 200",
        "&#60;Oops&#62;",
        "a &#60;secret&#62; is missing",
        "joined in mid-stream",
        "10.0.0.7:40007",
        "connects late by the driver&#39;s own fault",
        "held back by the target or by --at-once",
        "12 sessions began more than 10 ms late",
        "40 answers that were recorded are in no latency",
        "3 times a request waited",
        "bytes captured in TCP segments",
        "not driven: midway",
        "taken off with TLS",
        "TLS: handshake",
        "TLS: headers",
        "malformed headers",
        "3 UDP flows, 1 of them QUIC, were captured and are not replayed: 120 packets, 34 kB.",
    ] {
        assert!(html.contains(told), "{told}");
    }

    let spoilt = |name, spoil: fn(&mut record::Replay)| {
        reports::render(&replayed::write(name, manifest(), spoil)).unwrap()
    };
    let late = spoilt("replay-late", |replay| replay.sends.late = replay.sends.sent / 50);
    assert_eq!(late.verdict, Verdict::Invalid);
    assert!(
        late.invalid_because[0].starts_with("The clock was not kept"),
        "{late:?}"
    );
    let torn = spoilt("replay-torn", |replay| replay.finished = false);
    assert_eq!(torn.verdict, Verdict::Invalid);
    let astray = spoilt("replay-astray", |replay| {
        replay.bytes.capture.as_mut().unwrap().captured += 1;
    });
    assert_eq!(astray.verdict, Verdict::Invalid);
    assert!(astray.invalid_because[0].contains("bytes captured"), "{astray:?}");
    let uncounted = spoilt("replay-uncounted", |replay| {
        let capture = replay.bytes.capture.as_mut().unwrap();
        capture.tls_by.as_mut().unwrap().remove("headers");
    });
    assert_eq!(uncounted.verdict, Verdict::Invalid);
    assert!(
        uncounted.invalid_because[0].contains("of a known kind"),
        "{uncounted:?}"
    );
    let other = spoilt("replay-other", |replay| replay.answers.different = 1);
    assert_eq!(other.verdict, Verdict::Fail, "an implied threshold");
}

#[test]
fn what_the_server_did_for_a_replay_beside_the_swarm_is_told_apart() {
    let beside = |counted: u64, apart: Option<u64>, answered: u64| {
        spoilt(move |run| {
            run.replay = Some(Replay {
                finished: true,
                chat: Some(ReplayChat {
                    said: answered,
                    accepted: answered,
                    ..ReplayChat::default()
                }),
                ..Replay::default()
            });
            let counters = &mut run.samples.last_mut().unwrap().counters;
            for of in ["accepted", "acknowledged"] {
                *counters.get_mut(&format!("server.copies_{of}")).unwrap() += counted;
                if let Some(apart) = apart {
                    counters.insert(format!("server.copies_{of}_apart"), apart);
                }
            }
        })
    };
    let whole = beside(50, Some(50), 50);
    assert_eq!(whole.verdict, Verdict::Pass, "{:?}", whole.invalid_because);
    assert_eq!(whole.messages.server_accepted, Some(whole.messages.accepted));
    // A server that tells nothing apart leaves a ledger with one end.
    let mixed = beside(50, None, 50);
    assert_eq!(
        (mixed.verdict, mixed.messages.server_accepted),
        (Verdict::Pass, None)
    );
    for (counted, apart, answered, why) in [
        (49, 50, 50, "The server accepted"),
        (51, 50, 50, "The server accepted"),
        (50, 50, 51, "for the replay's people"),
        (50, 50, 49, "for the replay's people"),
    ] {
        let because = beside(counted, Some(apart), answered).invalid_because;
        assert!(
            because.iter().any(|reason| reason.contains(why)),
            "{counted} {apart} {answered}: {because:?}"
        );
    }
}
