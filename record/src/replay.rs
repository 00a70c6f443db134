//! `replay.json`: what a replay drove, and what came back. Its JSON Schema is `record/schema/replay.schema.json`.
//!
//! It knows counts; times are in the samples' histograms, and meet them in the summary.

mod bytes;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Percentiles;

pub use bytes::{CapturedBytes, ReplayBytes, ReplayDatagrams};

/// The schema that [`Replay::schema`] names.
pub const REPLAY_SCHEMA: &str = "teem.replay/1";

/// What a replay drove.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Replay {
    /// [`REPLAY_SCHEMA`].
    pub schema: String,
    /// The capture, or the file of sessions.
    pub capture: String,
    /// Speed of connects: `1x`, `max`.
    pub connect_speed: String,
    /// Speed of think times.
    pub think_speed: String,
    /// `timed` or `causal`.
    pub order: String,
    /// How many run through it side by side, each as another person.
    pub clones: u64,
    /// How many times each.
    pub loops: u64,
    /// A send or a connect later than this by the driver's own fault is late, milliseconds; the clock was not kept where more
    /// than one in a hundred is, and more than one.
    pub lateness_limit_ms: f64,
    /// Whether it came to its end: a folder without was left by a crash.
    pub finished: bool,
    /// Sessions.
    pub sessions: ReplaySessions,
    /// Sends.
    pub sends: ReplaySends,
    /// Bytes.
    pub bytes: ReplayBytes,
    /// Datagrams, which are not driven; absent where the recording is a file of sessions that does not tell of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub datagrams: Option<ReplayDatagrams>,
    /// The target's answers beside the recorded ones.
    pub answers: ReplayAnswers,
    /// Chat messages, where they went to a run's own target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chat: Option<ReplayChat>,
    /// The gaps between sends, planned and made; absent where there was no clock to keep.
    pub gaps: Option<ReplayGaps>,
    /// The gaps within sessions, as captured, at the speed of each, and as made; of causal replays that kept a clock alone, whose plan
    /// follows the target. Nothing is judged by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub captured_gaps: Option<ReplayGaps>,
    /// Recorded sessions that cannot be driven, the first of them.
    pub unplayable: Vec<Undriven>,
    /// The first differences.
    pub differences: Vec<Differing>,
    /// The first sessions that were not driven to their end.
    #[serde(default)]
    pub failures: Vec<Failing>,
}

/// Driven sessions. `planned = finished + failed`, the failed by cause.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReplaySessions {
    /// In the recording.
    pub recorded: u64,
    /// Of these, not wanted.
    pub left_out: u64,
    /// Of these, not to be driven: bytes of the client are missing, and so on.
    pub unplayable: u64,
    /// To be driven, clones and loops included.
    pub planned: u64,
    /// Begun later than the limit, by the driver's own fault.
    #[serde(default)]
    pub connects_late: u64,
    /// Begun later than the limit because as many were open as were allowed at once.
    #[serde(default)]
    pub connects_held: u64,
    /// Connections that came about.
    pub opened: u64,
    /// Driven to their end.
    pub finished: u64,
    /// Not driven to their end.
    pub failed: u64,
    /// By cause: `refused`, `reset`, `closed`, ...
    pub failed_by: BTreeMap<String, u64>,
}

/// What clients say: one send is one turn of a client in the recording. `planned = sent + unsent`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReplaySends {
    /// Recorded, times clones and loops.
    pub planned: u64,
    /// Made.
    pub sent: u64,
    /// Not made.
    pub unsent: u64,
    /// By cause.
    pub unsent_by: BTreeMap<String, u64>,
    /// Made later than the limit, by the driver's own fault.
    pub late: u64,
    /// Times a send waited because the target did not read; a timed one fails instead.
    #[serde(default)]
    pub stalled: u64,
    /// Times a causal send went on without the whole of the recorded answer.
    pub answers_given_up: u64,
    /// Sends whose answers were recorded and not timed: too many were open on one connection, or no answer came.
    #[serde(default)]
    pub answers_untimed: u64,
    /// Values said as recorded because the target had not handed out its own, and answers that could not be unpacked.
    pub unlearned: u64,
    /// Values said as recorded because the answer that hands them out was not come to yet, which in the recording it was: each value of
    /// a person once, however often it was said.
    #[serde(default)]
    pub early: u64,
    /// Values that a person's other sessions were to share, and that were forgotten for newer ones of the same person; and values that were
    /// said, of which that was forgotten before anybody could tell whether it was early.
    #[serde(default)]
    pub forgotten: u64,
    /// Values that were never shared among a person's sessions for want of room.
    #[serde(default)]
    pub unshared: u64,
}

