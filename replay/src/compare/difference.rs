//! The first difference of a session, for people.
//!
//! It does not know what the bytes mean.

use std::fmt;

use super::answer::Answer;

/// Bytes shown before the first that differs.
const BEFORE_BYTES: usize = 16;
/// Bytes shown from the first that differs on.
const AFTER_BYTES: usize = 32;

/// A difference, readable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Which answer of the session, from 0, in the order in which they were judged.
    pub answer: u64,
    /// Bytes of the answer before the first that differs, what may differ masked.
    pub offset: u64,
    /// What it is, in a few words.
    pub what: String,
    /// The recorded side around it: a line of text and one of hexadecimal; empty where nothing was recorded.
    pub recorded: String,
    /// The target's side around it; empty where it said nothing.
    pub actual: String,
}

impl Difference {
    /// The difference of two answers that do not agree; of one where the other side has none.
    pub(super) fn new(answer: u64, recorded: Option<&Answer>, actual: Option<&Answer>) -> Self {
        let sides = [recorded, actual].map(|side| side.map(Answer::counts).unwrap_or_default());
        let offset = match (recorded, actual) {
            (Some(_), Some(_)) => common(sides[0], sides[1]),
            _ => 0,
        };
        let what = match (recorded, actual) {
            (Some(one), Some(other)) if one.kind != other.kind => {
                format!("{} became {}", one.kind, other.kind)
            }
            (Some(one), Some(other)) if one.counts() == other.counts() => {
                format!("{}: differs behind what is kept", one.kind)
            }
            (Some(one), Some(_)) => format!("{}: differs at byte {offset}", one.kind),
            (Some(one), None) => format!("{}: missing", one.kind),
            (None, Some(other)) => format!("{}: not recorded", other.kind),
            (None, None) => String::new(),
        };
        let [recorded, actual] = sides.map(|bytes| around(bytes, offset));
        Self {
            answer,
            offset: offset as u64,
            what,
            recorded,
            actual,
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "answer {}, {}", self.answer, self.what)?;
        for (sign, side) in [('-', &self.recorded), ('+', &self.actual)] {
            for line in side.lines() {
                write!(f, "\n{sign} {line}")?;
            }
        }
        Ok(())
    }
}

/// How many bytes two sides have in common at the front.
fn common(one: &[u8], other: &[u8]) -> usize {
    one.iter()
        .zip(other)
        .take_while(|(one, other)| one == other)
        .count()
}

/// The bytes around an offset: a line of text, a line of hexadecimal.
fn around(bytes: &[u8], offset: usize) -> String {
    let shown = bytes
        .get(offset.saturating_sub(BEFORE_BYTES)..)
        .unwrap_or_default();
    let shown = &shown[..shown.len().min(BEFORE_BYTES + AFTER_BYTES)];
    if shown.is_empty() {
        return String::new();
    }
    let text = shown.escape_ascii().to_string();
    let digits: Vec<_> = shown.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{text}\n{}", digits.join(" "))
}
