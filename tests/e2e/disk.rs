//! The server's disk. A full one: the server refuses what is new and delivers what it has; the run is invalid and says why. One
//! that another server uses, and who may read what is on it.
//!
//! The disks are small ones in memory, mounted in a mount namespace of the process under test. Where that is not
//! allowed the tests are skipped.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use record::Verdict;

use crate::home::{Done, Home, binary, until};
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
        testbed::skipped("this host allows no mount namespace, so no disk can be filled");
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

/// What a server without mail makes ahead for its store: three segments.
const RESERVES_BYTES: u64 = 3 * (16 << 20);
const NUMBER: &str = "19990000001";

#[test]
fn a_second_server_on_the_same_folder_leaves_it_as_it_is() {
    let home = Home::new();
    let args = ["--data", "data", "--sms", "file:sms"];
    let first = Serving::start(&home, &args);
    register(&home, &first.ready.http);
    until("reserves", || {
        let made = files(&home.path("data/mail"));
        let bytes: u64 = made.iter().map(|path| path.metadata().unwrap().len()).sum();
        (bytes == RESERVES_BYTES).then_some(())
    });
    let before = contents(&home.path("data"));

    let serve = ["serve", "--plain", "--data", "data", "--sms", "none"];
    let second = home.teem(&[&serve[..], &FREE_PORTS[..]].concat());
    second.mistake(&["another server uses", "data/mail", "stop it", "--data"]);
    for (port, taken) in [
        ("--listen", &first.ready.listen),
        ("--http", &first.ready.http),
        ("--admin", &first.ready.admin),
    ] {
        let mut args = [&serve[..], &FREE_PORTS[..]].concat();
        let place = args.iter().position(|arg| *arg == port).unwrap() + 1;
        args[place] = taken.as_str();
        home.teem(&args).mistake(&[taken, "in use"]);
    }
    assert!(before == contents(&home.path("data")), "the folder has changed");

    // The first is killed, which frees the folder, and what it had is all there.
    drop(first);
    let first = Serving::start(&home, &args);
    let (status, body) = http(&first.ready.http, "GET", &format!("/v1/accounts/{NUMBER}"), "");
    assert_eq!((status, body.as_str()), (200, r#"{"registered":true}"#));
    assert!(first.stop().success());
}

#[test]
fn nobody_else_may_read_what_a_server_keeps() {
    let home = Home::new();
    let mut command = home.command(&["serve", "--json", "--data", "data", "--sms", "file:data/sms"]);
    command.args(FREE_PORTS);
    let server = Serving::spawn(&home, command);
    register(&home, &server.ready.http);
    let mut paths = files(&home.path("data"));
    paths.extend(["data", "data/mail", "data/accounts", "data/media"].map(|name| home.path(name)));
    assert!(paths.len() > 6, "{paths:?}");
    for path in paths {
        let mode = path.metadata().unwrap().permissions().mode();
        let is_public = path.ends_with("tls-certificate.pem");
        assert!(is_public || mode & 0o077 == 0, "{}: {mode:o}", path.display());
    }
    assert!(server.stop().success());
}

/// Registers [`NUMBER`], whose PIN comes to a file.
fn register(home: &Home, server: &str) {
    let asked = http(
        server,
        "POST",
        "/v1/register",
        &format!(r#"{{"number": {NUMBER}}}"#),
    );
    assert_eq!(asked.0, 202, "{asked:?}");
    let pin = until("a PIN", || {
        let sent =
            ["sms", "data/sms"].map(|name| std::fs::read_to_string(home.path(name)).unwrap_or_default());
        let pin = sent.concat().split_once(r#""pin":""#)?.1.get(..6)?.to_owned();
        Some(pin)
    });
    let proof = format!(r#"{{"number": {NUMBER}, "pin": "{pin}"}}"#);
    let proved = http(server, "POST", "/v1/prove", &proof);
    assert_eq!(proved.0, 200, "{proved:?}");
}

/// A request's status and body.
fn http(server: &str, method: &str, path: &str, body: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(server).unwrap();
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: {server}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    (status, answer.split_once("\r\n\r\n").unwrap().1.to_owned())
}

/// The files below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(path);
            }
        }
    }
    found
}

fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let read = |path: PathBuf| (path.clone(), std::fs::read(path).unwrap());
    files(folder).into_iter().map(read).collect()
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
