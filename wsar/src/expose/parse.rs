//! Reads the text exposition format, 0.0.4: what a server's `/metrics` answers.
//!
//! It knows no HTTP; whoever fetched the text bounds its length.

use std::collections::BTreeMap;

/// One line's sample. A timestamp, where there was one, is checked and dropped: the scraper knows when it asked.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// The metric's name.
    pub name: String,
    /// Its labels, unescaped.
    pub labels: BTreeMap<String, String>,
    /// Its value.
    pub value: f64,
}

/// The text is not in the exposition format.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("metrics line {line}: expected {expected}")]
pub struct ExpositionError {
    /// The line, from 1.
    pub line: usize,
    /// What should have been there.
    pub expected: &'static str,
}

/// Every sample of a text, in its order. Comments and empty lines are passed over.
///
/// # Errors
/// A line that is neither, with its number.
pub fn parse_exposition(text: &str) -> Result<Vec<Series>, ExpositionError> {
    let mut all = Vec::new();
    for line in lines(text) {
        if let (_, Line::Series(series, _)) = line? {
            all.push(series);
        }
    }
    Ok(all)
}

/// A line, taken apart. Names and kinds are as written, help is unescaped, a series has its value's text beside it.
pub(super) enum Line<'t> {
    Comment,
    Help(&'t str, String),
    Type(&'t str, &'t str),
    Series(Series, &'t str),
}

pub(super) type Numbered<'t> = Result<(usize, Line<'t>), ExpositionError>;

/// The lines with their numbers, from 1. Only a line feed ends one.
pub(super) fn lines(text: &str) -> impl Iterator<Item = Numbered<'_>> {
    text.split('\n').enumerate().map(|(index, line)| {
        let number = index + 1;
        match parse_line(line) {
            Ok(line) => Ok((number, line)),
            Err(expected) => Err(ExpositionError {
                line: number,
                expected,
            }),
        }
    })
}

fn parse_line(line: &str) -> Result<Line<'_>, &'static str> {
    let line = blanks(line);
    if line.is_empty() {
        return Ok(Line::Comment);
    }
    match line.strip_prefix('#') {
        Some(comment) => parse_comment(blanks(comment)),
        None => parse_series(line),
    }
}

fn parse_comment(comment: &str) -> Result<Line<'_>, &'static str> {
    let (keyword, rest) = word(comment);
    match keyword {
        "HELP" => {
            let (name, help) = metric_name(blanks(rest))?;
            Ok(Line::Help(name, unescape(blanks(help), false)))
        }
        "TYPE" => {
            let (name, rest) = metric_name(blanks(rest))?;
            match word(blanks(rest)) {
                (kind @ ("counter" | "gauge" | "histogram" | "summary" | "untyped"), rest)
                    if blanks(rest).is_empty() =>
                {
                    Ok(Line::Type(name, kind))
                }
                _ => Err("one of counter, gauge, histogram, summary, untyped"),
            }
        }
        _ => Ok(Line::Comment),
    }
}

fn parse_series(line: &str) -> Result<Line<'_>, &'static str> {
    let (name, rest) = metric_name(line)?;
    let (labels, rest) = match blanks(rest).strip_prefix('{') {
        Some(rest) => parse_labels(rest)?,
        None => (BTreeMap::new(), rest),
    };
    let (raw, rest) = word(blanks(rest));
    let value = float(raw).ok_or("a number, NaN, +Inf or -Inf as the value")?;
    let (timestamp, rest) = word(blanks(rest));
    if !timestamp.is_empty() && timestamp.parse::<i64>().is_err() {
        return Err("a timestamp in whole milliseconds, or nothing, after the value");
    }
    if !blanks(rest).is_empty() {
        return Err("the end of the line");
    }
    Ok(Line::Series(
        Series {
            name: name.to_owned(),
            labels,
            value,
        },
        raw,
    ))
}

/// The labels after an opening brace, and what follows the closing one. A comma may stand before the brace.
fn parse_labels(mut rest: &str) -> Result<(BTreeMap<String, String>, &str), &'static str> {
    let mut labels = BTreeMap::new();
    loop {
        rest = blanks(rest);
        if let Some(rest) = rest.strip_prefix('}') {
            return Ok((labels, rest));
        }
        let (name, after) = name_of(rest, |letter| letter.is_ascii_alphanumeric() || letter == '_');
        if name.is_empty() {
            return Err("a label's name, or the closing brace");
        }
        let after = blanks(after).strip_prefix('=').ok_or("= after a label's name")?;
        let after = blanks(after)
            .strip_prefix('"')
            .ok_or("a label's value in quotes")?;
        let end = closing_quote(after).ok_or("the closing quote of a label's value")?;
        if labels
            .insert(name.to_owned(), unescape(&after[..end], true))
            .is_some()
        {
            return Err("each label once");
        }
        rest = blanks(&after[end + 1..]);
        match rest.strip_prefix(',') {
            Some(after) => rest = after,
            None if rest.starts_with('}') => {}
            None => return Err("a comma or the closing brace after a label"),
        }
    }
}

/// Where the first quote is that no backslash escapes.
fn closing_quote(text: &str) -> Option<usize> {
    let mut escaped = false;
    for (index, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return Some(index),
            _ => {}
        }
    }
    None
}

