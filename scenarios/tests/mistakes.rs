//! What a user reads when a scenario has a mistake: the place, what was expected, the nearest valid name.
#![allow(clippy::unwrap_used)] // helpers of tests may

use scenarios::Scenario;

const GOOD: &str = r#"name = "mistaken"
connections = 2000
thresholds = ["messages.lost == 0"]

[clock]
start = "18:00"
time_scale = 10

[[population]]
name = "north"
share = "60%"
region = "north"
away = "10%"

[[population]]
name = "south"
share = "40%"
region = "south"
away = "0%"

[[phase]]
kind = "ramp"
duration = "10s"

[[phase]]
kind = "hold"
duration = "60s"

[[phase]]
kind = "drain"
duration = "10s"

[messages]
rate = "500/s"
to_away = "20%"
to_groups = "30%"

[[shock]]
kind = "football"
at = "18:00:20"
audience = ["north"]

[[shock]]
kind = "earthquake"
at = "18:00:30"
region = "south"
"#;

/// The message for the good scenario with one thing replaced.
fn mistake(found: &str, replacement: &str) -> String {
    assert!(GOOD.contains(found), "{found}");
    Scenario::parse("night.toml", &GOOD.replacen(found, replacement, 1))
        .unwrap_err()
        .to_string()
}

#[test]
fn the_references_example_is_a_scenario() {
    let page = include_str!("../../docs/scenarios.md");
    let example = page
        .split("```toml\n")
        .nth(1)
        .unwrap()
        .split("```")
        .next()
        .unwrap();
    let scenario = Scenario::parse("evening.toml", example).unwrap();
    assert_eq!(scenario.plan().unwrap().duration_us(), 80_000_000);
}

#[test]
fn the_good_scenario_is_good() {
    let scenario = Scenario::parse("night.toml", GOOD).unwrap();
    assert!(scenario.plan().unwrap().expected_messages() > 0.0);
}

