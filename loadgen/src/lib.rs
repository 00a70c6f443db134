//! The swarm: population, behaviours, the ledger.
//!
//! It drives a plan's people at a server over many connections and accounts for every copy of every message. It does
//! not know the server: what it learns of it travels on connections.

mod body;
mod clerk;
mod control;
pub mod job;
pub mod ledger;
mod members;
pub mod pins;
mod population;
mod presence;
mod shard;
pub mod storm;
mod swarm;
mod tally;
mod timing;
pub mod upload;

pub use control::Leaving;
pub use job::{JobFailure, RegisterDone, RegisterJob, UploadDone, UploadJob};
pub use ledger::{Figures, Ledger};
pub use members::{Members, group_id};
pub use population::{Person, Population, PopulationError};
pub use swarm::{
    Carriage, Carried, Carrier, Deal, Meter, Needs, Outcome, Reading, Returns, Swarm, SwarmError,
    SwarmOptions,
};
