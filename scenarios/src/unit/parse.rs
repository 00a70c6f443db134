//! Reading quantities from text.
//!
//! Each reader accepts the whole text or nothing; the caller words the refusal.

use std::str::FromStr;

use super::{Bytes, Count, Factor, MatchMinute, Quantity, Rate, Share, Span, Speed, TimeOfDay, UtcOffset};

/// The longest duration that is accepted: a year, so that sums never overflow.
const LONGEST_US: f64 = 366.0 * 86_400e6;

impl Quantity for Span {
    const EXPECTED: &'static str = "a duration with its unit, such as `250ms`, `90s`, `5m` or `1h30m`";

    fn from_text(text: &str) -> Option<Self> {
        let mut total_us = 0.0;
        let mut rest = text;
        if rest.is_empty() {
            return None;
        }
        while !rest.is_empty() {
            let (number, after) = leading_number(rest)?;
            let unit_end = after
                .find(|c: char| !c.is_ascii_alphabetic())
                .unwrap_or(after.len());
            total_us += number
                * match &after[..unit_end] {
                    "us" => 1.0,
                    "ms" => 1e3,
                    "s" => 1e6,
                    "m" | "min" => 60e6,
                    "h" => 3600e6,
                    "d" => 86_400e6,
                    _ => return None,
                };
            rest = &after[unit_end..];
        }
        (total_us <= LONGEST_US).then(|| Self(libm::round(total_us) as u64))
    }
}

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::from_text(text).ok_or_else(|| format!("`{text}`: expected {}", Self::EXPECTED))
    }
}

impl Quantity for Count {
    const EXPECTED: &'static str = "a count, such as `5000`, `200k` or `3M`";

    fn from_text(text: &str) -> Option<Self> {
        let (number, unit) = leading_number(text)?;
        let scale = match unit {
            "" => 1.0,
            "k" => 1e3,
            "M" => 1e6,
            _ => return None,
        };
        Self::from_number(number * scale)
    }

    fn from_number(number: f64) -> Option<Self> {
        whole(number).map(Self)
    }
}

impl Quantity for Speed {
    const EXPECTED: &'static str = "a speed from 0.1 to 100, or `max`";

    fn from_text(text: &str) -> Option<Self> {
        if text == "max" {
            return Some(Self(None));
        }
        Self::from_number(text.strip_suffix('x').unwrap_or(text).parse().ok()?)
    }

    fn from_number(number: f64) -> Option<Self> {
        (0.1..=100.0).contains(&number).then_some(Self(Some(number)))
    }
}

impl Quantity for Bytes {
    const EXPECTED: &'static str = "a size, such as `100B`, `4KiB` or `2MB`";

    fn from_text(text: &str) -> Option<Self> {
        let (number, unit) = leading_number(text)?;
        let scale = match unit {
            "B" => 1.0,
            "kB" | "KB" => 1e3,
            "MB" => 1e6,
            "GB" => 1e9,
            "KiB" => 1024.0,
            "MiB" => 1_048_576.0,
            "GiB" => 1_073_741_824.0,
            _ => return None,
        };
        Self::from_number(libm::round(number * scale))
    }

    fn from_number(number: f64) -> Option<Self> {
        whole(number).map(Self)
    }
}

impl Quantity for Share {
    const EXPECTED: &'static str = "a share from `0%` to `100%` (or 0 to 1)";

    fn from_text(text: &str) -> Option<Self> {
        Self::from_number(percentage(text)?)
    }

    fn from_number(number: f64) -> Option<Self> {
        (0.0..=1.0).contains(&number).then_some(Self(number))
    }
}

impl Quantity for Factor {
    const EXPECTED: &'static str = "a factor of at least 0, such as `300%` or `3`";

    fn from_text(text: &str) -> Option<Self> {
        Self::from_number(percentage(text)?)
    }

    fn from_number(number: f64) -> Option<Self> {
        (0.0..=1e6).contains(&number).then_some(Self(number))
    }
}

impl Quantity for Rate {
    const EXPECTED: &'static str = "a rate, such as `5000/s`, `90/min` or `1.5/min per connection`";

    fn from_text(text: &str) -> Option<Self> {
        let (text, per_connection) = match text.strip_suffix("per connection") {
            Some(rest) => (rest.trim_end(), true),
            None => (text, false),
        };
        let (number, unit) = text.split_once('/')?;
        let (number, scale) = leading_number(number.trim())?;
        let number = match scale {
            "" => number,
            "k" => number * 1e3,
            "M" => number * 1e6,
            _ => return None,
        };
        let per_second = match unit.trim() {
            "s" => number,
            "m" | "min" => number / 60.0,
            "h" => number / 3600.0,
            _ => return None,
        };
        (per_second <= 1e9).then_some(Self {
            per_second,
            per_connection,
        })
    }
}

impl Quantity for TimeOfDay {
    const EXPECTED: &'static str = "a time of day in UTC, such as `20:45`";

    fn from_text(text: &str) -> Option<Self> {
        let parts: Vec<&str> = text.split(':').collect();
        let [hours, minutes, seconds] = match parts.as_slice() {
            [hours, minutes] => [hours, minutes, &"00"],
            [hours, minutes, seconds] => [hours, minutes, seconds],
            _ => return None,
        };
        let (hours, minutes, seconds) = (two_digits(hours)?, two_digits(minutes)?, two_digits(seconds)?);
        let fits = hours < 24 && minutes < 60 && seconds < 60;
        fits.then(|| Self(u64::from(hours * 3600 + minutes * 60 + seconds) * 1_000_000))
    }
}

