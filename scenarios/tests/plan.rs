//! What a plan promises: the same actions whatever the threads, nobody acts while offline, the shares asked for.
#![allow(clippy::unwrap_used)] // helpers of tests may

mod shared;

use std::collections::HashMap;

use proptest::prelude::*;
use scenarios::{Action, CELLS, Plan, Scenario, To, What};
use shared::{digest, lively};

fn all(plan: &Plan) -> Vec<Action> {
    plan.actions(0..CELLS).collect()
}

#[test]
fn actions_come_in_time_and_within_the_schedule() {
    let plan = lively();
    let actions = all(&plan);
    assert!(actions.windows(2).all(|pair| pair[0].at_us <= pair[1].at_us));
    assert!(actions.iter().all(|action| action.at_us < plan.duration_us()));
    assert!(actions.len() > 10_000);
}

#[test]
fn a_plan_repeats_to_the_byte_and_a_seed_changes_it() {
    let first = digest(lively().actions(0..CELLS));
    assert_eq!(first, digest(lively().actions(0..CELLS)));
    let other = lively().scenario().clone().with_seed(99).plan().unwrap();
    assert_ne!(first, digest(other.actions(0..CELLS)));
}

#[test]
fn however_the_cells_are_dealt_each_user_does_the_same_in_the_same_order() {
    let plan = lively();
    let by_user = |shards: u32| {
        let mut users: HashMap<u32, Vec<Action>> = HashMap::new();
        for shard in 0..shards {
            for action in plan.actions((0..CELLS).filter(|cell| cell % shards == shard)) {
                assert_eq!(action.user % plan.cells() % shards, shard);
                users.entry(action.user).or_default().push(action);
            }
        }
        users
    };
    let whole = by_user(1);
    assert_eq!(whole, by_user(2));
    assert_eq!(whole, by_user(12));
    assert_eq!(whole, by_user(256));
}

#[test]
fn the_whole_stream_is_pinned() {
    // What a seed means is part of every run folder ever written; a change here must be meant.
    let plan = Scenario::by_name("smoke").unwrap().plan().unwrap();
    let first: Vec<String> = plan
        .actions(0..CELLS)
        .take(12)
        .map(|action| format!("{action:?}"))
        .collect();
    let hold: Vec<String> = plan
        .actions(0..CELLS)
        .filter(|a| a.at_us > 5_000_000)
        .take(12)
        .map(|action| format!("{action:?}"))
        .collect();
    insta::assert_snapshot!(format!(
        "digest {:016x}\n{}\n...\n{}",
        digest(plan.actions(0..CELLS)),
        first.join("\n"),
        hold.join("\n")
    ));
}

#[test]
fn nobody_acts_while_the_plan_has_him_offline() {
    let (cuts, leavings) = follow(&lively());
    assert!(cuts > 100, "{cuts}");
    assert!(leavings > 100, "{leavings}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn nobody_ever_does(connections in 1u64..800, seed: u64, time_scale in 20.0..900.0) {
        let scenario = lively().scenario().clone();
        let plan = scenario.with_connections(connections).with_seed(seed).with_time_scale(time_scale).plan();
        follow(&plan.unwrap());
    }
}

/// Follows every user through the actions and checks each against what came before. How many cuts, and how many
/// leavings.
fn follow(plan: &Plan) -> (u32, u32) {
    let mut online: HashMap<u32, bool> = HashMap::new();
    let mut cut_until: HashMap<u32, u64> = HashMap::new();
    let (mut cuts, mut leavings) = (0, 0);
    for action in all(plan) {
        let state = online.entry(action.user).or_insert(false);
        match action.what {
            What::Connect => {
                assert!(!std::mem::replace(state, true), "connects twice: {action:?}");
            }
            What::Disconnect => {
                assert!(
                    std::mem::replace(state, false),
                    "leaves while offline: {action:?}"
                );
                leavings += 1;
            }
            What::Cut { until_us } => {
                assert!(*state, "cut while offline: {action:?}");
                assert!(until_us > action.at_us);
                cut_until.insert(action.user, until_us);
                cuts += 1;
            }
            What::Send { .. } | What::Typing { .. } | What::Upload { .. } | What::CreateGroup { .. } => {
                assert!(*state, "acts while offline: {action:?}");
                assert!(plan.is_online(action.user, action.at_us), "{action:?}");
                assert!(
                    cut_until
                        .get(&action.user)
                        .is_none_or(|until_us| *until_us <= action.at_us),
                    "{action:?}"
                );
            }
            What::Misbehave { .. } | What::Flood { .. } => panic!("nobody asked for {action:?}"),
            What::Register { number_offset } => {
                assert_eq!(u64::from(action.user), plan.users() + u64::from(number_offset));
                *state = true;
            }
        }
    }
    (cuts, leavings)
}

