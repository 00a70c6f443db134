//! A server that somebody else started.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use record::{Run, Verdict};

use crate::home::Home;
use crate::run_folder::{RunFolder, assert_ledger_closes};
use crate::serving::{FREE_PORTS, Serving};

#[test]
fn a_server_of_the_users_own_is_driven_and_left_running() {
    let home = Home::new();
    let server = Serving::start(
        &home,
        &[
            "--data",
            "data",
            "--provisioned",
            "3000",
            "--secret-file",
            "secret",
        ],
    );
    babble(&server.ready.listen);
    let (done, run) = home.run("out", &[&["smoke"], &server.as_target("secret")[..]].concat());
    done.code(0);
    let summary = run.summary();
    assert_eq!(summary.verdict, Verdict::Pass);
    assert_ledger_closes(&summary.messages);
    let m = &summary.messages;
    assert_eq!(m.server_accepted, Some(m.accepted), "{m:?}");
    assert_eq!(m.server_queued, Some(m.queued), "{m:?}");
    let manifest = Run::read(&home.path("out")).unwrap().manifest;
    assert_eq!(manifest.target, server.ready.listen);
    assert_eq!(manifest.durability, None);
    assert!(!run.has("server.log"));
    // No secret is in what may be shown around.
    let secret = std::fs::read_to_string(home.path("secret")).unwrap();
    for file in run.files() {
        let bytes = run.bytes(&file);
        assert!(!String::from_utf8_lossy(&bytes).contains(secret.trim()), "{file}");
    }
    assert!(
        rustix::process::test_kill_process(rustix::process::Pid::from_raw(server.ready.pid as i32).unwrap())
            .is_ok()
    );
    assert!(server.stop().success());
}

#[test]
fn a_server_under_tls_is_driven_by_who_trusts_its_certificate() {
    let home = Home::new();
    let mut command = home.command(&["serve", "--json", "--data", "data", "--provisioned", "3000"]);
    command.args(["--secret-file", "secret"]).args(FREE_PORTS);
    let server = Serving::spawn(&home, command);
    let target = [
        "--target",
        server.ready.listen.as_str(),
        "--target-admin",
        server.ready.admin.as_str(),
        "--secret-file",
        "secret",
    ];
    // Without the certificate nothing starts, and the sentence says where it is.
    let refused = home.teem(&[&["run", "smoke", "--out", "none"], &target[..]].concat());
    assert!(refused.code(2).err.contains("tls-certificate.pem"));
    assert!(!home.path("none").exists());
    let trusted = ["--tls-cert", "data/tls-certificate.pem"];
    // An admin port that is nobody's would leave the ledger with one end.
    let nobody = ["--target-admin", "127.0.0.1:1"];
    let refused = [
        &["run", "smoke", "--out", "none"],
        &target[..2],
        &nobody[..],
        &target[4..],
        &trusted[..],
    ];
    home.teem(&refused.concat())
        .mistake(&["--target-admin 127.0.0.1:1", "TEEM_ADMIN_TOKEN"]);
    assert!(!home.path("none").exists());
    // What is asked there is nobody else's business: not a proxy's either.
    let mut command = home.command(&[&["run", "smoke", "--out", "out"], &target[..], &trusted[..]].concat());
    command
        .env("http_proxy", "http://127.0.0.1:1")
        .env("HTTP_PROXY", "http://127.0.0.1:1");
    home.finish(command).code(0);
    let run = RunFolder::at(&home.path("out"));
    assert_eq!(
        run.summary().messages.server_accepted,
        Some(run.summary().messages.accepted)
    );
    assert!(run.counter(record::name::swarm::TLS_HANDSHAKES) >= 2_000);
    assert!(server.stop().success());
}

/// Strangers connect and say what is no frame; each is cut off, and nothing of them stays.
fn babble(listen: &str) {
    let mut rng = StdRng::seed_from_u64(1);
    let mut bytes = vec![0; 64 * 1024];
    for length in [1, 2, 3, 5, 17, 1_000, 64 * 1024] {
        let mut stream = TcpStream::connect(listen).unwrap();
        rng.fill_bytes(&mut bytes[..length]);
        // A server that has heard enough may close before all is said.
        let _ = stream.write_all(&bytes[..length]);
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let _ = stream.read_to_end(&mut Vec::new());
    }
}
