//! What an operator may turn while the server runs.
//!
//! It does not know who reads a knob or why. Shards read them once a turn: one relaxed load of a line that is shared
//! by all cores and hardly ever written. Relaxed is enough, since no knob guards other memory: a shard that sees a
//! turn a little later than another is as right as one that ran a little earlier.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

mod error;
mod table;

pub use crate::store::Durability;
pub use error::KnobError;
pub use table::Value;
use table::{COUNT, Cell, Domain, Spec, TABLE};

/// Applies a log filter; the error says what is wrong with it.
pub type LogLevelHook = Arc<dyn Fn(&str) -> Result<(), String> + Send + Sync>;

/// The knobs. Clones turn and read the same ones.
#[derive(Clone)]
pub struct Knobs {
    shared: Arc<Shared>,
}

struct Shared {
    cells: [AtomicU64; COUNT],
    log_level: Mutex<String>,
    apply_log_level: LogLevelHook,
}

/// What a turn did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    /// The knob.
    pub name: &'static str,
    /// Its value before.
    pub from: Value,
    /// Its value now.
    pub to: Value,
}

/// A knob as an operator sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Its name.
    pub name: &'static str,
    /// Its value.
    pub value: Value,
    /// The value it has where nobody turned it.
    pub default: Value,
    /// Of what the value counts, empty where it counts nothing.
    pub unit: &'static str,
    /// Which values it takes.
    pub expected: String,
    /// What it does.
    pub meaning: &'static str,
}

impl Knobs {
    /// Knobs at their defaults. `apply_log_level` is called on each turn of `log_level`, from the turner's thread.
    #[must_use]
    pub fn new(apply_log_level: LogLevelHook) -> Self {
        Self {
            shared: Arc::new(Shared {
                cells: std::array::from_fn(|index| AtomicU64::new(TABLE[index].default_word())),
                log_level: Mutex::new(table::LOG_LEVEL_DEFAULT.to_owned()),
                apply_log_level,
            }),
        }
    }

    /// Turns a knob, and logs it.
    ///
    /// # Errors
    /// There is no such knob, or the value is not one it takes; the knob stays as it was.
    pub fn set(&self, name: &str, value: &str) -> Result<Turn, KnobError> {
        let spec = Spec::named(name)?;
        let turn = match spec.domain {
            Domain::Filter => self.turn_log_level(spec, value.trim())?,
            _ => {
                let word = spec.parse(value.trim())?;
                let before = self.shared.cells[spec.cell as usize].swap(word, Relaxed);
                Turn {
                    name: spec.name,
                    from: spec.print(before),
                    to: spec.print(word),
                }
            }
        };
        tracing::info!(knob = turn.name, from = %turn.from, to = %turn.to, "knob turned");
        Ok(turn)
    }

    fn turn_log_level(&self, spec: &'static Spec, value: &str) -> Result<Turn, KnobError> {
        // The lock is held over the hook, so that the level in force and the level shown cannot part.
        let mut level = self
            .shared
            .log_level
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        (self.shared.apply_log_level)(value).map_err(|reason| KnobError::LogLevel {
            given: value.to_owned(),
            reason,
        })?;
        let from = std::mem::replace(&mut *level, value.to_owned());
        Ok(Turn {
            name: spec.name,
            from: Value::Word(from),
            to: Value::Word(value.to_owned()),
        })
    }

    /// Every knob, in the order of the table.
    #[must_use]
    pub fn list(&self) -> Vec<Reading> {
        TABLE
            .iter()
            .map(|spec| Reading {
                name: spec.name,
                value: self.value(spec),
                default: spec.default_value(),
                unit: spec.unit,
                expected: spec.domain.to_string(),
                meaning: spec.meaning,
            })
            .collect()
    }

    fn value(&self, spec: &Spec) -> Value {
        match spec.domain {
            Domain::Filter => {
                let level = self
                    .shared
                    .log_level
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner);
                Value::Word(level.clone())
            }
            _ => spec.print(self.load(spec.cell)),
        }
    }

    #[inline]
    fn load(&self, cell: Cell) -> u64 {
        self.shared.cells[cell as usize].load(Relaxed)
    }

    /// When a message counts as safe.
    #[inline]
    #[must_use]
    pub fn durability(&self) -> Durability {
        match self.load(Cell::Durability) {
            0 => Durability::Memory,
            1 => Durability::Async,
            _ => Durability::Commit,
        }
    }

    /// The most connections that the whole server holds.
    #[inline]
    #[must_use]
    pub fn connections_max(&self) -> u64 {
        self.load(Cell::ConnectionsMax)
    }

    /// How long a client may be silent.
    #[inline]
    #[must_use]
    pub fn idle_timeout(&self) -> Duration {
        Duration::from_secs(self.load(Cell::IdleTimeout))
    }

    /// The most messages that one connection may send a second; 0 is no limit.
    #[inline]
    #[must_use]
    pub fn messages_per_second(&self) -> u64 {
        self.load(Cell::MessagesPerSecond)
    }

    /// The most items that one mailbox holds.
    #[inline]
    #[must_use]
    pub fn mailbox_max_items(&self) -> u64 {
        self.load(Cell::MailboxMaxItems)
    }

    /// How many items wait for the office when accepting pauses.
    #[inline]
    #[must_use]
    pub fn accept_pause_queue(&self) -> u64 {
        self.load(Cell::AcceptPauseQueue)
    }

    /// How many bytes may wait for one client.
    #[inline]
    #[must_use]
    pub fn unread_max_bytes(&self) -> u64 {
        self.load(Cell::UnreadMaxBytes)
    }

    /// How many bytes may wait for all clients together.
    #[inline]
    #[must_use]
    pub fn unread_total_max_bytes(&self) -> u64 {
        self.load(Cell::UnreadTotalMaxBytes)
    }

    /// How many PINs one address may have pending.
    #[inline]
    #[must_use]
    pub fn pins_a_source(&self) -> u64 {
        self.load(Cell::PinsASource)
    }

    /// How many numbers one address may look up in ten minutes without a credential.
    #[inline]
    #[must_use]
    pub fn lookups_a_source(&self) -> u64 {
        self.load(Cell::LookupsASource)
    }

    /// How long a stop waits for clients to read its farewell; 0 resets them without one.
    #[inline]
    #[must_use]
    pub fn farewell(&self) -> Duration {
        Duration::from_millis(self.load(Cell::Farewell))
    }
}

