//! Thresholds: `delivery.p99 < 250ms`, `messages.lost == 0`, `connections.peak >= 0.95 * connections.target`.
//!
//! A threshold knows the figures of a [`Summary`] by name; it does not know how they were measured, or what its
//! outcome leads to.
//!
//! ```text
//! threshold = FIGURE OP NUMBER [UNIT]
//!           | FIGURE OP NUMBER [%|k|M] * FIGURE
//! OP        = <  <=  >  >=  ==  !=
//! UNIT      = us ms s | B kB KiB MB MiB GB GiB | k M | %
//! ```
//!
//! A number without a unit is in the unit that the figure's name states (`server.cpu_seconds`,
//! `server.rss_bytes_peak`) or a count; a latency's name states none, so it wants one, except for 0.

mod figure;
mod grammar;
#[cfg(test)]
mod tests;

use std::fmt;

use crate::{Summary, ThresholdResult};
use figure::Figure;

/// A parsed threshold: every name in it exists, and its units fit.
#[derive(Clone, Debug, PartialEq)]
pub struct Threshold {
    expr: String,
    figure: Figure,
    op: Op,
    /// In the figure's base unit; a factor where `other` is there.
    number: f64,
    /// How much of the base unit one of the value's unit is, and its name.
    unit: (f64, &'static str),
    other: Option<Figure>,
    /// The figures' names, as written.
    paths: (String, Option<String>),
}

/// Why an expression is not a threshold: the expression, the column, what was expected, and the nearest valid name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("in `{expr}`, column {column}: {what}")]
pub struct ThresholdError {
    expr: String,
    column: usize,
    what: String,
}

impl ThresholdError {
    /// Where in the expression, in characters from 1.
    #[must_use]
    pub fn column(&self) -> usize {
        self.column
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Op {
    Less,
    AtMost,
    More,
    AtLeast,
    Equal,
    Unequal,
}

impl Op {
    const ALL: [(&'static str, Self); 6] = [
        ("<=", Self::AtMost),
        (">=", Self::AtLeast),
        ("==", Self::Equal),
        ("!=", Self::Unequal),
        ("<", Self::Less),
        (">", Self::More),
    ];

    fn holds(self, left: f64, right: f64) -> bool {
        match self {
            Self::Less => left < right,
            Self::AtMost => left <= right,
            Self::More => left > right,
            Self::AtLeast => left >= right,
            // Figures are counts or measured values; equality is meant for counts, which a double holds exactly.
            Self::Equal => left == right,
            Self::Unequal => left != right,
        }
    }
}

impl std::str::FromStr for Threshold {
    type Err = ThresholdError;

    fn from_str(text: &str) -> Result<Self, ThresholdError> {
        grammar::parse(text.trim())
    }
}

impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.expr)
    }
}

impl Threshold {
    /// The expression as written.
    #[must_use]
    pub fn expr(&self) -> &str {
        &self.expr
    }

    /// The figure that is judged: `delivery.p99`.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.paths.0
    }

    /// The figure it is compared with, where the right side is `NUMBER * FIGURE`.
    #[must_use]
    pub fn other_path(&self) -> Option<&str> {
        self.paths.1.as_deref()
    }

    /// The unit of [`ThresholdResult::value`]: `ms`, `MiB`, `k`, or empty for a plain count.
    #[must_use]
    pub fn unit(&self) -> &'static str {
        self.unit.1
    }

    /// Judges a summary's figures. A figure that nothing was measured for fails, without a value.
    #[must_use]
    pub fn judge(&self, summary: &Summary) -> ThresholdResult {
        let value = self.figure.of(summary);
        let limit = match self.other {
            Some(other) => other.of(summary).map(|value| value * self.number),
            None => Some(self.number),
        };
        let pass = match (value, limit) {
            (Some(value), Some(limit)) => self.op.holds(value, limit),
            _ => false,
        };
        ThresholdResult {
            expr: self.expr.clone(),
            value: value.map(|value| value / self.unit.0),
            pass,
        }
    }

    /// Every name that may stand for a figure.
    pub fn figures() -> impl Iterator<Item = String> {
        Figure::all().map(Figure::name)
    }
}
