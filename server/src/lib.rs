//! The reference chat server.
//!
//! Frames come in at a [`shard`](self) (one thread, one epoll, many connections), go in parcels to the office (one
//! state machine: mailboxes, presence, accounts, the store), and the answers go back in outboxes. HTTP (admin, media,
//! registration) and the sinks run on the caller's tokio runtime and reach the office through a [`desk`].
//!
//! The server never prints, reads no arguments and does not exit the process.

mod config;
mod custody;
pub mod desk;
pub mod figures;
pub mod http;
pub mod knobs;
mod office;
#[cfg(test)]
mod page;
mod parcel;
mod rates;
mod serve;
mod shard;
pub mod sink;
mod source;
pub mod store;
mod warden;

pub use config::{Config, ShardPlan, TooFewFiles};
pub use custody::private_folder;
pub use office::Provisioned;
pub use serve::{Server, StartError};
pub use source::Source;
