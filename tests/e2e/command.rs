//! The commands that run nothing: the library, the knobs, the activity report, help and completions.

use serde_json::Value;

use crate::home::Home;
use crate::scenario::{BRIEF, FLOOD, HTTP};
use crate::serving::{FREE_PORTS, Serving};

#[test]
fn every_command_helps() {
    let home = Home::new();
    let help = home.teem(&["--help"]).code(0).out;
    for command in [
        "run",
        "serve",
        "replay",
        "report",
        "gate",
        "scenarios",
        "wsar",
        "knob",
        "doctor",
        "lab",
        "completions",
    ] {
        assert!(help.contains(&format!("\n  {command} ")), "{command}: {help}");
        assert!(home.teem(&[command, "--help"]).code(0).out.contains("Usage:"));
    }
    for action in ["show", "check"] {
        home.teem(&["scenarios", action, "--help"]).code(0);
    }
    assert!(
        home.teem(&["--version"])
            .code(0)
            .out
            .contains(env!("CARGO_PKG_VERSION"))
    );
    assert!(home.teem(&["runn"]).code(2).err.contains("run"));
    home.teem(&[]).code(2);
}

#[test]
fn who_has_read_enough_may_close_the_pipe_and_a_full_disk_is_told() {
    for arguments in [
        &["scenarios"][..],
        &["scenarios", "show", "football"],
        &["scenarios", "--json"],
        &["completions", "bash"],
        &["doctor", "--connections", "1k", "--json"],
    ] {
        let run = |out: std::process::Stdio| {
            let mut command = std::process::Command::new(crate::home::binary());
            let ended = command.args(arguments).stdout(out).output().unwrap();
            (ended.status.code(), String::from_utf8(ended.stderr).unwrap())
        };
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        assert_eq!(run(writer.into()), (Some(0), String::new()), "{arguments:?}");
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let (code, err) = run(full.into());
        assert_eq!(code, Some(2), "{arguments:?}: {err}");
        assert!(
            err.contains("standard output cannot be written") && err.contains("No space left"),
            "{err}"
        );
    }
}

#[test]
fn shells_complete() {
    let home = Home::new();
    for shell in ["bash", "zsh", "fish"] {
        let script = home.teem(&["completions", shell]).code(0).out;
        assert!(script.contains("teem") && script.contains("scenarios"), "{shell}");
    }
    home.teem(&["completions", "none"]).code(2);
}

#[test]
fn the_library_is_listed_shown_and_checked() {
    let home = Home::new();
    let listed = home.teem(&["scenarios"]).code(0).out;
    let rows: Value = serde_json::from_str(&home.teem(&["scenarios", "--json"]).code(0).out).unwrap();
    let rows = rows.as_array().unwrap();
    assert!(rows.len() >= 4);
    for row in rows {
        let name = row["name"].as_str().unwrap();
        assert!(listed.contains(name) && row["connections"].as_u64().unwrap() > 0);
        let text = home.teem(&["scenarios", "show", name]).code(0).out;
        let file = format!("{name}.toml");
        home.write(&file, &text);
        let checked = home.teem(&["scenarios", "check", &file]).code(0).out;
        assert!(checked.contains("fine"), "{checked}");
    }
    for (name, text) in [("brief.toml", BRIEF), ("http.toml", HTTP), ("flood.toml", FLOOD)] {
        home.write(name, text);
        home.teem(&["scenarios", "check", name]).code(0);
    }
}

#[test]
fn knobs_are_listed_read_and_turned_live() {
    let home = Home::new();
    let server = Serving::start(
        &home,
        &[
            "--data",
            "data",
            "--durability",
            "memory",
            "--provisioned",
            "3000",
        ],
    );
    let knob = |args: &[&str]| {
        let whole = [&["knob", "--admin", &server.ready.admin], args].concat();
        home.teem(&whole)
    };
    let listed = knob(&[]).code(0).out;
    for name in ["durability", "connections_max", "idle_timeout_s", "log_level"] {
        assert!(listed.contains(name), "{listed}");
    }
    assert!(knob(&["durability"]).code(0).out.contains("memory"));
    let turned = knob(&["durability", "commit"]).code(0).out;
    assert_eq!(turned, "durability: memory -> commit\n");
    assert!(knob(&["durability"]).code(0).out.contains("commit"));
    knob(&["durability", "eternal"]).mistake(&["`eternal`", "memory, async, commit"]);
    knob(&["durabilty", "commit"]).mistake(&["`durabilty`", "`durability`"]);
    knob(&["durabilty"]).mistake(&["`durabilty`"]);
    assert!(server.log().contains("durability"));

    // What is sent after the turn is committed, under the same load as ever.
    home.write("brief.toml", BRIEF);
    let target = server.as_target("data/secret");
    let (done, _) = home.run("out", &[&["brief.toml"], &target[..]].concat());
    done.code(0);
    assert!(server.stop().success());
    home.teem(&["knob", "--admin", "127.0.0.1:1"])
        .mistake(&["127.0.0.1:1", "--admin"]);
}

#[test]
fn a_token_guards_the_knobs() {
    let home = Home::new();
    let token = "a-token-of-some-length";
    let mut command = home.command(&["serve", "--json", "--data", "data"]);
    command.args(FREE_PORTS).env("TEEM_ADMIN_TOKEN", token);
    let server = Serving::spawn(&home, command);
    let knob = |token: Option<&str>| {
        let mut command = home.command(&["knob", "durability", "async", "--admin", &server.ready.admin]);
        if let Some(token) = token {
            command.env("TEEM_ADMIN_TOKEN", token);
        }
        home.finish(command)
    };
    for wrong in [None, Some("another-token-of-some-length")] {
        let refused = knob(wrong).mistake(&["refused", "401"]);
        assert!(!refused.err.contains(token));
    }
    knob(Some(token)).code(0);
    assert!(!server.log().contains(token));
}

#[test]
fn the_activity_report_prints_so_many_lines() {
    let home = Home::new();
    let mine = format!("me={}", std::process::id());
    let report = home
        .teem(&["wsar", "--count", "2", "--watch", &mine, "--out", "samples.jsonl"])
        .code(0);
    let lines: Vec<&str> = report.out.lines().collect();
    assert!(lines.len() >= 3 && lines[0].contains("idle%"), "{report:?}");
    let samples = std::fs::read_to_string(home.path("samples.jsonl")).unwrap();
    let last: record::Sample = serde_json::from_str(samples.lines().last().unwrap()).unwrap();
    assert!(last.gauges[&record::name::process::rss_anon_bytes("me")] > 0.0);
    home.teem(&["wsar", "--interval", "0"]).mistake(&["--interval 0"]);
    home.teem(&["wsar", "--watch", "me"]).mistake(&["LABEL=PID"]);
}
