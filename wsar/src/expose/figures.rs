//! A teem server's figures, taken from what it exposed.
//!
//! It knows no HTTP, and of Prometheus only what [`super::parse`] makes of the text.

use std::collections::BTreeMap;

use super::PREFIX;
use super::parse::{ExpositionError, Line, lines};

/// The figures of a teem server, under their own dotted names.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Figures {
    /// Counters, cumulative.
    pub counters: BTreeMap<String, u64>,
    /// Gauges.
    pub gauges: BTreeMap<String, f64>,
}

/// The figures that a teem server exposed, under the dotted names that its HELP lines carry. Metrics of other
/// programs, and any with labels, are passed over.
///
/// # Errors
/// The text is not in the exposition format, or a counter of ours is not a whole number.
pub fn figures(text: &str) -> Result<Figures, ExpositionError> {
    let mut dotted = BTreeMap::new();
    let mut kinds = BTreeMap::new();
    let mut figures = Figures::default();
    for line in lines(text) {
        let (number, line) = line?;
        match line {
            Line::Help(name, help) => drop(dotted.insert(name, help)),
            Line::Type(name, kind) => drop(kinds.insert(name, kind)),
            Line::Series(series, raw) if series.name.starts_with(PREFIX) && series.labels.is_empty() => {
                let Some(name) = dotted.get(series.name.as_str()) else {
                    continue;
                };
                match kinds.get(series.name.as_str()).copied() {
                    // From the digits, not through the float: a counter of bytes outgrows its 53 bits.
                    Some("counter") => {
                        let expected = "a whole number as a counter's value";
                        let value = raw.parse().map_err(|_| ExpositionError {
                            line: number,
                            expected,
                        })?;
                        figures.counters.insert(name.clone(), value);
                    }
                    Some("gauge") => drop(figures.gauges.insert(name.clone(), series.value)),
                    _ => {}
                }
            }
            Line::Series(..) | Line::Comment => {}
        }
    }
    Ok(figures)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_our_own_figures_are_taken_and_counters_keep_all_their_digits() {
        let text = "# HELP teem_server_bytes_in_total server.bytes_in\n# TYPE teem_server_bytes_in_total counter\n\
            teem_server_bytes_in_total 18446744073709551615\n\
            # HELP go_threads Threads.\n# TYPE go_threads gauge\ngo_threads 7\n\
            teem_unexplained 3\nteem_server_bytes_in_total{shard=\"1\"} 4\n";
        let counters = BTreeMap::from([("server.bytes_in".to_owned(), u64::MAX)]);
        assert_eq!(
            figures(text).unwrap(),
            Figures {
                counters,
                gauges: BTreeMap::new()
            }
        );
        let broken = text.replace("18446744073709551615", "0.5");
        assert_eq!(figures(&broken).unwrap_err().line, 3);
    }

    proptest! {
        #[test]
        fn garbage_is_refused_or_read_but_never_panics(
            any in "(?s).{0,200}", near in "[#a{}=\",\\\\\n 1.eE+HELPTY_-]{0,60}",
        ) {
            let _ = figures(&any);
            let _ = figures(&near);
        }
    }
}
