//! A scenario, resolved: every default filled in, every cross-check passed.
//!
//! It does not know what its shapes amount to in time: that is the plan's.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::beside::ObservedPeople;
use crate::climb::ClimbSettings;
use crate::distribution::Distribution;
use crate::error::{Error, Mistake, reword};
use crate::misfit::MisfitSettings;
use crate::plan::Plan;
use crate::raw::RawScenario;
use crate::replay::ReplaySettings;
use crate::resolve::resolve;
use crate::shock::Shock;
use crate::unit::{Bytes, Count, Factor, Rate, Share, Span, TimeOfDay, UtcOffset};

/// A whole scenario. `docs/scenarios.md` explains each key.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Scenario {
    /// A short name, fit for a folder.
    pub name: String,
    /// A sentence.
    pub title: String,
    /// What all randomness comes from, below 2^63.
    pub seed: u64,
    /// Connections to have online at the top of the last ramp.
    pub connections: Count,
    /// How often an idle connection pings; the run's clock.
    pub ping_every: Span,
    /// What decides the verdict.
    pub thresholds: Vec<ThresholdSetting>,
    /// The scenario's clock.
    pub clock: ClockSettings,
    /// Groups of people.
    pub population: Vec<PopulationGroup>,
    /// Phases, in order, without gaps; those that a climb amounts to, where there is one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub phase: Vec<PhaseSettings>,
    /// The climb that the phases come from, if they do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub climb: Option<ClimbSettings>,
    /// Messages.
    pub messages: MessageSettings,
    /// Media, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub media: Option<MediaSettings>,
    /// Registrations, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registrations: Option<RegistrationSettings>,
    /// The closed-loop HTTP storm, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storm: Option<StormSettings>,
    /// Shocks.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub shock: Vec<Shock>,
    /// Misfits.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub misfit: Vec<MisfitSettings>,
    /// Captures driven beside the swarm.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub replay: Vec<ReplaySettings>,
    /// How the run ends.
    pub drain: DrainSettings,
    /// Knobs of the server, for this scenario.
    pub server: ServerSettings,
}

/// A threshold as written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ThresholdSetting {
    /// The expression; it parses as a [`record::Threshold`].
    pub expr: String,
    /// Whether the run stops where it fails: a figure that only grows at once, one that may get better after a while.
    pub abort: bool,
}

/// The scenario's clock.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ClockSettings {
    /// When the schedule starts.
    pub start: TimeOfDay,
    /// Seconds of the scenario's clock in one of the run's.
    pub time_scale: f64,
}

/// A group of people who behave alike.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PopulationGroup {
    /// Its name.
    pub name: String,
    /// Its share of the connections.
    pub share: Share,
    /// Country code; a label.
    pub country: String,
    /// Platform; a label.
    pub platform: String,
    /// Where its clock is.
    pub utc_offset: UtcOffset,
    /// The region a shock may strike.
    pub region: String,
    /// Weight as a sender, relative to the other groups.
    pub sociability: Factor,
    /// How many groups each person is a member of.
    pub groups: u8,
    /// Share of its people who are away until the drain.
    pub away: Share,
    /// Share of its online people who come and go during the hold.
    pub breaks: Share,
    /// How long those stay; the scenario's clock.
    pub online_for: Distribution<Span>,
    /// How long those are away; the scenario's clock.
    pub away_for: Distribution<Span>,
    /// Share of its messages that carry a thumbnail and a link to media.
    pub media: Share,
    /// Length of a body, where it is another than that of [`MessageSettings::bytes`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<Distribution<Bytes>>,
    /// What was observed of those it stands for, for the report.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed: Option<ObservedPeople>,
}

/// What a phase does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PhaseKind {
    /// Connections climb at a constant rate.
    Ramp,
    /// Connections stay; the load is as given.
    Hold,
    /// As hold, but with a load several times the base's.
    Spike,
    /// Messages cease, people who were away come back for theirs.
    Drain,
}

/// A phase.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PhaseSettings {
    /// What it does.
    pub kind: PhaseKind,
    /// Its name on the plots.
    pub name: String,
    /// Its length; the scenario's clock.
    pub duration: Span,
    /// Of a ramp: the share of the connections reached at its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<Share>,
    /// Factor on all rates.
    pub load: Factor,
}

/// How messages arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Arrivals {
    /// Evenly spaced within each cell.
    Constant,
    /// Poisson.
    Poisson,
    /// Poisson, with a rate that follows the day curve of each population's own clock.
    Diurnal,
}

/// Messages.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MessageSettings {
    /// The base rate with all connections up; with `diurnal` arrivals, at the busiest minute of the day.
    pub rate: Rate,
    /// How they arrive.
    pub arrivals: Arrivals,
    /// Liveliness on each full hour of local time, relative to its highest.
    pub day: Vec<f64>,
    /// Share of messages to one person who is away.
    pub to_away: Share,
    /// Share of messages to a group.
    pub to_groups: Share,
    /// Members of a group; a message to it is one copy fewer.
    pub group_size: u32,
    /// Whether owners create their groups in the run; else the server is provisioned with them.
    pub create_groups: bool,
    /// Length of a body.
    pub bytes: Distribution<Bytes>,
    /// Typing indications a message.
    pub typing: Share,
}

