//! What a request's fields bear that a server hands out: a bearer's token, the ones in fields of an application's own; and what of it
//! nobody has handed out yet.
//!
//! It does not know how a cookie stands in its field.

use super::super::common::Person;
use super::super::early::{Early, Key};
use super::super::values::{CHANCE_MAX_BYTES, Known, Values};
use super::lesson::is_token;

/// A value that nobody has handed out yet.
pub(super) struct Stranger<'a> {
    pub(super) key: Key,
    value: &'a [u8],
}

impl<'a> Stranger<'a> {
    /// A person's value, if it is one among what was handed out; with a name where a short one counts under that alone.
    pub(super) fn among(
        values: &Values,
        early: &Early,
        person: Person,
        name: Option<&[u8]>,
        value: &'a [u8],
    ) -> Option<Self> {
        let name = name.filter(|_| value.len() < CHANCE_MAX_BYTES);
        let is_new = !value.is_empty() && values.known(name, value) == Known::Stranger;
        is_new.then(|| Self {
            key: early.key(person, name, value),
            value,
        })
    }

    /// Whether it stands in what is said.
    pub(super) fn stands_in(&self, said: &[u8]) -> bool {
        said.windows(self.value.len()).any(|part| part == self.value)
    }
}

/// The value in a field that an earlier answer may have handed out: of *Authorization* what stands behind the scheme (RFC 9110,
/// section 11.6.2), of a field `X-...` all, where its name says that it is a token.
pub(super) fn credential<'a>(name: &[u8], value: &'a [u8]) -> Option<&'a [u8]> {
    match name {
        [b'x' | b'X', b'-', ..] => is_token(name, value).then_some(value),
        _ if name.eq_ignore_ascii_case(b"authorization") => value.rsplit(|byte| *byte == b' ').next(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bearer_and_a_field_that_says_so_bear_a_token() {
        let bears = |name: &str, value: &'static str| {
            let borne = credential(name.as_bytes(), value.as_bytes());
            borne.map(|borne| std::str::from_utf8(borne).unwrap())
        };
        assert_eq!(bears("authorization", "Bearer abc"), Some("abc"));
        assert_eq!(bears("Authorization", "abc"), Some("abc"));
        assert_eq!(bears("X-CSRF-Token", "abcdefgh"), Some("abcdefgh"));
        assert_eq!(bears("X-Request-Id", "abcdefgh"), None);
        assert_eq!(bears("Accept", "text/html"), None);
    }
}
