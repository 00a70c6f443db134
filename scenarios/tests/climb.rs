//! A climb: the phases it amounts to, its plan, its file written and read again, and what its mistakes are told.
#![allow(clippy::unwrap_used)] // helpers of tests may

use scenarios::{CELLS, Scenario, What};

const CLIMB: &str = r#"name = "hill"
seed = 3
connections = 6000

[climb]
steps = [1000, "2.5k", "4k", "9k"]
connects = "1000/s"
connects_tls = "500/s"
settle = "1s"
hold = "2s"
hold_last = "4s"

[[population]]
name = "everyone"
share = "100%"
away = "0%"
groups = 0

[messages]
rate = "3000/s"
to_away = "0%"
to_groups = "0%"
bytes = "100B"
"#;

fn hill() -> Scenario {
    Scenario::parse("hill.toml", CLIMB).unwrap()
}

fn phases(scenario: &Scenario) -> Vec<String> {
    let phase = |phase: &scenarios::PhaseSettings| format!("{} {}", phase.name, phase.duration);
    scenario.phase.iter().map(phase).collect()
}

#[test]
fn a_climb_is_worked_out_again_for_other_connections_another_speed_and_another_clock() {
    assert_eq!(
        phases(&hill()),
        [
            "to 1k 1s",
            "settle at 1k 1s",
            "hold 1k 2s",
            "to 2.5k 1500ms",
            "settle at 2.5k 1s",
            "hold 2.5k 2s",
            "to 4k 1500ms",
            "settle at 4k 1s",
            "hold 4k 2s",
            "to 6k 2s",
            "settle at 6k 1s",
            "hold 6k 4s"
        ]
    );
    let fewer = hill().with_connections(1_500).with_encryption(true);
    assert_eq!(
        phases(&fewer),
        [
            "to 1k 2s",
            "settle at 1k 1s",
            "hold 1k 2s",
            "to 1.5k 1s",
            "settle at 1.5k 1s",
            "hold 1.5k 4s"
        ]
    );
    assert_eq!(
        phases(&fewer.with_connections(6_000).with_encryption(false)),
        phases(&hill())
    );
    // The speed is the machine's: a clock twice as fast leaves it, and halves the holds.
    let faster = hill().with_time_scale(2.0).plan().unwrap();
    assert_eq!(faster.climb_steps()[0].settle_us, 1_000_000);
    assert_eq!(faster.climb_steps()[0].hold_us, 1_500_000..2_500_000);
    let longer = hill().with_duration(48_000_000).unwrap();
    assert_eq!(longer.plan().unwrap().duration_us(), 48_000_000);
}

#[test]
fn what_is_written_out_is_the_climb_and_reads_as_the_same_scenario() {
    let library = Scenario::by_name("climb").unwrap();
    let changed = library
        .clone()
        .with_connections(7_300_000)
        .with_encryption(true)
        .with_time_scale(1.5);
    for scenario in [library, changed, hill()] {
        let text = scenario.resolved().unwrap();
        assert!(text.contains("[climb]") && !text.contains("[[phase]]"), "{text}");
        assert_eq!(Scenario::parse("resolved.toml", &text).unwrap(), scenario);
    }
}

#[test]
fn the_plan_stands_on_each_step_with_the_whole_rate() {
    let plan = hill().plan().unwrap();
    let (steps, curve) = (plan.climb_steps(), plan.curve());
    let tops: Vec<u64> = steps.iter().map(|step| step.connections).collect();
    assert_eq!(tops, [1_000, 2_500, 4_000, 6_000]);
    for step in &steps {
        let held = step.hold_us.start.div_ceil(1_000_000) as usize..(step.hold_us.end / 1_000_000) as usize;
        assert!(!held.is_empty());
        for second in held {
            assert_eq!(curve.connections[second], step.connections);
            assert!(
                curve.messages[second].abs_diff(3_000) <= 1,
                "{}",
                curve.messages[second]
            );
        }
    }
    // The columns are what the actions amount to.
    let mut connects = vec![0u64; curve.connections.len()];
    for action in plan
        .actions(0..CELLS)
        .filter(|action| action.what == What::Connect)
    {
        connects[(action.at_us / 1_000_000) as usize] += 1;
    }
    let sums = connects.iter().scan(0, |open, connects| {
        *open += connects;
        Some(*open)
    });
    assert_eq!(sums.collect::<Vec<_>>(), curve.connections);
    let names: Vec<&str> = curve.marks.iter().map(|mark| mark.name.as_str()).collect();
    assert_eq!(names[..3], ["to 1k", "settle at 1k", "hold 1k"]);
}

#[test]
fn a_rate_per_connection_grows_with_the_climb() {
    let text = CLIMB.replace("3000/s", "0.5/s per connection");
    let curve = Scenario::parse("hill.toml", &text)
        .unwrap()
        .plan()
        .unwrap()
        .curve();
    assert_eq!([curve.messages[2], *curve.messages.last().unwrap()], [500, 3_000]);
}

/// What a silent client costs is part of what a climb measures: the library's drops them, and none that pings.
#[test]
fn the_librarys_climb_drops_who_misses_a_ping() {
    let text = include_str!("../library/climb.toml");
    let climb = Scenario::parse("climb.toml", text).unwrap();
    let idle_us = climb.server.idle_timeout.unwrap().0;
    assert_eq!(idle_us, 660_000_000);
    assert_eq!(climb.ping_every.0, 600_000_000);
}

#[test]
fn mistakes_are_explained_where_they_are() {
    let cases = [
        (
            "phases beside it",
            "[messages]",
            "[[phase]]\nkind = \"ramp\"\nduration = \"2s\"\n\n[messages]",
        ),
        (
            "neither",
            "[climb]\nsteps = [1000, \"2.5k\", \"4k\", \"9k\"]\nconnects = \"1000/s\"\nconnects_tls = \"500/s\"\nsettle = \"1s\"\nhold = \"2s\"\nhold_last = \"4s\"\n",
            "",
        ),
        ("an unknown key", "hold_last", "hold_lats"),
        ("no steps", "[1000, \"2.5k\", \"4k\", \"9k\"]", "[]"),
        ("steps that do not rise", "\"4k\", \"9k\"", "\"2.5k\", \"9k\""),
        ("a step of nobody", "[1000", "[0"),
        ("a speed of nothing", "\"1000/s\"", "\"0/s\""),
        ("a relative speed", "\"500/s\"", "\"500/s per connection\""),
        ("a hold of nothing", "hold = \"2s\"", "hold = \"0s\""),
        (
            "a length it cannot have",
            "[climb]",
            "[clock]\nduration = \"1m\"\n\n[climb]",
        ),
        (
            "no steps at all",
            "steps = [1000, \"2.5k\", \"4k\", \"9k\"]\n",
            "",
        ),
    ];
    let told: Vec<String> = cases
        .iter()
        .map(|(case, found, replacement)| {
            assert!(CLIMB.contains(found), "{found}");
            let error = Scenario::parse("hill.toml", &CLIMB.replacen(found, replacement, 1)).unwrap_err();
            format!("{case}\n  {error}")
        })
        .collect();
    insta::assert_snapshot!(told.join("\n"));
}
