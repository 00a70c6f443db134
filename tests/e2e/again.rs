//! What is done with a plan before a run and with a run folder after it: the same plan from the same seed, the same
//! report from the same folder, and judgement again.

use std::collections::BTreeMap;

use record::{Run, Verdict};

use crate::home::Home;
use crate::run_folder::RunFolder;
use crate::scenario::BRIEF;

#[test]
fn a_seed_is_a_plan_to_the_byte() {
    let home = Home::new();
    let plan = |name: &str, scenario: &str, seed: &str| {
        let args = [
            "run",
            scenario,
            "--dry-run",
            "--connections",
            "2000",
            "--seed",
            seed,
            "--out",
            name,
        ];
        let planned = home.teem(&args).code(0);
        assert!(planned.out.contains("2000 connections"), "{planned:?}");
        let run = RunFolder::at(&home.path(name));
        assert!(run.has("report.html") && run.has("plots/plan-connections.svg"));
        assert!(!run.has("server.log"), "nothing is started");
        run.bytes("plan.json")
    };
    // Aftershocks come when the seed says.
    let first = plan("a", "earthquake", "7");
    assert_eq!(first, plan("b", "earthquake", "7"));
    assert_ne!(first, plan("c", "earthquake", "8"));

    // The resolved scenario in the run folder is the same run again.
    let resolved = Run::read(&home.path("a")).unwrap().manifest.resolved;
    home.write("resolved.toml", &resolved);
    assert_eq!(first, plan("d", "resolved.toml", "7"));
}

#[test]
fn a_run_is_rendered_and_judged_again() {
    let home = Home::new();
    home.write("brief.toml", BRIEF);
    let (done, run) = home.run("out", &["brief.toml"]);
    let done = done.code(0);
    assert!(done.out.contains("PASS"), "{done:?}");
    assert!(done.out.contains("out/report.html"), "{done:?}");
    render_again(&home, &run);
    judge_again(&home);
}

fn render_again(home: &Home, run: &RunFolder) {
    let contents = || -> BTreeMap<String, Vec<u8>> {
        run.files()
            .into_iter()
            .map(|file| (file.clone(), run.bytes(&file)))
            .collect()
    };
    let before = contents();
    std::fs::remove_file(home.path("out/report.html")).unwrap();
    home.teem(&["report", "out"]).code(0);
    let after = contents();
    assert_eq!(
        before.keys().collect::<Vec<_>>(),
        after.keys().collect::<Vec<_>>()
    );
    for (file, bytes) in &before {
        assert!(after[file] == *bytes, "{file} is another");
    }
    let summary = home.teem(&["report", "out", "--json"]).code(0).out;
    assert_eq!(
        summary.trim(),
        String::from_utf8(before["summary.json"].clone()).unwrap().trim()
    );
    home.teem(&["report", "none"]).mistake(&["none"]);
}

fn judge_again(home: &Home) {
    let gate = |args: &[&str]| home.teem(&[&["gate", "out"], args].concat());
    assert!(gate(&[]).code(0).out.contains("PASS"));
    home.write(
        "good.txt",
        "# a comment\n\nmessages.sent > 0  # sent something\ndelivery.p99 < 60s\n",
    );
    gate(&["--thresholds", "good.txt"]).code(0);
    home.write("hard.txt", "messages.lost == 0\ndelivery.p50 < 0.000001ms\n");
    let failed = gate(&["--thresholds", "hard.txt"]).code(1);
    assert!(
        failed.out.contains("FAIL") && failed.out.contains("delivery.p50"),
        "{failed:?}"
    );
    gate(&["--threshold", "connections.peak >= 1M"]).code(1);
    home.write("bad.txt", "messages.lost == 0\n\ndelivry.p99 < 1s\n");
    gate(&["--thresholds", "bad.txt"]).mistake(&["bad.txt:3", "`delivery.p99`"]);
    gate(&["--thresholds", "none.txt"]).mistake(&["none.txt"]);
    home.teem(&["gate", "none"]).mistake(&["none"]);

    // A testbed that fell short, as the events tell it, outranks any threshold.
    let path = home.path("out/events.jsonl");
    let mut events = std::fs::read_to_string(&path).unwrap();
    events.push_str(
        "{\"t_ms\":3000,\"kind\":\"invalid\",\"name\":\"disk\",\"detail\":\"The disk was full.\"}\n",
    );
    std::fs::write(&path, events).unwrap();
    let invalid = gate(&["--json", "--thresholds", "hard.txt"]).code(3);
    let summary: record::Summary = serde_json::from_str(&invalid.out).unwrap();
    assert_eq!(summary.verdict, Verdict::Invalid);
    assert_eq!(summary.invalid_because, ["The disk was full."]);
}
