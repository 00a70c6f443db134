//! A fitted population as a scenario's text (docs/scenarios.md has the language).
//!
//! It knows words of that language; whether they fit together is for whoever reads them.

use std::fmt::Write as _;

use super::{Fitted, FittedGroup, Sample};

/// The longest body that a scenario's message can have.
const BODY_MAX_BYTES: f64 = 4_096.0;
/// So many returns, and as many whole stays, tell how people come and go.
const RETURNS_FEWEST: u64 = 20;
/// The fewest people of a scenario: somebody must be written to.
const PEOPLE_FEWEST: f64 = 2.0;

/// How a group's people are kept online.
struct Presence {
    /// How many of them there are, on average.
    people: f64,
    /// Whether they come and go.
    returns: bool,
}

impl Fitted {
    /// The scenario: one population a group, its load that of the recording. `source` is told in its title.
    #[must_use]
    pub fn scenario(&self, name: &str, source: &str) -> String {
        let groups: Vec<(&FittedGroup, Presence)> = self
            .groups
            .iter()
            .filter(|group| group.messages > 0)
            .map(|group| (group, self.presence(group)))
            .collect();
        let people: f64 = groups.iter().map(|(_, presence)| presence.people).sum();
        let connections = people.round().max(PEOPLE_FEWEST);
        let messages: u64 = groups.iter().map(|(group, _)| group.messages).sum();
        let to_groups: u64 = groups.iter().map(|(group, _)| group.to_groups).sum();
        let rate = messages as f64 / self.lasted_s.max(1e-9) / connections;
        let mut text = String::new();
        // Writing to a text does not fail.
        let _ = write!(
            text,
            "name = {name:?}\ntitle = {:?}\nconnections = {connections}\n\n",
            format!("People fitted to {source}")
        );
        let mut shared = 0.0;
        for (place, (group, presence)) in groups.iter().enumerate() {
            let share = match place + 1 == groups.len() {
                true => 1.0 - shared,
                false => (presence.people / people * 1e9).round() / 1e9,
            };
            shared += share;
            let own_rate = group.messages as f64 / presence.people;
            let sociability = own_rate / (messages as f64 / people);
            population(&mut text, group, presence, share, sociability);
        }
        let _ = write!(
            text,
            "[[phase]]\nkind = \"ramp\"\nduration = \"{}s\"\n\n[[phase]]\nkind = \"hold\"\nduration = \"{}s\"\n\n\
             [[phase]]\nkind = \"drain\"\nduration = \"5s\"\n\n\
             [messages]\nrate = \"{rate:.9}/s per connection\"\nto_away = \"0%\"\nto_groups = {:.6}\n",
            (connections / 1_000.0).ceil().max(1.0),
            self.lasted_s.ceil().max(10.0),
            to_groups as f64 / messages.max(1) as f64,
        );
        text
    }

    /// How many people keep a group's connections up, and whether they come and go.
    fn presence(&self, group: &FittedGroup) -> Presence {
        let open = group.online_s / self.lasted_s.max(1e-9);
        let (stay_s, away_s) = (group.stays_s.mean, group.aways_s.mean);
        let returns = group.aways_s.count >= RETURNS_FEWEST
            && group.stays_s.count >= RETURNS_FEWEST
            && stay_s > 0.0
            && away_s > 0.0;
        let people = match returns {
            true => open * (stay_s + away_s) / stay_s,
            false => open,
        };
        Presence {
            people: people.max(1e-6),
            returns,
        }
    }
}

fn population(text: &mut String, group: &FittedGroup, presence: &Presence, share: f64, sociability: f64) {
    for (what, sample, unit) in [
        ("lengths of messages", &group.bytes, "B"),
        ("gaps between messages", &group.gaps_s, "s"),
        ("lengths of connections", &group.stays_s, "s"),
        ("absences", &group.aways_s, "s"),
    ] {
        let _ = writeln!(text, "# {what}: {}", told(sample, unit));
    }
    let long = group
        .bytes
        .quantiles
        .last()
        .is_some_and(|most| *most > BODY_MAX_BYTES);
    if long {
        let _ = writeln!(text, "# messages longer than {BODY_MAX_BYTES} B are cut to that");
    }
    let _ = write!(
        text,
        "[[population]]\nname = {:?}\nshare = {share}\nsociability = {sociability:.9}\ngroups = {}\naway = \"0%\"\n",
        group.name,
        u8::from(group.to_groups > 0),
    );
    let _ = writeln!(
        text,
        "bytes = {{ quantiles = [{}] }}",
        bytes(&group.bytes.quantiles)
    );
    if presence.returns {
        // A person of a scenario has one length of stay for good, so who stays short is seen the more often: each length
        // counts by how long it takes to be seen once.
        let (stay_s, away_s) = (group.stays_s.mean, group.aways_s.mean);
        let stays = group.stays_s.weighted(|length_s| length_s + away_s);
        let aways = group.aways_s.weighted(|length_s| length_s + stay_s);
        let _ = write!(
            text,
            "breaks = \"100%\"\nonline_for = {{ quantiles = [{}] }}\naway_for = {{ quantiles = [{}] }}\n",
            spans(&stays),
            spans(&aways)
        );
    }
    let mut observed = vec![format!(
        "bytes = {{ quantiles = [{}] }}",
        bytes(&group.bytes.quantiles)
    )];
    for (key, sample) in [("gaps", &group.gaps_s), ("stays", &group.stays_s)] {
        if sample.count > 1 && (key == "gaps" || presence.returns) {
            observed.push(format!(
                "{key} = {{ quantiles = [{}] }}",
                spans(&sample.quantiles)
            ));
        }
    }
    let _ = write!(text, "observed = {{ {} }}\n\n", observed.join(", "));
}

/// A sample in a line.
fn told(sample: &Sample, unit: &str) -> String {
    let Some(median) = sample.quantiles.get(sample.quantiles.len() / 2) else {
        return "none seen".to_owned();
    };
    let mut told = format!(
        "{} seen, median {median:.4} {unit}, mean {:.4} {unit}",
        sample.count, sample.mean
    );
    if let Some(fitted) = &sample.log_normal {
        let _ = write!(
            told,
            "; log-normal of median {:.4} {unit} and sigma {:.3}: {:.3} off",
            fitted.median, fitted.sigma, fitted.distance
        );
    }
    if let Some(distance) = sample.exponential_distance {
        let _ = write!(told, "; exponential: {distance:.3} off");
    }
    told
}

fn bytes(quantiles: &[f64]) -> String {
    let text = |value: &f64| format!("{}", value.clamp(1.0, BODY_MAX_BYTES).round());
    quantiles.iter().map(text).collect::<Vec<_>>().join(", ")
}

fn spans(quantiles_s: &[f64]) -> String {
    let text = |value: &f64| format!("\"{}us\"", (value * 1e6).round().max(1.0));
    quantiles_s.iter().map(text).collect::<Vec<_>>().join(", ")
}
