//! Numbers for people: units, prefixes, thousands, run time.
//!
//! It knows how a figure is written, not which figure it is.

pub(crate) use record::grouped;

/// What a number counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Things.
    Count,
    /// Things a second.
    PerSecond,
    /// Bytes, written with decimal prefixes.
    Bytes,
    /// Milliseconds.
    Time,
    /// Per cent.
    Share,
}

impl Unit {
    /// The largest prefix that does not exceed a magnitude: what to divide by, and how it is written.
    fn prefix(self, magnitude: f64) -> (f64, &'static str) {
        let table: &[(f64, &'static str)] = match self {
            Self::Count => &[(1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, "")],
            Self::PerSecond => &[(1e9, "G/s"), (1e6, "M/s"), (1e3, "k/s"), (1.0, "/s")],
            Self::Bytes => &[
                (1e12, " TB"),
                (1e9, " GB"),
                (1e6, " MB"),
                (1e3, " kB"),
                (1.0, " B"),
            ],
            Self::Time => &[(1e3, " s"), (1.0, " ms"), (1e-3, " µs")],
            Self::Share => &[(1.0, " %")],
        };
        let fits = |(size, _): &&(f64, &str)| magnitude.abs() >= *size;
        table
            .iter()
            .find(fits)
            .or(table.last())
            .copied()
            .unwrap_or((1.0, ""))
    }
}

/// A value as a tick's label on an axis that reaches `top`, so that all labels of an axis share a prefix. A top below any prefix has a
/// power of ten in its place, since a row of zeros is hard to count: `2·10⁻⁷/s`.
pub(crate) fn tick(value: f64, unit: Unit, top: f64) -> String {
    /// From here down figures are written with a power of ten.
    const LEAST: f64 = 0.001;
    if value == 0.0 {
        return "0".to_owned();
    }
    let (size, suffix) = unit.prefix(top);
    let scaled_top = top.abs() / size;
    // Ticks are a quarter of a power of ten apart at the least.
    let power = scaled_top.log10().floor().min(0.0) as i32;
    if scaled_top < LEAST {
        let scaled = value / size / 10f64.powi(power);
        return format!("{}·10{}{suffix}", trimmed(scaled, 2), raised(power));
    }
    format!("{}{suffix}", trimmed(value / size, 3.max(2 - power) as usize))
}

/// A number as an exponent.
fn raised(number: i32) -> String {
    const DIGITS: [char; 10] = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];
    let digits = number.unsigned_abs().to_string();
    let digits = digits.bytes().map(|digit| DIGITS[usize::from(digit - b'0')]);
    let sign = (number < 0).then_some('⁻');
    sign.into_iter().chain(digits).collect()
}

/// A value to three significant digits, with its unit: `1.25M`, `7.7 kB`, `250 ms`.
pub(crate) fn short(value: f64, unit: Unit) -> String {
    if value == 0.0 && unit != Unit::Share {
        return match unit {
            Unit::Count => "0".to_owned(),
            Unit::PerSecond => "0/s".to_owned(),
            Unit::Bytes => "0 B".to_owned(),
            Unit::Time | Unit::Share => "0 ms".to_owned(),
        };
    }
    let (size, suffix) = unit.prefix(value);
    let scaled = value / size;
    // Rounding may carry into the next prefix: 999.9 kB is 1 MB.
    let (scaled, suffix) = if scaled.abs() >= 999.5 {
        let (size, suffix) = unit.prefix(value * 1.001);
        (value / size, suffix)
    } else {
        (scaled, suffix)
    };
    let decimals = match scaled.abs() {
        large if large >= 99.95 => 0,
        medium if medium >= 9.995 => 1,
        _ => 2,
    };
    format!("{}{suffix}", trimmed(scaled, decimals))
}

/// Run time: `m:ss`, or `h:mm:ss` from an hour on.
pub(crate) fn clock(seconds: f64) -> String {
    let whole = seconds.max(0.0).round() as u64;
    let (hours, minutes, seconds) = (whole / 3_600, whole / 60 % 60, whole % 60);
    if hours > 0 {
        format!("{hours}:{minutes:02}:{seconds:02}")
    } else {
        format!("{minutes}:{seconds:02}")
    }
}

/// An instant of Unix time in milliseconds as a UTC date: `2025-06-15 15:06:40 UTC`.
pub(crate) fn date(unix_ms: u64) -> String {
    let seconds = unix_ms / 1_000;
    let days = seconds / 86_400;
    // Proleptic Gregorian, in years that begin in March, so that a leap day is a year's last.
    let shifted = days + 719_468;
    let era_day = shifted % 146_097;
    let era_year = (era_day - era_day / 1_460 + era_day / 36_524 - era_day / 146_096) / 365;
    let year_day = era_day - (365 * era_year + era_year / 4 - era_year / 100);
    let shifted_month = (5 * year_day + 2) / 153;
    let day = year_day - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = shifted / 146_097 * 400 + era_year + u64::from(month <= 2);
    let (hour, minute, second) = (seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{year}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC")
}

/// At most so many decimals, without zeros at the end.
pub(crate) fn trimmed(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_read_naturally() {
        assert_eq!(short(200_000.0, Unit::Count), "200k");
        assert_eq!(short(1_234_567.0, Unit::Count), "1.23M");
        assert_eq!(short(999_900.0, Unit::Count), "1M");
        assert_eq!(short(0.25, Unit::Time), "250 µs");
        assert_eq!(short(1_250.0, Unit::Time), "1.25 s");
        assert_eq!(short(187.4, Unit::Bytes), "187 B");
        assert_eq!(short(7_742.0, Unit::Bytes), "7.74 kB");
        assert_eq!(short(12_345.0, Unit::PerSecond), "12.3k/s");
        assert_eq!(short(0.0, Unit::Share), "0 %");
        assert_eq!(tick(500_000.0, Unit::Count, 2e6), "0.5M");
        assert_eq!(tick(0.0, Unit::Bytes, 2e6), "0");
        assert_eq!(tick(0.025, Unit::PerSecond, 0.05), "0.025/s");
        assert_eq!(tick(0.002_5, Unit::PerSecond, 0.01), "0.0025/s");
        assert_eq!(tick(2e-7, Unit::PerSecond, 6e-7), "2·10⁻⁷/s");
        assert_eq!(tick(2.5e-11, Unit::Bytes, 1e-10), "0.25·10⁻¹⁰ B");
        assert_eq!(date(0), "1970-01-01 00:00:00 UTC");
        assert_eq!(date(951_782_400_000), "2000-02-29 00:00:00 UTC");
        assert_eq!(date(1_750_000_000_000), "2025-06-15 15:06:40 UTC");
        assert_eq!(date(1_767_225_599_999), "2025-12-31 23:59:59 UTC");
        assert_eq!(
            (clock(59.6), clock(3_661.0)),
            ("1:00".to_owned(), "1:01:01".to_owned())
        );
    }
}
