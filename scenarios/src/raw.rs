//! A scenario as its file spells it: every key optional or not, nothing checked across keys.
//!
//! It does not know defaults, nor what fits together: that is `resolve`'s.

use std::net::IpAddr;

use serde::Deserialize;
use toml::Spanned;

use crate::beside::ObservedPeople;
use crate::distribution::Distribution;
use crate::misfit::MisfitKind;
use crate::replay::ReplayMode;
use crate::scenario::{Arrivals, Durability, PhaseKind, Places};
use crate::unit::{Bytes, Count, Factor, MatchMinute, Rate, Share, Span, Speed, TimeOfDay, UtcOffset};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawScenario {
    pub(crate) name: Spanned<String>,
    pub(crate) title: Option<String>,
    pub(crate) seed: Option<Spanned<i64>>,
    pub(crate) connections: Spanned<Count>,
    pub(crate) ping_every: Option<Spanned<Span>>,
    #[serde(default)]
    pub(crate) thresholds: Vec<Spanned<RawThreshold>>,
    #[serde(default)]
    pub(crate) clock: RawClock,
    #[serde(default)]
    pub(crate) population: Vec<Spanned<RawPopulation>>,
    pub(crate) phase: Option<Spanned<Vec<Spanned<RawPhase>>>>,
    pub(crate) climb: Option<Spanned<RawClimb>>,
    #[serde(default)]
    pub(crate) messages: Option<Spanned<RawMessages>>,
    pub(crate) media: Option<RawMedia>,
    pub(crate) registrations: Option<RawRegistrations>,
    pub(crate) storm: Option<RawStorm>,
    #[serde(default)]
    pub(crate) shock: Vec<Spanned<RawShock>>,
    #[serde(default)]
    pub(crate) misfit: Vec<Spanned<RawMisfit>>,
    #[serde(default)]
    pub(crate) replay: Vec<Spanned<RawReplay>>,
    #[serde(default)]
    pub(crate) drain: RawDrain,
    #[serde(default)]
    pub(crate) server: RawServer,
}

