//! How a swarm is dealt to shards: how many there are, whether each has a descriptor table of its own, and which
//! source addresses each connects from.
//!
//! It knows limits and numbers; it starts nothing.

use std::net::Ipv4Addr;

use scenarios::{Places, Plan};

use super::{Carrier, SwarmError, SwarmOptions};

/// Descriptors a table needs beside its connections: the floor of a parted one, and room for those who come in a
/// storm, before the ones they replace are gone.
const SPARE: u64 = 2_500;
/// Connections from one source address to one target: of 64,512 ports, some rest in `TIME_WAIT`.
const PORTS: u64 = 50_000;

/// Addresses of 127.77.0.0/16 in use: the last number is 1 to 250.
const ADDRESSES: u32 = 256 * 250;

/// What a dealing depends on.
#[derive(Clone, Copy, Debug)]
pub struct Needs {
    /// The most that will be open at once.
    pub connections: u64,
    /// Parts of the load that are dealt whole: a plan's cells.
    pub cells: u32,
    /// Descriptors a table may have.
    pub limit: u64,
    /// Threads that can run at once.
    pub cores: u32,
    /// How many shards were asked for.
    pub shards: Option<u32>,
    /// Whether each was to have a descriptor table of its own.
    pub own_tables: Option<bool>,
    /// Whether connections take descriptors at all.
    pub descriptors: bool,
    /// How many targets there are, where source addresses of one's own are wanted.
    pub targets: Option<u64>,
}

/// The dealing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deal {
    /// How many shards.
    pub shards: u32,
    /// Whether each shard parts from the process's descriptor table.
    pub parted: bool,
    /// Source addresses a shard; none leaves them to the kernel.
    pub addresses: u32,
}

impl Deal {
    pub(super) fn new(options: &SwarmOptions) -> Result<Self, SwarmError> {
        let limit = reactor::raise_nofile()?;
        let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get() as u32);
        let own_addresses = options
            .own_addresses
            .unwrap_or_else(|| options.targets.iter().all(|target| target.ip().is_loopback()));
        Self::of(&Needs {
            connections: most_connections(&options.plan),
            cells: options.plan.cells(),
            limit,
            cores,
            shards: options.shards,
            own_tables: options.own_tables,
            descriptors: options.carrier == Carrier::Kernel,
            targets: own_addresses.then_some(options.targets.len() as u64),
        })
    }

    /// Deals by what is needed.
    ///
    /// # Errors
    /// Too few descriptors, even spread over the most shards there can be.
    pub fn of(needs: &Needs) -> Result<Self, SwarmError> {
        let Needs {
            connections,
            cells,
            limit,
            cores,
            shards,
            own_tables,
            descriptors,
            targets,
        } = *needs;
        if !descriptors {
            return Ok(Self {
                shards: shards.unwrap_or(cores).clamp(1, cells),
                parted: false,
                addresses: 0,
            });
        }
        let each = limit.saturating_sub(SPARE);
        let crowded = connections > each;
        let parted = own_tables.unwrap_or(crowded);
        // Cells are dealt whole, so a shard's share is a whole number of them.
        let cell = connections.div_ceil(u64::from(cells)).max(1);
        if crowded && (!parted || each < cell) {
            let most = if parted { cells } else { 1 };
            return Err(SwarmError::Descriptors {
                connections,
                most,
                each,
            });
        }
        let fewest = if crowded {
            cells.div_ceil((each / cell).min(u64::from(cells)) as u32)
        } else {
            1
        };
        let wanted = shards.unwrap_or(if crowded { fewest } else { cores });
        let shards = wanted.clamp(fewest, cells);
        let largest = cell * u64::from(cells.div_ceil(shards));
        let addresses = targets.map_or(0, |targets| largest.div_ceil(PORTS * targets.max(1)) as u32);
        Ok(Self {
            shards,
            parted,
            addresses,
        })
    }

    /// A shard's source addresses, in 127.77.0.0/16. Swarms of different processes start at different places there,
    /// so that two on one host do not wrestle for ports.
    #[must_use]
    pub fn sources(&self, shard: u32, process: u32) -> Vec<Ipv4Addr> {
        let first = process.wrapping_mul(521) % ADDRESSES;
        (shard * self.addresses..(shard + 1) * self.addresses)
            .map(|index| (first + index) % ADDRESSES)
            .map(|index| Ipv4Addr::new(127, 77, (index / 250) as u8, (index % 250 + 1) as u8))
            .collect()
    }
}