/// Media.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MediaSettings {
    /// Uploads; each is followed by a message with its link.
    pub rate: Rate,
    /// Size of a file.
    pub bytes: Distribution<Bytes>,
    /// Size of a thumbnail, added to the body of a media message.
    pub thumbnail: Distribution<Bytes>,
}

/// Registrations of new numbers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct RegistrationSettings {
    /// Their rate.
    pub rate: Rate,
}

/// The closed-loop HTTP storm.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct StormSettings {
    /// Its concurrent users.
    pub users: Count,
    /// When it starts, after the start of the schedule; the scenario's clock.
    pub at: Span,
    /// Its length; the scenario's clock.
    pub duration: Span,
}

/// What those who return in the drain do to the number of connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Places {
    /// For each who returns, one who was online leaves.
    Swap,
    /// They come on top.
    Add,
}

/// How the run ends.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct DrainSettings {
    /// How long after the schedule the ledger may take to settle; the run's clock.
    pub settle: Span,
    /// Share of the people away who come back in the drain phase.
    pub returns: Share,
    /// Whether they take places or add to them.
    pub places: Places,
}

/// When the server says *accepted*.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Durability {
    /// At once.
    Memory,
    /// Written, not yet on disk.
    Async,
    /// On disk, by group commit.
    Commit,
}

/// Knobs of the server.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ServerSettings {
    /// When it says *accepted*.
    pub durability: Durability,
    /// How long a client may be silent before it is dropped, whole seconds of the run's clock; the server's own default
    /// where it is not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idle_timeout: Option<Span>,
    /// How much may wait for one client before it is cut off as a slow reader; likewise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unread: Option<Bytes>,
}

impl Scenario {
    /// Reads a scenario; `file` is only for messages.
    ///
    /// # Errors
    /// The first mistake, with its line and column, what was expected, and the nearest valid name.
    pub fn parse(file: &str, text: &str) -> Result<Self, Error> {
        let mistake =
            |error: toml::de::Error| Mistake::new(error.span().unwrap_or(0..0), reword(error.message()));
        let mut scenario = toml::from_str::<RawScenario>(text)
            .map_err(mistake)
            .and_then(resolve)
            .map_err(|mistake| mistake.locate(file, text))?;
        let files = scenario.replay.iter_mut().flat_map(ReplaySettings::files);
        files.for_each(|named| named.place.locate(file, text));
        Ok(scenario)
    }

    /// The same scenario with the files that it names as they are to be opened, where its own is in `folder`.
    #[must_use]
    pub fn in_folder(mut self, folder: &Path) -> Self {
        let located = |replay: ReplaySettings| replay.located(folder);
        self.replay = self.replay.into_iter().map(located).collect();
        self
    }

    /// The scenario as a file with every default written out; reading it gives this scenario again.
    ///
    /// # Errors
    /// Only if a field was set by hand to what TOML cannot hold (a seed of 2^63 or more).
    pub fn resolved(&self) -> Result<String, Error> {
        let refused = |error: toml::ser::Error| self.refused(error.to_string());
        match &self.climb {
            None => toml::to_string(self).map_err(refused),
            // The climb says it all, and reading it makes the same phases.
            Some(_) => toml::to_string(&Self {
                phase: Vec::new(),
                ..self.clone()
            })
            .map_err(refused),
        }
    }

    /// The same scenario with another target of connections. Rates that are *per connection* follow it.
    #[must_use]
    pub fn with_connections(self, connections: u64) -> Self {
        Self {
            connections: Count(connections),
            ..self
        }
        .expanded()
    }

    /// The same scenario with its connections encrypted or plain: the steps of a climb are made at the speed that
    /// goes with it. Nothing else of a scenario depends on it.
    #[must_use]
    pub fn with_encryption(mut self, encrypted: bool) -> Self {
        if let Some(climb) = &mut self.climb {
            climb.encrypted = encrypted;
        }
        self.expanded()
    }

    /// The same scenario with another speed of a climb's ramps, connections a second, and another length of its last
    /// hold, microseconds on the scenario's clock.
    ///
    /// # Errors
    /// It is no climb, or a figure is 0.
    pub fn with_climb(mut self, connects: Option<f64>, hold_last_us: Option<u64>) -> Result<Self, Error> {
        if connects.is_none() && hold_last_us.is_none() {
            return Ok(self);
        }
        if connects.is_some_and(|speed| speed <= 0.0) || hold_last_us == Some(0) {
            return Err(self.refused("a climb's speed and its last hold are more than 0"));
        }
        let Some(climb) = &mut self.climb else {
            return Err(self.refused("only a climb has a speed and a last hold to choose"));
        };
        if let Some(per_second) = connects {
            climb.connects.per_second = per_second;
            climb.connects_tls.per_second = per_second;
        }
        if let Some(us) = hold_last_us {
            climb.hold_last = Span(us);
        }
        Ok(self.expanded())
    }

