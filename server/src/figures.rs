//! The server's figures, summed over its shards when asked.

use std::collections::BTreeMap;

/// Counters and gauges by the names of the run folder's schema.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Snapshot {
    /// Only growing.
    pub counters: BTreeMap<String, u64>,
    /// An instant's values.
    pub gauges: BTreeMap<String, f64>,
}

/// Gives the figures.
#[derive(Clone, Debug, Default)]
pub struct Figures {}

impl Figures {
    /// The figures at this instant.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        Snapshot::default()
    }
}
