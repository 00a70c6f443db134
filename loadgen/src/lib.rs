//! The swarm: population, behaviours, the ledger.
//!
//! It drives a plan's people at a server over many connections and accounts for every copy of every message. It does
//! not know the server: what it learns of it travels on connections.

mod body;
pub mod job;
pub mod ledger;
mod members;
pub mod pins;
mod population;
pub mod storm;
pub mod upload;

pub use job::{JobFailure, RegisterDone, RegisterJob, UploadDone, UploadJob};
pub use members::{Members, group_id};
pub use population::{Population, PopulationError};
