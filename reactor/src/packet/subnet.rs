//! Where clients live: a slice of IPv4 addresses, and the arithmetic between a slot and its address and port.
//!
//! It does not know what is in a slot. Because both ways are arithmetic, no table of 4-tuples exists.

use std::fmt;
use std::net::Ipv4Addr;
use std::str::FromStr;

/// The lowest port a slot uses; what comes to a lower one is for nobody, or for a flood's made-up clients.
pub(crate) const PORT_MIN: u16 = 1024;
/// Ports of one slot, which its connections use in turn: the next one does not meet what a peer still knows of the
/// last.
pub(crate) const LANES: u8 = 4;
/// Slots of one address: all ports from [`PORT_MIN`] up.
pub(crate) const SLOTS_AN_ADDRESS: u32 = (65_536 - PORT_MIN as u32) / LANES as u32;

/// A slice of IPv4 addresses whose first and last are left alone.
///
/// Made for 198.18.0.0/15, which RFC 2544 (section C.2.2) sets aside for tests of devices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subnet {
    base: u32,
    prefix: u8,
}

/// Not a subnet that clients can live in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SubnetError {
    /// Not ADDRESS/PREFIX.
    #[error("{0:?} is not a subnet: expected one like 198.18.0.0/16")]
    Syntax(String),
    /// Too small to hold a client, or too large to be a slice of anything.
    #[error("a prefix of {0} bits will not do: expected 8 to 30")]
    Prefix(u8),
    /// Bits are set beyond the prefix.
    #[error("{address} is not the first address of a /{prefix}: expected {first}/{prefix}")]
    HostBits {
        /// As given.
        address: Ipv4Addr,
        /// As given.
        prefix: u8,
        /// What would have been right.
        first: Ipv4Addr,
    },
    /// More slices than the subnet divides into.
    #[error("{subnet} does not divide into {slices} slices: the smallest is a /30")]
    Slices {
        /// The subnet.
        subnet: Subnet,
        /// What was asked for.
        slices: u32,
    },
}

impl Subnet {
    /// The subnet of an address and the length of its prefix in bits.
    ///
    /// # Errors
    /// The prefix is not within 8 to 30, or the address is not the subnet's first.
    pub fn new(address: Ipv4Addr, prefix: u8) -> Result<Self, SubnetError> {
        if !(8..=30).contains(&prefix) {
            return Err(SubnetError::Prefix(prefix));
        }
        let subnet = Self {
            base: address.to_bits() & mask(prefix),
            prefix,
        };
        if subnet.base == address.to_bits() {
            Ok(subnet)
        } else {
            Err(SubnetError::HostBits {
                address,
                prefix,
                first: subnet.address(),
            })
        }
    }

    /// Its first address, which no client has.
    #[must_use]
    pub fn address(&self) -> Ipv4Addr {
        self.base.into()
    }

    /// The length of its prefix, bits.
    #[must_use]
    pub fn prefix(&self) -> u8 {
        self.prefix
    }

    /// Its mask.
    #[must_use]
    pub fn mask(&self) -> Ipv4Addr {
        mask(self.prefix).into()
    }

    /// One of several equal slices: each shard lives in its own.
    ///
    /// # Errors
    /// It does not divide into so many.
    pub fn slice(&self, index: u32, slices: u32) -> Result<Self, SubnetError> {
        let bits = slices.max(1).next_power_of_two().trailing_zeros() as u8;
        let prefix = self.prefix + bits;
        if prefix > 30 || index >= slices {
            return Err(SubnetError::Slices {
                subnet: *self,
                slices,
            });
        }
        Ok(Self {
            base: self.base + (index << (32 - prefix)),
            prefix,
        })
    }

    /// Whether an address lies within.
    #[must_use]
    pub fn contains(&self, address: Ipv4Addr) -> bool {
        address.to_bits() & mask(self.prefix) == self.base
    }

    /// Whether it shares an address with another.
    #[must_use]
    pub fn overlaps(&self, address: Ipv4Addr, prefix: u8) -> bool {
        let shorter = mask(self.prefix.min(prefix));
        address.to_bits() & shorter == self.base & shorter
    }

    /// Connections that fit into it.
    #[must_use]
    pub fn slots(&self) -> u32 {
        self.addresses().saturating_mul(SLOTS_AN_ADDRESS)
    }

    fn addresses(&self) -> u32 {
        (1 << (32 - self.prefix)) - 2
    }

