//! What takes the place of recorded bytes: text with the clone's number, the session's, the time, a running number, learned values and
//! captures in it.
//!
//! It does not know what a value is worth; it is told when it is filled in.

/// A template, parsed: its parts in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Template {
    pub(crate) parts: Vec<Part>,
}

/// A part of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// As it stands.
    Bytes(Vec<u8>),
    /// The clone's number, in at least so many digits.
    Clone(usize),
    /// The session's number in the capture, in at least so many digits.
    Flow(usize),
    /// So many hexadecimal digits, made up, the same throughout a session.
    Random(usize),
    /// The time at which it is said: seconds since 1970.
    Now,
    /// The same in milliseconds.
    NowMs,
    /// How many such numbers the session has said, with this one, in at least so many digits.
    Count(usize),
    /// The newest value learned under a name.
    Learned(String),
    /// A group of the expression that matched: 0 is all of it.
    Group(usize),
}

/// Names that no learned value may have.
const TAKEN: [&str; 6] = ["clone", "flow", "random", "now", "now_ms", "count"];
/// The most digits that may be asked for.
const DIGITS_MAX: usize = 16;

impl Template {
    /// A template that is only bytes.
    pub(crate) fn fixed(bytes: Vec<u8>) -> Self {
        Self {
            parts: vec![Part::Bytes(bytes)],
        }
    }

    /// Reads `{clone}`, `{clone:6}`, `{flow}`, `{random:8}`, `{now}`, `{now_ms}`, `{count:6}`, `{NAME}`, `{{` and `}}`; where
    /// `groups` is more than 0, `$1`, `${1}` and `$$` as well.
    ///
    /// # Errors
    /// What was expected.
    pub(crate) fn parse(text: &str, groups: usize) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut plain = Vec::new();
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let (part, length) = match first {
                '{' | '}' if rest[1..].starts_with(first) => (Part::Bytes(vec![first as u8]), 2),
                '$' if groups > 0 && rest[1..].starts_with('$') => (Part::Bytes(vec![b'$']), 2),
                '{' => value(rest)?,
                '}' => return Err("a `}` of its own; expected `}}`".to_owned()),
                '$' if groups > 0 => group(rest, groups)?,
                other => (
                    Part::Bytes(rest.as_bytes()[..other.len_utf8()].to_vec()),
                    other.len_utf8(),
                ),
            };
            match part {
                Part::Bytes(bytes) => plain.extend(bytes),
                part => {
                    if !plain.is_empty() {
                        parts.push(Part::Bytes(std::mem::take(&mut plain)));
                    }
                    parts.push(part);
                }
            }
            rest = &rest[length..];
        }
        if !plain.is_empty() {
            parts.push(Part::Bytes(plain));
        }
        Ok(Self { parts })
    }

    /// The learned values that it wants.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Learned(name) => Some(name.as_str()),
            _ => None,
        })
    }
}

/// `{...}` at the start of `rest`, and its length.
fn value(rest: &str) -> Result<(Part, usize), String> {
    let Some(end) = rest.find('}') else {
        let expected = "expected `{clone}`, `{flow}`, `{random}`, `{now}`, `{now_ms}`, `{count}`, `{NAME}` of a `learn`, or `{{`";
        return Err(format!("a `{{` without its `}}`; {expected}"));
    };
    let inside = &rest[1..end];
    let (name, digits) = match inside.split_once(':') {
        Some((name, digits)) => {
            let digits = digits
                .parse()
                .ok()
                .filter(|digits| (1..=DIGITS_MAX).contains(digits));
            let expected =
                || format!("`{{{inside}}}`; expected a width of 1 to {DIGITS_MAX} after the colon");
            (name, Some(digits.ok_or_else(expected)?))
        }
        None => (inside, None),
    };
    let part = match name {
        "clone" => Part::Clone(digits.unwrap_or(1)),
        "flow" => Part::Flow(digits.unwrap_or(1)),
        "random" => Part::Random(digits.unwrap_or(DIGITS_MAX)),
        "count" => Part::Count(digits.unwrap_or(1)),
        "now" if digits.is_none() => Part::Now,
        "now_ms" if digits.is_none() => Part::NowMs,
        name if digits.is_none() && is_name(name) => Part::Learned(name.to_owned()),
        _ => {
            let expected = "expected `{clone}`, `{flow}`, `{random}`, `{now}`, `{now_ms}`, `{count}` or the name of a `learn`";
            return Err(format!("`{{{inside}}}`; {expected}"));
        }
    };
    Ok((part, end + 1))
}

/// `$1` or `${1}` at the start of `rest`, and its length.
fn group(rest: &str, groups: usize) -> Result<(Part, usize), String> {
    let (digits, length) = match rest[1..].strip_prefix('{') {
        Some(inside) => {
            let end = inside.find('}').unwrap_or(0);
            (&inside[..end], end + 3)
        }
        None => {
            let end = rest[1..].find(|c: char| !c.is_ascii_digit());
            let end = end.unwrap_or(rest.len() - 1);
            (&rest[1..=end], end + 1)
        }
    };
    match digits.parse::<usize>() {
        Ok(group) if group < groups => Ok((Part::Group(group), length)),
        _ => Err(format!(
            "`${digits}` is no group of the expression; expected `$0` to `${}`, or `$$`",
            groups - 1
        )),
    }
}

/// Whether something can be the name of a learned value: letters, digits, `_` and `-`.
pub(super) fn is_name(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    !text.is_empty() && text.chars().all(fits) && !TAKEN.contains(&text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_is_read_into_its_parts() {
        let parsed = Template::parse("a{clone:6}-{{$1}}{sid}$$", 2).unwrap();
        let bytes = |text: &str| Part::Bytes(text.as_bytes().to_vec());
        let learned = Part::Learned("sid".to_owned());
        assert_eq!(
            parsed.parts,
            [
                bytes("a"),
                Part::Clone(6),
                bytes("-{"),
                Part::Group(1),
                bytes("}"),
                learned,
                bytes("$")
            ]
        );
        assert_eq!(Template::parse("$1 é", 0).unwrap().parts, [bytes("$1 é")]);
        assert_eq!(Template::parse("${0}x", 1).unwrap().parts[0], Part::Group(0));
    }

    #[test]
    fn what_is_no_template_is_refused_with_what_was_expected() {
        for (text, expected) in [
            ("{clone", "without its"),
            ("}", "expected `}}`"),
            ("$2", "`$0` to `$1`"),
            ("$", "`$0` to `$1`"),
            ("${1", "`$0` to `$1`"),
            ("{clone:99}", "a width"),
            ("{now:4}", "`{now_ms}`"),
            ("{a b}", "the name of a `learn`"),
        ] {
            let error = Template::parse(text, 2).unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
