//! Resumption: only where it is asked for, and counted apart from full handshakes.

use record::Verdict;

use crate::home::Home;
use crate::run_folder::assert_ledger_closes;

#[test]
fn handshakes_are_full_unless_resumption_is_asked_for() {
    let home = Home::new();
    let (done, run) = home.run("full", &["smoke", "--connections", "200"]);
    done.code(0);
    let full = run.summary().handshakes.unwrap();
    assert!(full.full >= 200, "{full:?}");
    assert_eq!(full.resumed, 0);
    let (done, run) = home.run("resumed", &["smoke", "--connections", "200", "--resume"]);
    done.code(0);
    let summary = run.summary();
    assert_eq!(summary.verdict, Verdict::Pass);
    assert_ledger_closes(&summary.messages);
    let handshakes = summary.handshakes.unwrap();
    assert!(handshakes.full > 0 && handshakes.resumed > 0, "{handshakes:?}");
    assert!(handshakes.full + handshakes.resumed >= 200);
    let report = run.text("report.html");
    assert!(report.contains("full TLS handshakes") && report.contains("resumed TLS handshakes"));
    home.teem(&["run", "smoke", "--plain", "--resume"])
        .mistake(&["--plain"]);
}
