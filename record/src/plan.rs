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
}
