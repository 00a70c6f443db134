//! How fast a capture is driven, and how well its rhythm is kept.

use std::net::TcpListener;

use record::{PlanCurve, Run};

use crate::exchange::{Exchange, capture};
use crate::home::Home;
use crate::replay::{closes, replay};
use crate::visits::{Visits, visited};

/// What was planned: the seconds of the sends, and how long all of it lasts.
fn planned(home: &Home, name: &str, speeds: &[&str]) -> (Vec<usize>, usize) {
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let target = free.local_addr().unwrap().to_string();
    drop(free);
    // Nobody listens, and the first failure ends it: the plan is written before.
    let arguments = ["replay", "far.pcap", "--target", &target, "--on-failure", "stop"];
    let conduct = ["--quiet", "--out", name];
    home.teem(&[&arguments[..], speeds, &conduct].concat()).code(1);
    let plan: PlanCurve =
        serde_json::from_slice(&std::fs::read(home.path(name).join("plan.json")).unwrap()).unwrap();
    let mut sends = Vec::new();
    for (second, count) in plan.messages.iter().enumerate() {
        sends.extend((0..*count).map(|_| second));
    }
    (sends, plan.messages.len())
}

#[test]
fn connects_and_think_times_have_a_speed_each() {
    let home = Home::new();
    // The second opens 122 s after the first; each thinks for 62 s before it asks.
    let exchange = |client, opened_s| Exchange {
        apart_s: 31,
        ..Exchange::between(client, "10.0.0.9:80", opened_s)
    };
    let exchanges = [exchange("10.0.0.1:40000", 1), exchange("10.0.0.2:40000", 123)];
    std::fs::write(home.path("far.pcap"), capture(&exchanges)).unwrap();
    let plan = |name: &str, speeds: &[&str]| planned(&home, name, speeds);
    let as_recorded = plan("as-recorded", &[]);
    let connects = plan("connects", &["--connect-speed", "4"]);
    let thinks = plan("thinks", &["--think-speed", "4"]);
    let both = plan("both", &["--connect-speed", "4", "--think-speed", "4"]);
    // 62 s and 122 + 62 s; 30.5 s and 15.5 s are a quarter of the two.
    assert_eq!(as_recorded.0, [62, 184]);
    assert_eq!(connects.0, [62, 92]);
    assert_eq!(thinks.0, [15, 137]);
    assert_eq!(both.0, [15, 46]);
    // Either is `--speed` where it is not said otherwise.
    assert_eq!(plan("speed", &["--speed", "4"]), both);
    assert_eq!(
        plan("but-thinks", &["--speed", "4", "--think-speed", "1"]),
        connects
    );
    assert_eq!(
        plan("but-connects", &["--speed", "4", "--connect-speed", "1"]),
        thinks
    );
    // 122 s to the second's opening and 155 s from there to its last packet.
    let lengths = [&as_recorded, &connects, &thinks, &both].map(|(_, seconds)| *seconds);
    assert_eq!(lengths, [278, 186, 161, 70]);
    let manifest = Run::read(&home.path("thinks")).unwrap().manifest.resolved;
    assert!(
        manifest.contains("connect_speed = \"1x\"\nthink_speed = \"4x\""),
        "{manifest}"
    );
}

#[test]
fn the_rhythm_of_a_replay_with_a_clock_is_judged_and_without_one_it_is_not() {
    let home = Home::new();
    let capture = visited(&home, 2, 5);
    let fresh = Visits::start(u64::MAX, 1);
    let arguments = [capture.as_str(), "--target", &fresh.address];
    let (_, run) = replay(&home, "kept", &arguments);
    assert_eq!(closes(&run.summary()).sends.sent, 12);
    let gaps = Run::read(&home.path("kept"))
        .unwrap()
        .replay
        .unwrap()
        .gaps
        .unwrap();
    assert!(gaps.count >= 10, "{gaps:?}");
    for share in [gaps.distance, gaps.distance_beyond_100_us, gaps.p_value] {
        assert!((0.0..=1.0).contains(&share), "{gaps:?}");
    }
    assert!(gaps.distance_beyond_100_us <= gaps.distance, "{gaps:?}");
    // The figure that a gate knows is the second distance.
    let distance = gaps.distance_beyond_100_us;
    for sign in ["<=", ">="] {
        let threshold = format!("replay.gap_distance {sign} {distance}");
        home.teem(&["gate", "kept", "--threshold", &threshold]).code(0);
    }
    let (_, run) = replay(&home, "hurried", &[&arguments[..], &["--speed", "max"]].concat());
    assert_eq!(closes(&run.summary()).sends.sent, 12);
    let hurried = Run::read(&home.path("hurried")).unwrap().replay.unwrap();
    assert_eq!(hurried.gaps, None);
}

#[test]
fn a_replay_whose_turns_wait_for_answers_is_set_beside_the_capture_itself() {
    let home = Home::new();
    let capture = visited(&home, 2, 5);
    let fresh = Visits::start(u64::MAX, 1);
    let arguments = [capture.as_str(), "--target", &fresh.address];
    let captured = |name: &str, more: &[&str]| {
        let (_, run) = replay(&home, name, &[&arguments[..], more].concat());
        assert_eq!(closes(&run.summary()).sends.sent, 12);
        let told = run.text("report.html").contains("Gaps within sessions, captured");
        let gaps = Run::read(&home.path(name)).unwrap().replay.unwrap().captured_gaps;
        assert_eq!(gaps.is_some(), told, "{name}");
        gaps
    };
    // From each visitor's first request to the last.
    let gaps = captured("causal", &["--causal"]).unwrap();
    assert_eq!(gaps.count, 10);
    assert!((0.0..=1.0).contains(&gaps.distance), "{gaps:?}");
    // Where it is ten times as slow, answers are as fast as ever: the gaps are shorter than those of the capture by nine tenths of
    // what its server took.
    assert!(
        captured("slow", &["--causal", "--speed", "0.1"])
            .unwrap()
            .distance
            > 0.0
    );
    // Timed turns have no plan but the capture, and the highest speed has no clock.
    assert_eq!(captured("timed", &[]), None);
    assert_eq!(captured("max", &["--causal", "--speed", "max"]), None);
}
