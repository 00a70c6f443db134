//! What a person of a population sends: the rate that the scenario says, whoever else is in his cell.
#![allow(clippy::unwrap_used)] // helpers of tests may

use proptest::prelude::*;
use scenarios::{CELLS, Plan, Scenario, What};
use statrs::distribution::{ChiSquared, ContinuousCDF};

/// How often people are counted.
const STEP_US: u64 = 250_000;
/// All of both populations come and go, at their own times.
const BREAKS: &str = "breaks = \"100%\"\nonline_for = { median = \"12s\", sigma = 0.5 }\naway_for = { median = \"10s\", sigma = 0.5 }\n";

/// Two populations, the first of that share of the people and that sociability beside the other's 1.
fn plan(people: u32, share_percent: u32, sociability: f64, seed: u64, breaks: &str) -> Plan {
    let text = format!(
        "name = \"two\"\nseed = {seed}\nconnections = {people}\n\n\
         [[population]]\nname = \"one\"\nshare = \"{share_percent}%\"\nsociability = {sociability:.2}\naway = \"0%\"\n{breaks}\n\
         [[population]]\nname = \"other\"\nshare = \"{}%\"\naway = \"0%\"\n{breaks}\n\
         [[phase]]\nkind = \"ramp\"\nduration = \"2s\"\n\n[[phase]]\nkind = \"hold\"\nduration = \"40s\"\n\n\
         [messages]\nrate = \"{people}/s\"\nto_away = \"0%\"\nto_groups = 0\n",
        100 - share_percent
    );
    Scenario::parse("two.toml", &text).unwrap().plan().unwrap()
}

/// Of each population what each of its people sent in the hold, and what each should have: an equal part of what his population
/// sends whenever he is there.
fn sent(plan: &Plan) -> [Vec<(f64, f64)>; 2] {
    let hold_us = plan.hold_us().start + 2_000_000..plan.hold_us().end;
    let population = |user: u32| usize::from(plan.profile(user).name == "other");
    let mut sent: Vec<(f64, f64)> = vec![(0.0, 0.0); plan.users() as usize];
    for action in plan.actions(0..CELLS) {
        if hold_us.contains(&action.at_us) && matches!(action.what, What::Send { .. }) {
            sent[action.user as usize].0 += 1.0;
        }
    }
    let users = 0..plan.users() as u32;
    let mut weights = [plan.scenario().population[0].sociability.0, 1.0];
    let mut people = [0.0; 2];
    users.clone().for_each(|user| people[population(user)] += 1.0);
    let all = weights[0] * people[0] + weights[1] * people[1];
    for (weight, people) in weights.iter_mut().zip(people) {
        *weight *= plan.users() as f64 * people / all;
    }
    // Nobody writes within a second of his coming or going.
    let is_there = |user, at_us| {
        [0, 1_000_000, 2_000_000]
            .into_iter()
            .all(|past_us| plan.is_online(user, at_us + 1_000_000 - past_us))
    };
    for at_us in (hold_us.start + STEP_US / 2..hold_us.end).step_by(STEP_US as usize) {
        let mut there = [0.0; 2];
        let present: Vec<u32> = users.clone().filter(|user| is_there(*user, at_us)).collect();
        present.iter().for_each(|user| there[population(*user)] += 1.0);
        for user in present {
            let which = population(user);
            sent[user as usize].1 += weights[which] / there[which] * STEP_US as f64 / 1e6;
        }
    }
    let mut by_population = [Vec::new(), Vec::new()];
    users.for_each(|user| by_population[population(user)].push(sent[user as usize]));
    by_population
}

/// Checks both populations: all that each sends, and how far its people are from what each should send.
fn check(plan: &Plan, what: &str) {
    for (population, sent) in sent(plan).iter().enumerate() {
        let drawn: f64 = sent.iter().map(|(drawn, _)| drawn).sum();
        let due: f64 = sent.iter().map(|(_, due)| due).sum();
        let what = format!("{what}, population {population} of {}", sent.len());
        // As a Poisson count; one in 10^8 is further off.
        assert!((drawn - due).abs() < 5.8 * due.sqrt(), "{what}: {drawn} of {due}");
        // Who was hardly there is left out: the test of chi-square wants some five of each.
        let spread = sent
            .iter()
            .filter(|(_, due)| *due > 5.0)
            .map(|(drawn, due)| (drawn - due).powi(2) / due);
        let people = spread.clone().count() as f64;
        let spread: f64 = spread.sum();
        let beyond = ChiSquared::new(people.max(1.0)).unwrap().sf(spread);
        assert!(beyond > 1e-8, "{what}: chi-square {spread:.0} of {people} people");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn everybody_of_a_population_sends_at_its_rate(
        people in 60u32..3_000, share in 4u32..96, sociability in 0.2..5.0, seed in 0u64..1 << 62,
    ) {
        let of = |breaks| plan(people, share, sociability, seed, breaks);
        let what = |kind| format!("{kind}: seed {seed}, {people} people, {share}%, {sociability:.2}");
        check(&of(""), &what("who stay"));
        check(&of(BREAKS), &what("who come and go"));
    }
}
