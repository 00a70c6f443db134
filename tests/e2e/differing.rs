//! Targets that answer something else than was recorded: counted, failed, and shown with both texts.

use record::{Run, Verdict};

use crate::home::Home;
use crate::replay::{closes, replay};
use crate::visits::{Visits, visited};

#[test]
fn another_body_than_recorded_fails_and_both_texts_are_in_the_report() {
    let home = Home::new();
    let capture = visited(&home, 2, 3);
    // As long as the recorded one: nothing but its text tells them apart.
    let changed = Visits::saying("ill met!\n", 1_000_000);
    let (done, run) = replay(
        &home,
        "out",
        &[&capture, "--target", &changed.address, "--causal"],
    );
    done.code(1);
    let summary = run.summary();
    assert_eq!(summary.verdict, Verdict::Fail);
    let figures = closes(&summary);
    let answers = figures.answers;
    assert_eq!(
        (answers.different, answers.identical, answers.masked),
        (8, 0, 0),
        "{answers:?}"
    );
    assert_eq!((answers.missing, answers.extra), (0, 0), "{answers:?}");
    assert_eq!(
        figures.sessions.finished, 2,
        "to be answered otherwise is no failure"
    );

    let differences = Run::read(&home.path("out")).unwrap().replay.unwrap().differences;
    let first = &differences[0];
    assert!(first.what.contains("differs at byte"), "{first:?}");
    // What is not the same is marked.
    let report = run.text("report.html");
    assert!(report.contains("<mark>"));
    let report = report.replace("<mark>", "").replace("</mark>", "");
    assert!(report.contains("First differences"));
    for (side, text) in [(&first.recorded, "well met"), (&first.actual, "ill met!")] {
        assert!(side.contains(text), "{first:?}");
        for line in side.lines() {
            assert!(report.contains(line), "`{line}` is not in the report");
        }
    }
    // The same folder judged by more lenient rules.
    let lenient = ["gate", "out", "--threshold", "replay.different <= 8"];
    home.teem(&lenient).code(0);
    let strict = ["gate", "out", "--threshold", "replay.different < 8"];
    home.teem(&strict).code(1);
}
