//! What a replay is to do: which sessions, where to, when, how often.
//!
//! It knows no flags and no files; whether the options fit a recording is found out at the start.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use loadgen::Carrier;
use reactor::Clock;
use wire::tls::ClientTls;

use super::cast::Clones;
use super::program::Order;
use crate::{Recording, Rules, Selection, Speed};

/// What becomes of a replay when a session fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnFailure {
    /// It goes on with the others.
    Continue,
    /// It ends; what was left counts as stopped.
    Stop,
}

/// Where the sessions of a recorded server go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Destination {
    /// The target.
    pub address: SocketAddr,
    /// How it is spoken to: a place in [`DriveOptions::ways`].
    pub way: u16,
}

impl From<SocketAddr> for Destination {
    /// In the first way.
    fn from(address: SocketAddr) -> Self {
        Self { address, way: 0 }
    }
}

/// What a replay is to do.
#[derive(Clone, Debug)]
pub struct DriveOptions {
    /// What was recorded.
    pub recording: Arc<Recording>,
    /// What must differ.
    pub rules: Arc<Rules>,
    /// Which sessions.
    pub selection: Selection,
    /// Sessions that are not in the recording, for reading left them out already.
    pub left_out: u64,
    /// Where those of each recorded server go.
    pub targets: HashMap<SocketAddr, Destination>,
    /// The clock that all instants are on.
    pub clock: Clock,
    /// How fast sessions begin.
    pub connect_speed: Speed,
    /// How fast their turns come; at the highest, each waits only for the answer before it.
    pub think_speed: Speed,
    /// What a turn waits for.
    pub order: Order,
    /// How often.
    pub clones: Clones,
    /// What values that are made up come from.
    pub seed: u64,
    /// What carries the bytes.
    pub carrier: Carrier,
    /// How targets are spoken to, by [`Destination::way`]: under which TLS, or in the clear. One that is not listed is
    /// spoken to in the clear.
    pub ways: Vec<Option<ClientTls>>,
    /// What a failure leads to.
    pub on_failure: OnFailure,
    /// Sessions at once at most; those above wait, and begin late.
    pub at_once: Option<u32>,
    /// How many shards; one, or as many as descriptors want, if it is not given.
    pub shards: Option<u32>,
    /// A send later than this by the driver's own fault is late.
    pub lateness_limit: Duration,
    /// Connections a shard may have on their way.
    pub connecting_max: u32,
    /// How long an answer, or a value to be learned from one, may take.
    pub patience: Duration,
    /// How many others of this process connect to the target, too: each from source addresses of its own.
    pub neighbours: u32,
}

impl DriveOptions {
    /// The usual options.
    #[must_use]
    pub fn new(recording: Arc<Recording>, targets: HashMap<SocketAddr, Destination>, clock: Clock) -> Self {
        Self {
            recording,
            rules: Arc::new(Rules::default()),
            selection: Selection::default(),
            left_out: 0,
            targets,
            clock,
            connect_speed: Speed::RECORDED,
            think_speed: Speed::RECORDED,
            order: Order::Timed,
            clones: Clones::default(),
            seed: 0,
            carrier: Carrier::Kernel,
            ways: Vec::new(),
            on_failure: OnFailure::Continue,
            at_once: None,
            shards: None,
            lateness_limit: Duration::from_millis(10),
            connecting_max: 2_000,
            patience: Duration::from_secs(5),
            neighbours: 0,
        }
    }
}