/// The target's answers beside the recorded ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReplayAnswers {
    /// The same bytes.
    pub identical: u64,
    /// The same but for what may differ.
    pub masked: u64,
    /// Not the same.
    pub different: u64,
    /// Recorded, and never answered.
    pub missing: u64,
    /// Answered, and not recorded.
    pub extra: u64,
    /// Answered, and perhaps among what the recording lacks: not judged.
    pub unjudged: u64,
}

impl ReplayAnswers {
    /// All that were compared.
    #[must_use]
    pub fn compared(&self) -> u64 {
        self.identical + self.masked + self.different + self.missing + self.extra
    }
}

/// Chat messages of driven clients, by their own count: what the server counts of their copies is held against it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReplayChat {
    /// Said, to people and to groups, repeats included.
    pub said: u64,
    /// Of them, to groups: several copies each.
    pub to_groups: u64,
    /// Answered so.
    pub accepted: u64,
    /// Answered so.
    pub refused: u64,
}

/// Gaps between sends, as they were to be and as they were made (two-sample Kolmogorov-Smirnov).
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReplayGaps {
    /// How many were compared.
    pub count: u64,
    /// The greatest difference of their distribution functions, 0 to 1.
    pub distance: f64,
    /// The chance of at least that between two samples of one distribution.
    pub p_value: f64,
    /// The same distance where gaps that differ by less than 100 us count as equal.
    pub distance_beyond_100_us: f64,
}

/// A recorded session that cannot be driven.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Undriven {
    /// Its flow.
    pub flow: u64,
    /// Its ends: client, server.
    pub ends: [String; 2],
    /// Why.
    pub why: String,
}

/// A driven session's first difference.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Differing {
    /// The recorded flow.
    pub flow: u64,
    /// As whom it was driven.
    pub person: u32,
    /// Which answer of the session, from 0.
    pub answer: u64,
    /// Bytes of it before the difference.
    pub offset: u64,
    /// What differs, in a sentence.
    pub what: String,
    /// The recorded side around it.
    pub recorded: String,
    /// The target's.
    pub actual: String,
}

/// A session that was not driven to its end.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Failing {
    /// The recorded flow.
    pub flow: u64,
    /// As whom it was driven.
    pub person: u32,
    /// The kind, as sends and sessions are counted by.
    pub cause: String,
    /// What more is known, in a sentence; mostly nothing.
    pub why: String,
}

/// A replay in a summary.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReplaySummary {
    /// Sessions.
    pub sessions: ReplaySessions,
    /// Sends.
    pub sends: ReplaySends,
    /// Bytes.
    pub bytes: ReplayBytes,
    /// Datagrams of the capture, not driven.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub datagrams: Option<ReplayDatagrams>,
    /// Answers.
    pub answers: ReplayAnswers,
    /// Chat messages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chat: Option<ReplayChat>,
    /// Gaps between sends.
    pub gaps: Option<ReplayGaps>,
    /// Sends after the instant at which they were due and could be made, milliseconds.
    pub lateness_ms: Percentiles,
    /// Sends held back by the target, or by the bound of sessions at once, milliseconds.
    pub held_ms: Percentiles,
    /// Connects after the instant at which they were due and allowed, milliseconds.
    #[serde(default)]
    pub connect_lateness_ms: Percentiles,
    /// Intended instant of a connect to its establishment, milliseconds.
    pub connect_ms: Percentiles,
    /// Intended instant of a send to its answer's first byte, milliseconds.
    pub answer_ms: Percentiles,
    /// The same in the recording, for the same sends.
    pub recorded_answer_ms: Percentiles,
}