#[test]
fn mistakes_are_explained_where_they_are() {
    let cases = [
        ("an unknown key", "time_scale = 10", "time_scael = 10"),
        (
            "an unknown table",
            "[[population]]\nname = \"north\"",
            "[[populaton]]\nname = \"north\"",
        ),
        ("a key unlike any", "time_scale = 10", "xyzzy = 10"),
        ("an unknown value", "kind = \"hold\"", "kind = \"hodl\""),
        (
            "an unknown kind of shock",
            "kind = \"football\"",
            "kind = \"footbal\"",
        ),
        ("a missing key", "connections = 2000\n", ""),
        ("a missing key in a table", "rate = \"500/s\"\n", ""),
        ("a duration without a unit", "duration = \"60s\"", "duration = 60"),
        (
            "a duration with a strange unit",
            "duration = \"60s\"",
            "duration = \"60 parsecs\"",
        ),
        (
            "a share over the whole",
            "to_away = \"20%\"",
            "to_away = \"120%\"",
        ),
        ("a rate without a time", "rate = \"500/s\"", "rate = \"500\""),
        ("a count of nothing", "connections = 2000", "connections = 0"),
        ("a wrong type", "connections = 2000", "connections = true"),
        ("shares that do not sum", "share = \"40%\"", "share = \"30%\""),
        (
            "a time of day that is none",
            "start = \"18:00\"",
            "start = \"25:00\"",
        ),
        (
            "a threshold on an unknown figure",
            "messages.lost == 0",
            "messages.losst == 0",
        ),
        (
            "a threshold that aborts by what is known at the end only",
            "[\"messages.lost == 0\"]",
            "[{ expr = \"messages.lost == 0\", abort = true }]",
        ),
        (
            "a region nobody lives in",
            "region = \"south\"\naway",
            "region = \"sout\"\naway",
        ),
        (
            "an audience that is none",
            "audience = [\"north\"]",
            "audience = [\"nord\"]",
        ),
        (
            "a key of the other kind",
            "audience = [\"north\"]",
            "omori_p = 1.1",
        ),
        (
            "a first phase without connections",
            "kind = \"ramp\"",
            "kind = \"hold\"",
        ),
        ("a phase after the drain", "kind = \"hold\"", "kind = \"drain\""),
        (
            "a phase without a duration",
            "kind = \"hold\"\nduration = \"60s\"",
            "kind = \"hold\"",
        ),
        (
            "messages to away people there are none of",
            "away = \"10%\"\n",
            "away = \"0%\"\n",
        ),
        (
            "a group of one",
            "to_groups = \"30%\"",
            "to_groups = \"30%\"\ngroup_size = 1",
        ),
        (
            "a name no folder can have",
            "name = \"mistaken\"",
            "name = \"mis/taken\"",
        ),
        ("broken syntax", "[clock]", "[clock"),
        (
            "a key given twice",
            "time_scale = 10",
            "time_scale = 10\ntime_scale = 11",
        ),
        (
            "an unknown key in a distribution",
            "to_away = \"20%\"",
            "to_away = \"20%\"\nbytes = { median = \"9B\", sgima = 1 }",
        ),
    ];
    let told: Vec<String> = cases
        .iter()
        .map(|(case, found, replacement)| format!("{case}\n  {}", mistake(found, replacement)))
        .collect();
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn overrides_that_do_not_fit_are_refused() {
    let scenario = || Scenario::parse("night.toml", GOOD).unwrap();
    let told = [
        scenario().with_connections(0).plan().unwrap_err(),
        scenario().with_time_scale(f64::NAN).plan().unwrap_err(),
        scenario().with_time_scale(1e5).plan().unwrap_err(),
        scenario().with_duration(1_000_000).unwrap_err(),
        scenario()
            .with_threshold("delivery.p99 < fast", false)
            .unwrap_err(),
        Scenario::by_name("zzz").unwrap_err(),
    ]
    .map(|error| error.to_string());
    insta::assert_snapshot!(told.join("\n"));
}

/// What is said of a misfit with these lines.
fn misfit(lines: &str) -> String {
    let text = format!("{GOOD}\n[[misfit]]\n{lines}\n");
    Scenario::parse("night.toml", &text).unwrap_err().to_string()
}

#[test]
fn misfits_take_the_keys_of_their_kind() {
    for (lines, words) in [
        (
            "kind = 'vanish'\nat = '1s'\nshare = '1%'",
            "unknown value `vanish`; did you mean `vanishing`?",
        ),
        (
            "kind = 'vanishing'\nat = '1s'\nshares = '1%'",
            "unknown key `shares`; did you mean `share`?",
        ),
        (
            "kind = 'vanishing'\nat = '1s'",
            "the misfit `vanishing` needs `share`",
        ),
        (
            "kind = 'syn-flood'\nat = '1s'",
            "the misfit `syn-flood` needs `rate`",
        ),
        (
            "kind = 'syn-flood'\nat = '1s'\nrate = '1M/s'",
            "from 1/s to 50000/s",
        ),
        (
            "kind = 'syn-flood'\nat = '1s'\nrate = '1/s'\nshare = '1%'",
            "`share` does not go with",
        ),
        (
            "kind = 'vanishing'\nat = '1s'\nshare = '1%'\nreads = '1KiB'",
            "`reads` does not go with",
        ),
        (
            "kind = 'rebinding'\nat = '1s'\nshare = '1%'\nfor = '5s'",
            "`for` does not go with",
        ),
        (
            "kind = 'slow-reader'\nat = '1s'\nshare = '1%'\nreads = '2MiB'",
            "from 1B to 1MiB",
        ),
        ("kind = 'zero-window'\nat = '1s'\nshare = '0%'", "above 0%"),
        (
            "kind = 'zero-window'\nat = '75s'\nshare = '1%'",
            "end after the schedule, which lasts 80s",
        ),
        (
            "kind = 'rebinding'\nat = '1s'\nshare = '1%'",
            "end after the schedule",
        ),
    ] {
        let said = misfit(lines);
        assert!(said.contains(words), "{lines}: {said}");
    }
}
