//! The scenario model, its library, arrival processes and shocks: a pure function from (file, seed) to an arrival plan.
//!
//! This crate knows no socket, no clock, no thread and no environment, and a plan never depends on a response. The
//! path through it: [`Scenario::parse`] turns a file into a checked [`Scenario`], [`Scenario::plan`] into a [`Plan`],
//! and [`Plan::actions`] yields what each user does and when. `docs/scenarios.md` is the language's reference.

mod action;
mod actions;
mod beside;
mod cell;
mod climb;
mod curve;
mod day;
mod distribution;
mod error;
mod group;
mod intensity;
mod library;
mod load;
mod misfit;
mod people;
mod permutation;
mod plan;
mod presence;
mod random;
mod raw;
mod replay;
mod resolve;
mod scenario;
mod shock;
mod timeline;
mod unit;

pub use action::{Action, Misfit, To, What};
pub use actions::Actions;
pub use beside::ObservedPeople;
pub use climb::ClimbSettings;
pub use curve::DayMessages;
pub use distribution::{Distribution, MOST_QUANTILES};
pub use error::Error;
pub use group::Groups;
pub use library::library;
pub use misfit::{MisfitKind, MisfitSettings};
pub use plan::{ClimbStep, Plan, StormWindow};
pub use replay::{NamedFile, ReplayMode, ReplaySettings};
pub use scenario::{
    Arrivals, ClockSettings, DrainSettings, Durability, MediaSettings, MessageSettings, PhaseKind,
    PhaseSettings, Places, PopulationGroup, RegistrationSettings, Scenario, ServerSettings, StormSettings,
    ThresholdSetting,
};
pub use shock::{Earthquake, Football, Shock};
pub use unit::{Bytes, Count, Factor, MatchMinute, Rate, Share, Span, Speed, TimeOfDay, UtcOffset};

/// The most cells that a plan's users are dealt into; [`Plan::cells`] are those it has.
pub const CELLS: u32 = 256;
