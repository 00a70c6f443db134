//! Plans over a floor in this process.

use std::process::id;

use wire::chat::Secret;

use super::*;
use crate::child::free_address;
use crate::protocol::{Chat, Names};

fn over_a_floor(ticks: bool, paces: &[Pace]) -> Report {
    let to = free_address().unwrap();
    // It ends with the process.
    std::thread::spawn(move || crate::floor::serve(to, ticks));
    while std::net::TcpStream::connect(to).is_err() {
        std::thread::yield_now();
    }
    let chat = Chat {
        names: Names {
            base: crate::floor::BASE,
            secret: Secret::new(b"any"),
        },
        ticks,
    };
    let level = |&pace| Level {
        pace,
        warm_up_us: 10_000,
        measure_us: 100_000,
    };
    let plan = Plan {
        to,
        connections: 300,
        levels: paces.iter().map(level).collect(),
        seed: 1,
        server: Family::of(id()),
        cpu: None,
    };
    run(chat, plan).unwrap()
}

#[test]
fn messages_cross_the_floor_and_each_is_accounted_for() {
    let paces = [Pace::InFlight(1), Pace::InFlight(900), Pace::PerSecond(1_000.0)];
    for ticks in [false, true] {
        let report = over_a_floor(ticks, &paces);
        assert!(report.faults.none());
        assert_eq!(report.levels.len(), 3);
        for level in &report.levels {
            assert!(level.delivered > 0, "{level:?}");
            assert_eq!(level.latency.count(), level.delivered);
        }
    }
}
