//! A user's mistakes: exit 2, one sentence with the place, the number and the remedy, and nothing started.

use std::net::TcpListener;

use crate::home::{Done, Home};
use crate::scenario::BRIEF;
use crate::serving::FREE_PORTS;

/// Runs and asserts that the command is refused with these words and leaves nothing behind.
#[track_caller]
fn refused(home: &Home, args: &[&str], words: &[&str]) -> Done {
    let before = home.entries();
    let done = home.teem(args).mistake(words);
    assert_eq!(home.entries(), before, "{args:?} left something behind");
    done
}

/// `teem run smoke --out out` with these arguments.
fn smoke<'a>(args: &[&'a str]) -> Vec<&'a str> {
    [&["run", "smoke", "--out", "out"], args].concat()
}

#[test]
fn a_scenario_with_a_mistake_is_told_with_its_place() {
    let home = Home::new();
    home.write("typo.toml", &BRIEF.replace("[[population]]", "[[populaton]]"));
    refused(
        &home,
        &["run", "typo.toml", "--out", "out"],
        &["typo.toml:6:3", "`populaton`", "`population`"],
    );
    home.write("unit.toml", &BRIEF.replacen("\"1s\"", "\"1\"", 1));
    refused(
        &home,
        &["run", "unit.toml", "--out", "out"],
        &["unit.toml:13:12", "`1`", "`90s`"],
    );
    home.write("cut.toml", &BRIEF[..BRIEF.len() / 2]);
    refused(&home, &["run", "cut.toml", "--out", "out"], &["cut.toml:"]);
    refused(&home, &["scenarios", "check", "typo.toml"], &["typo.toml:6:3"]);
    refused(
        &home,
        &["run", "typo.toml", "--dry-run", "--out", "out"],
        &["typo.toml:6:3"],
    );
}

#[test]
fn a_scenario_that_is_not_there_is_named() {
    let home = Home::new();
    refused(&home, &["run", "smok", "--out", "out"], &["`smok`", "`smoke`"]);
    refused(&home, &["run", "none.toml", "--out", "out"], &["none.toml"]);
    refused(&home, &["scenarios", "show", "fotball"], &["`football`"]);
}

#[test]
fn a_command_that_is_none_is_told_with_the_one_that_was_meant() {
    let home = Home::new();
    let done = refused(&home, &["inspct", "night.pcap"], &["inspct"]);
    assert!(done.err.contains("'replay inspect'"), "{done:?}");
    let meant = ["inspct", "did you mean `teem replay inspect`?"];
    refused(&home, &["replay", "inspct", "night.pcap"], &meant);
    refused(&home, &["replay", "inspct"], &meant);
}

#[test]
fn a_folder_and_a_file_of_sessions_cut_off_in_its_first_bytes_are_told_as_such() {
    let home = Home::new();
    std::fs::create_dir(home.path("night")).unwrap();
    std::fs::write(home.path("cut.teem"), b"\x89teemses\x01\0").unwrap();
    for command in [
        &["replay", "inspect"][..],
        &["replay", "fit"],
        &["replay", "--serve"],
    ] {
        refused(
            &home,
            &[command, &["night"]].concat(),
            &["night is a folder", "expected a capture"],
        );
        refused(
            &home,
            &[command, &["cut.teem"]].concat(),
            &["cut.teem", "cut off at byte 10", "first 16"],
        );
    }
}

#[test]
fn numbers_that_cannot_be_are_refused_before_anything_runs() {
    let home = Home::new();
    refused(
        &home,
        &smoke(&["--connections", "999G"]),
        &["999000000000", "50000000"],
    );
    refused(&home, &smoke(&["--connections", "many"]), &["`many`", "200k"]);
    refused(&home, &smoke(&["--time-scale", "0"]), &["0.001"]);
    refused(&home, &smoke(&["--duration", "1s"]), &["leaves no hold"]);
    refused(
        &home,
        &smoke(&["--duration", "10"]),
        &["expected a duration with its unit"],
    );
    refused(&home, &smoke(&["--kill-server-at", "NaN"]), &["`NaN`"]);
    refused(
        &home,
        &smoke(&["--kill-server-at", "99"]),
        &["99", "ends at 10 s"],
    );
    refused(
        &home,
        &smoke(&["--threshold", "delivry.p99 < 250ms"]),
        &["`delivry.p99`", "`delivery.p99`"],
    );
    refused(
        &home,
        &smoke(&["--threshold", "delivery.p99 << 250ms"]),
        &["<= > >="],
    );
}

