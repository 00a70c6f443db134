//! Regular expressions that somebody wrote down for what only he knows to be personal.
//!
//! They are looked for in what was said, not in what a mask made of it, and what they find is masked by itself.

use regex::bytes::{Regex, RegexBuilder};
use serde::Deserialize;

use super::pseudonym::Pseudonyms;
use crate::{Protocol, Side};

/// The most memory of a compiled pattern, bytes.
const PATTERN_BYTES_MAX: usize = 1 << 20;

/// A regular expression.
#[derive(Clone, Debug)]
pub(super) struct Pattern {
    /// Its first group is masked, or all of it where it has none.
    find: Regex,
    /// Empty for any.
    protocols: Vec<Protocol>,
    side: Option<Side>,
}

/// One as it stands in a file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawPattern {
    find: toml::Spanned<String>,
    #[serde(default)]
    protocols: Vec<toml::Spanned<String>>,
    side: Option<RawSide>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum RawSide {
    Client,
    Server,
}

impl Pattern {
    /// What it says, or where in the file it goes wrong, and how.
    pub(super) fn resolve(raw: RawPattern) -> Result<Self, (usize, String)> {
        let (at, text) = (raw.find.span().start, raw.find.as_ref());
        let find = RegexBuilder::new(text).size_limit(PATTERN_BYTES_MAX).build();
        let find = find.map_err(|error| (at, format!("`{text}` is no regular expression: {error}")))?;
        if find.captures_len() > 2 {
            let what = format!("`{text}` has several groups: expected one, around what is masked");
            return Err((at, what));
        }
        let protocols = raw.protocols.iter().map(|name| {
            Protocol::of_name(name.as_ref()).ok_or_else(|| {
                let what = format!(
                    "`{}` is no protocol: expected one such as chat, http or irc",
                    name.as_ref()
                );
                (name.span().start, what)
            })
        });
        Ok(Self {
            find,
            protocols: protocols.collect::<Result<_, _>>()?,
            side: raw.side.map(|side| match side {
                RawSide::Client => Side::Client,
                RawSide::Server => Side::Server,
            }),
        })
    }

    /// Whether it is of this protocol by name.
    pub(super) fn names(&self, protocol: Protocol) -> bool {
        self.protocols.contains(&protocol)
    }

    /// Whether it is looked for here.
    fn applies(&self, protocol: Protocol, side: Side) -> bool {
        (self.protocols.is_empty() || self.names(protocol)) && self.side.is_none_or(|one| one == side)
    }
}

/// Masks bytes by `mask`, and then what patterns found in them as it was said.
pub(super) fn around(
    patterns: &[Pattern],
    protocol: Protocol,
    side: Side,
    bytes: &mut [u8],
    pseudonyms: &Pseudonyms,
    mask: impl FnOnce(&mut [u8]),
) {
    let mut found = Vec::new();
    for pattern in patterns.iter().filter(|pattern| pattern.applies(protocol, side)) {
        for captures in pattern.find.captures_iter(bytes) {
            if let Some(place) = captures.get(1).or_else(|| captures.get(0)) {
                let mut masked = place.as_bytes().to_vec();
                pseudonyms.secret(&mut masked);
                found.push((place.start(), masked));
            }
        }
    }
    mask(bytes);
    for (start, masked) in found {
        bytes[start..start + masked.len()].copy_from_slice(&masked);
    }
}
