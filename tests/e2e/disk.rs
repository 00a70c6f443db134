//! A full disk: the server refuses what is new and delivers what it has; the run is invalid and says why.
//!
//! The disks are small ones in memory, mounted in a mount namespace of the process under test. Where that is not
//! allowed the tests say so and prove nothing.

use std::process::Command;

use record::Verdict;

use crate::home::{Done, Home, binary};
use crate::run_folder::assert_ledger_closes;
use crate::scenario::{BRIEF, FLOOD};
use crate::serving::{FREE_PORTS, Serving};

/// A command that mounts a disk of this size at `disk` and becomes `teem` with the arguments that follow.
fn on_a_small_disk(home: &Home, size: &str) -> Option<Command> {
    let namespace: &[&str] = if rustix::process::geteuid().is_root() {
        &["--mount"]
    } else {
        &["--mount", "--map-root-user"]
    };
    let mount = r#"mount -t tmpfs -o "size=$1" none disk && shift && exec "$@""#;
    std::fs::create_dir_all(home.path("disk")).unwrap();
    let command = |program: &str| {
        let mut command = Command::new("unshare");
        home.settle(&mut command);
        command
            .args(namespace)
            .args(["sh", "-c", mount, "sh", size, program]);
        command
    };
    if !command("true").status().is_ok_and(|status| status.success()) {
        eprintln!("SKIPPED: this host allows no mount namespace, so no disk can be filled");
        return None;
    }
    Some(command(binary().to_str().unwrap()))
}

#[test]
fn a_full_store_refuses_and_keeps_delivering() {
    let home = Home::new();
    // Three segments of the store fit: one for messages, two that it keeps for its own upkeep.
    let Some(mut command) = on_a_small_disk(&home, "54m") else {
        return;
    };
    command
        .args([
            "serve",
            "--json",
            "--plain",
            "--data",
            "disk/data",
            "--provisioned",
            "3000",
        ])
        .args(["--secret-file", "secret"])
        .args(FREE_PORTS);
    let server = Serving::spawn(&home, command);
    home.write("flood.toml", FLOOD);
    assert_refuses_and_delivers(&home, &server);
    // It lives, and says what ails it.
    let knobs = home.teem(&["knob", "durability", "--admin", &server.ready.admin]);
    assert!(knobs.code(0).out.contains("commit"));
    assert!(server.stop().success());
}

#[test]
fn a_run_on_a_disk_that_fills_is_invalid_and_says_so() {
    // One is too small for the store's next segment, one for the report, one for the samples of four seconds.
    for size in ["24m", "1m", "40k"] {
        let home = Home::new();
        let Some(mut command) = on_a_small_disk(&home, size) else {
            return;
        };
        home.write("brief.toml", BRIEF);
        command.args(["run", "brief.toml", "--quiet", "--out", "disk/out"]);
        let Done { code, out, err } = home.finish(command);
        let told = format!("{size}: {code:?} {out} {err}");
        eprintln!("{told}");
        assert_eq!(code, Some(3), "{told}");
        assert!(out.contains("INVALID"), "{told}");
        assert!(
            ["No space left", "StorageFull"]
                .iter()
                .any(|why| told.contains(why)),
            "{told}"
        );
    }
}

#[test]
fn a_store_at_its_quota_refuses_as_a_full_disk_does() {
    let home = Home::new();
    // Four of the six segments of the smallest quota are for messages.
    home.write("flood.toml", &FLOOD.replace("1100/s", "3500/s"));
    let server = Serving::start(
        &home,
        &[
            "--data",
            "data",
            "--secret-file",
            "secret",
            "--provisioned",
            "3000",
            "--store-quota",
            "101M",
        ],
    );
    assert_refuses_and_delivers(&home, &server);
    assert!(server.stop().success());
}

/// Floods a server and asserts that it took what it could, refused the rest with a code, and delivered what it took.
fn assert_refuses_and_delivers(home: &Home, server: &Serving) {
    let args = [&["flood.toml"], &server.as_target("secret")[..]].concat();
    let (done, run) = home.run("out", &args);
    done.code(3);

    let summary = run.summary();
    let m = &summary.messages;
    assert_eq!(summary.verdict, Verdict::Invalid);
    assert!(
        summary
            .invalid_because
            .iter()
            .any(|why| why.contains("StorageFull") && why.contains("disk")),
        "{summary:?}"
    );
    assert_ledger_closes(m);
    assert!(m.refused > 0 && m.accepted > 0, "{m:?}");
    assert!(m.delivered > 0 && m.queued == 0, "{m:?}");
    assert_eq!(m.server_accepted, Some(m.accepted), "{m:?}");
}
