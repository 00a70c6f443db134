//! What carries the clients' bytes: one rule where nobody said so, and each room's word for it.
//!
//! It knows a target's size, where its server is and the lab's addresses; it looks at nothing.

use anyhow::Result;
use loadgen::Carrier;
use reactor::Subnet;

use crate::cli::TransportArg;

/// From so many connections on, clients travel by packets.
const PACKETS_FROM: u64 = 1_000_000;

/// What was asked for; else packets for a million connections and more to a server of our own, and kernel sockets.
pub(crate) fn chosen(asked: Option<TransportArg>, connections: u64, own_server: bool) -> TransportArg {
    match asked {
        Some(transport) => transport,
        None if own_server && connections >= PACKETS_FROM => TransportArg::Packet,
        None => TransportArg::Kernel,
    }
}

/// The swarm's and the driver's word for it; packets are lost at this share.
///
/// # Errors
/// The lab's subnet is none.
pub(crate) fn carrier(transport: TransportArg, loss: f64) -> Result<Carrier> {
    let (address, prefix) = lab::SUBNET;
    Ok(match transport {
        TransportArg::Kernel => Carrier::Kernel,
        // Its first half: the server's address is in the other.
        TransportArg::Packet => Carrier::Packet {
            subnet: Subnet::new(address, prefix)?.slice(0, 2)?,
            loss,
        },
    })
}

/// The run folder's word for it.
pub(crate) fn recorded(transport: TransportArg) -> record::Transport {
    match transport {
        TransportArg::Kernel => record::Transport::Kernel,
        TransportArg::Packet => record::Transport::Packet,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_is_given_and_millions_take_packets() {
        assert_eq!(chosen(None, 999_999, true), TransportArg::Kernel);
        assert_eq!(chosen(None, 1_000_000, true), TransportArg::Packet);
        assert_eq!(chosen(None, 1_000_000, false), TransportArg::Kernel);
        assert_eq!(
            chosen(Some(TransportArg::Kernel), 5_000_000, true),
            TransportArg::Kernel
        );
        assert_eq!(chosen(Some(TransportArg::Packet), 1, false), TransportArg::Packet);
    }
}