impl Quantity for UtcOffset {
    const EXPECTED: &'static str = "an offset from UTC, such as `+02:00`, `-03:00` or `Z`";

    fn from_text(text: &str) -> Option<Self> {
        if text == "Z" {
            return Some(Self(0));
        }
        let (sign, rest) = match text.strip_prefix('-') {
            Some(rest) => (-1, rest),
            None => (1, text.strip_prefix('+')?),
        };
        let (hours, minutes) = rest.split_once(':')?;
        let (hours, minutes) = (two_digits(hours)?, two_digits(minutes)?);
        (hours <= 14 && minutes < 60).then(|| Self(sign * (hours * 60 + minutes) as i32))
    }
}

impl Quantity for MatchMinute {
    const EXPECTED: &'static str =
        "a minute of the match from 1 to 90, such as `23`, or `45+2` in stoppage time";

    fn from_text(text: &str) -> Option<Self> {
        match text.split_once('+') {
            None => Self::from_number(text.parse::<u32>().ok()?.into()),
            Some((minute, stoppage)) => {
                let (minute, stoppage) = (minute.parse().ok()?, stoppage.parse().ok()?);
                let fits = (minute == 45 || minute == 90) && (1..=15).contains(&stoppage);
                fits.then_some(Self { minute, stoppage })
            }
        }
    }

    fn from_number(number: f64) -> Option<Self> {
        let minute = u32::try_from(whole(number)?).ok()?;
        (1..=90).contains(&minute).then_some(Self { minute, stoppage: 0 })
    }
}

/// A number without sign at the start of the text, and what follows it.
fn leading_number(text: &str) -> Option<(f64, &str)> {
    let end = text
        .find(|c: char| !(c.is_ascii_digit() || c == '.' || c == '_'))
        .unwrap_or(text.len());
    let number: f64 = text[..end].replace('_', "").parse().ok()?;
    number.is_finite().then(|| (number, text[end..].trim_start()))
}

fn percentage(text: &str) -> Option<f64> {
    let (number, unit) = leading_number(text)?;
    match unit {
        "%" => Some(number / 100.0),
        "" => Some(number),
        _ => None,
    }
}

fn two_digits(text: &str) -> Option<u32> {
    if text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit()) {
        text.parse().ok()
    } else {
        None
    }
}

/// A whole number that a float holds exactly.
fn whole(number: f64) -> Option<u64> {
    let exact = (0.0..=9_007_199_254_740_992.0).contains(&number) && libm::floor(number) == number;
    exact.then_some(number as u64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_unit_is_read() {
        assert_eq!(Span::from_text("1h30m"), Some(Span(5_400_000_000)));
        assert_eq!(Span::from_text("1.5s"), Some(Span(1_500_000)));
        assert_eq!(Count::from_text("200k"), Some(Count(200_000)));
        assert_eq!(Count::from_text("1.5k"), Some(Count(1_500)));
        let written =
            [200_000, 2_800_000, 2_500, 425_000, 12_345, 2_000_001].map(|count| Count(count).to_string());
        assert_eq!(written, ["200k", "2.8M", "2.5k", "425k", "12345", "2000001"]);
        assert_eq!(Bytes::from_text("4KiB"), Some(Bytes(4_096)));
        assert_eq!(Share::from_text("20%"), Some(Share(0.2)));
        assert_eq!(
            Rate::from_text("90/min"),
            Some(Rate {
                per_second: 1.5,
                per_connection: false
            })
        );
        assert_eq!(
            Rate::from_text("1.5/min per connection"),
            Some(Rate {
                per_second: 0.025,
                per_connection: true
            })
        );
        assert_eq!(TimeOfDay::from_text("20:45"), Some(TimeOfDay(74_700_000_000)));
        assert_eq!(UtcOffset::from_text("-03:30"), Some(UtcOffset(-210)));
        assert_eq!(
            MatchMinute::from_text("45+2"),
            Some(MatchMinute {
                minute: 45,
                stoppage: 2
            })
        );
    }

    #[test]
    fn nonsense_is_refused() {
        for text in ["", "s", "90", "90 parsecs", "-5s", "5s5", "1e9s", "99999999d"] {
            assert_eq!(Span::from_text(text), None, "{text}");
        }
        for text in ["120%", "-1%", "x"] {
            assert_eq!(Share::from_text(text), None, "{text}");
        }
        assert_eq!(Count::from_text("0.5"), None);
        assert_eq!(TimeOfDay::from_text("24:00"), None);
        assert_eq!(UtcOffset::from_text("02:00"), None);
        assert_eq!(MatchMinute::from_text("44+2"), None);
        assert_eq!(Rate::from_text("5000"), None);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(us in 0u64..31_622_400_000_000, bytes in 0u64..1 << 50, rate in 0.0..1e9) {
            prop_assert_eq!(Span::from_text(&Span(us).to_string()), Some(Span(us)));
            prop_assert_eq!(Bytes::from_text(&Bytes(bytes).to_string()), Some(Bytes(bytes)));
            let rate = Rate { per_second: rate, per_connection: true };
            prop_assert_eq!(Rate::from_text(&rate.to_string()), Some(rate));
        }

        #[test]
        fn clocks_are_read_back(seconds in 0u64..86_400, offset in -839i32..=839) {
            let time = TimeOfDay(seconds * 1_000_000);
            prop_assert_eq!(TimeOfDay::from_text(&time.to_string()), Some(time));
            prop_assert_eq!(UtcOffset::from_text(&UtcOffset(offset).to_string()), Some(UtcOffset(offset)));
        }
    }
}
