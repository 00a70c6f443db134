//! Who a message is for: a person's number or a group. Valid by construction.

use std::fmt;

/// The highest tag of a group: an owner has at most 4,096 groups.
pub const TAG_MAX: u16 = 0xfff;
/// Marks a group among addresses.
const GROUP_BIT: u64 = 1 << 63;
/// Bits of a group id below its owner's number.
const TAG_BITS: u32 = 12;

/// A phone number: 1 to 15 digits (ITU-T E.164, section 6), without the leading `+`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Number(u64);

/// A group: its owner's number and a tag the owner chose, so that no two owners can want the same id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupId(u64);

/// A person or a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Address {
    /// A person.
    Person(Number),
    /// A group.
    Group(GroupId),
}

/// A value that addresses nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Zero, or more than 15 digits.
    #[error("{0} is not a phone number of 1 to 15 digits")]
    Number(u64),
    /// A group's tag above [`TAG_MAX`].
    #[error("group tag {0} is above {TAG_MAX}")]
    Tag(u16),
    /// A group id whose spare bit is set or whose owner is no number.
    #[error("{0:#x} is not a group id")]
    Group(u64),
}

impl Number {
    /// The highest: 15 digits.
    pub const MAX: Self = Self(999_999_999_999_999);

    /// Parses a number's value.
    ///
    /// # Errors
    /// Zero, or more than 15 digits.
    pub const fn new(value: u64) -> Result<Self, AddressError> {
        if value == 0 || value > Self::MAX.0 {
            Err(AddressError::Number(value))
        } else {
            Ok(Self(value))
        }
    }

    /// Its value.
    #[must_use]
    pub const fn value(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "+{}", self.0)
    }
}

impl GroupId {
    /// The group that `owner` calls `tag`.
    ///
    /// # Errors
    /// The tag is above [`TAG_MAX`].
    pub const fn new(owner: Number, tag: u16) -> Result<Self, AddressError> {
        if tag > TAG_MAX {
            return Err(AddressError::Tag(tag));
        }
        Ok(Self(GROUP_BIT | owner.0 << TAG_BITS | tag as u64))
    }

    /// Parses an id's value.
    ///
    /// # Errors
    /// Not a group id.
    pub const fn from_value(value: u64) -> Result<Self, AddressError> {
        let owner = (value & !GROUP_BIT) >> TAG_BITS;
        if value & GROUP_BIT == 0 || Number::new(owner).is_err() {
            return Err(AddressError::Group(value));
        }
        Ok(Self(value))
    }

    /// Its value, the highest bit set.
    #[must_use]
    pub const fn value(self) -> u64 {
        self.0
    }

    /// Who may set its members.
    #[must_use]
    pub const fn owner(self) -> Number {
        Number((self.0 & !GROUP_BIT) >> TAG_BITS)
    }

    /// What the owner calls it.
    #[must_use]
    pub const fn tag(self) -> u16 {
        (self.0 & TAG_MAX as u64) as u16
    }
}

impl Address {
    /// Parses an address's value: the highest bit marks a group.
    ///
    /// # Errors
    /// Neither a number nor a group id.
    pub const fn from_value(value: u64) -> Result<Self, AddressError> {
        if value & GROUP_BIT != 0 {
            match GroupId::from_value(value) {
                Ok(group) => Ok(Self::Group(group)),
                Err(error) => Err(error),
            }
        } else {
            match Number::new(value) {
                Ok(number) => Ok(Self::Person(number)),
                Err(error) => Err(error),
            }
        }
    }

    /// Its value.
    #[must_use]
    pub const fn value(self) -> u64 {
        match self {
            Self::Person(number) => number.0,
            Self::Group(group) => group.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_value_is_refused_or_round_trips(value: u64) {
            if let Ok(address) = Address::from_value(value) {
                prop_assert_eq!(address.value(), value);
            }
        }

        #[test]
        fn a_group_remembers_its_owner(owner in 1..=Number::MAX.value(), tag in 0..=TAG_MAX) {
            let owner = Number::new(owner).unwrap();
            let group = GroupId::new(owner, tag).unwrap();
            prop_assert_eq!(group.owner(), owner);
            prop_assert_eq!(group.tag(), tag);
            prop_assert_eq!(Address::from_value(group.value()), Ok(Address::Group(group)));
        }
    }

    #[test]
    fn the_edges_are_refused() {
        assert_eq!(Number::new(0), Err(AddressError::Number(0)));
        assert!(Number::new(Number::MAX.value() + 1).is_err());
        assert!(GroupId::new(Number::MAX, TAG_MAX + 1).is_err());
        assert!(GroupId::from_value(GROUP_BIT).is_err());
        assert!(GroupId::from_value(u64::MAX).is_err());
    }
}
