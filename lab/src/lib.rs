//! The lab and the doctor: which limit of a host stops a target, and a network namespace where none does.
//!
//! It knows the kernel's limits and what they charge, not what runs under them: no protocol, no scenario, no server.
//!
//! Three layers. [`mod@limits`] is arithmetic over what [`Host`] reads: pure, and tested on trees of files that look like
//! `/proc`. [`Ledger`] remembers what was changed on the host, so that it can be undone by whoever comes next. [`Lab`]
//! changes it, makes the namespace, and puts everything back.

mod error;
mod figure;
pub mod host;
mod inhabitant;
pub mod lab;
pub mod ledger;
pub mod limits;
mod namespace;
mod netlink;
pub mod privilege;
pub mod process;
pub mod shape;
pub mod sizing;
pub mod table;

pub use error::LabError;
pub use host::Host;
pub use inhabitant::inhabit;
pub use lab::{Lab, Made};
pub use ledger::{Ledger, Recovered, Settled};
pub use limits::{Limit, Remedy, Scope, limits};
pub use privilege::{Need, check_packets, check_subnet, check_tun, needs};
pub use shape::{Bytes, Shape, Transport};

use std::net::Ipv4Addr;

/// Where the lab's server is reached by every transport: on `lo`, the last address but one of [`SUBNET`], so that the
/// clients' subnets can grow from the other end. The range is set apart for benchmarks (RFC 2544, appendix C.2.2).
pub const SERVER_ADDRESS: Ipv4Addr = Ipv4Addr::new(198, 19, 255, 254);
/// Where the packet transport's clients are: network and prefix length.
pub const SUBNET: (Ipv4Addr, u8) = (Ipv4Addr::new(198, 18, 0, 0), 15);

/// Set inside a lab, to the lab's [`mark`](process::Identity::mark): whoever has it in its environment belongs to that
/// lab.
pub const LAB_VARIABLE: &str = "TEEM_LAB";
/// Set inside a lab to [`SERVER_ADDRESS`].
pub const ADDRESS_VARIABLE: &str = "TEEM_LAB_ADDRESS";
/// Where the [`Ledger`] is kept instead of `/run/teem`.
pub const STATE_VARIABLE: &str = "TEEM_STATE_DIR";
