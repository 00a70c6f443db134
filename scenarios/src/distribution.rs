//! Distributions of sizes and durations: fixed, log-normal with a cap, or as they were observed.
//!
//! A distribution does not know where its randomness comes from.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};

use crate::unit::{Bytes, Quantity, Span};

/// The most quantiles of an observed distribution: a step of 2.5 % with the least and the most.
pub const MOST_QUANTILES: usize = 41;

/// Log-normal by its median and sigma, capped; fixed where sigma is 0; or by its quantiles.
///
/// Written as a bare quantity (`"100B"`), as `{ median = "100B", sigma = 0.6, max = "1KiB" }`, or as
/// `{ quantiles = ["1B", "80B", "1KiB"] }`: the least, the most, and what lies between at even shares.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Distribution<T> {
    /// Half of the draws are below.
    pub median: T,
    /// The standard deviation of the logarithm.
    pub sigma: f64,
    /// Larger draws become this.
    pub max: T,
    /// Where it was observed: what takes the place of median and sigma.
    pub(crate) quantiles: Option<Quantiles<T>>,
}

/// Values at even shares, from the least to the most; linear between them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Quantiles<T> {
    /// The first so many are used.
    count: usize,
    values: [T; MOST_QUANTILES],
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
            quantiles: None,
        }
    }

    pub(crate) fn log_normal(median: T, sigma: f64) -> Self {
        let max = libm::round(median.number() as f64 * libm::exp(4.0 * sigma)).min(9e15);
        Self {
            median,
            sigma,
            max: T::new(max as u64),
            quantiles: None,
        }
    }

    /// As observed; at least two values that do not fall, and not too many.
    fn observed(values: &[T]) -> Option<Self> {
        let (first, last) = (*values.first()?, *values.last()?);
        let fits = (2..=MOST_QUANTILES).contains(&values.len()) && values.is_sorted();
        let mut kept = [first; MOST_QUANTILES];
        kept.iter_mut()
            .zip(values)
            .for_each(|(kept, value)| *kept = *value);
        fits.then_some(Self {
            median: values[values.len() / 2],
            sigma: 0.0,
            max: last,
            quantiles: Some(Quantiles {
                count: values.len(),
                values: kept,
            }),
        })
    }

    /// The value below which lies a share of all; where it is log-normal, without its farthest tails.
    pub(crate) fn below(&self, share: f64) -> u64 {
        match &self.quantiles {
            Some(quantiles) => quantiles.at(share),
            None => self.at(normal_below(share.clamp(1e-4, 1.0 - 1e-4))),
        }
    }

    /// The value at a standard normal `z`.
    pub(crate) fn at(&self, z: f64) -> u64 {
        if let Some(quantiles) = &self.quantiles {
            return quantiles.at(0.5 * libm::erfc(-z / std::f64::consts::SQRT_2));
        }
        if self.sigma == 0.0 {
            return self.median.number();
        }
        let drawn = libm::round(self.median.number() as f64 * libm::exp(self.sigma * z));
        (drawn as u64).min(self.max.number())
    }
}

/// The standard normal value below which lies a share, by bisection: nothing hot asks for it.
fn normal_below(share: f64) -> f64 {
    let (mut low, mut high) = (-6.0, 6.0);
    for _ in 0..50 {
        let middle = (low + high) / 2.0;
        if 0.5 * libm::erfc(-middle / std::f64::consts::SQRT_2) < share {
            low = middle;
        } else {
            high = middle;
        }
    }
    low
}

impl<T: Whole> Quantiles<T> {
    /// The value below which lies the share `share` of all.
    fn at(&self, share: f64) -> u64 {
        let place = share.clamp(0.0, 1.0) * (self.count - 1) as f64;
        let below = (place as usize).min(self.count - 2);
        let (low, high) = (self.values[below].number(), self.values[below + 1].number());
        low + libm::round((high - low) as f64 * (place - below as f64)) as u64
    }
}

impl<T: Serialize> Serialize for Distribution<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        match &self.quantiles {
            Some(quantiles) => map.serialize_entry("quantiles", &quantiles.values[..quantiles.count])?,
            None => {
                map.serialize_entry("median", &self.median)?;
                map.serialize_entry("sigma", &self.sigma)?;
                map.serialize_entry("max", &self.max)?;
            }
        }
        map.end()
    }
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Written<T> {
    median: Option<T>,
    #[serde(default)]
    sigma: f64,
    max: Option<T>,
    quantiles: Option<Vec<T>>,
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
            "{}, or a table `{{ median, sigma, max }}` or `{{ quantiles }}` of such",
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
        let median = match (written.median, written.quantiles) {
            (Some(median), None) => median,
            (None, None) => return Err(serde::de::Error::missing_field("median")),
            (None, Some(values)) if written.sigma == 0.0 && written.max.is_none() => {
                return Distribution::observed(&values).ok_or_else(|| {
                    serde::de::Error::custom(format!(
                        "`quantiles` takes 2 to {MOST_QUANTILES} values that do not fall, the least first"
                    ))
                });
            }
            (_, Some(_)) => {
                return Err(serde::de::Error::custom(
                    "`quantiles` stands alone, without `median`, `sigma` and `max`",
                ));
            }
        };
        let mut distribution = Distribution::log_normal(median, written.sigma);
        if let Some(max) = written.max {
            if max < median {
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

    #[test]
    fn an_observed_distribution_is_drawn_as_it_was_observed() {
        let values: Vec<Bytes> = [1, 10, 40, 100, 1_000].map(Bytes).to_vec();
        let distribution = Distribution::observed(&values).unwrap();
        let mut stream = Stream::new(9, Purpose::Shock, 0);
        let mut draws: Vec<u64> = (0..50_000).map(|_| distribution.at(stream.normal())).collect();
        draws.sort_unstable();
        for (share, expected) in [
            (0.125, 5.5),
            (0.25, 10.0),
            (0.5, 40.0),
            (0.75, 100.0),
            (0.875, 550.0),
        ] {
            let drawn = draws[(50_000.0 * share) as usize] as f64;
            assert!(
                (drawn - expected).abs() <= 1.0 + 0.05 * expected,
                "{share}: {drawn}"
            );
        }
        assert!(draws[0] >= 1 && draws[49_999] <= 1_000);
        assert_eq!((distribution.at(-40.0), distribution.at(40.0)), (1, 1_000));
        for wrong in [
            &[][..],
            &[Bytes(1)],
            &[Bytes(2), Bytes(1)],
            &[Bytes(1); MOST_QUANTILES + 1],
        ] {
            assert_eq!(Distribution::observed(wrong), None);
        }
    }
}
