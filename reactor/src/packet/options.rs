//! Bounds and delays of the packet transport.
//!
//! They are a transport's, the same for each of its connections.

use super::subnet::Subnet;

/// Bounds and delays of the packet transport.
#[derive(Clone, Copy, Debug)]
pub struct PacketOptions {
    /// Where the clients live.
    pub subnet: Subnet,
    /// Bytes that may wait for one peer before [`SendError::Full`](crate::SendError::Full).
    pub out_max_bytes: usize,
    /// The window offered to a peer, bytes; at most 1 GiB (RFC 7323, section 2.3).
    pub window_bytes: u32,
    /// How long an acknowledgement may wait for something to ride on (RFC 9293, section 3.8.6.3: under 500 ms). Longer
    /// means fewer packets, where applications answer later than that; a peer that holds a message back until the last
    /// one is acknowledged (RFC 896) waits as long.
    pub ack_delay_us: u64,
    /// The least that the variance counts for in the retransmission timeout, milliseconds. RFC 6298 (section 2.4)
    /// would have the timeout be a second at least; this is what Linux does.
    pub rto_min_ms: u32,
    /// Times that data are sent again before the connection is given up.
    pub retries: u8,
    /// The same for a SYN.
    pub syn_retries: u8,
    /// How long a closed connection may wait for its peer's FIN.
    pub linger_us: u64,
    /// Challenge acknowledgements a second, all connections together (RFC 5961, section 7).
    pub challenge_acks_a_second: u32,
    /// What initial sequence numbers are drawn from; none for a secret one.
    pub seed: Option<u64>,
}

impl PacketOptions {
    /// Usual bounds for clients of a subnet.
    #[must_use]
    pub fn new(subnet: Subnet) -> Self {
        Self {
            subnet,
            out_max_bytes: 256 * 1024,
            window_bytes: 256 * 1024,
            ack_delay_us: 40_000,
            rto_min_ms: 200,
            retries: 8,
            syn_retries: 5,
            linger_us: 2_000_000,
            challenge_acks_a_second: 1_000,
            seed: None,
        }
    }
}