#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "a threshold is a string such as \"messages.lost == 0\" or a table { expr, abort }"
)]
pub(crate) enum RawThreshold {
    Expr(String),
    Table(RawThresholdTable),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawThresholdTable {
    pub(crate) expr: String,
    #[serde(default)]
    pub(crate) abort: bool,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawClock {
    pub(crate) start: Option<TimeOfDay>,
    pub(crate) duration: Option<Spanned<Span>>,
    pub(crate) time_scale: Option<Spanned<f64>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawPopulation {
    pub(crate) name: Spanned<String>,
    pub(crate) share: Spanned<Share>,
    pub(crate) country: Option<String>,
    pub(crate) platform: Option<String>,
    pub(crate) utc_offset: Option<UtcOffset>,
    pub(crate) region: Option<String>,
    pub(crate) sociability: Option<Factor>,
    pub(crate) groups: Option<Spanned<u8>>,
    pub(crate) away: Option<Spanned<Share>>,
    pub(crate) breaks: Option<Share>,
    pub(crate) online_for: Option<Spanned<Distribution<Span>>>,
    pub(crate) away_for: Option<Spanned<Distribution<Span>>>,
    pub(crate) media: Option<Share>,
    pub(crate) bytes: Option<Spanned<Distribution<Bytes>>>,
    pub(crate) observed: Option<ObservedPeople>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawPhase {
    pub(crate) kind: PhaseKind,
    pub(crate) name: Option<String>,
    pub(crate) duration: Option<Spanned<Span>>,
    pub(crate) to: Option<Spanned<Share>>,
    pub(crate) load: Option<Factor>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawClimb {
    pub(crate) steps: Spanned<Vec<Spanned<Count>>>,
    pub(crate) connects: Option<Spanned<Rate>>,
    pub(crate) connects_tls: Option<Spanned<Rate>>,
    pub(crate) encrypted: Option<bool>,
    pub(crate) settle: Option<Span>,
    pub(crate) hold: Option<Spanned<Span>>,
    pub(crate) hold_last: Option<Spanned<Span>>,
    pub(crate) ramp_load: Option<Share>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawMessages {
    pub(crate) rate: Rate,
    pub(crate) arrivals: Option<Arrivals>,
    pub(crate) day: Option<Spanned<Vec<Share>>>,
    pub(crate) to_away: Option<Spanned<Share>>,
    pub(crate) to_groups: Option<Spanned<Share>>,
    pub(crate) group_size: Option<Spanned<u32>>,
    pub(crate) create_groups: Option<bool>,
    pub(crate) bytes: Option<Spanned<Distribution<Bytes>>>,
    pub(crate) typing: Option<Share>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawMedia {
    pub(crate) rate: Rate,
    pub(crate) bytes: Option<Spanned<Distribution<Bytes>>>,
    pub(crate) thumbnail: Option<Spanned<Distribution<Bytes>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawRegistrations {
    pub(crate) rate: Rate,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawStorm {
    pub(crate) users: Spanned<Count>,
    pub(crate) at: Spanned<Span>,
    pub(crate) duration: Spanned<Span>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawDrain {
    pub(crate) settle: Option<Span>,
    pub(crate) returns: Option<Share>,
    pub(crate) places: Option<Places>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawServer {
    pub(crate) durability: Option<Durability>,
    pub(crate) idle_timeout: Option<Spanned<Span>>,
    pub(crate) unread: Option<Spanned<Bytes>>,
}

/// The keys of every kind together; `resolve` refuses those that do not go with the kind.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawMisfit {
    pub(crate) kind: MisfitKind,
    pub(crate) at: Spanned<Span>,
    pub(crate) over: Option<Spanned<Span>>,
    #[serde(rename = "for")]
    pub(crate) lasting: Option<Spanned<Span>>,
    pub(crate) share: Option<Spanned<Share>>,
    pub(crate) reads: Option<Spanned<Bytes>>,
    pub(crate) rate: Option<Spanned<Rate>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawReplay {
    pub(crate) capture: Spanned<String>,
    pub(crate) keys: Option<Spanned<String>>,
    pub(crate) rules: Option<Spanned<String>>,
    pub(crate) at: Option<Spanned<Span>>,
    pub(crate) clones: Option<Spanned<Count>>,
    pub(crate) spread: Option<Span>,
    pub(crate) loops: Option<Spanned<Count>>,
    pub(crate) speed: Option<Speed>,
    pub(crate) mode: Option<ReplayMode>,
    pub(crate) target: Option<Spanned<String>>,
    pub(crate) from: Option<Span>,
    pub(crate) until: Option<Spanned<Span>>,
    #[serde(default)]
    pub(crate) ports: Vec<u16>,
    #[serde(default)]
    pub(crate) hosts: Vec<IpAddr>,
}

/// The kinds of shock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ShockKind {
    Football,
    Earthquake,
}

/// The keys of every kind together, since a tagged enum would lose the place of a mistake; `resolve` refuses the keys
/// of the other kind.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawShock {
    pub(crate) kind: ShockKind,
    pub(crate) name: Option<String>,
    pub(crate) at: TimeOfDay,
    // Football.
    pub(crate) share_of_day: Option<Spanned<Share>>,
    pub(crate) to_groups: Option<Spanned<Share>>,
    pub(crate) audience: Option<Spanned<Vec<Spanned<String>>>>,
    pub(crate) goals: Option<Spanned<Vec<MatchMinute>>>,
    pub(crate) goals_drawn: Option<Spanned<f64>>,
    pub(crate) goal_decay: Option<Spanned<Span>>,
    pub(crate) whistle_decay: Option<Spanned<Span>>,
    pub(crate) build_up: Option<Spanned<Factor>>,
    pub(crate) kick_off: Option<Spanned<Factor>>,
    pub(crate) play: Option<Spanned<Factor>>,
    pub(crate) goal: Option<Spanned<Factor>>,
    pub(crate) half_time: Option<Spanned<Factor>>,
    pub(crate) whistle: Option<Spanned<Factor>>,
    // Earthquake.
    pub(crate) region: Option<Spanned<String>>,
    pub(crate) step: Option<Spanned<Factor>>,
    pub(crate) decay: Option<Spanned<Span>>,
    pub(crate) into: Option<Spanned<Factor>>,
    pub(crate) cut: Option<Spanned<Share>>,
    pub(crate) cut_over: Option<Spanned<Span>>,
    pub(crate) cut_for: Option<Spanned<Span>>,
    pub(crate) reconnect_within: Option<Spanned<Span>>,
    pub(crate) omori_k: Option<Spanned<f64>>,
    pub(crate) omori_c: Option<Spanned<Span>>,
    pub(crate) omori_p: Option<Spanned<f64>>,
    pub(crate) aftershock: Option<Spanned<Factor>>,
}
