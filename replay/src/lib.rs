//! What production really did, driven again: captures to sessions, sessions to a target.
//!
//! It knows captures, connections and bytes. It does not print, read arguments or decide what a run is worth.
//!
//! ```text
//! capture ─► packets ─► segments ─► reassembly ─► events ─► (decryption) ─► events ─► recording ─► driver
//! ```


    Answers, Cause, Clones, Differing, Drive, DriveError, DriveOptions, Figures, OnFailure, Order, Pick, Picked, Planned,
    CipherSuite, Decryption, DecryptionFigures, DecryptionLimits, DecryptionReport, TlsFlow, TlsVersion,
    Note, Played, Recording, RecordingError, RecordingWriter, Session, Stream, Tally, Torn, Turn, TurnKind,
    Tally, Timings,
    Undecrypted,
    Unplayable, is_recording, play,
mod account;
mod compare;
mod decrypt;
mod drive;
mod event;
mod fidelity;
mod inspect;
mod pace;
mod protocol;
mod reading;
mod recording;
mod rewrite;
mod rules;
mod secrets;
mod skipped;
pub mod capture;
pub mod packet;
pub mod reassembly;
pub use capture::{CaptureError, Ending, Source};
pub use compare::{Compared, Comparison, Difference};
pub use decrypt::{
pub use drive::{
pub use event::{End, Event, Flow, Secrecy, Side, Sink, Start};
pub use event::{End, Event, Flow, Side, Sink, Start};
pub use fidelity::{Arrivals, Likeness};
pub use inspect::{Findings, Inspected, Inspection, InspectionLimits, Moment, Said, Shape, Totals};
pub use pace::{Margin, Pace, Rest, Speed, SpeedError};
pub use protocol::Protocol;
pub use reading::{CaptureFigures, CaptureOptions, Progress, Reading, read_capture};
pub use recording::{
pub use rewrite::{RewriteError, Rewriter, Said};
pub use rules::{Identity, Place, RULES_MAX, RuleError, Rules, STRIDE_DEFAULT, Target};
pub use secrets::{Malformed, SESSIONS_MAX, Secrets, SecretsError, SecretsFigures};
pub use skipped::{Skip, Skipped};
};
