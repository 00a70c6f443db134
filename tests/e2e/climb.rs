//! Small climbs through the binary, each in a network of its own: what they leave behind, and that each resource which is
//! capped is the one that is named.
//!
//! Where a network cannot be made they are skipped.

use std::process::{Command, Stdio};

use record::{EventKind, Limit, StepSummary};

use crate::home::{Done, Home, binary, until};
use crate::run_folder::RunFolder;

const CLIMB: &str = r#"name = "hill"
connections = "4k"
thresholds = [
    "messages.lost == 0",
    "connections.peak >= 0.99 * connections.target",
]

[climb]
steps = ["1k", "4k"]
connects = "3000/s"
settle = "1s"
hold = "4s"
hold_last = "4s"

[[population]]
name = "everyone"
share = "100%"
away = "0%"
groups = 0

[messages]
rate = "500/s"
to_away = "0%"
to_groups = "0%"
bytes = "100B"

[server]
durability = "async"
"#;

/// What a climb left behind.
struct Climbed {
    /// The folder goes with it.
    _home: Home,
    done: Done,
    folder: RunFolder,
    steps: Vec<StepSummary>,
}

/// A shell's words in a network of its own, in the place of whose last `exec` the binary runs.
fn inside(home: &Home, setup: &str, args: &[&str]) -> Command {
    let mut command = Command::new("unshare");
    let script = format!("ip link set lo up && {setup} \"$0\" \"$@\"");
    command
        .args(["--net", "sh", "-c", &script])
        .arg(binary())
        .args(args);
    home.settle(&mut command);
    command
}

/// Whether networks can be made here.
fn can() -> bool {
    let made = Command::new("unshare")
        .args(["--net", "ip", "link", "set", "lo", "up"])
        .output();
    if made.is_ok_and(|made| made.status.success()) {
        return true;
    }
    testbed::skipped("no network of its own can be made here");
    false
}

const RUN: [&str; 8] = [
    "run",
    "hill.toml",
    "--plain",
    "--lab",
    "never",
    "--quiet",
    "--out",
    "run",
];

/// Climbs, and gives the steps; `None` where it cannot be tried.
fn climb(setup: &str, text: &str, more: &[&str]) -> Option<Climbed> {
    if !can() {
        return None;
    }
    let home = Home::new();
    home.write("hill.toml", text);
    let args: Vec<&str> = RUN.iter().chain(more).copied().collect();
    let done = home.finish(inside(&home, setup, &args));
    Some(told(home, done))
}

fn told(home: Home, done: Done) -> Climbed {
    let folder = RunFolder::at(&home.path("run"));
    let steps = folder.summary().steps;
    Climbed {
        _home: home,
        done,
        folder,
        steps,
    }
}

/// The first to run out, while connections were made or in a hold.
fn first_out(steps: &[StepSummary]) -> &Limit {
    let mut limits = steps
        .iter()
        .flat_map(|step| [step.limits_ramp.first(), step.limits.first()])
        .flatten();
    limits
        .find(|limit| limit.ran_out)
        .unwrap_or_else(|| panic!("{steps:#?}"))
}

#[test]
fn a_climb_holds_its_steps_and_the_kernel_counts_what_both_ends_do() {
    let Some(Climbed {
        _home,
        done,
        folder,
        steps,
    }) = climb("exec", CLIMB, &[])
    else {
        return;
    };
    let done = done.code(0);
    assert!(done.out.contains("4,000 connections were held."), "{done:#?}");
    let counts: Vec<_> = steps
        .iter()
        .map(|step| (step.held, step.online, step.by_server))
        .collect();
    assert_eq!(counts, [(true, 1_000, Some(1_000)), (true, 4_000, Some(4_000))]);
    for step in &steps {
        assert!(step.by_kernel.unwrap().abs_diff(step.online) <= 8, "{step:#?}");
        // Nobody was silent for so long, and the server says that it looked.
        assert_eq!(step.idle_closed, Some(0), "{step:#?}");
        assert!(
            step.messages_per_second > 300.0 && step.delivery_ms.count > 0,
            "{step:#?}"
        );
    }
    assert!(folder.summary().teardown_s.is_some_and(|seconds| seconds > 0.0));
    for name in ["holds/hold-1k.txt", "holds/hold-4k.txt"] {
        assert!(folder.text(name).contains("TCP: inuse"));
    }
}

