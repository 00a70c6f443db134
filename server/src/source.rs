//! Where somebody asks from, as far as one host or household can choose it.
//!
//! It does not know what is asked.

use std::net::IpAddr;

/// An IPv4 address, or the half of an IPv6 address that names a network (RFC 4291, section 2.5.4): the other half is
/// its holder's to choose, 2⁶⁴ times.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Source(u64);

impl Source {
    /// Nobody knows from where.
    pub const UNKNOWN: Self = Self(0);

    /// The source of an address; one of IPv4 in IPv6's clothes (RFC 4291, section 2.5.5.2) is one of IPv4.
    #[must_use]
    pub fn of(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V4(address) => u64::from(address.to_bits()),
            IpAddr::V6(address) => (address.to_bits() >> 64) as u64,
        })
    }

    /// As it travels to the office.
    pub(crate) fn to_bytes(self) -> [u8; 8] {
        self.0.to_be_bytes()
    }

    /// From what [`Self::to_bytes`] made.
    pub(crate) fn from_bytes(bytes: [u8; 8]) -> Self {
        Self(u64::from_be_bytes(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_of_ipv6_is_one_source_and_so_is_an_address_of_ipv4() {
        let of = |address: &str| Source::of(address.parse().unwrap());
        assert_eq!(of("2001:db8:1:2::3"), of("2001:db8:1:2:ffff::4"));
        assert_ne!(of("2001:db8:1:2::3"), of("2001:db8:1:3::3"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
        assert_eq!(Source::from_bytes(of("192.0.2.1").to_bytes()), of("192.0.2.1"));
    }
}
