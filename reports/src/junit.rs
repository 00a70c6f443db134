//! `junit.xml`: a case a threshold, and one for the testbed.
//!
//! It knows what a CI job understands: passed, failed, errored, skipped.

use std::time::Duration;

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};
use record::{Run, Summary, Verdict};

use crate::Error;
use crate::view::View;

pub(crate) fn junit(run: &Run, summary: &Summary) -> Result<String, Error> {
    let view = View::of(run, summary);
    let class = format!("teem.{}", summary.scenario);
    let invalid = summary.verdict == Verdict::Invalid;
    let mut suite = TestSuite::new(class.as_str());
    suite.set_time(Duration::from_secs_f64(summary.duration_s.max(0.0)));
    suite.add_property(("seed", summary.seed.to_string().as_str()));
    suite.add_property(("verdict", view.word));
    suite.add_property(("interrupted", if summary.interrupted { "true" } else { "false" }));

    let mut testbed = if invalid {
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
        status
            .set_type("invalid")
            .set_message(view.headline.as_str())
            .set_description(view.reasons.join("\n"));
        status
    } else {
        TestCaseStatus::success()
    };
    if run.manifest.dry_run {
        testbed = TestCaseStatus::skipped();
        testbed.set_message(view.headline.as_str());
    }
    suite.add_test_case(case("testbed", testbed, &class));
    for outcome in &view.thresholds {
        let status = if invalid {
            let mut status = TestCaseStatus::skipped();
            status.set_message(format!("{}, but the run is invalid", outcome.told()));
            status
        } else if outcome.pass {
            TestCaseStatus::success()
        } else {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            status.set_type("threshold").set_message(outcome.told());
            status
        };
        suite.add_test_case(case(&outcome.expr, status, &class));
    }
    let mut report = Report::new("teem");
    report.add_test_suite(suite);
    Ok(report.to_string()?)
}

fn case(name: &str, status: TestCaseStatus, class: &str) -> TestCase {
    let mut case = TestCase::new(name, status);
    case.set_classname(class);
    case
}
