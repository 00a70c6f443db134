//! The one table of knobs: names, meanings, units, bounds, defaults, and how their values are read and written.
//!
//! It holds no value: [`Knobs`](super::Knobs) does.

use std::fmt;

use wire::chat::{BODY_MAX_BYTES, DELIVER_WINDOW};

use super::error::{KnobError, nearest};

/// The level of the log where nobody turned it.
pub(super) const LOG_LEVEL_DEFAULT: &str = "info";
/// A whole window of the longest items, and as much as it takes of anything else.
const UNREAD_MAX_BYTES: u64 = DELIVER_WINDOW as u64 * DELIVER_MAX_BYTES + 256 * 1024;
/// The longest *deliver*, with its length: a head of 44 and a body.
const DELIVER_MAX_BYTES: u64 = 44 + BODY_MAX_BYTES as u64;
/// The durabilities, in the order of their words.
const DURABILITIES: &[&str] = &["memory", "async", "commit"];

/// A value as people and programs read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A count.
    Count(u64),
    /// A choice or a filter.
    Word(String),
}

/// Where a knob's value is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cell {
    Durability,
    ConnectionsMax,
    IdleTimeout,
    MessagesPerSecond,
    MailboxMaxItems,
    AcceptPauseQueue,
    UnreadMaxBytes,
    UnreadTotalMaxBytes,
    PinsASource,
    LookupsASource,
    Farewell,
    /// Kept as text beside the cells; its cell stays unused, so that the table and the cells have one order.
    LogLevel,
}

/// Which values a knob takes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Domain {
    /// One of these words; kept as its index.
    Choice(&'static [&'static str]),
    /// A whole number between two, both included.
    Whole(u64, u64),
    /// Whatever the log takes as its filter.
    Filter,
}

/// A knob's line in the table.
#[derive(Debug)]
pub(super) struct Spec {
    pub(super) cell: Cell,
    pub(super) name: &'static str,
    pub(super) meaning: &'static str,
    pub(super) unit: &'static str,
    pub(super) domain: Domain,
    default: u64,
}

/// How many knobs there are.
pub(super) const COUNT: usize = TABLE.len();

/// The knobs, in the order of their cells.
pub(super) static TABLE: [Spec; 12] = [
    Spec {
        cell: Cell::Durability,
        name: "durability",
        meaning: "when a message is accepted: at once, once handed to the writer, or once on disk",
        unit: "",
        domain: Domain::Choice(DURABILITIES),
        default: 2,
    },
    Spec {
        cell: Cell::ConnectionsMax,
        name: "connections_max",
        meaning: "connections the whole server holds; more are refused with connection_limit",
        unit: "connections",
        domain: Domain::Whole(1, 100_000_000),
        default: 10_000_000,
    },
    Spec {
        cell: Cell::IdleTimeout,
        name: "idle_timeout_s",
        meaning: "how long a client may be silent before it is dropped",
        unit: "s",
        domain: Domain::Whole(1, 7 * 86_400),
        default: 1_800,
    },
    Spec {
        cell: Cell::MessagesPerSecond,
        name: "messages_per_second",
        meaning: "frames but pings and acknowledgements one connection may send a second, 0 for no limit; more are refused with rate_limited",
        unit: "messages/s",
        domain: Domain::Whole(0, 1_000_000),
        default: 0,
    },
    Spec {
        cell: Cell::MailboxMaxItems,
        name: "mailbox_max_items",
        meaning: "items one mailbox holds; more are refused with mailbox_full",
        unit: "items",
        domain: Domain::Whole(1, 10_000_000),
        default: 10_000,
    },
    Spec {
        cell: Cell::AcceptPauseQueue,
        name: "accept_pause_queue",
        meaning: "items waiting for the office at which accepting connections pauses",
        unit: "items",
        domain: Domain::Whole(1, 100_000_000),
        default: 50_000,
    },
    Spec {
        cell: Cell::UnreadMaxBytes,
        name: "unread_max_bytes",
        meaning: "bytes that may wait for one client; one who reads more slowly is cut off with slow_reader",
        unit: "B",
        domain: Domain::Whole(1_024, 1 << 30),
        default: UNREAD_MAX_BYTES,
    },
    Spec {
        cell: Cell::UnreadTotalMaxBytes,
        name: "unread_total_max_bytes",
        meaning: "bytes that may wait for all clients together; beyond it the slowest are cut off with slow_reader",
        unit: "B",
        domain: Domain::Whole(1_024, 1 << 40),
        default: 512 << 20,
    },
    Spec {
        cell: Cell::PinsASource,
        name: "pins_a_source",
        meaning: "PINs one address may ask for in ten minutes without proving them; more are refused with rate_limited",
        unit: "PINs",
        domain: Domain::Whole(1, 100_000),
        default: 1_000,
    },
    Spec {
        cell: Cell::LookupsASource,
        name: "lookups_a_source",
        meaning: "numbers one address may look up by HTTP in ten minutes without a credential; more are refused with rate_limited",
        unit: "look-ups",
        domain: Domain::Whole(1, 100_000_000),
        default: 1_000,
    },
    Spec {
        cell: Cell::Farewell,
        name: "farewell_ms",
        meaning: "when stopping, how long clients may take to read that the server does, 0 to reset them unsaid",
        unit: "ms",
        domain: Domain::Whole(0, 60_000),
        default: 1_000,
    },
    Spec {
        cell: Cell::LogLevel,
        name: "log_level",
        meaning: "what is logged: a level, or a filter by module",
        unit: "",
        domain: Domain::Filter,
        default: 0,
    },
];

