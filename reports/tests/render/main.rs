//! Renders invented run folders and looks at what comes out.

// The lint's exemption for tests does not reach their helpers.
#![allow(clippy::unwrap_used)]

mod replayed;
mod synthetic;

use std::fs;
use std::path::Path;

use record::{Event, EventKind, Replay, ReplayChat, Run, Summary, Threshold, Verdict};
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

/// Four steps of a minute and a half each; the last one's backlog is too short.
fn climb() -> Invention {
    Invention {
        name: "climb",
        seconds: 160,
        connections: 2_800_000,
        storm: false,
        climb: &[200_000, 425_000, 1_000_000, 2_800_000],
        ..Invention::default()
    }
}

#[test]
fn a_climb_is_told_step_by_step_beside_the_old_one() {
    let (folder, summary) = rendered(&climb());
    assert_eq!(summary.steps.len(), 4);
    assert!(summary.steps.iter().all(|step| step.held), "{summary:#?}");
    assert_eq!(summary.steps[3].by_kernel, Some(2_800_001));
    assert!(
        reports::climbed(&summary)
            .unwrap()
            .contains("net.core.somaxconn is 65,535")
    );
    // What ran out while they connected is apart from the hold's, and each step stands beside the old climb's top.
    let resources = |limits: &[record::Limit]| -> Vec<String> {
        limits.iter().map(|limit| limit.resource.clone()).collect()
    };
    assert_eq!(resources(&summary.steps[3].limits), ["backlog"]);
    assert!(summary.steps[0].limits_ramp.iter().all(|limit| !limit.ran_out));
    insta::assert_snapshot!("climb.md", text(&folder, "summary.md"));
    insta::assert_json_snapshot!("climb_steps", summary.steps);
    let schema = serde_json::from_str(record::schema::SUMMARY).unwrap();
    let written: serde_json::Value = serde_json::from_str(&text(&folder, "summary.json")).unwrap();
    jsonschema::validate(&schema, &written).unwrap();
    let page = text(&folder, "report.html");
    assert!(page.contains("<h2>The climb</h2>") && page.contains("top, 2.8M"));
    for (plot, mark) in [
        ("connections", "the old climb's top, 2.8M"),
        ("messages", "the old climb's on 2 CPUs, 16.7k/s"),
        ("cpu", "the old climb's at its top, 85 %"),
        (
            "bytes-a-connection",
            "the old climb's at its top, all of its host, 35.7 kB",
        ),
        ("network", "the old climb's on 2 CPUs, 47.6k/s"),
    ] {
        let plot = text(&folder, &format!("plots/{plot}.svg"))
            .replace("&#39;", "'")
            .replace("&apos;", "'");
        assert!(plot.contains(mark), "{mark}");
    }
}

#[test]
fn a_climb_that_was_ended_before_a_step_that_will_not_fit_names_memory() {
    let (folder, _) = rendered(&Invention {
        name: "climb-foreseen",
        interrupted_at_s: Some(80),
        ..climb()
    });
    let mut run = Run::read(&folder).unwrap();
    let detail = "2.8M connections will not fit.".to_owned();
    let name = record::FORESEEN.to_owned();
    run.events.push(Event {
        t_ms: 80_000,
        kind: EventKind::Interrupted,
        name,
        detail,
    });
    let summary = reports::summarise(&run);
    assert_eq!(summary.steps.len(), 2);
    assert_eq!(summary.steps[1].limits[0].resource, "memory");
}

