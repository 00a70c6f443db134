//! A football match: its timeline, and how lively it makes those who follow it, minute by minute.
//!
//! It does not know how many messages that is: the plan solves the amplitude for the match's share of the day.

use serde::Serialize;

use super::fading;
use crate::random::{Purpose, Stream};
use crate::unit::{Factor, MatchMinute, Share, Span, TimeOfDay};

const MINUTE_US: f64 = 60e6;
const HALF_MIN: f64 = 45.0;
const BREAK_MIN: f64 = 15.0;
/// Stoppage time of the halves, unless a goal in it was later.
const STOPPAGE_MIN: [f64; 2] = [2.0, 4.0];
/// The build-up doubles about every twenty minutes until kick-off.
const BUILD_UP_MIN: f64 = 30.0;
/// Kick-off's own flurry is over quickly.
const KICK_OFF_DECAY_MIN: f64 = 5.0;
/// Width of the decays, as the sigma of the log-normal.
const SIGMA: f64 = 1.0;

/// A match. Weights are relative to each other: their common scale is solved from `share_of_day`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Football {
    /// Its name on the plots.
    pub name: String,
    /// Kick-off.
    pub at: TimeOfDay,
    /// The share of the whole day's messages that the match causes.
    pub share_of_day: Share,
    /// Share of the match's messages that go to groups.
    pub to_groups: Share,
    /// The populations that follow it.
    pub audience: Vec<String>,
    /// Goals, by minute.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub goals: Vec<MatchMinute>,
    /// Where no goals are listed: how many to expect; their number is Poisson, their minutes uniform.
    #[serde(skip_serializing_if = "is_nothing")]
    pub goals_drawn: f64,
    /// Median of a goal's log-normal decay.
    pub goal_decay: Span,
    /// Median of the final whistle's log-normal decay.
    pub whistle_decay: Span,
    /// Weight of the build-up, at kick-off.
    pub build_up: Factor,
    /// Weight of kick-off's jump.
    pub kick_off: Factor,
    /// Weight of the play, constant through both halves.
    pub play: Factor,
    /// Weight of each goal's jump.
    pub goal: Factor,
    /// Weight of the half-time hump, at its middle.
    pub half_time: Factor,
    /// Weight of the final whistle's jump.
    pub whistle: Factor,
}

/// Written out, a zero beside a list of goals would read as a contradiction.
fn is_nothing(number: &f64) -> bool {
    *number == 0.0
}

/// A match whose goals are settled; all instants in microseconds since kick-off.
#[derive(Clone, Debug)]
pub(crate) struct Match {
    football: Football,
    goals_us: Vec<f64>,
    half_time_us: [f64; 2],
    whistle_us: f64,
}

impl Football {
    /// Settles the goals: those listed, or those the seed draws.
    pub(crate) fn settle(&self, seed: u64, place: u32) -> Match {
        let mut goals = self.goals.clone();
        if goals.is_empty() {
            goals = drawn_goals(self.goals_drawn, &mut Stream::new(seed, Purpose::Shock, place));
        }
        let longest = |minute| {
            goals
                .iter()
                .filter(|goal| goal.minute == minute)
                .map(|goal| goal.stoppage)
                .max()
                .unwrap_or(0)
        };
        let first_min = HALF_MIN + STOPPAGE_MIN[0].max(f64::from(longest(45)));
        let second_min = first_min + BREAK_MIN;
        let whistle_min = second_min + HALF_MIN + STOPPAGE_MIN[1].max(f64::from(longest(90)));
        let instant = |goal: &MatchMinute| {
            // The 23rd minute begins 22 minutes after kick-off; a goal falls into its middle.
            let minute = f64::from(goal.minute + goal.stoppage) - 0.5;
            (if goal.minute > 45 {
                second_min - HALF_MIN + minute
            } else {
                minute
            }) * MINUTE_US
        };
        Match {
            goals_us: goals.iter().map(instant).collect(),
            half_time_us: [first_min * MINUTE_US, second_min * MINUTE_US],
            whistle_us: whistle_min * MINUTE_US,
            football: self.clone(),
        }
    }
}

impl Match {
    /// How lively the match makes its audience, in units of its own weights.
    pub(crate) fn weight(&self, since_kick_off_us: f64) -> f64 {
        let football = &self.football;
        let t = since_kick_off_us;
        if t < 0.0 {
            return football.build_up.0 * libm::exp(t / (BUILD_UP_MIN * MINUTE_US));
        }
        let mut weight =
            (football.build_up.0 + football.kick_off.0) * fading(t, KICK_OFF_DECAY_MIN * MINUTE_US, SIGMA);
        let [first_us, second_us] = self.half_time_us;
        if t < first_us || (t >= second_us && t < self.whistle_us) {
            weight += football.play.0;
        }
        if t >= first_us && t < second_us {
            let phase = (t - first_us) / (second_us - first_us) * std::f64::consts::TAU;
            weight += football.half_time.0 * (1.0 - libm::cos(phase)) / 2.0;
        }
        for goal_us in &self.goals_us {
            weight += football.goal.0 * fading(t - goal_us, football.goal_decay.0 as f64, SIGMA);
        }
        weight + football.whistle.0 * fading(t - self.whistle_us, football.whistle_decay.0 as f64, SIGMA)
    }

    /// What deserves a mark: since kick-off, name, detail.
    pub(crate) fn marks(&self) -> Vec<(f64, &'static str, String)> {
        let name = &self.football.name;
        let mut marks = vec![(0.0, "kick-off", name.clone())];
        for (number, goal_us) in self.goals_us.iter().enumerate() {
            marks.push((*goal_us, "goal", format!("{name}: goal {}", number + 1)));
        }
        marks.push((self.half_time_us[0], "half-time", name.clone()));
        marks.push((self.half_time_us[1], "second half", name.clone()));
        marks.push((self.whistle_us, "final whistle", name.clone()));
        marks
    }
}

/// A Poisson number of goals, each uniform over the 90 minutes.
fn drawn_goals(expected: f64, stream: &mut Stream) -> Vec<MatchMinute> {
    let mut goals = Vec::new();
    let mut passed = stream.exponential();
    while passed < expected {
        goals.push(MatchMinute {
            minute: 1 + stream.below(90) as u32,
            stoppage: 0,
        });
        passed += stream.exponential();
    }
    goals.sort_unstable();
    goals
}
