//! What production really did, driven again: captures to sessions, sessions to a target.
//!
//! It knows captures, connections and bytes. It does not print, read arguments or decide what a run is worth.
//!
//! ```text
//! capture ─► packets ─► segments ─► reassembly ─► events ─► (decryption) ─► events ─► recording ─► driver
//! ```

mod compare;
mod event;
mod http;
mod protocol;
mod recording;
mod rewrite;
mod rules;

pub use compare::{Compared, Comparison, Difference};
pub use event::{End, Event, Flow, Side, Sink, Start};
pub use protocol::Protocol;
pub use recording::{
    Recording, RecordingError, RecordingWriter, Session, Stream, Turn, TurnKind, Unplayable,
};
pub use rewrite::{RewriteError, Rewriter, Said};
pub use rules::{Identity, Place, RULES_MAX, RuleError, Rules, STRIDE_DEFAULT, Target};
