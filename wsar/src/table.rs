//! The live table of `teem wsar`: a line a sample, in columns.
//!
//! It knows no terminal and no clock: samples come in, text goes out.

use record::Sample;
use record::name::host as name;

/// Lines between two headers.
pub const HEADER_EVERY: usize = 20;

/// What stands where there is no figure.
const NONE: &str = "-";

/// A column: its head, its width in characters, and the cell of two consecutive samples.
struct Column {
    head: &'static str,
    width: usize,
    cell: fn(&Pair) -> Option<String>,
}

const COLUMNS: [Column; 14] = [
    Column {
        head: "time",
        width: 8,
        cell: |pair| Some(clock(pair.now.t_ms)),
    },
    Column {
        head: "user%",
        width: 6,
        cell: |pair| pair.cpu_percent(&["user"]),
    },
    Column {
        head: "sys%",
        width: 6,
        cell: |pair| pair.cpu_percent(&["system"]),
    },
    Column {
        head: "soft%",
        width: 6,
        cell: |pair| pair.cpu_percent(&["softirq", "irq"]),
    },
    Column {
        head: "idle%",
        width: 6,
        cell: |pair| pair.cpu_percent(&["idle", "iowait"]),
    },
    Column {
        head: "held",
        width: 8,
        cell: |pair| pair.bytes(name::MEMORY_HELD_BYTES),
    },
    Column {
        head: "sockslab",
        width: 8,
        cell: |pair| pair.bytes(name::SOCKET_SLAB_BYTES),
    },
    Column {
        head: "tcp",
        width: 6,
        cell: |pair| pair.level(name::TCP_IN_USE),
    },
    Column {
        head: "seg-in/s",
        width: 8,
        cell: |pair| pair.per_second(name::SEGMENTS_IN),
    },
    Column {
        head: "seg-out/s",
        width: 9,
        cell: |pair| pair.per_second(name::SEGMENTS_OUT),
    },
    Column {
        head: "retr/s",
        width: 6,
        cell: |pair| pair.per_second(name::RETRANSMITS),
    },
    Column {
        head: "ovfl/s",
        width: 6,
        cell: |pair| pair.per_second(name::LISTEN_OVERFLOWS),
    },
    Column {
        head: "drop/s",
        width: 6,
        cell: |pair| pair.per_second(name::LISTEN_DROPS),
    },
    Column {
        head: "ctx/s",
        width: 6,
        cell: |pair| pair.per_second(name::CONTEXT_SWITCHES),
    },
];

/// The heads of the columns.
///
/// `soft%` has hardware interrupts in it and `idle%` the waiting for disks; what is missing to 100 was stolen by a
/// hypervisor. `held` is memory that cannot be had back, `sockslab` the kernel's for sockets, `ovfl` and `drop` are
/// accept queues' overflows and SYNs dropped at listeners.
#[must_use]
pub fn header() -> String {
    line(|column| column.head.to_owned())
}

/// The line of a sample, rates counted from the one before it. A figure that is missing is a dash.
#[must_use]
pub fn row(prev: &Sample, now: &Sample) -> String {
    let pair = Pair { prev, now };
    line(|column| (column.cell)(&pair).unwrap_or_else(|| NONE.to_owned()))
}

/// The table as it grows: it remembers the last sample and when a header is due.
#[derive(Debug, Default)]
pub struct Table {
    prev: Option<Sample>,
    rows: usize,
}

impl Table {
    /// The lines that a sample adds, without a line feed at the end: a row, a header above it every
    /// [`HEADER_EVERY`] rows. The first sample adds none, having nothing before it.
    #[must_use]
    pub fn push(&mut self, now: Sample) -> Option<String> {
        let prev = self.prev.replace(now);
        let (prev, now) = (prev?, self.prev.as_ref()?);
        let row = row(&prev, now);
        let due = self.rows.is_multiple_of(HEADER_EVERY);
        self.rows += 1;
        Some(if due { format!("{}\n{row}", header()) } else { row })
    }
}

/// Cells, each right in its column.
fn line(cell: impl Fn(&Column) -> String) -> String {
    let cells: Vec<String> = COLUMNS
        .iter()
        .map(|column| format!("{:>width$}", cell(column), width = column.width))
        .collect();
    cells.join(" ")
}

/// Two consecutive samples.
struct Pair<'s> {
    prev: &'s Sample,
    now: &'s Sample,
}

impl Pair<'_> {
    fn grown(&self, counter: &str) -> Option<u64> {
        Some(
            self.now
                .counters
                .get(counter)?
                .saturating_sub(*self.prev.counters.get(counter)?),
        )
    }

    fn per_second(&self, counter: &str) -> Option<String> {
        let elapsed_ms = self.now.t_ms.checked_sub(self.prev.t_ms).filter(|ms| *ms > 0)?;
        Some(count(self.grown(counter)? as f64 * 1e3 / elapsed_ms as f64))
    }

    /// The share of the kinds in all CPUs' time.
    fn cpu_percent(&self, kinds: &[&str]) -> Option<String> {
        let of = |kinds: &[&str]| {
            kinds.iter().try_fold(0, |sum: u64, kind| {
                let grown = self.grown(&format!("{}{kind}", name::CPU_US))?;
                Some(sum.saturating_add(grown))
            })
        };
        let all_us = of(&name::CPU_KINDS)?;
        (all_us > 0).then_some(())?;
        Some(format!("{:.1}", of(kinds)? as f64 * 100.0 / all_us as f64))
    }

    fn level(&self, gauge: &str) -> Option<String> {
        self.now.gauges.get(gauge).map(|value| count(*value))
    }

    fn bytes(&self, gauge: &str) -> Option<String> {
        self.now
            .gauges
            .get(gauge)
            .map(|value| scaled(*value, 1_024.0, ["B", "KiB", "MiB", "GiB", "TiB"]))
    }
}