#[test]
fn presence_agrees_with_the_actions_of_others_cells() {
    let plan = lively();
    for action in all(&plan) {
        match action.what {
            What::Send { to: To::User(to), .. } => {
                assert_ne!(to, action.user);
                assert!(
                    plan.is_online(to, action.at_us) != plan.starts_away(to),
                    "{action:?}"
                );
            }
            What::Typing { to } => assert!(plan.is_online(to, action.at_us), "{action:?}"),
            What::Connect => assert!(plan.is_online(action.user, action.at_us), "{action:?}"),
            What::Disconnect => {
                assert!(
                    plan.is_online(action.user, action.at_us - 1)
                        && !plan.is_online(action.user, action.at_us)
                );
            }
            _ => {}
        }
    }
}

#[test]
fn messages_to_a_group_come_from_its_members_after_its_creation() {
    let plan = lively();
    let groups = plan.groups();
    let mut created: HashMap<u32, u64> = HashMap::new();
    let mut sent = 0;
    for action in all(&plan) {
        match action.what {
            What::CreateGroup { group } => {
                assert_eq!(groups.owner(group), Some(action.user));
                assert!(created.insert(group, action.at_us).is_none());
            }
            What::Send {
                to: To::Group(group), ..
            } => {
                assert!(created[&group] < action.at_us);
                assert!(groups.members(group).any(|member| member == action.user));
                sent += 1;
            }
            _ => {}
        }
    }
    assert!(sent > 1_000);
}

#[test]
fn shares_are_those_asked_for() {
    let plan = shared::plain().plan().unwrap();
    let hold = plan.hold_us();
    let (mut all, mut away, mut groups, mut media, mut typing) = (0.0, 0.0, 0.0, 0.0, 0.0);
    let mut by_population: HashMap<&str, f64> = HashMap::new();
    for action in plan
        .actions(0..CELLS)
        .filter(|action| hold.contains(&action.at_us))
    {
        match action.what {
            What::Send {
                to, media: carries, ..
            } => {
                all += 1.0;
                away += f64::from(u8::from(matches!(to, To::User(user) if plan.starts_away(user))));
                groups += f64::from(u8::from(matches!(to, To::Group(_))));
                media += f64::from(u8::from(carries));
                *by_population.entry(&plan.profile(action.user).name).or_default() += 1.0;
            }
            What::Typing { .. } => typing += 1.0,
            _ => {}
        }
    }
    // Five standard deviations of a share of so many.
    let close = |count: f64, share: f64| {
        let deviation = (share * (1.0 - share) / all).sqrt();
        assert!(
            (count / all - share).abs() < 5.0 * deviation + 0.002,
            "{} for {share}",
            count / all
        );
    };
    assert!(all > 20_000.0, "{all}");
    close(away, 0.2);
    close(groups, 0.3);
    close(typing, 0.25);
    // Half of the people at weight 1, half at weight 3; only the latter send media, a tenth.
    close(by_population["chatty"], 0.75);
    close(media, 0.075);
}

#[test]
fn people_who_are_away_come_back_in_the_drain_except_the_remainder() {
    let plan = shared::plain().plan().unwrap();
    let drain_us = plan.hold_us().end;
    let returned = plan
        .actions(0..CELLS)
        .filter(|a| a.what == What::Connect && plan.starts_away(a.user));
    let returned: Vec<u64> = returned.map(|action| action.at_us).collect();
    let away = (0..plan.users() as u32)
        .filter(|user| plan.starts_away(*user))
        .count();
    assert_eq!(returned.len(), (away as f64 * 0.75).round() as usize);
    assert!(returned.iter().all(|at_us| *at_us > drain_us));
}

#[test]
fn the_curve_is_what_the_actions_amount_to() {
    let plan = lively();
    let curve = plan.curve();
    let seconds = (plan.duration_us() / 1_000_000) as usize;
    let (mut messages, mut copies) = (vec![0.0f64; seconds], vec![0.0f64; seconds]);
    let fan_out = f64::from(plan.groups().size() - 1);
    for action in all(&plan) {
        let (What::Send { to, .. } | What::Upload { to, .. }) = action.what else {
            continue;
        };
        let second = (action.at_us / 1_000_000) as usize;
        messages[second] += 1.0;
        copies[second] += if matches!(to, To::Group(_)) { fan_out } else { 1.0 };
    }
    assert_eq!(curve.connections.len(), seconds);
    let planned: f64 = curve.messages.iter().map(|count| *count as f64).sum();
    let drawn: f64 = messages.iter().sum();
    assert!((planned - plan.expected_messages()).abs() <= 1.0);
    assert!(
        (drawn - planned).abs() < 5.0 * planned.sqrt(),
        "{drawn} of {planned}"
    );
    // The ramp aside, where groups are still being made.
    for second in 6..seconds {
        let expected = curve.messages[second] as f64;
        assert!(
            (messages[second] - expected).abs() < 6.0 * expected.sqrt() + 2.0,
            "{second}: {}",
            messages[second]
        );
        let expected = curve.copies[second] as f64;
        assert!(
            (copies[second] - expected).abs() < 6.0 * (fan_out * expected).sqrt() + 5.0,
            "{second}: {}",
            copies[second]
        );
    }
}

