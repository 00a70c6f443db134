//! The system activity sampler: host, processes, kernel network, a server's own queues.
//!
//! It knows no clock and starts no thread: the caller ticks it, once a second in a run, and says what time it is.
//! It does not know what the figures mean for a run; it writes them under the names of [`record::name`] and the report
//! judges.
//!
//! Two halves share the house. One looks at the machine from outside ([`sampler`], [`host`], [`process`],
//! [`facts`], [`table`]); the other is what a server counts itself with ([`counters`], [`decay`], [`queue`],
//! [`expose`]).

pub mod counters;
pub mod decay;
pub mod expose;
pub mod facts;
pub mod host;
mod proc_file;
pub mod process;
pub mod queue;
pub mod sampler;
pub mod sockets;
pub mod table;

pub use counters::{Apart, Counter, Gauge, HighWater};
pub use decay::{Decays, Meter, Rate};
pub use expose::{exposition, parse_exposition};
pub use facts::{host_facts, limits};
pub use queue::{QueueGauge, QueueReading};
pub use sampler::Sampler;
pub use sockets::socket_text;
