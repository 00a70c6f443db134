//! A scenario, resolved: every default filled in, every cross-check passed.
//!
//! It does not know what its shapes amount to in time: that is the plan's.

mod change;
mod settings;

use std::path::Path;

use serde::Serialize;

use crate::climb::ClimbSettings;
use crate::error::{Error, Mistake, reword};
use crate::misfit::MisfitSettings;
use crate::plan::Plan;
use crate::raw::RawScenario;
use crate::replay::ReplaySettings;
use crate::resolve::resolve;
use crate::shock::Shock;
use crate::unit::{Count, Span};
pub use settings::{
    Arrivals, ClockSettings, DrainSettings, Durability, MediaSettings, MessageSettings, PhaseKind,
    PhaseSettings, Places, PopulationGroup, RegistrationSettings, ServerSettings, StormSettings,
    ThresholdSetting,
};

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
