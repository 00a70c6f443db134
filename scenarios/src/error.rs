//! A mistake in a scenario: where it is, what was expected, and the nearest valid name.
//!
//! It does not know what the caller does about it.

use std::ops::Range;

/// Why a scenario was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A mistake at a place in a file.
    #[error("{file}:{line}:{column}: {message}")]
    InFile {
        /// The file's name as it was given.
        file: String,
        /// The line, from 1.
        line: usize,
        /// The column in characters, from 1.
        column: usize,
        /// What is wrong and what was expected.
        message: String,
    },
    /// An override (a flag) that does not fit the scenario.
    #[error("{scenario}: {message}")]
    Override {
        /// The scenario's name.
        scenario: String,
        /// What is wrong and what was expected.
        message: String,
    },
    /// A name that is not in the library.
    #[error("no scenario is called `{name}`{hint}; the library has {known}")]
    UnknownName {
        /// The name asked for.
        name: String,
        /// The nearest name, as a half sentence, or empty.
        hint: String,
        /// The library's names.
        known: String,
    },
}

/// A mistake at a span of the text, before the text is known.
#[derive(Clone, Debug)]
pub(crate) struct Mistake {
    pub(crate) span: Range<usize>,
    pub(crate) message: String,
}

/// A place in a scenario's file: first a byte of its text, then line and column as well.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Place {
    at: usize,
    file: String,
    line: usize,
    column: usize,
}

impl Place {
    pub(crate) fn at(span: Range<usize>) -> Self {
        Self {
            at: span.start,
            ..Self::default()
        }
    }

    /// Finds the line and column.
    pub(crate) fn locate(&mut self, file: &str, text: &str) {
        let before = text.get(..self.at).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        file.clone_into(&mut self.file);
        self.line = before.matches('\n').count() + 1;
        self.column = before[line_start..].chars().count() + 1;
    }

    /// A mistake there.
    pub(crate) fn mistake(&self, message: impl Into<String>) -> Error {
        Error::InFile {
            file: self.file.clone(),
            line: self.line,
            column: self.column,
            message: message.into(),
        }
    }
}

impl Mistake {
    pub(crate) fn new(span: Range<usize>, message: impl Into<String>) -> Self {
        Self {
            span,
            message: message.into(),
        }
    }

    /// Finds the line and column.
    pub(crate) fn locate(self, file: &str, text: &str) -> Error {
        let mut place = Place::at(self.span);
        place.locate(file, text);
        place.mistake(self.message)
    }
}

/// Words serde's refusals of names as this crate does, and leaves every other message alone.
///
/// The two shapes are serde's own default wording, `unknown field` and `unknown variant`, which its derive always
/// produces; the snapshots in `tests/mistakes.rs` hold them still.
pub(crate) fn reword(message: &str) -> String {
    for (prefix, what) in [("unknown field `", "key"), ("unknown variant `", "value")] {
        if let Some((found, rest)) = message.strip_prefix(prefix).and_then(|rest| rest.split_once('`')) {
            let known: Vec<&str> = rest.split('`').skip(1).step_by(2).collect();
            return format!("unknown {what} `{found}`; {}", suggest(found, &known));
        }
    }
    if let Some(key) = message
        .strip_prefix("missing field `")
        .and_then(|rest| rest.strip_suffix('`'))
    {
        return format!("the key `{key}` is missing");
    }
    message.replace("invalid type: ", "wrong type: ")
}

/// `did you mean x?` where something is near, else the list of what is valid.
pub(crate) fn suggest(found: &str, known: &[&str]) -> String {
    if let Some(near) = nearest(found, known) {
        return format!("did you mean `{near}`?");
    }
    format!("expected one of {}", listed(known))
}

/// The names, quoted and separated by commas.
pub(crate) fn listed(known: &[&str]) -> String {
    known
        .iter()
        .map(|name| format!("`{name}`"))
        .collect::<Vec<_>>()
        .join(", ")
}

/// The most similar name, if any is similar.
pub(crate) fn nearest<'a>(found: &str, known: &[&'a str]) -> Option<&'a str> {
    /// Below this Jaro-Winkler similarity a suggestion confuses more than it helps.
    const SIMILAR: f64 = 0.75;
    known
        .iter()
        .map(|name| (strsim::jaro_winkler(found, name), *name))
        .filter(|(similarity, _)| *similarity >= SIMILAR)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_suggested_and_a_far_one_is_not() {
        let known = ["population", "phase", "messages"];
        assert_eq!(nearest("populaton", &known), Some("population"));
        assert_eq!(nearest("zzz", &known), None);
        assert_eq!(
            reword("unknown field `populaton`, expected one of `population`, `phase`"),
            "unknown key `populaton`; did you mean `population`?"
        );
        assert_eq!(
            reword("unknown field `zzz`, expected `phase`"),
            "unknown key `zzz`; expected one of `phase`"
        );
    }

    #[test]
    fn columns_count_characters_not_bytes() {
        let text = "a = 1\né = 2\n";
        let error = Mistake::new(9..10, "x").locate("f.toml", text);
        assert_eq!(error.to_string(), "f.toml:2:3: x");
    }
}
