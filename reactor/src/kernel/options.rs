//! The bounds of the transport over kernel sockets, and what it counts.
//!
//! It decides nothing.

/// Bounds of the transport.
#[derive(Clone, Copy, Debug)]
pub struct KernelOptions {
    /// Bytes that may wait for one peer before [`SendError::Full`](crate::SendError::Full).
    pub out_max_bytes: usize,
}

impl Default for KernelOptions {
    fn default() -> Self {
        Self {
            out_max_bytes: 256 * 1024,
        }
    }
}

/// What the transport counts. A shard's own, without atomics; the application publishes what it wants seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KernelStats {
    /// Connections accepted.
    pub accepted: u64,
    /// Connects begun.
    pub connects: u64,
    /// Connections ended, by whichever side.
    pub closed: u64,
    /// Bytes received.
    pub bytes_in: u64,
    /// Bytes handed to the kernel.
    pub bytes_out: u64,
    /// Times a peer's socket was full and bytes were kept for it.
    pub stalls: u64,
    /// Bytes that wait now for peers of open connections.
    pub unread_bytes: u64,
    /// Bytes that wait now for peers of connections that we have closed.
    pub leaving_bytes: u64,
    /// Times accepting failed because no descriptor was free.
    pub accepts_starved: u64,
}
