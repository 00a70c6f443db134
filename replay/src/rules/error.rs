//! A mistake in a file of rules: where it is, what was expected, and the nearest valid name.
//!
//! It does not know what a rule means.

use std::ops::Range;

/// Why a file of rules was refused: always the user's fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}:{column}: {expected}")]
pub struct RuleError {
    /// The file's name as it was given.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// What is wrong and what was expected.
    pub expected: String,
}

/// A mistake at a span of the text, before the text is known.
#[derive(Clone, Debug)]
pub(super) struct Mistake {
    span: Range<usize>,
    expected: String,
}

impl Mistake {
    pub(super) fn new(span: Range<usize>, expected: impl Into<String>) -> Self {
        Self {
            span,
            expected: expected.into(),
        }
    }

    /// Finds the line and column.
    pub(super) fn locate(self, file: &str, text: &str) -> RuleError {
        let before = text.get(..self.span.start).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        RuleError {
            file: file.to_owned(),
            line: line_of(text, self.span.start),
            column: before[line_start..].chars().count() + 1,
            expected: self.expected,
        }
    }
}

/// The line, from 1, of a place in a text.
pub(super) fn line_of(text: &str, at: usize) -> usize {
    text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1
}

impl From<toml::de::Error> for Mistake {
    fn from(error: toml::de::Error) -> Self {
        Self::new(error.span().unwrap_or(0..0), reword(error.message()))
    }
}

/// Words serde's refusals of names as the rest, and leaves every other message alone.
///
/// Both shapes are what serde's derive always produces; the tests of mistakes hold them still.
fn reword(message: &str) -> String {
    for (prefix, what) in [("unknown field `", "key"), ("unknown variant `", "value")] {
        if let Some((found, rest)) = message.strip_prefix(prefix).and_then(|rest| rest.split_once('`')) {
            let known: Vec<&str> = rest.split('`').skip(1).step_by(2).collect();
            return format!("unknown {what} `{found}`; {}", suggest(found, &known));
        }
    }
    match message
        .strip_prefix("missing field `")
        .and_then(|rest| rest.strip_suffix('`'))
    {
        Some(key) => format!("the key `{key}` is missing"),
        None => message.replace("invalid type: ", "wrong type: "),
    }
}

/// `did you mean x?` where something is near, else the list of what is valid.
pub(super) fn suggest(found: &str, known: &[&str]) -> String {
    /// Below this Jaro-Winkler similarity a suggestion confuses more than it helps.
    const SIMILAR: f64 = 0.75;
    let nearest = known
        .iter()
        .map(|name| (strsim::jaro_winkler(found, name), *name))
        .filter(|(similarity, _)| *similarity >= SIMILAR)
        .max_by(|one, other| one.0.total_cmp(&other.0));
    match nearest {
        Some((_, name)) => format!("did you mean `{name}`?"),
        None => {
            let all: Vec<_> = known.iter().map(|name| format!("`{name}`")).collect();
            format!("expected one of {}", all.join(", "))
        }
    }
}
