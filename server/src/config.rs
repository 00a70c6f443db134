//! What a server is told at its start, resolved, and how its shards follow from it.

use std::net::SocketAddr;
use std::path::PathBuf;

use reactor::PART_FLOOR;
use wire::tls::ServerTls;

use crate::knobs::Durability;
use crate::office::Provisioned;
use crate::store::OPEN_MAX;

/// Everything a server needs to know.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where clients connect.
    pub listen: SocketAddr,
    /// Media and registration by HTTP.
    pub http: SocketAddr,
    /// Admin HTTP.
    pub admin: SocketAddr,
    /// The admin HTTP's token; needed anywhere but on loopback.
    pub admin_token: Option<String>,
    /// Where the store, the accounts and the media are kept.
    pub data: PathBuf,
    /// When a message counts as safe.
    pub durability: Durability,
    /// Who the server is under TLS; none serves in the clear. HTTP is in the clear either way.
    pub tls: Option<ServerTls>,
    /// Connections that the server is to hold.
    pub connections: u64,
    /// Shards; `None` chooses.
    pub shards: Option<u16>,
    /// Whether senders learn that their messages have arrived: two ticks. Off measures what they cost.
    pub second_ticks: bool,
    /// Which numbers have derived keys.
    pub provisioned: Provisioned,
    /// The first so many of them are people of a replay beside a swarm: what is for them is also counted apart.
    pub apart: Option<u64>,
    /// The secret that they are derived from.
    pub secret: Vec<u8>,
    /// Disk space that the store may take, bytes; none is the disk's.
    pub store_quota_bytes: Option<u64>,
    /// Where PINs go: `file:PATH`, `http://...`, `none`.
    pub sms: String,
    /// Where notices of waiting messages go, likewise.
    pub push: String,
}

impl Config {
    /// Any free ports of loopback and everything under one folder, in the clear; nobody is provisioned, PINs and notices go
    /// nowhere.
    #[must_use]
    pub fn on_loopback(data: PathBuf, secret: &[u8]) -> Self {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        Self {
            listen: any,
            http: any,
            admin: any,
            admin_token: None,
            data,
            durability: Durability::default(),
            tls: None,
            connections: 1_000,
            shards: None,
            second_ticks: true,
            provisioned: Provisioned { base: 1, count: 0 },
            apart: None,
            secret: secret.to_vec(),
            store_quota_bytes: None,
            sms: "none".to_owned(),
            push: "none".to_owned(),
        }
    }
}

/// How many shards, and whether each has a descriptor table of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShardPlan {
    /// How many.
    pub shards: u16,
    /// Whether their threads part from the process's descriptor table.
    pub parted: bool,
    /// What each may hold.
    pub connections_max: u32,
}

/// Descriptors of a table that are not connections: epoll, listener, spare ones for refusals.
const SPARE: u64 = 64;
/// See [`ShardPlan::spacing_us`].
const SPACING_A_SHARD_US: u64 = 250;
/// How full a table may be on average: `SO_REUSEPORT` spreads like a binomial, and seven standard deviations of
/// 18,000 are under 1,000.
const FILL: f64 = 0.93;

/// Tables, each with a thread, at most: each has an eventfd below [`PART_FLOOR`], and main's own descriptors are there, too.
const SHARDS_MAX: u16 = 900;

/// What main's table holds beside its shards' eventfds and HTTP's connections: the store's files and the accounts', and at most
/// 40 more for standard streams, the runtime, listeners, a log, sinks and their connections.
const MAINS: u32 = OPEN_MAX as u32 + 4 + 40;

/// The limit of descriptors is too low for the connections, whatever way they are spread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the limit of open files is {nofile}, and {connections} connections need {needed} at least: raise it \
     (`ulimit -n {needed}`, or LimitNOFILE={needed} in a systemd unit), or ask for fewer with --connections"
)]
pub struct TooFewFiles {
    connections: u64,
    nofile: u64,
    needed: u64,
}

impl TooFewFiles {
    fn new(connections: u64, nofile: u64) -> Self {
        let each = (connections as f64 / (f64::from(SHARDS_MAX) * FILL)).ceil() as u64;
        Self {
            connections,
            nofile,
            needed: PART_FLOOR as u64 + SPARE + each,
        }
    }
}

