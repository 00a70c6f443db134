//! Link types: what a packet's first header is (tcpdump.org/linktypes.html).
//!
//! It does not read that header.

/// What a packet begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Link {
    /// Ethernet.
    Ethernet,
    /// IPv4 or IPv6, as its first four bits say.
    RawIp,
    /// BSD's loopback: the address family in either byte order.
    Loopback,
    /// Linux's "any" device.
    Cooked,
    /// The same, second version.
    CookedV2,
    /// Something that is not read here.
    Unknown(u32),
}

impl Link {
    /// By the number in a file's header. Raw IP has three more: two from before it had one of its own, which operating systems
    /// number differently, and one for each version.
    #[must_use]
    pub fn of(number: u32) -> Self {
        match number {
            0 | 108 => Self::Loopback,
            1 => Self::Ethernet,
            12 | 14 | 101 | 228 | 229 => Self::RawIp,
            113 => Self::Cooked,
            276 => Self::CookedV2,
            number => Self::Unknown(number),
        }
    }
}
