//! How values are written: counts, shares, instants, switches.

/// Reads a switch.
pub(super) fn on_off(text: &str) -> Result<bool, String> {
    match text {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err(format!("`{text}`: expected on or off")),
    }
}

/// Reads a count or a size: `5000`, `200k`, `1.5M`, `4G`.
pub(crate) fn count(text: &str) -> Result<u64, String> {
    let expected = || format!("`{text}` is not a count: expected digits and perhaps k, M or G, such as 200k");
    let text = text.trim();
    let (digits, factor) = match text.chars().last() {
        Some('k' | 'K') => (&text[..text.len() - 1], 1e3),
        Some('m' | 'M') => (&text[..text.len() - 1], 1e6),
        Some('g' | 'G') => (&text[..text.len() - 1], 1e9),
        _ => (text, 1.0),
    };
    let value: f64 = digits.replace('_', "").parse().map_err(|_| expected())?;
    let value = value * factor;
    if value < 0.0 || value.fract() != 0.0 || value > 1e15 {
        Err(expected())
    } else {
        Ok(value as u64)
    }
}

/// Reads a count that is not 0.
pub(crate) fn some<T: TryFrom<u64>>(text: &str) -> Result<T, String> {
    match count(text)? {
        0 => Err(format!("`{text}`: expected 1 or more, or the option left out")),
        some => T::try_from(some).map_err(|_| format!("`{text}` is more than there can be")),
    }
}

/// Reads a share below one half: `1%`.
pub(super) fn share(text: &str) -> Result<f64, String> {
    let share = text
        .strip_suffix('%')
        .and_then(|digits| digits.trim().parse::<f64>().ok());
    match share {
        Some(percent) if (0.0..50.0).contains(&percent) => Ok(percent / 100.0),
        _ => Err(format!(
            "`{text}` is not a share: expected one from 0% to below 50%, such as 1%"
        )),
    }
}

/// Reads an instant of a run, seconds since its begin.
pub(super) fn second(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(second) if second.is_finite() && second >= 0.0 => Ok(second),
        _ => Err(format!(
            "`{text}` is not a second of the run: expected a number such as 3.5"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_finite_and_not_before_the_begin() {
        assert_eq!(second("3.5"), Ok(3.5));
        for wrong in ["", "-1", "NaN", "inf", "3s"] {
            assert!(second(wrong).unwrap_err().contains("expected"), "{wrong}");
        }
    }

    #[test]
    fn some_are_one_at_least() {
        assert_eq!((some::<u64>("20k"), some::<u32>("1")), (Ok(20_000), Ok(1)));
        for wrong in ["0", "0k", "x"] {
            assert!(some::<u64>(wrong).unwrap_err().contains("expected"), "{wrong}");
        }
        assert!(some::<u32>("9G").unwrap_err().contains("more than there can be"));
    }

    #[test]
    fn counts_have_units() {
        assert_eq!(count("200k"), Ok(200_000));
        assert_eq!(count("1.5M"), Ok(1_500_000));
        assert_eq!(count("20_000"), Ok(20_000));
        for wrong in ["", "k", "-1", "1.5", "12x", "1e99"] {
            assert!(count(wrong).unwrap_err().contains("expected"), "{wrong}");
        }
    }
}
