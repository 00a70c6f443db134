//! Quantities with units, as a scenario writes them: `90s`, `200k`, `5000/s`, `4KiB`, `20%`, `20:45`, `+02:00`.
//!
//! A quantity does not know which key it stands under, nor which clock it counts on.

mod parse;

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Visitor};
use serde::ser::{Serialize, Serializer};

/// A duration in microseconds, written `250ms`, `90s`, `5m`, `1h30m`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(pub u64);

/// A count, written `200000`, `200k`, `3M`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Count(pub u64);

/// A size in bytes, written `100B`, `4KiB`, `2MB`; a bare number is bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bytes(pub u64);

/// A part of a whole, 0 to 1, written `20%` or `0.2`.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd)]
pub struct Share(pub f64);

/// A factor, at least 0, written `300%` or `3`.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd)]
pub struct Factor(pub f64);

/// How many times faster than recorded, 0.1 to 100, or as fast as answers come; written `5`, `2.5x` or `max`.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Speed(
    /// The factor; none for `max`.
    pub Option<f64>,
);

impl Speed {
    /// As recorded.
    pub const RECORDED: Self = Self(Some(1.0));
}

/// A rate, written `5000/s`, `90/min`, or relative to the target: `1.5/min per connection`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rate {
    /// Per second of the run's clock.
    pub per_second: f64,
    /// Whether `per_second` is to be multiplied by the target of connections.
    pub per_connection: bool,
}

/// A time of day, UTC, in microseconds since midnight, written `20:45` or `20:45:30`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct TimeOfDay(pub u64);

/// An offset from UTC in minutes, written `+02:00`, `-03:00` or `Z`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UtcOffset(pub i32);

/// A minute of a football match, written `23`, or `45+2` in the stoppage time of a half.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct MatchMinute {
    /// The minute, 1 to 90.
    pub minute: u32,
    /// Minutes into stoppage time; only after 45 and 90.
    pub stoppage: u32,
}

impl Rate {
    /// Per second of the run's clock, for that many connections.
    #[must_use]
    pub fn for_connections(&self, connections: u64) -> f64 {
        if self.per_connection {
            self.per_second * connections as f64
        } else {
            self.per_second
        }
    }
}

/// What is read from a string with a unit, or from a bare number where that is meaningful.
pub(crate) trait Quantity: Sized {
    /// What a user should have written, as the end of a sentence.
    const EXPECTED: &'static str;

    fn from_text(text: &str) -> Option<Self>;

    fn from_number(number: f64) -> Option<Self> {
        let _ = number;
        None
    }
}

struct QuantityVisitor<T>(PhantomData<T>);

impl<T: Quantity> QuantityVisitor<T> {
    fn number<E: serde::de::Error>(number: f64) -> Result<T, E> {
        T::from_number(number).ok_or_else(|| E::custom(format!("`{number}` is not {}", T::EXPECTED)))
    }
}

impl<T: Quantity> Visitor<'_> for QuantityVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::EXPECTED)
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<T, E> {
        T::from_text(text.trim()).ok_or_else(|| E::custom(format!("`{text}` is not {}", T::EXPECTED)))
    }

    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<T, E> {
        Self::number(number as f64)
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<T, E> {
        Self::number(number as f64)
    }

    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<T, E> {
        Self::number(number)
    }
}

macro_rules! quantity {
    ($($name:ident),*) => {$(
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_any(QuantityVisitor(PhantomData))
            }
        }
    )*};
}

macro_rules! written_as_text {
    ($($name:ident),*) => {$(
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
    )*};
}

macro_rules! written_as_number {
    ($($name:ident),*) => {$(
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                self.0.serialize(serializer)
            }
        }
    )*};
}

quantity!(
    Span,
    Count,
    Bytes,
    Share,
    Factor,
    Speed,
    Rate,
    TimeOfDay,
    UtcOffset,
    MatchMinute
);
written_as_text!(Span, Bytes, Speed, Rate, TimeOfDay, UtcOffset, MatchMinute);
// Floats travel as numbers, so that reading them back gives the same bits.
written_as_number!(Count, Share, Factor);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [
            (3_600_000_000, "h"),
            (60_000_000, "m"),
            (1_000_000, "s"),
            (1_000, "ms"),
            (1, "us"),
        ];
        let (scale, unit) = units
            .into_iter()
            .find(|(scale, _)| self.0.is_multiple_of(*scale))
            .unwrap_or((1, "us"));
        // Zero is a multiple of everything; seconds read best.
        if self.0 == 0 {
            f.write_str("0s")
        } else {
            write!(f, "{}{unit}", self.0 / scale)
        }
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [(1_000_000, "M", 6, 1_000), (1_000, "k", 3, 100)];
        // What is no round number is written out.
        let round =
            |(scale, _, _, finest): &(u64, _, _, u64)| self.0 >= *scale && self.0.is_multiple_of(*finest);
        match units.into_iter().find(round) {
            Some((scale, unit, digits, _)) => {
                let part = format!("{:0digits$}", self.0 % scale);
                let part = part.trim_end_matches('0');
                let point = if part.is_empty() { "" } else { "." };
                write!(f, "{}{point}{part}{unit}", self.0 / scale)
            }
            None => write!(f, "{}", self.0),
        }
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
        match units
            .into_iter()
            .find(|(scale, _)| self.0 >= *scale && self.0.is_multiple_of(*scale))
        {
            Some((scale, unit)) => write!(f, "{}{unit}", self.0 / scale),
            None => write!(f, "{}B", self.0),
        }
    }
}

impl fmt::Display for Speed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(factor) => write!(f, "{factor}x"),
            None => f.write_str("max"),
        }
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}/s{}",
            self.per_second,
            if self.per_connection {
                " per connection"
            } else {
                ""
            }
        )
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0 / 1_000_000;
        write!(f, "{:02}:{:02}", seconds / 3600, seconds / 60 % 60)?;
        if seconds.is_multiple_of(60) {
            Ok(())
        } else {
            write!(f, ":{:02}", seconds % 60)
        }
    }
}

impl fmt::Display for UtcOffset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { '-' } else { '+' };
        write!(f, "{sign}{:02}:{:02}", self.0.abs() / 60, self.0.abs() % 60)
    }
}

impl fmt::Display for MatchMinute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.minute)?;
        if self.stoppage == 0 {
            Ok(())
        } else {
            write!(f, "+{}", self.stoppage)
        }
    }
}
