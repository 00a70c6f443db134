//! `samples.jsonl`: one second's figures. Its JSON Schema is `record/schema/sample.schema.json`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, Serializer};

use crate::Histogram;

/// One second of a run. Names are those of [`crate::name`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sample {
    /// Milliseconds since the run began.
    pub t_ms: u64,
    /// Counters: cumulative since the run began.
    #[serde(default)]
    pub counters: BTreeMap<String, u64>,
    /// Gauges: the value at this instant. One that is not a finite number is left out when written: JSON has none.
    #[serde(default, serialize_with = "finite")]
    pub gauges: BTreeMap<String, f64>,
    /// Histograms of this second alone, microseconds.
    #[serde(default)]
    pub histograms: BTreeMap<String, Histogram>,
}

fn finite<S: Serializer>(gauges: &BTreeMap<String, f64>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(gauges.iter().filter(|(_, value)| value.is_finite()))
}
