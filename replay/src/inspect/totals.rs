//! All connections of a capture, summed up.
//!
//! It knows counts; it lists nothing.

use std::collections::BTreeMap;

use crate::{Protocol, Session, Side, Unplayable};

/// All connections of a capture, summed up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Connections.
    pub connections: u64,
    /// Of these, those that are not listed; protocols and reasons below leave them out.
    pub unlisted: u64,
    /// Bytes that clients said.
    pub client_bytes: u64,
    /// Bytes that servers said.
    pub server_bytes: u64,
    /// Places where bytes are missing.
    pub gaps: u64,
    /// Bytes that are.
    pub gap_bytes: u64,
    /// Connections whose clients can be driven again.
    pub replayable: u64,
    /// The others, by why not.
    pub unplayable: BTreeMap<Unplayable, u64>,
    /// Connections by what they speak.
    pub protocols: BTreeMap<Protocol, u64>,
}

impl Totals {
    pub(super) fn bytes_mut(&mut self, side: Side) -> &mut u64 {
        match side {
            Side::Client => &mut self.client_bytes,
            Side::Server => &mut self.server_bytes,
        }
    }

    pub(super) fn add(&mut self, session: &Session) {
        *self.protocols.entry(session.protocol).or_default() += 1;
        match session.replayable {
            Ok(()) => self.replayable += 1,
            Err(why) => *self.unplayable.entry(why).or_default() += 1,
        }
    }
}
