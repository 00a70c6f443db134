//! The parts of a scenario, resolved: people, phases, messages, and how the run begins and ends.
//!
//! It knows what each part says; it does not know which go together.

use serde::{Deserialize, Serialize};

use crate::beside::ObservedPeople;
use crate::distribution::Distribution;
use crate::unit::{Bytes, Count, Factor, Rate, Share, Span, TimeOfDay, UtcOffset};

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
