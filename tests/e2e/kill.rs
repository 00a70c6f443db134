//! The server is killed in mid-run, at random instants, and started again on its data: what it had accepted is
//! delivered, exactly once by id.
//!
//! `TEEM_KILLS` is how many kills there are in all: 8 by default, two a run; where it is set, four a run. `TEEM_SEED`
//! repeats the instants of an earlier test, which printed its seed.

use std::time::{SystemTime, UNIX_EPOCH};

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use record::{EventKind, Verdict, name};

use crate::home::Home;
use crate::run_folder::assert_ledger_closes;

/// Kills where nobody says how many, and of one run.
const KILLS: (u64, u64) = (8, 2);
/// Kills of one run where somebody does.
const KILLS_A_RUN: u64 = 4;
/// When in the run they may come, seconds: log-ins begin at once, messages in the second second, the drain ends in
/// the tenth.
const WINDOW_S: (f64, f64) = (0.2, 9.6);

/// What the runs saw, together.
#[derive(Debug, Default)]
struct Seen {
    cuts: u64,
    reconnects: u64,
    redelivered: u64,
    delivered: u64,
}

#[test]
fn what_was_accepted_survives_kill_9_and_arrives_once() {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let (kills, kills_a_run) = number("TEEM_KILLS").map_or(KILLS, |kills| (kills, KILLS_A_RUN));
    let seed = number("TEEM_SEED").unwrap_or_else(|| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        u64::from(now.subsec_nanos())
    });
    eprintln!("TEEM_SEED={seed} TEEM_KILLS={kills}");
    let mut rng = StdRng::seed_from_u64(seed);
    let runs: Vec<(u64, Vec<f64>)> = (0..kills.div_ceil(kills_a_run))
        .map(|_| {
            let run_seed = rng.random_range(0..1 << 40);
            let instants = (0..kills_a_run).map(|_| rng.random_range(WINDOW_S.0..WINDOW_S.1));
            (run_seed, instants.collect())
        })
        .collect();

    // Two at a time: a run sleeps most of the time.
    let (left, right) = runs.split_at(runs.len() / 2);
    let seen = std::thread::scope(|scope| {
        let other = scope.spawn(|| left.iter().map(|run| kill(seed, run)).collect::<Vec<Seen>>());
        let mut seen: Vec<Seen> = right.iter().map(|run| kill(seed, run)).collect();
        seen.extend(other.join().unwrap());
        seen
    });

    // Without these nothing would have been proved.
    let sum = |figure: fn(&Seen) -> u64| seen.iter().map(figure).sum::<u64>();
    assert!(sum(|one| one.cuts) > 0, "TEEM_SEED={seed}: {seen:?}");
    assert!(sum(|one| one.reconnects) > 0, "TEEM_SEED={seed}: {seen:?}");
    assert!(sum(|one| one.redelivered) > 0, "TEEM_SEED={seed}: {seen:?}");
    assert!(sum(|one| one.delivered) > 0, "TEEM_SEED={seed}: {seen:?}");
}

fn kill(seed: u64, (run_seed, instants_s): &(u64, Vec<f64>)) -> Seen {
    let home = Home::new();
    let run_seed = run_seed.to_string();
    let instants: Vec<String> = instants_s.iter().map(|at_s| format!("{at_s:.3}")).collect();
    let mut args = vec!["smoke", "--seed", &run_seed];
    for at in &instants {
        args.extend(["--kill-server-at", at]);
    }
    let (done, run) = home.run("out", &args);
    let summary = run.summary();
    let told = format!(
        "TEEM_SEED={seed}: {args:?}: {:?}; {:?}; {done:?}",
        summary.messages, summary.invalid_because
    );
    eprintln!("{args:?}: {:?}", summary.messages);
    assert_eq!(summary.verdict, Verdict::Pass, "{told}");
    assert_eq!(done.code, Some(0), "{told}");
    assert_ledger_closes(&summary.messages);
    let faults = run.events_of(EventKind::Fault);
    assert_eq!(faults.len(), instants.len(), "{told}");
    assert!(faults.iter().all(|fault| fault.name == "kill -9"), "{told}");
    Seen {
        cuts: run.counter(name::swarm::CUTS),
        reconnects: run.counter(name::swarm::RECONNECTS),
        redelivered: summary.messages.redelivered,
        delivered: summary.messages.delivered,
    }
}
