//! Shocks on the plan: the match's share of the day, the quake's region, cut and aftershocks.
#![allow(clippy::unwrap_used)] // helpers of tests may

mod shared;

use std::collections::{HashMap, HashSet};

use record::EventKind;
use scenarios::{CELLS, Misfit, Scenario, Shock, To, What};
use shared::lively;

#[test]
fn the_match_causes_35_percent_of_the_days_messages() {
    let scenario = Scenario::by_name("football").unwrap();
    let Shock::Football(football) = &scenario.shock[0] else {
        panic!("no football in football")
    };
    assert_eq!(football.share_of_day.0, 0.35);
    let day = scenario.plan().unwrap().day_messages();
    let shock = day.shocks[0].1;
    assert!((shock / (day.base + shock) - 0.35).abs() < 1e-9, "{day:?}");
}

/// As above, from the outside: the planned messages of a run that covers all 24 hours, with and without the match.
#[test]
fn a_run_of_the_whole_day_has_35_percent_more_by_the_match() {
    let day = |with_match: bool| {
        let mut scenario = Scenario::by_name("football").unwrap().with_connections(1_000);
        scenario.storm = None;
        scenario.media = None;
        // Almost all of the day is hold, from well before the match to well after it.
        scenario.clock.start = scenarios::TimeOfDay(8 * 3_600_000_000);
        scenario.clock.time_scale = 600.0;
        scenario.phase.truncate(2);
        scenario.phase[0].duration = scenarios::Span(60_000_000);
        scenario.phase[1].duration = scenarios::Span((24 * 60 - 1) * 60_000_000);
        if !with_match {
            scenario.shock.clear();
        }
        scenario.plan().unwrap().expected_messages()
    };
    let (with, without) = (day(true), day(false));
    let share = (with - without) / with;
    assert!((share - 0.35).abs() < 0.002, "{share}");
}

#[test]
fn the_match_jumps_at_goals_and_humps_at_half_time() {
    let curve = Scenario::by_name("football").unwrap().plan().unwrap().curve();
    let goals: Vec<u64> = curve
        .marks
        .iter()
        .filter(|mark| mark.name == "goal")
        .map(|mark| mark.t_ms)
        .collect();
    assert_eq!(goals.len(), 8);
    for goal_ms in [goals[0], goals[5], goals[6]] {
        let second = (goal_ms / 1000) as usize;
        assert!(
            curve.messages[second + 1] > curve.messages[second - 1],
            "no jump at {goal_ms}"
        );
    }
    let at = |name: &str| curve.marks.iter().find(|mark| mark.name == name).unwrap().t_ms;
    let (from, until) = (
        (at("half-time") / 1000) as usize,
        (at("second half") / 1000) as usize,
    );
    let middle = (from + until) / 2;
    assert!(
        curve.messages[middle] > curve.messages[from],
        "no hump after {from}"
    );
    assert!(
        curve.messages[middle] > curve.messages[until],
        "no hump before {until}"
    );
    // At least 5,000 flow in every second of the match's hold, three in ten of them to groups.
    let (from, until) = (
        (at("the match") / 1000) as usize + 1,
        (at("night") / 1000) as usize,
    );
    assert!(until - from > 35, "{from}..{until}");
    let match_hold = &curve.messages[from..until];
    assert!(match_hold.iter().all(|count| *count >= 5_000), "{match_hold:?}");
    let (messages, copies) = (sum(&curve.messages[15..90]), sum(&curve.copies[15..90]));
    let to_groups = (copies - messages) / messages / 3.0;
    assert!((0.29..0.34).contains(&to_groups), "{to_groups}");
}

fn sum(values: &[u64]) -> f64 {
    values.iter().map(|value| *value as f64).sum()
}

#[test]
fn drawn_goals_follow_their_expectation_and_the_seed() {
    let text = shared::LIVELY.replacen("goals = [\"1\", 4, \"45+1\"]", "goals_drawn = 2.7", 1);
    let scenario = Scenario::parse(
        "drawn.toml",
        &text.replacen("time_scale = 60", "time_scale = 2", 1),
    )
    .unwrap();
    let scenario = scenario.with_connections(10);
    let goals = |seed| {
        let mut longer = scenario.clone().with_seed(seed);
        longer.phase[1].duration = scenarios::Span(3 * 3_600_000_000);
        longer
            .plan()
            .unwrap()
            .marks()
            .iter()
            .filter(|mark| mark.name == "goal")
            .count()
    };
    let total: usize = (0..60).map(goals).sum();
    // Poisson: four standard deviations around 162.
    assert!((111..=213).contains(&total), "{total}");
    assert_eq!(goals(3), goals(3));
}

