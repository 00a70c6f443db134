//! What is planned, and what is refused before anything is driven.

use super::*;

#[test]
fn nothing_to_drive_says_why() {
    let recording = recorded(&[(0, "10.0.0.1:1", SERVER, &[said(Side::Server, 1, b"hi")])]);
    let error = Drive::start(&options(recording, "127.0.0.1:1".parse().unwrap())).unwrap_err();
    assert!(
        error.to_string().contains("1 cannot be: the client said nothing"),
        "{error}"
    );
    let mut options = options(talk(1), "127.0.0.1:1".parse().unwrap());
    options.targets.clear();
    let error = Drive::start(&options).unwrap_err();
    assert!(
        error.to_string().contains("--target 10.0.0.9:7000=HOST:PORT"),
        "{error}"
    );
}

#[test]
fn a_spread_without_a_clock_is_refused() {
    let error = Drive::plan(&DriveOptions {
        connect_speed: "max".parse().unwrap(),
        clones: Clones {
            count: 10,
            spread_ns: 1,
            loops: 1,
        },
        ..options(talk(1), "127.0.0.1:1".parse().unwrap())
    });
    assert!(error.unwrap_err().to_string().contains("--spread has no effect"));
}

#[test]
fn a_plan_of_years_is_refused_and_one_of_weeks_is_counted() {
    const YEAR_MS: u64 = 365 * 86_400_000;
    let day = 86_400_000 * MS;
    // From 1970 to 2024, as a capture's clock may jump.
    let jump: &[Said] = &[
        said(Side::Client, 2 * MS, b"hello\n"),
        said(Side::Client, 54 * YEAR_MS * MS, b"bye\n"),
    ];
    let target = "127.0.0.1:1".parse().unwrap();
    let jumped = options(recorded(&[(0, "10.0.0.1:1", SERVER, jump)]), target);
    let error = Drive::plan(&jumped).unwrap_err().to_string();
    assert!(
        error.contains("19710 days") && error.contains("--until"),
        "{error}"
    );
    let max: Speed = "max".parse().unwrap();
    let fast = DriveOptions {
        connect_speed: max,
        think_speed: max,
        ..jumped
    };
    assert_eq!(
        Drive::plan(&fast).unwrap().0.sends,
        2,
        "without a clock it is short"
    );
    let weeks: &[Said] = &[
        said(Side::Client, 2 * MS, b"hello\n"),
        said(Side::Client, 20 * day, b"bye\n"),
    ];
    let weeks = DriveOptions {
        clones: Clones {
            count: 1_000,
            spread_ns: 10 * day,
            loops: 1,
        },
        ..options(recorded(&[(0, "10.0.0.1:1", SERVER, weeks)]), target)
    };
    let (planned, _) = Drive::plan(&weeks).unwrap();
    assert_eq!(planned.sends_a_second.iter().sum::<u64>(), 2_000);
    assert_eq!(planned.open_at_once, 1_000);
    assert!(
        planned.sends_a_second.len() < 31 * 86_400,
        "{}",
        planned.length_ns
    );
    let loops = DriveOptions {
        clones: Clones {
            loops: 100_000,
            ..Clones::default()
        },
        ..options(
            recorded(&[(0, "10.0.0.1:1", SERVER, &[said(Side::Client, 60_000 * MS, b"hi")])]),
            target,
        )
    };
    let error = Drive::plan(&loops).unwrap_err().to_string();
    assert!(error.contains("69 days") && error.contains("--loop"), "{error}");
}

#[test]
fn the_plan_counts_clones_and_loops() {
    let (target, _) = shouting(u64::MAX);
    let options = DriveOptions {
        clones: Clones {
            count: 10,
            spread_ns: 5_000 * MS,
            loops: 2,
        },
        ..options(talk(3), target)
    };
    let picked = Picked::of(&options.recording, &options.selection);
    let planned = Program::new(&options, &picked, 1).unwrap().planned().unwrap();
    assert_eq!((planned.sessions, planned.sends), (60, 120));
    assert_eq!(planned.sends_a_second.iter().sum::<u64>(), 120);
    assert_eq!((planned.client_bytes, planned.server_bytes), (30, 30));
    assert!((3..=12).contains(&planned.open_at_once), "{planned:?}");
}
