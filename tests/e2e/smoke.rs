//! The library's smallest scenario from the command to the last file of its run folder.

use std::path::Path;

use record::{EventKind, Run, Summary, Verdict, schema};
use serde_json::Value;

use crate::home::Home;
use crate::run_folder::{RunFolder, assert_ledger_closes};

#[test]
fn smoke_passes_and_its_ledger_closes_at_both_ends() {
    let home = Home::new();
    let (done, run) = home.run("out", &["smoke", "--json"]);
    let done = done.code(0);
    let said: Summary = serde_json::from_str(&done.out).unwrap();
    let summary = run.summary();
    assert_eq!(said, summary);
    assert_eq!(summary.verdict, Verdict::Pass);
    assert_eq!((summary.scenario.as_str(), summary.seed), ("smoke", 1));
    assert!(!summary.interrupted);

    let m = &summary.messages;
    assert_ledger_closes(m);
    assert_eq!((m.refused, m.unanswered, m.redelivered), (0, 0, 0), "{m:?}");
    assert_eq!(m.accepted, m.delivered + m.queued, "{m:?}");
    assert_eq!(m.server_accepted, Some(m.accepted), "{m:?}");
    assert_eq!(m.server_acknowledged, Some(m.delivered), "{m:?}");
    assert_eq!(m.server_queued, Some(m.queued), "{m:?}");
    assert_eq!(summary.connections.target, 2000);
    assert_eq!(summary.connections.failed, 0);
    assert!(summary.latency_ms.delivery.count > 0);
    assert!(summary.server.cpu_seconds > 0.0 && summary.swarm.cpu_seconds > 0.0);
    assert!(run.counter(record::name::swarm::REGISTRATIONS) > 0);

    assert_folder_is_whole(&run);
    assert_schemas_hold(&run, &home.path("out"));
    assert_page_stands_alone(&run.text("report.html"));
    assert_junit(&run.text("junit.xml"), summary.thresholds.len());
}

fn assert_folder_is_whole(run: &RunFolder) {
    let files = run.files();
    for name in [
        "events.jsonl",
        "junit.xml",
        "plan.json",
        "report.html",
        "run.json",
        "samples.jsonl",
        "server.log",
        "summary.json",
        "summary.md",
        "plots/connections.svg",
        "plots/connections.png",
        "plots/messages.svg",
        "plots/delivery-latency.svg",
        "plots/latency-percentiles.svg",
        "plots/memory.svg",
        "plots/cpu.svg",
        "plots/queues.svg",
        "plots/schedule-lag.svg",
    ] {
        assert!(
            files.iter().any(|file| file == name),
            "{name} is not in {files:?}"
        );
    }
    for file in &files {
        assert!(!run.bytes(file).is_empty(), "{file} is empty");
        if file.ends_with(".png") {
            assert!(run.bytes(file).starts_with(b"\x89PNG\r\n\x1a\n"), "{file}");
        }
    }
    assert!(!run.has("data"), "the server's data are removed");
    let phases: Vec<String> = run
        .events_of(EventKind::Phase)
        .into_iter()
        .map(|event| event.name)
        .collect();
    assert_eq!(phases, ["ramp", "hold", "drain"]);
    let summary = run.text("summary.md");
    assert!(summary.to_lowercase().contains("pass"), "{summary}");
}

fn assert_schemas_hold(run: &RunFolder, folder: &Path) {
    let holds = |schema: &str, text: &str| {
        let schema: Value = serde_json::from_str(schema).unwrap();
        let value: Value = serde_json::from_str(text).unwrap();
        jsonschema::validator_for(&schema)
            .unwrap()
            .validate(&value)
            .unwrap_or_else(|error| panic!("{error}: {value:#}"));
    };
    holds(schema::SUMMARY, &run.text("summary.json"));
    holds(schema::RUN, &run.text("run.json"));
    holds(schema::PLAN, &run.text("plan.json"));
    for line in run.text("events.jsonl").lines() {
        holds(schema::EVENT, line);
    }
    for line in run.text("samples.jsonl").lines() {
        holds(schema::SAMPLE, line);
    }
    let whole = Run::read(folder).unwrap();
    assert!(whole.samples.len() >= 8, "a sample a second");
    assert!(!whole.manifest.dry_run);
    assert_eq!(whole.manifest.durability.as_deref(), Some("commit"));
}

/// One file: nothing in it is fetched, from wherever it is opened.
fn assert_page_stands_alone(page: &str) {
    assert!(page.starts_with("<!DOCTYPE html>") || page.starts_with("<!doctype html>"));
    assert!(page.contains("<svg") && page.contains("@font-face"));
    for attribute in [
        "src=\"",
        "src='",
        "href=\"",
        "href='",
        "url(",
        "@import \"",
        "srcset=\"",
    ] {
        for (at, _) in page.match_indices(attribute) {
            let value = page[at + attribute.len()..].trim_start_matches(['"', '\'']);
            let local = value.starts_with('#') || value.starts_with("data:");
            let shown: String = value.chars().take(80).collect();
            assert!(local, "the page refers to `{shown}`");
        }
    }
    assert!(
        !page.contains("<script src") && !page.contains("<link"),
        "a reference"
    );
}

/// The file is XML whose elements close in order, with a case a threshold at least, and none failed.
fn assert_junit(text: &str, thresholds: usize) {
    let mut open: Vec<&str> = Vec::new();
    let mut cases = 0;
    for tag in text.split('<').skip(1) {
        let (tag, _) = tag.split_once('>').expect("every tag ends");
        let name = tag
            .trim_start_matches('/')
            .split([' ', '\n', '/'])
            .next()
            .unwrap();
        cases += usize::from(name == "testcase" && !tag.starts_with('/'));
        if tag.starts_with('/') {
            assert_eq!(open.pop(), Some(name), "{text}");
        } else if !tag.ends_with('/') && !tag.starts_with(['?', '!']) {
            open.push(name);
        }
    }
    assert!(open.is_empty() && text.contains("<testsuites"), "{text}");
    assert!(cases >= thresholds && !text.contains("<failure"), "{text}");
}