impl ShardPlan {
    /// Plans for so many connections under this limit of descriptors, on so many CPUs.
    ///
    /// One table for the process where they fit; else a table a thread, as few as hold them all.
    ///
    /// # Errors
    /// The limit leaves room for too few, or for none.
    pub fn new(connections: u64, nofile: u64, cpus: u16, wanted: Option<u16>) -> Result<Self, TooFewFiles> {
        let floor = PART_FLOOR as u64;
        let one_table = nofile.saturating_sub(floor);
        if connections <= one_table.saturating_sub(SPARE) {
            let connections_max = one_table.min(u64::from(u32::MAX)) as u32;
            return Ok(Self {
                shards: wanted.unwrap_or(cpus).max(1),
                parted: false,
                connections_max,
            });
        }
        let each = one_table.saturating_sub(SPARE);
        let needed = (connections as f64 / (each as f64 * FILL)).ceil();
        if needed > f64::from(SHARDS_MAX) {
            return Err(TooFewFiles::new(connections, nofile));
        }
        Ok(Self {
            shards: (needed as u16).max(wanted.unwrap_or(0)).min(SHARDS_MAX),
            parted: true,
            connections_max: each.min(u64::from(u32::MAX)) as u32,
        })
    }
}

impl ShardPlan {
    /// How many connections the public HTTP port may serve at once: as many as wanted, and no more than leave the numbers of
    /// main's table below [`PART_FLOOR`] where shards have tables of their own. Each takes two, itself and a file.
    #[must_use]
    pub(crate) fn http_connections(&self, wanted: u32, admin: u32) -> u32 {
        if !self.parted {
            return wanted;
        }
        let taken = MAINS + u32::from(self.shards) + admin;
        wanted.min((PART_FLOOR as u32).saturating_sub(taken) / 2)
    }

    /// The least time between two turns of a shard, microseconds: a quarter of a millisecond for each shard there is.
    ///
    /// Of the server's packets each of n shards gets the n-th part, and what a thread finds in the caches when it wakes
    /// up shrinks as well: a turn for one packet was measured at 38 µs. So waking up takes at most 38 of 250 µs, 15 % of
    /// a core, however many shards there are: a dozen rest for 3 ms, 285 for 71 ms, in which packets gather. What comes
    /// after a quiet time is served at once all the same.
    #[must_use]
    pub fn spacing_us(&self) -> u64 {
        if self.parted {
            u64::from(self.shards) * SPACING_A_SHARD_US
        } else {
            0
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_shared_while_they_last() {
        let plan = ShardPlan::new(10_000, 20_000, 2, None).unwrap();
        assert_eq!((plan.shards, plan.parted), (2, false));
        let plan = ShardPlan::new(200_000, 20_000, 2, None).unwrap();
        assert!(plan.parted && plan.shards == 12, "{plan:?}");
        assert!(u64::from(plan.connections_max) * u64::from(plan.shards) > 200_000);
        assert!(!ShardPlan::new(200_000, 1 << 20, 2, None).unwrap().parted);
        assert_eq!(ShardPlan::new(5_000_000, 20_000, 2, None).unwrap().shards, 285);
    }

    #[test]
    fn all_that_main_opens_has_room_below_the_floor() {
        let (wanted, admin) = (256, 16);
        for (connections, tables) in [(200_000, 12), (5_000_000, 285), (15_825_000, 900)] {
            let plan = ShardPlan::new(connections, 20_000, 2, None).unwrap();
            assert_eq!(plan.shards, tables);
            let http = plan.http_connections(wanted, admin);
            assert!(
                http == wanted || tables == 900 && http >= 16,
                "{http} beside {tables} tables"
            );
            assert!(MAINS + u32::from(tables) + admin + 2 * http <= PART_FLOOR as u32);
        }
        let most = ShardPlan::new(200_000, 20_000, 2, Some(2_000)).unwrap();
        assert_eq!(most.shards, SHARDS_MAX, "more tables than have room are not made");
        let shared = ShardPlan::new(10_000, 20_000, 2, None).unwrap();
        assert_eq!(
            shared.http_connections(wanted, admin),
            wanted,
            "of one table all is in order"
        );
    }

    #[test]
    fn a_limit_that_is_too_low_is_told_with_what_would_do() {
        for nofile in [0, 256, 1024, 1088, 1099] {
            let refused = ShardPlan::new(10_000, nofile, 2, None).unwrap_err();
            assert_eq!((refused.nofile, refused.needed), (nofile, 1_100));
            assert!(refused.to_string().contains("ulimit -n 1100"), "{refused}");
        }
        let plan = ShardPlan::new(10_000, 1_100, 2, None).unwrap();
        assert!(plan.parted && plan.shards <= SHARDS_MAX);
        assert!(u64::from(plan.connections_max) * u64::from(plan.shards) > 10_000);
    }
}
