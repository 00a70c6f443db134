//! The JSON Schemas (draft 2020-12) of the run folder's files, as committed under `record/schema/`.
//!
//! They know nothing that the types do not: the tests hold the two together. A change that an older reader would
//! trip over raises the number in the schema's `$id` and in the file's own `schema` field.

/// Of `run.json`.
pub const RUN: &str = include_str!("../schema/run.schema.json");
/// Of `plan.json`.
pub const PLAN: &str = include_str!("../schema/plan.schema.json");
/// Of a line of `samples.jsonl`.
pub const SAMPLE: &str = include_str!("../schema/sample.schema.json");
/// Of a line of `events.jsonl`.
pub const EVENT: &str = include_str!("../schema/event.schema.json");
/// Of `storm.json`.
pub const STORM: &str = include_str!("../schema/storm.schema.json");
/// Of `replay.json`.
pub const REPLAY: &str = include_str!("../schema/replay.schema.json");
/// Of `summary.json`.
pub const SUMMARY: &str = include_str!("../schema/summary.schema.json");

#[cfg(test)]
mod tests;
