//! Media, registrations and the HTTP storm beside the chat, through the binary.

use record::{Verdict, name};

use crate::home::Home;
use crate::run_folder::assert_ledger_closes;
use crate::scenario::HTTP;

#[test]
fn media_registrations_and_the_storm_are_in_the_figures() {
    let home = Home::new();
    home.write("http.toml", HTTP);
    let (done, run) = home.run("out", &["http.toml"]);
    done.code(0);
    let summary = run.summary();
    assert_eq!(summary.verdict, Verdict::Pass);
    assert_ledger_closes(&summary.messages);
    let storm = summary.storm.expect("the storm's figures");
    assert!(storm.requests > 0 && storm.registrations > 0, "{storm:?}");
    assert_eq!(storm.failures, 0, "{storm:?}");
    assert!(
        storm.response_ms.count > 0 && storm.response_ms.p50 > 0.0,
        "{storm:?}"
    );
    assert!(run.has("storm.json"));
    assert!(run.events().iter().any(|event| event.name == "http storm"));

    assert!(run.counter(name::swarm::UPLOADS) > 0);
    assert_eq!(run.counter(name::swarm::UPLOAD_FAILURES), 0);
    assert!(run.counter(name::swarm::REGISTRATIONS) > 0);
    assert_eq!(run.counter(name::swarm::REGISTRATION_FAILURES), 0);
    assert!(summary.latency_ms.upload.count > 0);
    // The server saw the plan's and the storm's.
    assert_eq!(
        run.counter("server.registrations"),
        run.counter(name::swarm::REGISTRATIONS) + storm.registrations
    );
    // Apart, and named so.
    assert!(run.text("report.html").to_lowercase().contains("closed-loop"));
}