/// Undoes the escapes: `\\` and `\n`, and within a label's value `\"`. Any other backslash stands for itself.
fn unescape(text: &str, in_label: bool) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        if letter != '\\' {
            plain.push(letter);
            continue;
        }
        match letters.next() {
            Some('n') => plain.push('\n'),
            Some('\\') | None => plain.push('\\'),
            Some('"') if in_label => plain.push('"'),
            Some(other) => plain.extend(['\\', other]),
        }
    }
    plain
}

fn metric_name(text: &str) -> Result<(&str, &str), &'static str> {
    let (name, rest) = name_of(text, |letter| {
        letter.is_ascii_alphanumeric() || letter == '_' || letter == ':'
    });
    if name.is_empty() {
        Err("a metric's name")
    } else {
        Ok((name, rest))
    }
}

/// The longest name at the start and what follows it; empty where a digit comes first.
fn name_of(text: &str, allowed: impl Fn(char) -> bool) -> (&str, &str) {
    if text.starts_with(|letter: char| letter.is_ascii_digit()) {
        return ("", text);
    }
    text.split_at(text.find(|letter| !allowed(letter)).unwrap_or(text.len()))
}

/// The text up to a blank, and from it on.
fn word(text: &str) -> (&str, &str) {
    text.split_at(text.find([' ', '\t']).unwrap_or(text.len()))
}

/// The text without the blanks that lead it.
fn blanks(text: &str) -> &str {
    text.trim_start_matches([' ', '\t'])
}

fn float(text: &str) -> Option<f64> {
    match text {
        "" => None,
        "NaN" => Some(f64::NAN),
        "+Inf" | "Inf" => Some(f64::INFINITY),
        "-Inf" => Some(f64::NEG_INFINITY),
        // Rust reads `infinity` and `nan` in any case too; the format does not.
        _ if text.contains(|letter: char| letter.is_ascii_alphabetic() && !matches!(letter, 'e' | 'E')) => {
            None
        }
        _ => text.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn labels_timestamps_comments_and_blanks_are_understood() {
        let text = "\n# a note\n#HELP\tup  Whether it \\\\ answers\n\
            # TYPE up untyped\nup 1\n\
            http_requests_total { method = \"post\" , path=\"a\\\"b\\\\c\\nd\",} 1.5e3 -1395066363000\n\
            :odd:name{}\t+Inf\n";
        let series = parse_exposition(text).unwrap();
        let labels = BTreeMap::from([
            ("method".to_owned(), "post".to_owned()),
            ("path".to_owned(), "a\"b\\c\nd".to_owned()),
        ]);
        let plain = |name: &str, value| Series {
            name: name.to_owned(),
            labels: BTreeMap::new(),
            value,
        };
        let requests = Series {
            name: "http_requests_total".to_owned(),
            labels,
            value: 1_500.0,
        };
        assert_eq!(
            series,
            [plain("up", 1.0), requests, plain(":odd:name", f64::INFINITY)]
        );
    }

    #[test]
    fn a_mistake_names_its_line_and_what_was_expected() {
        let cases = [
            ("up 1\n9up 1\n", 2, "a metric's name"),
            ("up one", 1, "a number, NaN, +Inf or -Inf as the value"),
            ("up inf", 1, "a number, NaN, +Inf or -Inf as the value"),
            ("up", 1, "a number, NaN, +Inf or -Inf as the value"),
            (
                "up 1 soon",
                1,
                "a timestamp in whole milliseconds, or nothing, after the value",
            ),
            ("up 1 2 3", 1, "the end of the line"),
            ("up{a} 1", 1, "= after a label's name"),
            ("up{a=b} 1", 1, "a label's value in quotes"),
            ("up{a=\"b\\\"} 1", 1, "the closing quote of a label's value"),
            (
                "up{a=\"b\" c=\"d\"} 1",
                1,
                "a comma or the closing brace after a label",
            ),
            ("up{a=\"b\",a=\"c\"} 1", 1, "each label once"),
            ("up{", 1, "a label's name, or the closing brace"),
            (
                "\n# TYPE up number",
                2,
                "one of counter, gauge, histogram, summary, untyped",
            ),
        ];
        for (text, line, expected) in cases {
            assert_eq!(
                parse_exposition(text),
                Err(ExpositionError { line, expected }),
                "{text:?}"
            );
        }
    }

    proptest! {
        #[test]
        fn garbage_is_refused_or_read_but_never_panics(text in "(?s).{0,200}") {
            let _ = parse_exposition(&text);
        }

        #[test]
        fn near_misses_never_panic(text in "[#a{}=\",\\\\\n 1.eE+HELPTY_-]{0,60}") {
            let _ = parse_exposition(&text);
        }

        #[test]
        fn labels_round_trip(
            labels in prop::collection::btree_map("[a-zA-Z_][a-zA-Z0-9_]{0,8}", "(?s).{0,20}", 0..6),
            value in any::<f64>().prop_filter("NaN equals nothing", |value| !value.is_nan()),
        ) {
            let escape = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            let inside: Vec<String> =
                labels.iter().map(|(name, value)| format!("{name}=\"{}\"", escape(value))).collect();
            let text = format!("metric{{{}}} {}\n", inside.join(","), super::super::float(value));
            let expected = Series { name: "metric".to_owned(), labels, value };
            prop_assert_eq!(parse_exposition(&text).unwrap(), vec![expected]);
        }
    }
}
