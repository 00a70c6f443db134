//! Misfits: peers as they should not be, what the server makes of them, and that nothing of the others' is lost.

use record::Verdict;
use record::name::{host, server, swarm};

use crate::home::Home;
use crate::lab::Turn;
use crate::run_folder::assert_ledger_closes;

#[test]
fn each_kind_of_misfit_is_met_and_nothing_is_lost() {
    let Some(turn) = Turn::take() else { return };
    let home = Home::new();
    let over = ["--transport", "packet", "--lab", "always", "--connections", "300"];
    let (done, run) = home.run("out", &[&["misfits"], &over[..]].concat());
    done.code(0);
    let summary = run.summary();
    assert_eq!(summary.verdict, Verdict::Pass);
    let made = |kind: &str| run.counter(&format!("{}{kind}", swarm::MISFITS));
    for kind in swarm::MISFIT_KINDS {
        assert!(made(kind) > 0, "nobody was {kind}");
    }
    // Windows were shut, and the server kept no more for those behind them than it may: each was cut off.
    let (cut, shut) = (run.counter(server::SLOW_READERS_CUT), made("zero-window"));
    assert!(cut >= shut, "{cut} of {shut}");
    // Whoever vanished is dropped for his silence, but for those whom the run's end spared.
    let (idle, gone) = (run.counter(server::IDLE_CLOSED), made("vanishing"));
    assert!(idle >= gone / 2, "{idle} of {gone}");
    // Whoever rebound was reset, and is back.
    assert!(run.counter(swarm::RESETS_IN) >= made("rebinding"));
    assert!(run.counter(swarm::CUTS) >= made("rebinding"));
    // The kernel asked again those who were half-open, and ran out of room for a flood.
    assert!(run.counter(host::SYN_RETRANSMITS) >= made("half-open"));
    assert!(run.counter(swarm::FLOOD_SYNS) > 100_000);
    assert!(run.counter(host::SYN_COOKIES) > 0);
    assert_ledger_closes(&summary.messages);
    assert!(summary.messages.queued > 0, "nobody vanished for good");
    turn.assert_undone();
}

#[test]
fn misfits_over_kernel_sockets_are_refused_before_anything_starts() {
    let home = Home::new();
    home.teem(&["run", "misfits"])
        .mistake(&["misfits", "--transport packet"]);
    assert!(home.entries().is_empty(), "{:?}", home.entries());
    home.teem(&["run", "misfits", "--dry-run", "--out", "out"])
        .code(0);
    let marks = std::fs::read_to_string(home.path("out/plan.json")).unwrap();
    assert!(marks.contains("zero-window"), "{marks}");
}