#[test]
fn the_cut_takes_its_share_of_the_region_and_of_nobody_else() {
    let plan = lively();
    let scenario = plan.scenario();
    let mut cut = HashSet::new();
    let mut first_us = u64::MAX;
    for action in plan.actions(0..CELLS) {
        if let What::Cut { .. } = action.what {
            assert_eq!(plan.profile(action.user).region, "south");
            assert!(cut.insert(action.user));
            first_us = first_us.min(action.at_us);
        }
    }
    // Half of 900, five standard deviations; from 18:08, eight minutes into the schedule, at 60 to 1.
    assert!((375..=525).contains(&cut.len()), "{}", cut.len());
    assert!((8_000_000..8_100_000).contains(&first_us), "{first_us}");
    assert_eq!(scenario.population[1].region, "south");
    let curve = plan.curve();
    assert!(curve.connections[8] + 300 < curve.connections[7]);
}

#[test]
fn the_quake_raises_the_region_and_what_is_sent_into_it() {
    let mut scenario = lively().scenario().clone();
    scenario
        .shock
        .retain(|shock| matches!(shock, Shock::Earthquake(_)));
    let Shock::Earthquake(quake) = &mut scenario.shock[0] else {
        panic!("no quake")
    };
    quake.cut = scenarios::Share(0.0);
    quake.omori_k = 0.0;
    let struck = scenario.plan().unwrap();
    scenario.shock.clear();
    let calm = scenario.plan().unwrap();
    // From inside, and from outside to inside, in the two seconds after the quake.
    let count = |plan: &scenarios::Plan| {
        let (mut inside, mut into) = (0.0, 0.0);
        for action in plan
            .actions(0..CELLS)
            .filter(|a| (8_000_000..10_000_000).contains(&a.at_us))
        {
            let What::Send { to, .. } = action.what else {
                continue;
            };
            let region = |user: u32| plan.profile(user).region == "south";
            match to {
                _ if region(action.user) => inside += 1.0,
                To::User(to) if region(to) => into += 1.0,
                _ => {}
            }
        }
        (inside, into)
    };
    let ((inside, into), (calm_inside, calm_into)) = (count(&struck), count(&calm));
    // Twice its base on top of it, hardly faded, makes about three times; and a half of that comes in.
    assert!(
        (2.3..3.6).contains(&(inside / calm_inside)),
        "{inside} of {calm_inside}"
    );
    let added = into - calm_into;
    assert!((0.3..0.75).contains(&(added / (inside - calm_inside))), "{added}");
}

#[test]
fn aftershocks_are_marked_and_fewer_as_time_goes() {
    let mut scenario = Scenario::by_name("earthquake").unwrap().with_connections(100);
    let (mut early, mut late) = (0, 0);
    for seed in 0..40 {
        scenario = scenario.with_seed(seed);
        let plan = scenario.plan().unwrap();
        let marks = plan.marks();
        let main = marks.iter().find(|mark| mark.name == "earthquake").unwrap().t_ms;
        for mark in marks.iter().filter(|mark| mark.name == "aftershock") {
            assert_eq!(mark.kind, EventKind::Shock);
            // The first 20 minutes against the next 100, at 120 to 1.
            *(if mark.t_ms < main + 10_000 {
                &mut early
            } else {
                &mut late
            }) += 1;
        }
    }
    // By the law, 6 / (1/6 + t)^1.1 integrates to 7.47 over the first and 9.34 over the rest.
    assert!((230..=368).contains(&early), "{early}");
    assert!((300..=450).contains(&late), "{late}");
}

#[test]
fn misfits_strike_their_share_and_each_does_what_was_asked() {
    let plan = Scenario::by_name("misfits").unwrap().plan().unwrap();
    let mut struck: HashMap<Misfit, HashSet<u32>> = HashMap::new();
    let mut floods = 0;
    for action in plan.actions(0..CELLS) {
        match action.what {
            What::Misbehave { how, until_us } => {
                assert!(struck.entry(how).or_default().insert(action.user), "{action:?}");
                assert!(until_us > action.at_us);
                assert!(until_us <= plan.duration_us() || how == Misfit::Vanishing);
                // Who does not read is not timed; who vanished is nobody that the plan counts on.
                let reads = matches!(how, Misfit::Vanishing | Misfit::HalfOpen);
                assert!(reads || !plan.reads(action.user, action.at_us), "{action:?}");
                assert_eq!(
                    plan.is_online(action.user, action.at_us),
                    how != Misfit::Vanishing
                );
            }
            What::Flood { lasting_us, .. } => floods += u32::from(lasting_us == 6_000_000),
            _ => {}
        }
    }
    let of = |how| struck[&how].len();
    // Shares of a thousand, five standard deviations.
    assert!((15..=85).contains(&of(Misfit::Vanishing)), "{struck:?}");
    assert!((137..=263).contains(&of(Misfit::HalfOpen)));
    assert!((9..=71).contains(&of(Misfit::Rebinding)));
    assert!((1..=42).contains(&of(Misfit::ZeroWindow)));
    assert!(of(Misfit::SlowReader { bytes_a_second: 300 }) <= 42);
    assert_eq!(floods, 1);
}
