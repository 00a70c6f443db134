//! The grammar of a threshold, read left to right, so that every refusal has a column.
//!
//! It knows names and units; what the figures are worth is not its business.

use super::figure::{Dimension, Figure};
use super::{Op, Threshold, ThresholdError};

struct Unit {
    name: &'static str,
    dimension: Dimension,
    /// In base units: milliseconds, bytes, ones.
    size: f64,
}

const UNITS: [Unit; 12] = [
    Unit {
        name: "us",
        dimension: Dimension::Time,
        size: 0.001,
    },
    Unit {
        name: "ms",
        dimension: Dimension::Time,
        size: 1.0,
    },
    Unit {
        name: "s",
        dimension: Dimension::Time,
        size: 1_000.0,
    },
    Unit {
        name: "B",
        dimension: Dimension::Bytes,
        size: 1.0,
    },
    Unit {
        name: "kB",
        dimension: Dimension::Bytes,
        size: 1e3,
    },
    Unit {
        name: "KiB",
        dimension: Dimension::Bytes,
        size: 1_024.0,
    },
    Unit {
        name: "MB",
        dimension: Dimension::Bytes,
        size: 1e6,
    },
    Unit {
        name: "MiB",
        dimension: Dimension::Bytes,
        size: 1_048_576.0,
    },
    Unit {
        name: "GB",
        dimension: Dimension::Bytes,
        size: 1e9,
    },
    Unit {
        name: "GiB",
        dimension: Dimension::Bytes,
        size: 1_073_741_824.0,
    },
    Unit {
        name: "k",
        dimension: Dimension::Count,
        size: 1e3,
    },
    Unit {
        name: "M",
        dimension: Dimension::Count,
        size: 1e6,
    },
];

pub(super) fn parse(expr: &str) -> Result<Threshold, ThresholdError> {
    let mut cursor = Cursor { expr, at: 0 };
    let (path, figure) = cursor.figure()?;
    let op = cursor.op()?;
    let (number_at, number) = cursor.number()?;
    let (unit_at, unit) = cursor.token(|c| c.is_alphabetic() || c == '%');
    let share = cursor.share()?;
    cursor.end()?;

    let paths = (path, share.as_ref().map(|(_, path, _)| path.clone()));
    let threshold = |number, unit, other| Threshold {
        expr: expr.to_owned(),
        figure,
        op,
        number,
        unit,
        other,
        paths,
    };
    if let Some((at, path, other)) = share {
        if other.dimension() != figure.dimension() {
            let what = format!(
                "`{path}` is {}, and `{}` is {}",
                noun(other.dimension()),
                figure.name(),
                noun(figure.dimension())
            );
            return Err(cursor.error(at, what));
        }
        let factor = match unit {
            "" => 1.0,
            "%" => 0.01,
            "k" => 1e3,
            "M" => 1e6,
            _ => {
                return Err(cursor.error(
                    unit_at,
                    "expected a plain number or a percentage before `*`".into(),
                ));
            }
        };
        return Ok(threshold(
            number * factor,
            figure.bare_unit().unwrap_or((1.0, "ms")),
            Some(other),
        ));
    }
    let unit = match unit {
        "%" => {
            let what = "a share needs something to be of: `1% * messages.sent`".into();
            return Err(cursor.error(unit_at, what));
        }
        "" => match figure.bare_unit() {
            Some(unit) => unit,
            None if number == 0.0 => (1.0, "ms"),
            None => {
                let what = format!("`{}` is a time, so write its unit: us, ms or s", figure.name());
                return Err(cursor.error(number_at, what));
            }
        },
        name => match UNITS
            .iter()
            .find(|unit| unit.name == name && unit.dimension == figure.dimension())
        {
            Some(unit) => (unit.size, unit.name),
            None => return Err(cursor.error(unit_at, wrong_unit(name, figure))),
        },
    };
    Ok(threshold(number * unit.0, unit, None))
}

fn wrong_unit(name: &str, figure: Figure) -> String {
    let expected = match figure.dimension() {
        Dimension::Time => "us, ms or s",
        Dimension::Bytes => "B, kB, KiB, MB, MiB, GB or GiB",
        Dimension::Count => "k, M or nothing",
    };
    if UNITS.iter().any(|unit| unit.name == name) {
        let noun = noun(figure.dimension());
        format!(
            "`{name}` does not fit `{}`, which is {noun}; expected {expected}",
            figure.name()
        )
    } else {
        format!("no unit is named `{name}`; expected {expected}")
    }
}

fn noun(dimension: Dimension) -> &'static str {
    match dimension {
        Dimension::Time => "a time",
        Dimension::Bytes => "a number of bytes",
        Dimension::Count => "a count",
    }
}

/// A place in the expression, in bytes.
struct Cursor<'a> {
    expr: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    fn figure(&mut self) -> Result<(String, Figure), ThresholdError> {
        let (at, path) = self.token(|c| c.is_alphanumeric() || c == '_' || c == '.');
        if path.is_empty() {
            return Err(self.error(at, "expected a figure, such as `delivery.p99`".into()));
        }
        match Figure::named(path) {
            Some(figure) => Ok((path.to_owned(), figure)),
            None => {
                let nearest = Figure::nearest(path);
                Err(self.error(
                    at,
                    format!("no figure is named `{path}`; the nearest is `{nearest}`"),
                ))
            }
        }
    }

    fn op(&mut self) -> Result<Op, ThresholdError> {
        let (at, found) = self.token(|c| matches!(c, '<' | '>' | '=' | '!'));
        match Op::ALL.iter().find(|(text, _)| *text == found) {
            Some(&(_, op)) => Ok(op),
            None => Err(self.error(at, "expected one of < <= > >= == !=".into())),
        }
    }

    /// Digits, a point, and `_` between digits for the eye.
    fn number(&mut self) -> Result<(usize, f64), ThresholdError> {
        let (at, text) = self.token(|c| c.is_ascii_digit() || c == '.' || c == '_');
        match text.replace('_', "").parse::<f64>() {
            Ok(number) => Ok((at, number)),
            Err(_) => Err(self.error(at, "expected a number".into())),
        }
    }

    /// `* FIGURE`, where it is there: its place, name and figure.
    fn share(&mut self) -> Result<Option<(usize, String, Figure)>, ThresholdError> {
        let (_, star) = self.token(|c| c == '*');
        if star.is_empty() {
            return Ok(None);
        }
        self.skip_spaces();
        let at = self.at;
        let (path, figure) = self.figure()?;
        Ok(Some((at, path, figure)))
    }

    fn end(&mut self) -> Result<(), ThresholdError> {
        self.skip_spaces();
        if self.at == self.expr.len() {
            Ok(())
        } else {
            Err(self.error(self.at, "expected the end".into()))
        }
    }

    /// The longest run of such characters from here, spaces before it skipped, and where it began. It may be empty.
    fn token(&mut self, wanted: fn(char) -> bool) -> (usize, &'a str) {
        self.skip_spaces();
        let (at, rest) = (self.at, &self.expr[self.at..]);
        let token = &rest[..rest.find(|c| !wanted(c)).unwrap_or(rest.len())];
        self.at += token.len();
        (at, token)
    }

    fn skip_spaces(&mut self) {
        let rest = &self.expr[self.at..];
        self.at += rest.len() - rest.trim_start().len();
    }

    fn error(&self, at: usize, what: String) -> ThresholdError {
        let column = self.expr[..at].chars().count() + 1;
        ThresholdError {
            expr: self.expr.to_owned(),
            column,
            what,
        }
    }
}