impl Spec {
    /// The knob of this name.
    pub(super) fn named(given: &str) -> Result<&'static Self, KnobError> {
        TABLE
            .iter()
            .find(|spec| spec.name == given)
            .ok_or_else(|| KnobError::NoSuchKnob {
                given: given.to_owned(),
                nearest: nearest(given),
            })
    }

    /// The word that stands for a value; a filter has none.
    pub(super) fn parse(&self, given: &str) -> Result<u64, KnobError> {
        let word = match self.domain {
            Domain::Choice(choices) => choices
                .iter()
                .position(|choice| *choice == given)
                .map(|index| index as u64),
            // `parse` alone would take a leading plus.
            Domain::Whole(low, high) if given.bytes().all(|byte| byte.is_ascii_digit()) => {
                given.parse().ok().filter(|value| (low..=high).contains(value))
            }
            Domain::Whole(..) | Domain::Filter => None,
        };
        word.ok_or_else(|| KnobError::Value {
            name: self.name,
            given: given.to_owned(),
            expected: self.domain.to_string(),
        })
    }

    /// The value that a word stands for.
    pub(super) fn print(&self, word: u64) -> Value {
        match self.domain {
            Domain::Choice(choices) => {
                let index = usize::try_from(word).unwrap_or(usize::MAX);
                Value::Word((*choices.get(index).unwrap_or(&"?")).to_owned())
            }
            Domain::Whole(..) | Domain::Filter => Value::Count(word),
        }
    }

    /// The word of the default.
    pub(super) const fn default_word(&self) -> u64 {
        self.default
    }

    /// The default.
    pub(super) fn default_value(&self) -> Value {
        match self.domain {
            Domain::Filter => Value::Word(LOG_LEVEL_DEFAULT.to_owned()),
            _ => self.print(self.default),
        }
    }
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Choice(choices) => write!(f, "one of {}", choices.join(", ")),
            Self::Whole(low, high) => write!(f, "a whole number from {low} to {high}"),
            Self::Filter => f.write_str(
                "a level (error, warn, info, debug, trace) or a filter such as `info,server=debug`",
            ),
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(count) => count.fmt(f),
            Self::Word(word) => word.fmt(f),
        }
    }
}

impl serde::Serialize for Value {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Count(count) => serializer.serialize_u64(*count),
            Self::Word(word) => serializer.serialize_str(word),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_the_order_of_its_cells_and_its_defaults_are_taken() {
        for (index, spec) in TABLE.iter().enumerate() {
            assert_eq!(spec.cell as usize, index, "{}", spec.name);
            if !matches!(spec.domain, Domain::Filter) {
                assert_eq!(
                    spec.parse(&spec.default_value().to_string()),
                    Ok(spec.default),
                    "{}",
                    spec.name
                );
            }
        }
    }

    #[test]
    fn bounds_are_part_of_the_range_and_nothing_beyond() {
        let idle = Spec::named("idle_timeout_s").unwrap();
        assert_eq!(idle.parse("1"), Ok(1));
        assert_eq!(idle.parse("604800"), Ok(604_800));
        for wrong in [
            "0",
            "604801",
            "",
            "+5",
            "-1",
            "1.5",
            "99999999999999999999",
            "ten",
        ] {
            let error = idle.parse(wrong).unwrap_err();
            assert_eq!(
                error.to_string(),
                format!("idle_timeout_s: `{wrong}` is not a whole number from 1 to 604800")
            );
        }
        let durability = Spec::named("durability").unwrap();
        let error = durability.parse("Commit").unwrap_err();
        assert_eq!(
            error.to_string(),
            "durability: `Commit` is not one of memory, async, commit"
        );
    }

    #[test]
    fn a_wrong_name_gets_the_nearest_or_all() {
        let error = Spec::named("idle_timeout").unwrap_err();
        assert_eq!(
            error.to_string(),
            "there is no knob `idle_timeout`; did you mean `idle_timeout_s`?"
        );
        let error = Spec::named("the colour of the sky").unwrap_err();
        assert!(
            error
                .to_string()
                .contains("there are durability, connections_max,"),
            "{error}"
        );
        assert!(Spec::named(&"x".repeat(100_000)).is_err());
    }
}
