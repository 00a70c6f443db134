//! Verdicts: what fails a run, and what makes it invalid.

use std::fs;

use record::{Event, EventKind, Run, Sample, Summary, Threshold, Verdict};

use crate::synthetic::Invention;

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

/// A good run, spoilt in one way.
pub(crate) fn spoilt(spoil: impl FnOnce(&mut Run)) -> Summary {
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

fn last(run: &mut Run) -> &mut Sample {
    run.samples.last_mut().unwrap()
}

/// Adds to a counter at the end.
fn add(run: &mut Run, counter: &str, by: i64) {
    let value = last(run).counters.get_mut(counter).unwrap();
    *value = value.saturating_add_signed(by);
}

#[test]
fn the_testbed_is_blamed_for_what_is_its_own() {
    type Spoil = fn(&mut Run);
    let spoils: [(&str, Spoil); 10] = [
        ("copies sent, but", |run| add(run, "swarm.copies_sent", 1)),
        ("copies accepted, but", |run| {
            add(run, "swarm.copies_delivered", -1)
        }),
        ("The server accepted", |run| add(run, "server.copies_accepted", 1)),
        ("acknowledged", |run| add(run, "server.copies_acknowledged", -1)),
        ("The server holds", |run| {
            *last(run).gauges.get_mut("server.copies_queued").unwrap() -= 1.0;
        }),
        ("own counts stop at 0:23", |run| {
            last(run)
                .counters
                .retain(|counter, _| !counter.starts_with("server."));
        }),
        ("too late", |run| add(run, "swarm.arrivals_late", 1_000_000)),
        ("lagged its schedule by 1.5 s", |run| {
            let lag = last(run).histograms.entry("latency.schedule_lag".into());
            let lag = lag.or_default();
            (0..100_000).for_each(|_| lag.record(1_500_000));
        }),
        ("The disk is full.", |run| {
            run.events.push(Event {
                t_ms: 1,
                kind: EventKind::Invalid,
                name: "disk".into(),
                detail: "The disk is full.".to_owned(),
            });
        }),
        ("is not understood", |run| {
            run.manifest.thresholds.push("delivery.p98 < 1s".into())
        }),
    ];
    for (what, spoil) in spoils {
        let summary = spoilt(spoil);
        assert_eq!(summary.verdict, Verdict::Invalid, "{what}");
        assert!(
            summary.invalid_because.iter().any(|reason| reason.contains(what)),
            "{:?}",
            summary.invalid_because
        );
    }
}

#[test]
fn losing_a_copy_fails_even_a_scenario_that_does_not_ask() {
    let summary = spoilt(|run| {
        run.manifest.thresholds.clear();
        add(run, "swarm.copies_delivered", -1);
        add(run, "server.copies_acknowledged", -1);
        last(run).gauges.insert("swarm.ledger.missing".into(), 1.0);
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
