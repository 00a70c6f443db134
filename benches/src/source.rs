//! Source addresses for clients: a block of loopback for each driver, so that no two bind the same ports.

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicU32, Ordering};

use reactor::Sources;

/// Addresses of a block: eight of them connect half a million times to one destination.
const ADDRESSES: u32 = 8;
/// Blocks in 127.64.0.0/10.
const BLOCKS: u32 = (1 << 22) / ADDRESSES;
/// Blocks between one process and the next, so that benchmarks side by side do not meet.
const A_PROCESS: u32 = 64;

static TAKEN: AtomicU32 = AtomicU32::new(0);

/// The next block of this process.
pub(crate) fn sources() -> Sources {
    let taken = TAKEN.fetch_add(1, Ordering::Relaxed);
    let block = std::process::id().wrapping_mul(A_PROCESS).wrapping_add(taken) % BLOCKS;
    Sources::new((0..ADDRESSES).map(|place| address(block, place)).collect())
}

fn address(block: u32, place: u32) -> Ipv4Addr {
    Ipv4Addr::from(u32::from(Ipv4Addr::new(127, 64, 0, 0)) + block * ADDRESSES + place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_stay_within_their_part_of_loopback() {
        assert_eq!(address(0, 0), Ipv4Addr::new(127, 64, 0, 0));
        assert_eq!(
            address(BLOCKS - 1, ADDRESSES - 1),
            Ipv4Addr::new(127, 127, 255, 255)
        );
    }
}
