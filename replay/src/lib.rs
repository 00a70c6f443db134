//! What production really did, driven again: captures to sessions, sessions to a target.
//!
//! It knows captures, connections and bytes. It does not print, read arguments or decide what a run is worth.
//!
//! ```text
//! capture ─► packets ─► segments ─► reassembly ─► events ─► (decryption) ─► events ─► recording ─► driver
//! ```

pub mod capture;
mod event;
pub mod packet;
mod reading;
pub mod reassembly;
mod skipped;

pub use capture::{CaptureError, Ending, Source};
pub use event::{End, Event, Flow, Side, Sink, Start};
pub use reading::{CaptureFigures, CaptureOptions, Progress, Reading, read_capture};
pub use skipped::{Skip, Skipped};