impl Default for Knobs {
    /// Knobs whose log level cannot be turned.
    fn default() -> Self {
        Self::new(Arc::new(|_| {
            Err("this process has no log whose level could be turned".to_owned())
        }))
    }
}

impl fmt::Debug for Knobs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let readings = self.list();
        f.debug_map()
            .entries(readings.iter().map(|reading| (reading.name, &reading.value)))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_getter_reads_its_own_knob() {
        let knobs = Knobs::default();
        for (name, value) in [
            ("durability", "async"),
            ("connections_max", "11"),
            ("idle_timeout_s", "12"),
            ("messages_per_second", "13"),
            ("mailbox_max_items", "14"),
            ("accept_pause_queue", "15"),
            ("unread_max_bytes", "1600"),
            ("unread_total_max_bytes", "16000"),
            ("pins_a_source", "17"),
            ("lookups_a_source", "18"),
            ("farewell_ms", "19"),
        ] {
            knobs.set(name, value).unwrap();
        }
        assert_eq!(knobs.durability(), Durability::Async);
        assert_eq!(knobs.connections_max(), 11);
        assert_eq!(knobs.idle_timeout(), Duration::from_secs(12));
        assert_eq!(knobs.messages_per_second(), 13);
        assert_eq!(knobs.mailbox_max_items(), 14);
        assert_eq!(knobs.accept_pause_queue(), 15);
        assert_eq!(knobs.unread_max_bytes(), 1_600);
        assert_eq!(knobs.unread_total_max_bytes(), 16_000);
        assert_eq!(knobs.pins_a_source(), 17);
        assert_eq!(knobs.lookups_a_source(), 18);
        assert_eq!(knobs.farewell(), Duration::from_millis(19));
    }

    #[test]
    fn a_clone_turns_the_same_knobs_and_a_turn_says_from_where() {
        let knobs = Knobs::default();
        let turn = knobs.clone().set("durability", " memory\n").unwrap();
        assert_eq!(
            (turn.from, turn.to),
            (Value::Word("commit".into()), Value::Word("memory".into()))
        );
        assert_eq!(knobs.durability(), Durability::Memory);
    }

    #[test]
    fn the_log_level_goes_through_its_hook() {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let hook = Arc::clone(&seen);
        let knobs = Knobs::new(Arc::new(move |level| {
            if level == "nonsense" {
                return Err("not a filter".to_owned());
            }
            hook.lock().unwrap().push(level.to_owned());
            Ok(())
        }));
        knobs.set("log_level", "debug,hyper=warn").unwrap();
        let error = knobs.set("log_level", "nonsense").unwrap_err();
        assert_eq!(
            error.to_string(),
            "log_level: `nonsense` was refused: not a filter"
        );
        let shown = knobs
            .list()
            .into_iter()
            .find(|reading| reading.name == "log_level")
            .unwrap();
        assert_eq!(shown.value, Value::Word("debug,hyper=warn".into()));
        assert_eq!(*seen.lock().unwrap(), ["debug,hyper=warn"]);
        assert!(
            Knobs::default().set("log_level", "info").is_err(),
            "no hook, no turn"
        );
    }

    proptest! {
        #[test]
        fn a_refused_value_changes_nothing(name in "[a-z_]{1,20}", value in "\\PC{0,12}") {
            let knobs = Knobs::default();
            let before = knobs.list();
            if knobs.set(&name, &value).is_err() {
                prop_assert_eq!(knobs.list(), before);
            }
        }

        #[test]
        fn what_a_knob_shows_turns_it_to_the_same(word: u64) {
            let knobs = Knobs::default();
            for spec in TABLE.iter().filter(|spec| !matches!(spec.domain, Domain::Filter)) {
                if knobs.set(spec.name, &word.to_string()).is_ok() {
                    let shown = knobs.value(spec);
                    prop_assert_eq!(knobs.set(spec.name, &shown.to_string()).unwrap().to, shown);
                }
            }
        }
    }
}
