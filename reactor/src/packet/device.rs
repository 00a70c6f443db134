//! What carries packets, as the transport sees it.
//!
//! A device knows neither connections nor what is in a packet. Devices may wrap devices: see [`Faults`](super::Faults).

use std::io;
use std::os::fd::AsFd;

/// Takes packets, each a virtio-net header (10 bytes, native byte order) and an IPv4 packet.
pub trait Sink {
    /// Sends one packet.
    ///
    /// # Errors
    /// `WouldBlock` if there is no room, which loses the packet; anything else is the device's trouble.
    fn transmit(&mut self, packet: &[u8]) -> io::Result<()>;
}

/// A device that can be read without blocking, and waited for by epoll.
pub trait Device: Sink + AsFd {
    /// Reads one packet, like those of [`Sink`]; `None` if there is none now.
    ///
    /// # Errors
    /// The device broke.
    fn receive(&mut self, into: &mut [u8]) -> io::Result<Option<usize>>;

    /// What it can do.
    fn medium(&self) -> Medium;
}

/// What a device can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Medium {
    /// The longest IPv4 packet, bytes.
    pub mtu: u16,
    /// Whether packets need no TCP checksum.
    pub checksum_offload: bool,
    /// Whether a packet may hold many segments' payload, to be segmented by the device; needs `checksum_offload`.
    pub segment_offload: bool,
}