#[test]
fn the_ramp_is_even_and_reaches_the_target_exactly() {
    let plan = shared::plain().plan().unwrap();
    let settled_us = plan.hold_us().start;
    let connects: Vec<u64> = plan
        .actions(0..CELLS)
        .filter(|action| action.what == What::Connect && action.at_us <= settled_us)
        .map(|action| action.at_us)
        .collect();
    assert_eq!(connects.len() as u64, plan.connections());
    assert_eq!(plan.curve().connections.iter().max(), Some(&plan.connections()));
    let step = settled_us / plan.connections();
    assert!(
        connects
            .windows(2)
            .all(|pair| (pair[1] - pair[0]).abs_diff(step) <= 1)
    );
}

#[test]
fn a_second_ramp_climbs_from_the_first() {
    let text = shared::PLAIN.replacen(
        "kind = \"ramp\"\nduration = \"4s\"",
        "kind = \"ramp\"\nto = \"50%\"\nduration = \"4s\"\n[[phase]]\nkind = \"hold\"\nduration = \"2s\"\n[[phase]]\nkind = \"ramp\"\nduration = \"2s\"",
        1,
    );
    let plan = Scenario::parse("ramps.toml", &text).unwrap().plan().unwrap();
    let connections = plan.curve().connections;
    assert_eq!(connections[..8], [500, 1000, 1500, 2000, 2000, 2000, 3000, 4000]);
}

#[test]
fn time_scale_compresses_shapes_and_leaves_rates() {
    let fast = shared::plain().with_time_scale(2.0).plan().unwrap();
    let slow = shared::plain().plan().unwrap();
    assert_eq!(fast.duration_us() * 2, slow.duration_us());
    assert_eq!(fast.curve().messages[4], slow.curve().messages[8]);
}

#[test]
fn a_duration_stretches_the_holds_only() {
    let plan = shared::plain().with_duration(60_000_000).unwrap().plan().unwrap();
    assert_eq!(plan.duration_us(), 60_000_000);
    assert_eq!(plan.hold_us(), 4_000_000..56_000_000);
}

#[test]
fn constant_arrivals_are_even() {
    let text = shared::PLAIN.replacen("arrivals = \"poisson\"", "arrivals = \"constant\"", 1);
    let plan = Scenario::parse("even.toml", &text).unwrap().plan().unwrap();
    for second in 5..15u64 {
        let within = |a: &Action| matches!(a.what, What::Send { .. }) && a.at_us / 1_000_000 == second;
        let count = plan.actions(0..CELLS).filter(within).count() as i64;
        // Each of 256 cells may be one early or late; their phases differ, so most of that cancels.
        assert!((count - 2_000).abs() < 40, "{count}");
    }
}

#[test]
fn an_odd_scenario_of_one_person_still_plans() {
    let plan = shared::plain().with_connections(1).plan().unwrap();
    let sends = plan
        .actions(0..CELLS)
        .filter(|a| matches!(a.what, What::Send { to: To::User(to), .. } if to == a.user));
    assert_eq!(sends.count(), 0);
}

#[test]
fn few_people_who_come_and_go_send_all_that_is_due() {
    for people in [50, 200, 3_000] {
        let text = format!(
            "name = \"few\"\nconnections = {people}\n\n\
             [[population]]\nname = \"visitors\"\nshare = 1.0\nbreaks = \"100%\"\nonline_for = {{ median = \"40s\", sigma = 0.8 }}\naway_for = {{ median = \"30s\", sigma = 0.8 }}\naway = \"0%\"\n\n\
             [[phase]]\nkind = \"ramp\"\nduration = \"5s\"\n\n[[phase]]\nkind = \"hold\"\nduration = \"10m\"\n\n\
             [messages]\nrate = \"{}/s\"\nto_away = \"0%\"\nto_groups = 0\n",
            people / 4
        );
        let plan = Scenario::parse("few.toml", &text).unwrap().plan().unwrap();
        let sends = |action: &Action| matches!(action.what, What::Send { .. });
        let sent = all(&plan).into_iter().filter(sends).count() as f64;
        let due = plan.expected_messages();
        assert!((sent / due - 1.0).abs() < 0.03, "{people}: {sent} of {due}");
    }
}
