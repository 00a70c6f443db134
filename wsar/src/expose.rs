//! Figures as Prometheus text, format 0.0.4, and back.
//!
//! It knows no HTTP and no registry. A metrics library is not needed here: the figures already live in cells that each
//! shard keeps for itself ([`crate::counters`]) and that the sampler sums into maps once a second; a registry would be
//! a second home for them, with shared atomics on the hot path. What is left is formatting, which this module does.
//!
//! A dotted name becomes a Prometheus one by the prefix `teem_`, underscores for what is not allowed, and `_total`
//! behind a counter. That loses the dots, so the `# HELP` line carries the dotted name as it was: a person sees which
//! figure of a run folder it is, and [`figures`] gives a scraped server's figures back exactly.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

mod figures;
mod parse;

pub use figures::{Figures, figures};
pub use parse::{ExpositionError, Series, parse_exposition};

/// The `Content-Type` of the text.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What every name begins with.
const PREFIX: &str = "teem_";

/// The text of a set of figures, counters first, each sort in the order of its names.
///
/// Where two names differ only by what Prometheus does not allow (`a.b` and `a_b`), the later one gets `_2` (`_3`, ...)
/// so that the text stays valid and loses nothing.
#[must_use]
pub fn exposition(counters: &BTreeMap<String, u64>, gauges: &BTreeMap<String, f64>) -> String {
    let mut text = String::new();
    let mut taken = BTreeSet::new();
    for (name, value) in counters {
        family(&mut text, &mut taken, name, "counter", &value.to_string());
    }
    for (name, value) in gauges {
        family(&mut text, &mut taken, name, "gauge", &float(*value));
    }
    text
}

/// One metric with its HELP and TYPE.
fn family(text: &mut String, taken: &mut BTreeSet<String>, name: &str, kind: &str, value: &str) {
    let suffix = if kind == "counter" { "_total" } else { "" };
    let stem = stem(name);
    let mut metric = format!("{stem}{suffix}");
    let mut copy = 2;
    while taken.contains(&metric) {
        metric = format!("{stem}_{copy}{suffix}");
        copy += 1;
    }
    // Writing to a String cannot fail.
    let _ = write!(text, "# HELP {metric} ");
    escape_help(text, name);
    let _ = write!(text, "\n# TYPE {metric} {kind}\n{metric} {value}\n");
    taken.insert(metric);
}

/// The Prometheus name without its suffix.
fn stem(name: &str) -> String {
    let allowed = |letter: char| {
        if letter.is_ascii_alphanumeric() {
            letter
        } else {
            '_'
        }
    };
    PREFIX.chars().chain(name.chars().map(allowed)).collect()
}

/// Escapes as the format asks of a HELP text: backslash and line feed.
fn escape_help(text: &mut String, help: &str) {
    for letter in help.chars() {
        match letter {
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            _ => text.push(letter),
        }
    }
}

/// A float as the format writes it: the shortest digits that read back as the same number.
fn float(value: f64) -> String {
    if value.is_nan() {
        "NaN".to_owned()
    } else if value.is_infinite() {
        if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned()
    } else if value == 0.0 || (1e-5..1e16).contains(&value.abs()) {
        value.to_string()
    } else {
        format!("{value:e}")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_text_is_as_the_format_says() {
        let counters = BTreeMap::from([("server.bytes_in".to_owned(), 12)]);
        let gauges = BTreeMap::from([
            ("server.online".to_owned(), 2e5),
            ("server.queue.store.depth".to_owned(), 0.5),
            ("server.tiny".to_owned(), 1e-9),
        ]);
        let expected = "\
# HELP teem_server_bytes_in_total server.bytes_in
# TYPE teem_server_bytes_in_total counter
teem_server_bytes_in_total 12
# HELP teem_server_online server.online
# TYPE teem_server_online gauge
teem_server_online 200000
# HELP teem_server_queue_store_depth server.queue.store.depth
# TYPE teem_server_queue_store_depth gauge
teem_server_queue_store_depth 0.5
# HELP teem_server_tiny server.tiny
# TYPE teem_server_tiny gauge
teem_server_tiny 1e-9
";
        assert_eq!(exposition(&counters, &gauges), expected);
    }

    #[test]
    fn names_that_collide_stay_apart() {
        let counters = BTreeMap::from([("a.b".to_owned(), 1), ("a_b".to_owned(), 2)]);
        let gauges = BTreeMap::from([("a.b_total".to_owned(), 3.0)]);
        let text = exposition(&counters, &gauges);
        let series = parse_exposition(&text).unwrap();
        let names: BTreeSet<&str> = series.iter().map(|series| series.name.as_str()).collect();
        assert_eq!(
            names,
            BTreeSet::from(["teem_a_b_total", "teem_a_b_2_total", "teem_a_b_total_2"])
        );
        assert_eq!(figures(&text).unwrap(), Figures { counters, gauges });
    }

    #[test]
    fn what_is_not_a_number_is_written_as_prometheus_spells_it() {
        let of = |value: f64| exposition(&BTreeMap::new(), &BTreeMap::from([("x".to_owned(), value)]));
        assert!(of(f64::NAN).ends_with("\nteem_x NaN\n"));
        assert!(of(f64::INFINITY).ends_with("\nteem_x +Inf\n"));
        assert!(of(f64::NEG_INFINITY).ends_with("\nteem_x -Inf\n"));
    }

    proptest! {
        #[test]
        fn figures_round_trip(
            counters in prop::collection::btree_map("[a-z][a-z0-9._/]{0,20}[a-z\\\\\n\"é]", any::<u64>(), 0..20),
            gauges in prop::collection::btree_map(
                "[a-z][a-z0-9._/]{0,20}[a-z\\\\\n\"é]",
                any::<f64>().prop_filter("NaN equals nothing", |value| !value.is_nan()),
                0..20,
            ),
        ) {
            let text = exposition(&counters, &gauges);
            let series = parse_exposition(&text).unwrap();
            prop_assert_eq!(series.len(), counters.len() + gauges.len());
            let metrics: BTreeSet<&str> = series.iter().map(|series| series.name.as_str()).collect();
            prop_assert_eq!(metrics.len(), series.len(), "a metric appears once");
            prop_assert_eq!(figures(&text).unwrap(), Figures { counters, gauges });
        }
    }
}
