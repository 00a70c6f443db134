//! What production really did, driven again: captures to sessions, sessions to a target.
//!
//! It knows captures, connections and bytes. It does not print, read arguments or decide what a run is worth.
//!
//! ```text
//! capture ─► packets ─► segments ─► reassembly ─► events ─► (decryption) ─► events ─► recording ─► driver
//! ```

mod account;
mod event;
mod inspect;
mod protocol;
mod recording;

pub use event::{End, Event, Flow, Secrecy, Side, Sink, Start};
pub use inspect::{Findings, Inspected, Inspection, InspectionLimits, Moment, Said, Shape, Totals};
pub use protocol::Protocol;
pub use recording::{
    Note, Played, Recording, RecordingError, RecordingWriter, Session, Stream, Tally, Torn, Turn, TurnKind,
    Unplayable, is_recording, play,
};
