//! Ctrl-C: a run stops at once, reports what ran, and leaves no process behind.

use std::fs;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use record::EventKind;
use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use crate::home::{Home, until};
use crate::run_folder::{RunFolder, assert_ledger_closes};
use crate::scenario::HTTP;

/// The promise. A debug build takes a quarter of it on two quiet cores.
const AT_MOST: Duration = Duration::from_secs(2);
/// How often it is tried: where other tests have the cores, one that took longer says nothing of the program.
const ATTEMPTS: usize = 3;

#[test]
fn an_interrupted_run_reports_what_ran() {
    in_time(|| {
        let home = Home::new();
        let (run, took) = interrupt(&home, "smoke", 1, |child| {
            kill_process(Pid::from_child(child), Signal::INT).unwrap();
        });
        assert_eq!(run.events_of(EventKind::Interrupted).len(), 1);
        took
    });
}

/// A terminal interrupts the server and the storm's process as well.
#[test]
fn a_run_is_interrupted_with_all_its_processes() {
    in_time(|| {
        let home = Home::new();
        home.write("http.toml", HTTP);
        let (run, took) = interrupt(&home, "http.toml", 2, |child| {
            kill_process_group(Pid::from_child(child), Signal::INT).unwrap();
        });
        assert!(run.events().iter().any(|event| event.name == "http storm"));
        took
    });
}

/// Not even a run that is killed leaves its server behind.
#[test]
fn a_killed_run_takes_its_server_along() {
    let home = Home::new();
    let (mut child, _, offspring) = in_mid_run(&home, "smoke", 1);
    child.kill().unwrap();
    child.wait().unwrap();
    assert_gone(offspring);
}

/// Starts a run and waits until it holds and has so many children.
fn in_mid_run(home: &Home, scenario: &str, children: usize) -> (Child, RunFolder, Vec<u32>) {
    let mut child = home
        .command(&["run", scenario, "--quiet", "--out", "out"])
        .process_group(0)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let run = RunFolder::at(&home.path("out"));
    until("the hold", || {
        assert!(child.try_wait().unwrap().is_none(), "it ended by itself");
        let begun = run.has("events.jsonl") && run.text("events.jsonl").contains("hold");
        (begun && run.text("samples.jsonl").lines().count() >= 4).then_some(())
    });
    let offspring = until("the children", || {
        let found = children_of(child.id());
        (found.len() >= children).then_some(found)
    });
    (child, run, offspring)
}

/// Does something until it took no longer than promised.
fn in_time(mut once: impl FnMut() -> Duration) {
    let mut took = Vec::new();
    while took.last().is_none_or(|took| *took >= AT_MOST) {
        assert!(
            took.len() < ATTEMPTS,
            "each time longer than {AT_MOST:?}: {took:?}"
        );
        took.push(once());
    }
}

/// Interrupts a run in its middle, and looks at what is left; how long its end took.
fn interrupt(home: &Home, scenario: &str, children: usize, how: impl Fn(&Child)) -> (RunFolder, Duration) {
    let (mut child, run, offspring) = in_mid_run(home, scenario, children);
    let begin = Instant::now();
    how(&child);
    let status = child.wait().unwrap();
    let took = begin.elapsed();
    eprintln!("{scenario}: interrupted, and ended {took:?} later");

    let summary = run.summary();
    assert!(summary.interrupted);
    assert!(
        summary.invalid_because.is_empty() || run.generator_fell_short(),
        "{summary:?}"
    );
    assert_eq!(
        status.code(),
        Some(i32::from(summary.verdict.exit_code())),
        "{summary:?}"
    );
    assert_ledger_closes(&summary.messages);
    for name in ["report.html", "junit.xml", "summary.md"] {
        assert!(run.has(name), "{name}");
    }
    assert!(run.text("report.html").to_lowercase().contains("interrupted"));
    assert!(!run.has("data"), "the server's data are removed");
    assert_gone(offspring);
    (run, took)
}

/// Waits until processes have ended. One that its new parent has not waited for yet has.
pub(crate) fn assert_gone(pids: Vec<u32>) {
    for pid in pids {
        until("a child's end", || match state_and_parent(pid) {
            None => Some(()),
            Some((state, _)) => (state == "Z").then_some(()),
        });
    }
}

fn children_of(parent: u32) -> Vec<u32> {
    fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok()?.parse().ok())
        .filter(|pid| state_and_parent(*pid).is_some_and(|(_, of)| of == parent))
        .collect()
}

/// A process's state and its parent, if it is there.
pub(crate) fn state_and_parent(pid: u32) -> Option<(String, u32)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name, in parentheses, may hold anything; state and parent follow it.
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace();
    Some((fields.next()?.to_owned(), fields.next()?.parse().ok()?))
}
