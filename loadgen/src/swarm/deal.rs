//! How a swarm is dealt to shards: how many there are, whether each has a descriptor table of its own, and which
//! source addresses each connects from.
//!
//! It knows limits and numbers; it starts nothing.

use std::net::Ipv4Addr;

use scenarios::CELLS;

use super::{SwarmError, SwarmOptions};

/// Descriptors a table needs beside its connections: the floor of a parted one, and room for those who come in a
/// storm, before the ones they replace are gone.
const SPARE: u64 = 2_500;
/// Connections from one source address to one target: of 64,512 ports, some rest in `TIME_WAIT`.
const PORTS: u64 = 50_000;

/// The dealing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Deal {
    pub(super) shards: u32,
    /// Whether each shard parts from the process's descriptor table.
    pub(super) parted: bool,
    /// Source addresses a shard; none leaves them to the kernel.
    pub(super) addresses: u32,
}

impl Deal {
    pub(super) fn new(options: &SwarmOptions) -> Result<Self, SwarmError> {
        let limit = reactor::raise_nofile()?;
        let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get() as u32);
        let own_addresses = options
            .own_addresses
            .unwrap_or_else(|| options.targets.iter().all(|target| target.ip().is_loopback()));
        let targets = options.targets.len() as u64;
        Self::of(
            options.plan.connections(),
            limit,
            cores,
            options.shards,
            own_addresses.then_some(targets),
        )
    }

    /// For that many connections, descriptors a table, cores; with source addresses of its own if the number of
    /// targets is given.
    fn of(
        connections: u64,
        limit: u64,
        cores: u32,
        shards: Option<u32>,
        targets: Option<u64>,
    ) -> Result<Self, SwarmError> {
        let each = limit.saturating_sub(SPARE);
        let parted = connections > each;
        // Cells are dealt whole, so a shard's share is a whole number of them.
        let cell = connections.div_ceil(u64::from(CELLS)).max(1);
        let fewest = if parted {
            CELLS.div_ceil((each / cell).min(u64::from(CELLS)) as u32 + u32::from(each < cell))
        } else {
            1
        };
        if parted && each < cell {
            return Err(SwarmError::Descriptors {
                connections,
                most: CELLS,
                each,
            });
        }
        let wanted = shards.unwrap_or(if parted { fewest } else { cores });
        let shards = wanted.clamp(fewest, CELLS);
        let largest = cell * u64::from(CELLS.div_ceil(shards));
        let addresses = targets.map_or(0, |targets| largest.div_ceil(PORTS * targets.max(1)) as u32);
        Ok(Self {
            shards,
            parted,
            addresses,
        })
    }

    /// A shard's source addresses, in 127.77.0.0/16.
    pub(super) fn sources(&self, shard: u32) -> Vec<Ipv4Addr> {
        (shard * self.addresses..(shard + 1) * self.addresses)
            .map(|index| Ipv4Addr::new(127, 77, (index / 250) as u8, (index % 250 + 1) as u8))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_swarms_take_the_cores_and_the_process_table() {
        let deal = Deal::of(10_000, 20_000, 2, None, Some(1)).unwrap();
        assert_eq!(
            deal,
            Deal {
                shards: 2,
                parted: false,
                addresses: 1
            }
        );
        assert_eq!(Deal::of(10_000, 20_000, 2, None, None).unwrap().addresses, 0);
        assert_eq!(Deal::of(500_000, 1 << 20, 2, None, Some(1)).unwrap().shards, 2);
    }

    #[test]
    fn large_swarms_part_and_fit_their_tables() {
        for connections in [20_000, 200_000, 1_000_000, 3_000_000, 4_400_000] {
            let deal = Deal::of(connections, 20_000, 2, None, Some(1)).unwrap();
            assert!(deal.parted);
            let largest = connections.div_ceil(256) * u64::from(256_u32.div_ceil(deal.shards));
            assert!(largest <= 17_500, "{connections}: {largest} a shard");
        }
        assert_eq!(Deal::of(200_000, 20_000, 2, None, Some(1)).unwrap().shards, 12);
        assert_eq!(
            Deal::of(200_000, 20_000, 2, Some(3), Some(1)).unwrap().shards,
            12,
            "fewer would not fit"
        );
        assert!(Deal::of(5_000_000, 20_000, 2, None, Some(1)).is_err());
    }

    #[test]
    fn no_two_shards_share_an_address() {
        let deal = Deal {
            shards: 256,
            parted: true,
            addresses: 2,
        };
        let mut all: Vec<_> = (0..deal.shards).flat_map(|shard| deal.sources(shard)).collect();
        assert_eq!(all.len(), 512);
        all.sort();
        all.dedup();
        assert_eq!(all.len(), 512);
    }
}
