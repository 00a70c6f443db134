//! Counts as people read them, in every room that shows figures.
//!
//! It does not know what is counted.

/// A count in full, its digits in threes: `1,234,567`.
#[must_use]
pub fn grouped(count: impl Into<i128>) -> String {
    let count = count.into();
    let digits = count.unsigned_abs().to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3 + 1);
    if count < 0 {
        text.push('-');
    }
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn digits_come_in_threes() {
        let shown = [0, 7, 999, 1_000, 1_234_567, -1, -999, -123_456].map(|count: i64| grouped(count));
        assert_eq!(
            shown,
            ["0", "7", "999", "1,000", "1,234,567", "-1", "-999", "-123,456"]
        );
        assert_eq!(grouped(u64::MAX), "18,446,744,073,709,551,615");
    }

    proptest! {
        #[test]
        fn without_its_commas_it_is_the_number(count: i64) {
            prop_assert_eq!(grouped(count).replace(',', ""), count.to_string());
        }
    }
}
