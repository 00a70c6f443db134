//! The library: scenarios that come with the tool, each a file fit to learn from.
//!
//! It knows their texts; it does not know what is in them.

use crate::error::{Error, listed, nearest};
use crate::scenario::Scenario;

const LIBRARY: [(&str, &str); 6] = [
    ("steady", include_str!("../library/steady.toml")),
    ("football", include_str!("../library/football.toml")),
    ("earthquake", include_str!("../library/earthquake.toml")),
    ("climb", include_str!("../library/climb.toml")),
    ("misfits", include_str!("../library/misfits.toml")),
    ("smoke", include_str!("../library/smoke.toml")),
];

/// The scenarios that come with the tool: name and text.
#[must_use]
pub fn library() -> &'static [(&'static str, &'static str)] {
    &LIBRARY
}

impl Scenario {
    /// See [`library`].
    #[must_use]
    pub fn library() -> &'static [(&'static str, &'static str)] {
        library()
    }

    /// A scenario of the library.
    ///
    /// # Errors
    /// There is none of that name; the nearest is named.
    pub fn by_name(name: &str) -> Result<Self, Error> {
        match LIBRARY.iter().find(|(known, _)| *known == name) {
            Some((name, text)) => Self::parse(&format!("{name}.toml"), text),
            None => {
                let known = LIBRARY.map(|(name, _)| name);
                let hint = nearest(name, &known)
                    .map(|near| format!("; did you mean `{near}`?"))
                    .unwrap_or_default();
                Err(Error::UnknownName {
                    name: name.to_owned(),
                    hint,
                    known: listed(&known),
                })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_scenario_is_named_as_its_file_and_survives_being_resolved() {
        for (name, _) in library() {
            let scenario = Scenario::by_name(name).unwrap();
            assert_eq!(scenario.name, *name);
            let text = scenario.resolved().unwrap();
            assert_eq!(
                Scenario::parse("resolved.toml", &text).unwrap(),
                scenario,
                "{text}"
            );
        }
    }

    #[test]
    fn a_name_nearly_right_is_recognised() {
        let error = Scenario::by_name("footbal").unwrap_err();
        assert!(error.to_string().contains("did you mean `football`?"), "{error}");
    }
}
