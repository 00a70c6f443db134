//! Who talks, and through which networks: addresses with ports, and the tags around them.
//!
//! It does not know who opened the connection.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// An address and a port. An IPv4 address is held as the IPv6 address that stands for it (RFC 4291, section 2.5.5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Endpoint {
    /// In two halves, so that it is aligned to 8 bytes and not to 16: a connection holds two.
    address: [u64; 2],
    port: u16,
}

impl Endpoint {
    /// An IPv4 address in network order.
    pub(super) fn v4(address: u32, port: u16) -> Self {
        Self {
            address: [0, 0xffff_0000_0000 | u64::from(address)],
            port,
        }
    }

    /// An IPv6 address.
    pub(super) fn v6(address: [u8; 16], port: u16) -> Self {
        let address = u128::from_be_bytes(address);
        Self {
            address: [(address >> 64) as u64, address as u64],
            port,
        }
    }

    /// The same address with another port.
    pub(super) fn with_port(self, port: u16) -> Self {
        Self { port, ..self }
    }

    /// Its port.
    #[must_use]
    pub fn port(self) -> u16 {
        self.port
    }

    /// As the standard library says it.
    #[must_use]
    pub fn socket(self) -> SocketAddr {
        let whole = u128::from(self.address[0]) << 64 | u128::from(self.address[1]);
        let address = Ipv6Addr::from_bits(whole);
        let ip = address.to_ipv4_mapped().map_or(IpAddr::V6(address), IpAddr::V4);
        SocketAddr::new(ip, self.port)
    }
}

impl From<SocketAddr> for Endpoint {
    fn from(socket: SocketAddr) -> Self {
        match socket.ip() {
            IpAddr::V4(address) => Self::v4(Ipv4Addr::to_bits(address), socket.port()),
            IpAddr::V6(address) => Self::v6(address.octets(), socket.port()),
        }
    }
}

/// The VLANs and tunnels around a packet, as one number: equal for equal tags in the same order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Path(u64);

/// What a tag is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tag {
    Vlan = 1,
    Vxlan = 2,
    Geneve = 3,
    Gre = 4,
}

impl Path {
    /// Within this tag. The mixing is one to one for the first tag, and for several leaves a chance of one in 2^64 that two
    /// ways are taken for one.
    pub(super) fn within(self, tag: Tag, id: u32) -> Self {
        /// 2^64 over the golden ratio: odd, so that multiplying loses nothing.
        const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;
        let tag = (tag as u64) << 32 | u64::from(id);
        Self((self.0.rotate_left(23) ^ tag).wrapping_mul(SPREAD))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_comes_back_as_it_was() {
        for text in ["10.1.2.3:80", "[2001:db8::7]:443", "[::1]:1", "0.0.0.0:0"] {
            let socket: SocketAddr = text.parse().expect("an address");
            assert_eq!(Endpoint::from(socket).socket(), socket);
        }
    }

    #[test]
    fn the_order_of_tags_matters() {
        let path = Path::default();
        let inner_first = path.within(Tag::Vlan, 1).within(Tag::Vlan, 2);
        let outer_first = path.within(Tag::Vlan, 2).within(Tag::Vlan, 1);
        assert_ne!(inner_first, outer_first);
        assert_ne!(path.within(Tag::Vlan, 5), path.within(Tag::Vxlan, 5));
        assert_ne!(path.within(Tag::Vlan, 0), path);
    }
}