/// `sockstat` and the slab are counted by different hands: one alone that is apart is told.
#[test]
fn a_slab_that_holds_other_objects_makes_a_climb_invalid() {
    let (folder, summary) = rendered(&Invention {
        name: "climb-slab",
        ..climb()
    });
    assert_eq!(summary.steps[0].by_slab, Some(200_009));
    assert!(
        summary.steps[0].disagreement.unwrap() < 1e-4,
        "what CPUs keep at hand is none"
    );
    let mut run = Run::read(&folder).unwrap();
    for sample in run.samples.iter_mut().skip(1) {
        *sample.gauges.get_mut("host.tcp_slab_objects").unwrap() += 6_200.0;
    }
    let summary = reports::summarise(&run);
    assert_eq!(summary.verdict, Verdict::Invalid);
    let why = &summary.invalid_because;
    assert_eq!(why.len(), 4, "{why:?}");
    assert!(
        why[3].contains("2,800,001 by the kernel's sockets, 2,803,109 by their slab"),
        "{why:?}"
    );
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
fn a_kernel_that_counts_other_sockets_makes_a_climb_invalid() {
    let (folder, _) = rendered(&Invention {
        name: "climb-apart",
        ..climb()
    });
    let mut run = Run::read(&folder).unwrap();
    for sample in run.samples.iter_mut().skip(1) {
        *sample.gauges.get_mut("host.tcp_in_use").unwrap() += 5_700.0;
    }
    let summary = reports::summarise(&run);
    assert_eq!(summary.verdict, Verdict::Invalid);
    let why = &summary.invalid_because;
    assert_eq!(why.len(), 4, "{why:?}");
    assert!(
        why[3].contains("0.10 %") && why[3].contains("2,802,851 by the kernel"),
        "{why:?}"
    );
}

#[test]
fn a_gate_judges_by_more_thresholds_and_writes_nothing() {
    let folder = Invention {
        name: "gate",
        seconds: 30,
        ..Invention::default()
    }
    .write();
    let strict: Threshold = "delivery.p99 < 1us".parse().unwrap();
    let summary = reports::judge(&folder, &[strict]).unwrap();
    assert_eq!(summary.verdict, Verdict::Fail);
    assert_eq!(
        summary.thresholds.iter().filter(|outcome| !outcome.pass).count(),
        1
    );
    assert!(!folder.join("summary.json").exists());
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
        "joined in mid-stream",
        "10.0.0.7:40007",
        "connects late by the driver&#39;s own fault",
        "held back by the target or by --at-once",
        "12 sessions began more than 10 ms late",
        "40 answers that were recorded are in no latency",
        "3 times a request waited",
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
    let other = spoilt("replay-other", |replay| replay.answers.different = 1);
    assert_eq!(other.verdict, Verdict::Fail, "an implied threshold");
}

/// A good run, spoilt in one way.
fn spoilt(spoil: impl FnOnce(&mut Run)) -> Summary {
    let folder = tempfile::tempdir().unwrap();
    let from = Invention {
        name: "good",
        seconds: 24,
        ..Invention::default()
    };
    // Each test thread has its own copy: the folder under cargo's directory is shared.
    static WRITTEN: std::sync::OnceLock<std::path::PathBuf> = std::sync::OnceLock::new();
    let source = WRITTEN.get_or_init(|| from.write());
    for file in ["run.json", "plan.json", "samples.jsonl", "events.jsonl"] {
        fs::copy(source.join(file), folder.path().join(file)).unwrap();
    }
    let mut run = Run::read(folder.path()).unwrap();
    assert_eq!(reports::summarise(&run).verdict, Verdict::Pass);
    spoil(&mut run);
    reports::summarise(&run)
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

#[test]
fn the_testbed_is_blamed_for_what_is_its_own() {
    let because = |summary: Summary, what: &str| {
        assert_eq!(summary.verdict, Verdict::Invalid, "{what}");
        assert!(
            summary.invalid_because.iter().any(|reason| reason.contains(what)),
            "{:?}",
            summary.invalid_because
        );
    };
    let last = |run: &mut Run, counter: &str, by: i64| {
        let value = run.samples.last_mut().unwrap().counters.get_mut(counter).unwrap();
        *value = value.saturating_add_signed(by);
    };
    because(
        spoilt(|run| last(run, "swarm.copies_sent", 1)),
        "copies sent, but",
    );
    because(
        spoilt(|run| last(run, "swarm.copies_delivered", -1)),
        "copies accepted, but",
    );
    because(
        spoilt(|run| last(run, "server.copies_accepted", 1)),
        "The server accepted",
    );
    because(
        spoilt(|run| last(run, "server.copies_acknowledged", -1)),
        "acknowledged",
    );
    because(
        spoilt(|run| {
            let held = run
                .samples
                .last_mut()
                .unwrap()
                .gauges
                .get_mut("server.copies_queued")
                .unwrap();
            *held -= 1.0;
        }),
        "The server holds",
    );
    because(
        spoilt(|run| {
            run.samples
                .last_mut()
                .unwrap()
                .counters
                .retain(|counter, _| !counter.starts_with("server."));
        }),
        "own counts stop at 0:23",
    );
    because(
        spoilt(|run| last(run, "swarm.arrivals_late", 1_000_000)),
        "too late",
    );
    because(
        spoilt(|run| {
            let histogram = run
                .samples
                .last_mut()
                .unwrap()
                .histograms
                .entry("latency.schedule_lag".into())
                .or_default();
            (0..100_000).for_each(|_| histogram.record(1_500_000));
        }),
        "lagged its schedule by 1.5 s",
    );
    because(
        spoilt(|run| {
            let detail = "The disk is full.".to_owned();
            run.events.push(Event {
                t_ms: 1,
                kind: EventKind::Invalid,
                name: "disk".into(),
                detail,
            });
        }),
        "The disk is full.",
    );
    because(
        spoilt(|run| run.manifest.thresholds.push("delivery.p98 < 1s".into())),
        "is not understood",
    );
}

#[test]
fn losing_a_copy_fails_even_a_scenario_that_does_not_ask() {
    let summary = spoilt(|run| {
        run.manifest.thresholds.clear();
        let last = run.samples.last_mut().unwrap();
        *last.counters.get_mut("swarm.copies_delivered").unwrap() -= 1;
        *last.counters.get_mut("server.copies_acknowledged").unwrap() -= 1;
        last.gauges.insert("swarm.ledger.missing".into(), 1.0);
    });
    assert_eq!(summary.invalid_because, Vec::<String>::new());
    assert_eq!((summary.verdict, summary.messages.lost), (Verdict::Fail, 1));
}

#[test]
fn a_server_that_was_killed_and_came_back_is_compared_by_its_queue() {
    let restart = |run: &mut Run| {
        let (_, late) = run.samples.split_at_mut(20);
        let lost_counts = late[0].counters["server.copies_accepted"];
        for sample in late {
            for counter in ["server.copies_accepted", "server.copies_acknowledged"] {
                let value = sample.counters.get_mut(counter).unwrap();
                *value = value.saturating_sub(lost_counts);
            }
        }
    };
    let summary = spoilt(restart);
    assert_eq!(summary.invalid_because, Vec::<String>::new());
    assert_eq!(summary.messages.server_accepted, None);
    let summary = spoilt(|run| {
        restart(run);
        run.samples
            .last_mut()
            .unwrap()
            .gauges
            .insert("server.copies_queued".into(), 0.0);
    });
    assert_eq!(
        summary.verdict,
        Verdict::Invalid,
        "a copy that was accepted must outlive the server"
    );
}
