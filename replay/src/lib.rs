//! What production really did, driven again: captures to sessions, sessions to a target.
//!
//! It knows captures, connections and bytes. It does not print, read arguments or decide what a run is worth.
//!
//! ```text
//! capture ─► packets ─► segments ─► reassembly ─► events ─► (decryption) ─► events ─► recording ─► driver
//! ```

mod account;
pub mod capture;
mod compare;
mod decrypt;
mod drive;
mod event;
mod fidelity;
mod fit;
mod http;
mod inspect;
mod mask;
mod pace;
pub mod packet;
mod people;
mod protocol;
mod provision;
mod reading;
pub mod reassembly;
mod recording;
mod rewrite;
mod rules;
mod secrets;
mod selection;
mod shares;
mod skipped;

pub use capture::{CaptureError, Ending, Source};
pub use compare::{Compared, Comparison, Difference};
pub use decrypt::{
    CipherSuite, Decryption, DecryptionFigures, DecryptionLimits, DecryptionReport, TlsBytes, TlsFlow,
    TlsOverhead, TlsVersion, Undecrypted,
};
pub use drive::{
    Answers, Cause, Clones, Counts, Destination, Differing, Drive, DriveError, DriveOptions, Failing,
    Failure, Figures, LeftOver, OnFailure, Order, Picked, Planned, Timings,
};
pub use event::{End, Event, Flow, Secrecy, Side, Sink, Start};
pub use fidelity::{Arrivals, Likeness, Rhythm};
pub use fit::{FitBy, Fitted, FittedGroup, LogNormalFit, Sample};
pub use inspect::{Digest, Findings, Inspected, Inspection, InspectionLimits, Moment, Shape, Totals};
pub use mask::{
    Blanked, HELD_MAX_BYTES, MASK_KEY_BYTES, Mask, MaskError, MaskFigures, MaskRules, WAITING_MAX_BYTES,
};
pub use pace::{Margin, Pace, Rest, Speed, SpeedError};
pub use people::People;
pub use protocol::Protocol;
pub use reading::{CaptureFigures, CaptureOptions, Progress, Reading, read_capture};
pub use recording::{
    Note, Played, Recording, RecordingError, RecordingWriter, Session, Stream, Tally, Torn, Turn, TurnKind,
    Unplayable, is_recording, play,
};
pub use rewrite::{Messages, RewriteError, Rewriter, Said};
pub use rules::{Identity, Place, RULES_MAX, RuleError, Rules, STRIDE_DEFAULT, Target};
pub use secrets::{Malformed, Secrets, SecretsError, SecretsFigures};
pub use selection::{LeftOut, Select, Selection};
pub use shares::Shares;
pub use skipped::{Skip, Skipped};
