//! The run folder: its schema, its writer, its reader.
//!
//! Everything a run leaves behind goes through here, and it is the only thing the report reads, so a folder made a
//! year ago on another host renders the same. This crate knows no socket, no clock, no thread and no environment:
//! time comes in as an argument.
//!
//! | file | type | one per |
//! |---|---|---|
//! | `run.json` | [`Manifest`] | run |
//! | `plan.json` | [`PlanCurve`] | run |
//! | `samples.jsonl` | [`Sample`] | second |
//! | `events.jsonl` | [`Event`] | occurrence |
//! | `holds/*.txt` | the kernel's words on sockets, as they are | step of a climb |
//! | `replay.json` | [`Replay`] | replay |
//! | `summary.json` | [`Summary`] | run |

mod event;
mod histogram;
mod manifest;
pub mod name;
mod plan;
mod quantity;
mod reader;
mod replay;
mod sample;
pub mod schema;
mod step;
mod summary;
mod threshold;
mod writer;

pub use event::{CLOSED, CLOSING, Event, EventKind, SERVER_KILLED};
pub use histogram::{Histogram, HistogramError};
pub use manifest::{HostFacts, Limits, MANIFEST_SCHEMA, Manifest};
pub use plan::{Beside, BesideFigure, PlanCurve};
pub use quantity::grouped;
pub use reader::{ReadError, Run};
pub use replay::{
    CapturedBytes, Differing, Failing, REPLAY_SCHEMA, Replay, ReplayAnswers, ReplayBytes, ReplayChat,
    ReplayDatagrams, ReplayGaps, ReplaySends, ReplaySessions, ReplaySummary, Undriven,
};
pub use sample::Sample;
pub use step::{CpuShares, FORESEEN, Limit, Step, StepBytes, StepSummary, Transport};
pub use summary::{
    Connections, Handshakes, Lag, Latencies, Messages, Percentiles, SUMMARY_SCHEMA, ServerCost, Storm,
    Summary, SwarmCost, ThresholdResult, Verdict,
};
pub use threshold::{Threshold, ThresholdError};
pub use writer::{RunWriter, WriteError};
