//! A server that somebody else started.

use record::{Run, Verdict};

use crate::home::Home;
use crate::run_folder::assert_ledger_closes;
use crate::serving::Serving;

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
