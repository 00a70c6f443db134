//! A driver whose process stands still for a while: it made its sends, all of them, and not when they were due, so that what it saw says
//! nothing of the target.

use std::process::Stdio;
use std::thread;
use std::time::Duration;

use record::Verdict;
use rustix::process::{Pid, Signal, kill_process};

use crate::home::{Home, until};
use crate::replay::closes;
use crate::run_folder::RunFolder;
use crate::visits::{Visits, visited};

const REQUESTS: usize = 2;
/// People who come one after the other, 10 ms apart.
const CLONES: &str = "400";
const SPREAD: &str = "4s";
/// How long nothing goes on: 50 people come in that time, far more than one in a hundred.
const STALL: Duration = Duration::from_millis(500);

#[test]
fn a_driver_that_stood_still_makes_the_run_invalid() {
    let home = Home::new();
    let capture = visited(&home, 1, REQUESTS);
    let target = Visits::start(u64::MAX, 1_000_000);
    let arguments = [
        "replay",
        &capture,
        "--target",
        &target.address,
        "--clones",
        CLONES,
        "--spread",
        SPREAD,
        "--quiet",
        "--out",
        "out",
    ];
    let mut child = home
        .command(&arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    until("the first answer", || (target.answered() > 0).then_some(()));
    kill_process(Pid::from_child(&child), Signal::STOP).unwrap();
    // What is injected, and nothing that is waited for.
    thread::sleep(STALL);
    kill_process(Pid::from_child(&child), Signal::CONT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(3));

    let summary = RunFolder::at(&home.path("out")).summary();
    assert_eq!(summary.verdict, Verdict::Invalid);
    let because = &summary.invalid_because;
    assert!(
        because
            .iter()
            .any(|why| why.starts_with("The clock was not kept")),
        "{because:?}"
    );
    // Late, and none of it left out.
    let figures = closes(&summary);
    assert_eq!(figures.sends.sent, figures.sends.planned, "{figures:?}");
    assert!(
        figures.sends.late + figures.sessions.connects_late >= 40,
        "{figures:?}"
    );
    assert!(
        figures.connect_lateness_ms.max >= 400.0,
        "{:?}",
        figures.connect_lateness_ms
    );
}
