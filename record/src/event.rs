//! `events.jsonl`: what happened, and when. Its JSON Schema is `record/schema/event.schema.json`.

use serde::{Deserialize, Serialize};

/// The name of the fault by which a run kills its server: from then on the server's own counts are partial.
pub const SERVER_KILLED: &str = "kill -9";

/// The name of the note by which a run begins to take down what it started: the clients close.
pub const CLOSING: &str = "closing";
/// The name of the note by which it has: clients and server are gone, and the server's data.
pub const CLOSED: &str = "closed";

/// What kind of thing happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// A phase of the scenario began.
    Phase,
    /// A shock struck: kick-off, goal, quake, cut.
    Shock,
    /// A knob was turned.
    Knob,
    /// Something broke, by plan or not.
    Fault,
    /// The testbed fell short: the run says nothing about the server. `detail` says why in a sentence.
    Invalid,
    /// The run was stopped before its end.
    Interrupted,
    /// Anything else worth a mark.
    Note,
}

/// One occurrence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Event {
    /// Milliseconds since the run began.
    pub t_ms: u64,
    /// What kind.
    pub kind: EventKind,
    /// A short name, fit for a mark on a plot: `goal`, `ramp`.
    pub name: String,
    /// A sentence, or empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
}
