//! An answer beside the recorded one, where they are not the same: where that is, and both texts, each parted where they part.
//!
//! It knows texts; what makes two answers different was found out before.

use record::Differing;

/// A difference, as a page shows it.
#[derive(Debug)]
pub(crate) struct Difference {
    pub(crate) what: String,
    pub(crate) place: String,
    /// What was recorded, and what was said now.
    pub(crate) sides: [Side; 2],
}

/// What one of them said there.
#[derive(Debug)]
pub(crate) struct Side {
    pub(crate) name: &'static str,
    /// As text, and as bytes; none where nothing was said.
    pub(crate) lines: Vec<Parted>,
}

/// A line: what both say, and what is this one's from there on.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Parted {
    pub(crate) common: String,
    pub(crate) own: String,
}

impl Difference {
    pub(super) fn of(found: &Differing) -> Self {
        let side = |name, said: &str, other: &str| {
            let mut others = other.lines();
            let lines = said.lines().map(|line| Parted::of(line, others.next()));
            Side {
                name,
                lines: lines.collect(),
            }
        };
        Self {
            what: found.what.clone(),
            place: format!(
                "flow {}, person {}, answer {}",
                found.flow, found.person, found.answer
            ),
            sides: [
                side("recorded", &found.recorded, &found.actual),
                side("now", &found.actual, &found.recorded),
            ],
        }
    }
}

impl Parted {
    fn of(line: &str, other: Option<&str>) -> Self {
        let other = other.unwrap_or_default();
        let same = line
            .chars()
            .zip(other.chars())
            .take_while(|(one, two)| one == two);
        let mut at: usize = same.map(|(one, _)| one.len_utf8()).sum();
        if is_bytes(line) {
            // Half a byte is none.
            at = line[..at].rfind(' ').map_or(0, |space| space + 1);
        }
        let (common, own) = line.split_at(at);
        Self {
            common: common.to_owned(),
            own: own.to_owned(),
        }
    }
}

/// Whether a line is bytes in hexadecimal.
fn is_bytes(line: &str) -> bool {
    let is_byte = |word: &str| word.len() == 2 && word.bytes().all(|digit| digit.is_ascii_hexdigit());
    line.split(' ').all(is_byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_are_parted_where_they_part() {
        let found = Differing {
            recorded: "make it nine\n6e 69 6e".to_owned(),
            actual: "make it né\n6e c3 a9".to_owned(),
            ..Differing::default()
        };
        let parted = |common: &str, own: &str| Parted {
            common: common.to_owned(),
            own: own.to_owned(),
        };
        let [recorded, now] = Difference::of(&found).sides;
        assert_eq!(
            recorded.lines,
            [parted("make it n", "ine"), parted("6e ", "69 6e")]
        );
        assert_eq!(now.lines, [parted("make it n", "é"), parted("6e ", "c3 a9")]);
    }

    #[test]
    fn of_an_answer_that_is_missing_there_is_nothing() {
        let found = Differing {
            recorded: "well met".to_owned(),
            ..Differing::default()
        };
        let [recorded, now] = Difference::of(&found).sides;
        assert_eq!(recorded.lines[0].own, "well met");
        assert!(now.lines.is_empty());
    }
}
