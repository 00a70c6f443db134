//! `plan.json`: the load that was planned, second by second. Its JSON Schema is `record/schema/plan.schema.json`.

use serde::{Deserialize, Serialize};

/// The planned load as columns of equal length, one row a second of the run's clock.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanCurve {
    /// Connections planned to be open at the end of each second.
    pub connections: Vec<u64>,
    /// Messages planned in each second.
    pub messages: Vec<u64>,
    /// Copies planned in each second (a message to a group is several).
    pub copies: Vec<u64>,
    /// Phases and shocks, to be marked.
    pub marks: Vec<crate::Event>,
    /// Sends of a replay beside them, planned in each second; nothing where there is none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub replay_sends: Vec<u64>,
    /// Its sessions planned to be open at the end of each second; likewise.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub replay_sessions: Vec<u64>,
    /// Populations beside the people whom they were fitted to; nothing where none was.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub beside: Vec<Beside>,
}

/// A figure of people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BesideFigure {
    /// Lengths of messages, bytes.
    Bytes,
    /// From one message of a person to the next on the same connection, milliseconds.
    Gaps,
    /// Lengths of connections, milliseconds.
    Stays,
}

/// A population beside those it stands for, in one figure: both on the run's clock.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Beside {
    /// The population.
    pub population: String,
    /// In what.
    pub figure: BesideFigure,
    /// What was observed: quantiles, every 5 % from the least to the most.
    pub observed: Vec<f64>,
    /// The same of the plan; nothing where the plan has none.
    pub planned: Vec<f64>,
    /// How many values of the plan that is.
    pub count: u64,
    /// The greatest difference of the two distribution functions (Kolmogorov and Smirnov), 0 to 1.
    pub distance: f64,
}