#[test]
fn more_connections_than_fit_are_refused_with_the_number_that_does() {
    let home = Home::new();
    let done = refused(
        &home,
        &["run", "smoke", "--out", "out", "--connections", "50M"],
        &["50000000 connections do not fit"],
    );
    assert!(
        ["raise it", "free some"]
            .iter()
            .any(|remedy| done.err.contains(remedy)),
        "{done:?}"
    );
}

#[test]
fn a_run_folder_that_cannot_be_used_is_refused() {
    let home = Home::new();
    home.write("file", "kept");
    std::fs::create_dir(home.path("full")).unwrap();
    std::fs::write(home.path("full").join("kept"), "kept").unwrap();
    refused(
        &home,
        &["run", "smoke", "--out", "full"],
        &["full is not empty", "--out"],
    );
    refused(&home, &["run", "smoke", "--out", "file"], &["file"]);
    refused(&home, &["run", "smoke", "--out", "file/out"], &["file/out"]);
    // Nobody can make a folder there, root neither.
    refused(
        &home,
        &["run", "smoke", "--out", "/proc/none/out"],
        &["/proc/none/out"],
    );
    assert_eq!(std::fs::read(home.path("file")).unwrap(), b"kept");
}

#[test]
fn a_target_that_refuses_is_told_and_leaves_no_run_folder() {
    let home = Home::new();
    // Port 1 (tcpmux) is served nowhere, and nobody is given it at random.
    let closed = "127.0.0.1:1";
    home.write("secret", &"ab".repeat(32));
    refused(
        &home,
        &[
            "run",
            "smoke",
            "--out",
            "out",
            "--target",
            closed,
            "--secret-file",
            "secret",
        ],
        &[closed, "refused", "start the server first"],
    );
    refused(
        &home,
        &[
            "run",
            "smoke",
            "--out",
            "out",
            "--target",
            "localhost",
            "--secret-file",
            "secret",
        ],
        &["HOST:PORT"],
    );
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let open = listener.local_addr().unwrap().to_string();
    refused(
        &home,
        &["run", "smoke", "--out", "out", "--target", &open],
        &["--secret-file"],
    );
    home.write("short", "abcd");
    refused(
        &home,
        &[
            "run",
            "smoke",
            "--out",
            "out",
            "--target",
            &open,
            "--secret-file",
            "short",
        ],
        &["short", "64 or more hex digits"],
    );
}

#[test]
fn a_server_that_cannot_listen_says_why_and_what_to_do() {
    let home = Home::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = listener.local_addr().unwrap().to_string();
    for flag in ["--listen", "--http", "--admin"] {
        // clap takes the last of two, so the ports that are free come first.
        let mut args = vec!["serve", "--data", "data"];
        for pair in FREE_PORTS.chunks(2).filter(|pair| pair[0] != flag) {
            args.extend(pair);
        }
        args.extend([flag, &taken]);
        home.teem(&args)
            .mistake(&[&taken, "in use", "another with", flag]);
    }
    // TEST-NET-1 (RFC 5737) is no host's address.
    home.teem(&["serve", "--data", "data", "--listen", "192.0.2.1:7700"])
        .mistake(&["192.0.2.1:7700", "no interface"]);
    home.teem(&["serve", "--listen", "here"]).code(2);
}

#[test]
fn a_server_is_told_what_its_settings_lack() {
    let home = Home::new();
    let serve = |args: &[&str]| {
        let whole = [&["serve", "--data", "data"], &FREE_PORTS[..], args].concat();
        home.teem(&whole)
    };
    serve(&["--sms", "carrier-pigeon"]).mistake(&["`carrier-pigeon`", "file:PATH"]);
    serve(&["--push", "http://"]).mistake(&["`http://`", "http://HOST/PATH"]);
    serve(&["--store-quota", "10"]).mistake(&["quota"]);
    home.write("secret", "xyz");
    serve(&["--secret-file", "secret"]).mistake(&["secret", "64 or more hex digits"]);
    home.write("file", "");
    serve(&["--data", "file/data"]).code(2);
    let listen = [
        "serve",
        "--data",
        "data",
        "--listen",
        "127.0.0.1:0",
        "--http",
        "127.0.0.1:0",
        "--admin",
        "0.0.0.0:0",
    ];
    home.teem(&listen).mistake(&["0.0.0.0:0", "token", "127.0.0.1"]);
}