    /// The same scenario with other steps of its climb; [`Scenario::connections`] is the last of them all the same.
    ///
    /// # Errors
    /// It is no climb, or the steps do not rise.
    pub fn with_steps(mut self, steps: &[u64]) -> Result<Self, Error> {
        if !steps.is_sorted_by(|one, next| one < next) || steps.contains(&0) {
            return Err(self.refused("the steps of a climb rise from more than 0"));
        }
        let Some(climb) = &mut self.climb else {
            return Err(self.refused("only a climb has steps"));
        };
        climb.steps = steps.iter().copied().map(Count).collect();
        Ok(self.expanded())
    }

    /// The same scenario with another rate of messages, a second.
    ///
    /// # Errors
    /// It has none, they are per connection, or the rate is not positive.
    pub fn with_rate(mut self, per_second: f64) -> Result<Self, Error> {
        let rate = &mut self.messages.rate;
        if rate.per_second <= 0.0 || rate.per_connection || per_second <= 0.0 {
            return Err(
                self.refused("a rate takes the place of one of messages a second, and is more than 0")
            );
        }
        rate.per_second = per_second;
        Ok(self.expanded())
    }

    /// Works a climb out into phases again.
    fn expanded(mut self) -> Self {
        if let Some(climb) = &self.climb {
            let per_connection = self.messages.rate.per_connection;
            self.phase = climb.phases(self.connections.0, self.clock.time_scale, per_connection);
        }
        self
    }

    /// The same scenario with its clock faster or slower: seconds of the scenario's clock in one of the run's.
    #[must_use]
    pub fn with_time_scale(mut self, time_scale: f64) -> Self {
        self.clock.time_scale = time_scale;
        self.expanded()
    }

    /// The same scenario with another seed (its low 63 bits: TOML has no larger integers).
    #[must_use]
    pub fn with_seed(self, seed: u64) -> Self {
        Self {
            seed: seed & (u64::MAX >> 1),
            ..self
        }
    }

    /// The same scenario with one more threshold.
    ///
    /// # Errors
    /// The expression is not a threshold.
    pub fn with_threshold(mut self, expr: &str, abort: bool) -> Result<Self, Error> {
        expr.parse::<record::Threshold>()
            .map_err(|error| self.refused(error.to_string()))?;
        self.thresholds.push(ThresholdSetting {
            expr: expr.to_owned(),
            abort,
        });
        Ok(self)
    }

    /// The same scenario with a schedule of `duration_us` on the run's clock: holds and spikes are stretched or cut
    /// in proportion, ramps and drains stay, shocks keep their time of day.
    ///
    /// # Errors
    /// The ramps and drains alone take as long, or there is no hold.
    pub fn with_duration(mut self, duration_us: u64) -> Result<Self, Error> {
        let wanted_us = (duration_us as f64 * self.clock.time_scale) as u64;
        let stretches = |phase: &PhaseSettings| matches!(phase.kind, PhaseKind::Hold | PhaseKind::Spike);
        let sum = |held: bool, phases: &[PhaseSettings]| -> u64 {
            phases
                .iter()
                .filter(|phase| stretches(phase) == held)
                .map(|phase| phase.duration.0)
                .sum()
        };
        let (fixed_us, held_us) = (sum(false, &self.phase), sum(true, &self.phase));
        if held_us == 0 || wanted_us <= fixed_us {
            let fixed_s = fixed_us as f64 / self.clock.time_scale / 1e6;
            return Err(self.refused(format!(
                "a duration of {} leaves no hold; the ramps and drains alone take {fixed_s:.1} s",
                Span(duration_us)
            )));
        }
        let factor = (wanted_us - fixed_us) as f64 / held_us as f64;
        if let Some(climb) = self.climb.take() {
            self.climb = Some(climb.stretched(factor));
            return Ok(self.expanded());
        }
        for phase in self.phase.iter_mut().filter(|phase| stretches(phase)) {
            phase.duration = Span(((phase.duration.0 as f64 * factor) as u64).max(1));
        }
        Ok(self)
    }

    /// The plan: what each user does and when. Takes about 50 ns a user, nothing a user where nobody is away.
    ///
    /// # Errors
    /// An override does not fit: no connections, a time scale that is not positive, too many people.
    pub fn plan(&self) -> Result<Plan, Error> {
        Plan::new(self)
    }

    pub(crate) fn refused(&self, message: impl Into<String>) -> Error {
        Error::Override {
            scenario: self.name.clone(),
            message: message.into(),
        }
    }
}
