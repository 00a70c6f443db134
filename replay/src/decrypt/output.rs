//! What a flow's decryption is lent while an event is worked off.
//!
//! It knows no flow.

use super::report::DecryptionFigures;
use crate::secrets::Secrets;

/// Where events go, what is counted, and a buffer for an opened record.
pub(super) struct Output<'a, S> {
    pub(super) sink: &'a mut S,
    pub(super) figures: &'a mut DecryptionFigures,
    pub(super) secrets: &'a Secrets,
    pub(super) plain: &'a mut Vec<u8>,
}
