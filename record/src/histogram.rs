//! An HDR histogram of microseconds, with a compact text form for `samples.jsonl`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use hdrhistogram::serialization::{Deserializer, Serializer as _, V2Serializer};
use serde::{Deserialize, Serialize};

use crate::Percentiles;

/// The highest value kept, one hour in microseconds; a longer one counts as this.
const HIGHEST_US: u64 = 3_600_000_000;
/// Significant decimal digits: values are kept to within 0.1 % (HDR Histogram's usual choice).
const DIGITS: u8 = 3;

/// Values in microseconds, mergeable without loss, from 1 µs to an hour at three significant digits.
///
/// Its text form is base64 of the HDR V2 encoding.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Histogram(hdrhistogram::Histogram<u64>);

/// Why a histogram's text could not be read.
#[derive(Debug, thiserror::Error)]
pub enum HistogramError {
    /// Not base64.
    #[error("histogram is not base64: {0}")]
    Base64(#[from] base64::DecodeError),
    /// Not an HDR V2 encoding.
    #[error("histogram is not an HDR V2 encoding: {0}")]
    Encoding(String),
}

impl Default for Histogram {
    fn default() -> Self {
        Self::new()
    }
}

impl Histogram {
    /// An empty histogram. It grows with the values it meets: about 2 KB for a narrow distribution.
    #[must_use]
    pub fn new() -> Self {
        let mut inner = match hdrhistogram::Histogram::new(DIGITS) {
            Ok(inner) => inner,
            Err(_) => unreachable!("three digits are within HDR's range"),
        };
        inner.auto(true);
        Self(inner)
    }

    /// Counts a value, in microseconds. Zero counts as one, more than an hour as an hour.
    pub fn record(&mut self, us: u64) {
        // `auto` resizing makes this infallible for values under the cap.
        let _ = self.0.record(us.clamp(1, HIGHEST_US));
    }

    /// Adds all of another's values.
    pub fn merge(&mut self, other: &Self) {
        let _ = self.0.add(&other.0);
    }

    /// Forgets every value, keeping the memory.
    pub fn clear(&mut self) {
        self.0.reset();
    }

    /// How many values were counted.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.0.len()
    }

    /// The value at a quantile from 0 to 1, microseconds; 0 where nothing was counted.
    #[must_use]
    pub fn quantile_us(&self, quantile: f64) -> u64 {
        if self.0.is_empty() {
            0
        } else {
            self.0.value_at_quantile(quantile)
        }
    }

    /// The highest value, microseconds; 0 where nothing was counted.
    #[must_use]
    pub fn max_us(&self) -> u64 {
        if self.0.is_empty() { 0 } else { self.0.max() }
    }

    /// The usual percentiles, in milliseconds.
    #[must_use]
    pub fn percentiles_ms(&self) -> Percentiles {
        let ms = |us: u64| us as f64 / 1_000.0;
        Percentiles {
            p50: ms(self.quantile_us(0.5)),
            p90: ms(self.quantile_us(0.9)),
            p99: ms(self.quantile_us(0.99)),
            p999: ms(self.quantile_us(0.999)),
            max: ms(self.max_us()),
            count: self.count(),
        }
    }
}

impl From<Histogram> for String {
    fn from(histogram: Histogram) -> Self {
        let mut bytes = Vec::new();
        // Writing to a Vec cannot fail.
        let _ = V2Serializer::new().serialize(&histogram.0, &mut bytes);
        STANDARD_NO_PAD.encode(bytes)
    }
}

impl TryFrom<String> for Histogram {
    type Error = HistogramError;

    fn try_from(text: String) -> Result<Self, HistogramError> {
        let bytes = STANDARD_NO_PAD.decode(text)?;
        let mut inner = Deserializer::new()
            .deserialize::<u64, _>(&mut bytes.as_slice())
            .map_err(|error| HistogramError::Encoding(error.to_string()))?;
        inner.auto(true);
        Ok(Self(inner))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn text_round_trips_and_merging_is_recording_both(
            left in prop::collection::vec(0u64..10_000_000_000, 0..200),
            right in prop::collection::vec(0u64..10_000_000_000, 0..200),
        ) {
            let of = |values: &[u64]| {
                let mut histogram = Histogram::new();
                values.iter().for_each(|&us| histogram.record(us));
                histogram
            };
            let mut merged = of(&left);
            merged.merge(&of(&right));
            let both: Vec<u64> = left.iter().chain(&right).copied().collect();
            prop_assert_eq!(&merged, &of(&both));
            prop_assert_eq!(&Histogram::try_from(String::from(merged.clone())).unwrap(), &merged);
        }
    }

    #[test]
    fn nothing_counted_is_zero_everywhere() {
        assert_eq!(Histogram::new().percentiles_ms(), Percentiles::default());
    }
}
