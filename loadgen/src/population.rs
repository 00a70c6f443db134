//! Who the users are on the wire: numbers and keys, derived when asked for and never stored.
//!
//! It does not know what a user does, nor who is whose friend.

use wire::chat::{Identity, Key, MediaToken, Number, Secret};

/// The users of a run. User `u` has the number `base + u`, and the key that the server's secret gives that number.
#[derive(Clone, Debug)]
pub struct Population {
    base: u64,
    users: u32,
    secret: Secret,
}

/// A population that does not fit into the numbers there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{users} users from number {base} on do not fit into phone numbers of 1 to 15 digits")]
pub struct PopulationError {
    /// The first number.
    pub base: u64,
    /// How many were asked for.
    pub users: u64,
}

impl Population {
    /// Users `0..users` from the number `base` on, provisioned on the server with the same secret. Numbers above them
    /// must be free up to the largest 32-bit index, for people who register.
    ///
    /// # Errors
    /// They do not fit into numbers, or into 32 bits.
    pub fn new(base: Number, users: u64, secret: Secret) -> Result<Self, PopulationError> {
        let base = base.value();
        let refused = PopulationError { base, users };
        let users = u32::try_from(users).map_err(|_| refused)?;
        if base + u64::from(u32::MAX) > Number::MAX.value() {
            return Err(refused);
        }
        Ok(Self { base, users, secret })
    }

    /// How many there are.
    #[must_use]
    pub fn users(&self) -> u32 {
        self.users
    }

    /// A user's number; also of one beyond the provisioned, who registers.
    #[must_use]
    pub fn number(&self, user: u32) -> Number {
        match Number::new(self.base + u64::from(user)) {
            Ok(number) => number,
            Err(_) => unreachable!("checked when the population was made"),
        }
    }

    /// The provisioned user with this number.
    #[must_use]
    pub fn user(&self, number: Number) -> Option<u32> {
        let user = u32::try_from(number.value().checked_sub(self.base)?).ok()?;
        (user < self.users).then_some(user)
    }

    /// A user's media token.
    #[must_use]
    pub fn media_token(&self, user: u32) -> MediaToken {
        self.secret.media_token(self.number(user))
    }

    /// A user as the protocol knows him.
    #[must_use]
    pub fn identity(&self, user: u32) -> Person<'_> {
        Person {
            population: self,
            user,
        }
    }
}

/// One of the population. His key is derived when it is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Person<'a> {
    population: &'a Population,
    user: u32,
}

impl Identity for Person<'_> {
    fn number(&self) -> Number {
        self.population.number(self.user)
    }

    fn key(&self) -> Key {
        self.population.secret.key(self.number())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn population(base: u64, users: u64) -> Result<Population, PopulationError> {
        Population::new(Number::new(base).unwrap(), users, Secret::new(b"secret"))
    }

    #[test]
    fn numbers_and_users_are_each_others_inverse() {
        let people = population(10_000_000_000, 1_000).unwrap();
        for user in [0, 1, 999] {
            assert_eq!(people.user(people.number(user)), Some(user));
        }
        assert_eq!(people.user(people.number(1_000)), None, "he is not provisioned");
        assert_eq!(people.user(Number::new(9_999_999_999).unwrap()), None);
    }

    #[test]
    fn a_key_is_what_the_server_derives() {
        let people = population(10_000_000_000, 10).unwrap();
        let person = people.identity(3);
        assert_eq!(person.key(), Secret::new(b"secret").key(person.number()));
    }

    #[test]
    fn populations_that_do_not_fit_are_refused() {
        assert!(population(1, u64::from(u32::MAX) + 1).is_err());
        assert!(population(Number::MAX.value(), 2).is_err());
    }
}
