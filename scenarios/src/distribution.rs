//! Distributions of sizes and durations: fixed, or log-normal with a cap.
//!
//! A distribution does not know where its randomness comes from.

use std::fmt;
use std::marker::PhantomData;

use serde::Serialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};

use crate::unit::{Bytes, Quantity, Span};

/// Log-normal by its median and sigma, capped; fixed where sigma is 0.
///
/// Written as a bare quantity (`"100B"`) or as `{ median = "100B", sigma = 0.6, max = "1KiB" }`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Distribution<T> {
    /// Half of the draws are below.
    pub median: T,
    /// The standard deviation of the logarithm.
    pub sigma: f64,
    /// Larger draws become this.
    pub max: T,
}

/// A quantity with a whole number inside.
pub(crate) trait Whole: Quantity + Copy + PartialOrd {
    fn new(number: u64) -> Self;
    fn number(self) -> u64;
}

impl Whole for Bytes {
    fn new(number: u64) -> Self {
        Self(number)
    }
    fn number(self) -> u64 {
        self.0
    }
}

impl Whole for Span {
    fn new(number: u64) -> Self {
        Self(number)
    }
    fn number(self) -> u64 {
        self.0
    }
}

#[expect(private_bounds, reason = "only this crate's quantities have distributions")]
impl<T: Whole> Distribution<T> {
    pub(crate) fn fixed(value: T) -> Self {
        Self {
            median: value,
            sigma: 0.0,
            max: value,
        }
    }

    pub(crate) fn log_normal(median: T, sigma: f64) -> Self {
        let max = libm::round(median.number() as f64 * libm::exp(4.0 * sigma)).min(9e15);
        Self {
            median,
            sigma,
            max: T::new(max as u64),
        }
    }

    /// The value at a standard normal `z`.
    pub(crate) fn at(&self, z: f64) -> u64 {
        if self.sigma == 0.0 {
            return self.median.number();
        }
        let drawn = libm::round(self.median.number() as f64 * libm::exp(self.sigma * z));
        (drawn as u64).min(self.max.number())
    }
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Written<T> {
    median: T,
    #[serde(default)]
    sigma: f64,
    max: Option<T>,
}

impl<'de, T: Whole + Deserialize<'de>> Deserialize<'de> for Distribution<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(DistributionVisitor(PhantomData))
    }
}

struct DistributionVisitor<T>(PhantomData<T>);

impl<'de, T: Whole + Deserialize<'de>> Visitor<'de> for DistributionVisitor<T> {
    type Value = Distribution<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}, or a table `{{ median, sigma, max }}` of such",
            T::EXPECTED
        )
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Self::Value, E> {
        let value = T::from_text(text.trim());
        value
            .map(Distribution::fixed)
            .ok_or_else(|| E::custom(format!("`{text}` is not {}", T::EXPECTED)))
    }

    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<Self::Value, E> {
        let value = T::from_number(number as f64);
        value
            .map(Distribution::fixed)
            .ok_or_else(|| E::custom(format!("`{number}` is not {}", T::EXPECTED)))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        let written = Written::<T>::deserialize(MapAccessDeserializer::new(map))?;
        if !(0.0..=4.0).contains(&written.sigma) {
            return Err(serde::de::Error::custom(format!(
                "`sigma` is {}; expected 0 to 4",
                written.sigma
            )));
        }
        let mut distribution = Distribution::log_normal(written.median, written.sigma);
        if let Some(max) = written.max {
            if max < written.median {
                return Err(serde::de::Error::custom("`max` is below `median`"));
            }
            distribution.max = max;
        }
        Ok(distribution)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, Stream};

    #[test]
    fn draws_have_the_median_and_the_mean_and_the_cap() {
        let distribution = Distribution::log_normal(Bytes(100), 0.6);
        let mut stream = Stream::new(3, Purpose::Shock, 0);
        let mut draws: Vec<u64> = (0..50_000).map(|_| distribution.at(stream.normal())).collect();
        draws.sort_unstable();
        assert!(draws[25_000].abs_diff(100) <= 1, "{}", draws[25_000]);
        let mean = draws.iter().sum::<u64>() as f64 / 50_000.0;
        assert!((mean - 100.0 * (0.6f64 * 0.6 / 2.0).exp()).abs() < 1.5, "{mean}");
        let capped = Distribution {
            max: Bytes(120),
            ..distribution
        };
        assert!(draws.iter().any(|draw| *draw > 120));
        assert_eq!(capped.at(3.0), 120);
        assert_eq!(Distribution::fixed(Bytes(80)).at(2.0), 80);
    }
}