/// The most connections that a plan has open at once.
fn most_connections(plan: &Plan) -> u64 {
    match plan.scenario().drain.places {
        Places::Swap => plan.connections(),
        // Those who return in the drain come on top.
        Places::Add => plan.users(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: Needs = Needs {
        connections: 10_000,
        cells: 256,
        limit: 20_000,
        cores: 2,
        shards: None,
        own_tables: None,
        descriptors: true,
        targets: Some(1),
    };

    #[test]
    fn small_swarms_take_the_cores_and_the_process_table() {
        assert_eq!(
            Deal::of(&SMALL).unwrap(),
            Deal {
                shards: 2,
                parted: false,
                addresses: 1
            }
        );
        assert_eq!(
            Deal::of(&Needs {
                targets: None,
                ..SMALL
            })
            .unwrap()
            .addresses,
            0
        );
        let roomy = Needs {
            connections: 500_000,
            limit: 1 << 20,
            ..SMALL
        };
        assert_eq!(
            Deal::of(&roomy).unwrap(),
            Deal {
                shards: 2,
                parted: false,
                addresses: 6
            }
        );
    }

    #[test]
    fn large_swarms_part_and_fit_their_tables() {
        for connections in [20_000, 200_000, 1_000_000, 3_000_000, 4_400_000] {
            let deal = Deal::of(&Needs { connections, ..SMALL }).unwrap();
            assert!(deal.parted);
            let largest = connections.div_ceil(256) * u64::from(256_u32.div_ceil(deal.shards));
            assert!(largest <= 17_500, "{connections}: {largest} a shard");
        }
        let large = Needs {
            connections: 200_000,
            ..SMALL
        };
        assert_eq!(Deal::of(&large).unwrap().shards, 12);
        assert_eq!(
            Deal::of(&Needs {
                shards: Some(3),
                ..large
            })
            .unwrap()
            .shards,
            12,
            "fewer would not fit"
        );
        assert!(
            Deal::of(&Needs {
                own_tables: Some(false),
                ..large
            })
            .is_err()
        );
        assert!(
            Deal::of(&Needs {
                connections: 5_000_000,
                ..SMALL
            })
            .is_err()
        );
    }

    #[test]
    fn tables_of_their_own_may_be_asked_for() {
        let deal = Deal::of(&Needs {
            own_tables: Some(true),
            shards: Some(5),
            ..SMALL
        })
        .unwrap();
        assert_eq!(
            deal,
            Deal {
                shards: 5,
                parted: true,
                addresses: 1
            }
        );
    }

    #[test]
    fn there_are_no_more_shards_than_cells() {
        for descriptors in [false, true] {
            let needs = Needs {
                connections: 50,
                cells: 3,
                shards: Some(8),
                descriptors,
                ..SMALL
            };
            assert_eq!(Deal::of(&needs).unwrap().shards, 3);
        }
    }

    #[test]
    fn no_two_shards_share_an_address() {
        let deal = Deal {
            shards: 256,
            parted: true,
            addresses: 2,
        };
        let mut all: Vec<_> = (0..deal.shards)
            .flat_map(|shard| deal.sources(shard, 4_000_000))
            .collect();
        assert_eq!(all.len(), 512);
        all.sort();
        all.dedup();
        assert_eq!(all.len(), 512);
    }
}