/// Time since the run began as `h:mm:ss`.
fn clock(t_ms: u64) -> String {
    let seconds = t_ms / 1_000;
    format!("{}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60)
}

/// A count in at most five characters: `7`, `12.3k`, `3.04M`.
fn count(value: f64) -> String {
    scaled(value, 1_000.0, ["", "k", "M", "G", "T"])
}

/// A figure with three digits and the unit that leaves it below `step`.
fn scaled(value: f64, step: f64, units: [&str; 5]) -> String {
    let mut value = value;
    let mut unit = units[0];
    for larger in &units[1..] {
        // What would be rounded up to a thousand belongs to the next unit.
        if value.round() < step.min(1_000.0) {
            break;
        }
        value /= step;
        unit = larger;
    }
    match value {
        _ if unit == units[0] => format!("{value:.0}{unit}"),
        _ if value < 9.995 => format!("{value:.2}{unit}"),
        _ if value < 99.95 => format!("{value:.1}{unit}"),
        _ => format!("{value:.0}{unit}"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sample(second: u64) -> Sample {
        let mut sample = Sample {
            t_ms: second * 1_000,
            ..Sample::default()
        };
        for (kind, share) in name::CPU_KINDS
            .iter()
            .zip([400_000, 600_000, 300_000, 100_000, 0, 50_000, 550_000])
        {
            sample
                .counters
                .insert(format!("{}{kind}", name::CPU_US), share * second);
        }
        let counters = [
            (name::SEGMENTS_IN, 250_400),
            (name::SEGMENTS_OUT, 99_960),
            (name::RETRANSMITS, 7),
            (name::LISTEN_OVERFLOWS, 0),
            (name::CONTEXT_SWITCHES, 1_234),
        ];
        for (counter, a_second) in counters {
            sample.counters.insert(counter.to_owned(), a_second * second);
        }
        sample
            .gauges
            .insert(name::MEMORY_HELD_BYTES.to_owned(), 19.4 * 1_073_741_824.0);
        sample.gauges.insert(name::SOCKET_SLAB_BYTES.to_owned(), 512.0);
        sample.gauges.insert(name::TCP_IN_USE.to_owned(), 3_040_000.0);
        sample
    }

    #[test]
    fn a_header_and_a_row_stand_in_columns() {
        let expected = "    \
    time  user%   sys%  soft%  idle%     held sockslab    tcp seg-in/s seg-out/s retr/s ovfl/s drop/s  ctx/s
 1:01:01   20.0   30.0   20.0   30.0  19.4GiB     512B  3.04M     250k      100k      7      0      -  1.23k";
        let lines = format!("{}\n{}", header(), row(&sample(3_660), &sample(3_661)));
        assert_eq!(lines, expected);
    }

    #[test]
    fn figures_that_are_missing_are_dashes() {
        let (prev, now) = (
            Sample::default(),
            Sample {
                t_ms: 1_000,
                ..Sample::default()
            },
        );
        let cells: Vec<String> = row(&prev, &now).split_whitespace().map(str::to_owned).collect();
        assert_eq!(cells[0], "0:00:01");
        assert!(cells[1..].iter().all(|cell| cell == NONE));
        assert_eq!(cells.len(), COLUMNS.len());
    }

    #[test]
    fn two_samples_of_one_instant_have_no_rates() {
        let at_once = row(&sample(5), &sample(5));
        assert!(at_once.ends_with("      -      -      -      -"), "{at_once}");
    }

    #[test]
    fn the_header_comes_back() {
        let mut table = Table::default();
        assert_eq!(table.push(sample(0)), None);
        for second in 1..=2 * HEADER_EVERY as u64 + 1 {
            let lines = table.push(sample(second)).unwrap();
            let due = (second - 1).is_multiple_of(HEADER_EVERY as u64);
            assert_eq!(lines.lines().count(), if due { 2 } else { 1 }, "{second}");
            assert_eq!(lines.starts_with(&header()), due);
        }
    }

    #[test]
    fn units_are_human() {
        let cases = [
            (0.0, "0"),
            (999.4, "999"),
            (999.6, "1.00k"),
            (12_345.0, "12.3k"),
            (999_600.0, "1.00M"),
        ];
        for (value, text) in cases {
            assert_eq!(count(value), text);
        }
    }

    proptest! {
        #[test]
        fn a_count_is_short_and_near(value in 0.0f64..9.9e14) {
            let text = count(value);
            prop_assert!(text.len() <= 5, "{text}");
            let units = [('k', 1e3), ('M', 1e6), ('G', 1e9), ('T', 1e12)];
            let unit = units.into_iter().find(|(unit, _)| text.ends_with(*unit));
            let digits: f64 = text.trim_end_matches(char::is_alphabetic).parse().unwrap();
            let read = digits * unit.map_or(1.0, |(_, scale)| scale);
            prop_assert!((read - value).abs() <= (value * 0.006).max(0.5), "{text} for {value}");
        }

        #[test]
        fn rows_are_as_wide_as_the_header(
            held in 0.0f64..1e14, segments in 0u64..1_000_000_000_000, elapsed_s in 1u64..1_000,
        ) {
            let prev = sample(1);
            let mut now = sample(1 + elapsed_s);
            now.gauges.insert(name::MEMORY_HELD_BYTES.to_owned(), held);
            now.counters.insert(name::SEGMENTS_IN.to_owned(), segments);
            prop_assert_eq!(row(&prev, &now).len(), header().len());
        }
    }
}