    /// The address and port of a slot's lane. Neighbours in number share an address, so that the peer's tables by
    /// address stay small.
    pub(crate) fn source(&self, slot: u32, lane: u8) -> (u32, u16) {
        let (address, place) = (slot / SLOTS_AN_ADDRESS, slot % SLOTS_AN_ADDRESS);
        let port = u32::from(PORT_MIN) + place * u32::from(LANES) + u32::from(lane % LANES);
        (self.base + 1 + address, port as u16)
    }

    /// The slot and lane of an address and port: the inverse.
    pub(crate) fn slot(&self, address: u32, port: u16) -> Option<(u32, u8)> {
        let nth = address.wrapping_sub(self.base + 1).min(self.addresses());
        let place = port.checked_sub(PORT_MIN)?;
        let slot = nth * SLOTS_AN_ADDRESS + u32::from(place / u16::from(LANES));
        (nth < self.addresses()).then_some((slot, (place % u16::from(LANES)) as u8))
    }

    /// A made-up client, by a random number: one of the addresses, and a port that no slot has.
    pub(crate) fn stranger(&self, random: u64) -> (u32, u16) {
        let address = self.base + 1 + (random % u64::from(self.addresses())) as u32;
        (address, 1 + ((random >> 32) % u64::from(PORT_MIN - 1)) as u16)
    }
}

fn mask(prefix: u8) -> u32 {
    u32::MAX << (32 - u32::from(prefix).clamp(1, 32))
}

impl FromStr for Subnet {
    type Err = SubnetError;

    fn from_str(text: &str) -> Result<Self, SubnetError> {
        let syntax = || SubnetError::Syntax(text.to_owned());
        let (address, prefix) = text.split_once('/').ok_or_else(syntax)?;
        let address = address.parse().map_err(|_| syntax())?;
        Self::new(address, prefix.parse().map_err(|_| syntax())?)
    }
}

impl fmt::Display for Subnet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address(), self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn slots_and_addresses_are_each_others_inverse(slot in 0_u32..254 * SLOTS_AN_ADDRESS, lane in 0..LANES) {
            let subnet: Subnet = "198.18.7.0/24".parse().unwrap();
            let (address, port) = subnet.source(slot, lane);
            prop_assert!(port >= PORT_MIN && subnet.contains(address.into()));
            prop_assert_eq!(subnet.slot(address, port), Some((slot, lane)));
        }

        #[test]
        fn what_lies_outside_is_nobodys(address: u32, port: u16) {
            let subnet: Subnet = "198.18.0.0/16".parse().unwrap();
            let found = subnet.slot(address, port);
            let inside = subnet.contains(address.into()) && (1..0xffff).contains(&(address & 0xffff));
            prop_assert_eq!(found.is_some(), inside && port >= PORT_MIN);
            prop_assert!(found.is_none_or(|(slot, lane)| subnet.source(slot, lane) == (address, port)));
        }

        #[test]
        fn a_stranger_has_no_slot(random: u64) {
            let subnet: Subnet = "198.18.0.0/16".parse().unwrap();
            let (address, port) = subnet.stranger(random);
            prop_assert!(subnet.contains(address.into()) && port > 0);
            prop_assert_eq!(subnet.slot(address, port), None);
        }
    }

    #[test]
    fn slices_are_apart_and_within() {
        let whole: Subnet = "198.18.0.0/15".parse().unwrap();
        let slices: Vec<_> = (0..3).map(|index| whole.slice(index, 3).unwrap()).collect();
        assert_eq!(slices[2].to_string(), "198.19.0.0/17");
        for (at, slice) in slices.iter().enumerate() {
            assert!(whole.overlaps(slice.address(), slice.prefix()));
            for other in &slices[at + 1..] {
                assert!(!slice.overlaps(other.address(), other.prefix()));
            }
        }
        assert!(whole.slice(3, 3).is_err() && whole.slice(0, 1 << 20).is_err());
    }

    #[test]
    fn mistakes_are_named_with_what_was_expected() {
        let say = |text: &str| text.parse::<Subnet>().unwrap_err().to_string();
        assert!(say("198.18.0.0").contains("like 198.18.0.0/16"));
        assert!(say("198.18.0.0/31").contains("8 to 30"));
        assert!(say("198.18.1.7/16").contains("expected 198.18.0.0/16"));
    }
}