#[test]
fn memory_that_will_not_do_is_foreseen_and_named() {
    let Some(Climbed {
        _home,
        done,
        folder,
        steps,
    }) = climb("exec", CLIMB, &["--memory", "9M"])
    else {
        return;
    };
    done.code(1);
    let ended = &folder.events_of(EventKind::Interrupted)[0];
    assert_eq!(ended.name, record::FORESEEN);
    assert!(
        ended
            .detail
            .starts_with("4,000 connections will not fit: 3,000 more at"),
        "{ended:?}"
    );
    assert_eq!((steps.len(), first_out(&steps).resource.as_str()), (1, "memory"));
    assert_eq!(steps[0].by_server, Some(1_000), "counted before the end");
}

#[test]
fn a_short_backlog_is_named() {
    let text = CLIMB.replace("3000/s", "20000/s");
    let Some(Climbed { steps, .. }) = climb("echo 1 > /proc/sys/net/core/somaxconn && exec", &text, &[])
    else {
        return;
    };
    let limit = first_out(&steps);
    assert_eq!(limit.resource, "backlog");
    assert!(limit.evidence.ends_with("net.core.somaxconn is 1."), "{limit:?}");
}

#[test]
fn one_cpu_that_is_not_enough_is_named() {
    // Long enough for three full seconds in a row of a sampler that has to share that CPU, too.
    let text = CLIMB.replace("500/s", "100000/s").replace("\"4s\"", "\"8s\"");
    let Some(Climbed { steps, .. }) = climb("exec taskset -c 0", &text, &[]) else {
        return;
    };
    // It is full whoever else has a part of it, so there is no other resource that could be named.
    let limit = first_out(&steps);
    assert_eq!(limit.resource, "cpu", "{steps:#?}");
    assert!(
        limit.evidence.starts_with("The CPUs the run may use were "),
        "{steps:#?}"
    );
}

#[test]
fn descriptors_that_run_out_are_named() {
    if !can() {
        return;
    }
    let home = Home::new();
    home.write("hill.toml", CLIMB);
    let mut command = inside(&home, "exec", &RUN);
    let mut child = command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let events = home.path("run/events.jsonl");
    until("the first hold", || {
        std::fs::read_to_string(&events)
            .ok()?
            .contains("hold 1k")
            .then_some(())
    });
    // The shell and unshare have become the binary: its number is the child's. Those that are open stay open.
    let capped = Command::new("prlimit")
        .args(["--nofile=1500:1500", "--pid", &child.id().to_string()])
        .status();
    assert!(capped.unwrap().success());
    until("the run's end", || child.try_wait().unwrap());
    // The run itself may have found none for its own files.
    let done = home.teem(&["report", "run"]);
    assert!(matches!(done.code, Some(0 | 1 | 3)), "{done:#?}");
    let Climbed { steps, .. } = told(home, done);
    let limit = first_out(&steps);
    assert_eq!(limit.resource, "descriptors");
    assert!(limit.evidence.contains("found no descriptor"), "{limit:?}");
}

#[test]
fn ports_that_run_out_are_named() {
    // It is ready once it has said so.
    let serve = "ip addr add 10.99.0.1/32 dev lo && echo 40000 40999 > /proc/sys/net/ipv4/ip_local_port_range && \
                 mkfifo ready && \
                 { \"$0\" serve --plain --listen 10.99.0.1:7700 --data data --secret-file secret --provisioned 4k --connections 5k \
                 --json --die-with-parent > ready 2> served & } && read -r said < ready && exec";
    let args = [
        "--target",
        "10.99.0.1:7700",
        "--target-admin",
        "127.0.0.1:7790",
        "--secret-file",
        "secret",
    ];
    let Some(Climbed { steps, .. }) = climb(serve, CLIMB, &args) else {
        return;
    };
    let limit = first_out(&steps);
    assert_eq!(limit.resource, "ports");
    assert!(
        limit.evidence.contains("ip_local_port_range has 1,000"),
        "{limit:?}"
    );
}
