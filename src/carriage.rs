//! What carries the clients' bytes where nobody said so: one rule for whoever runs, judges a host or makes a lab.
//!
//! It knows a target's size and where its server is; it looks at nothing.

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
