//! What a benchmark came to: rows for machines, a verdict a target for people.

use serde::Serialize;

use crate::flight::Faults;
use crate::table::{Table, ratio};

/// Everything measured in one run of the benchmark.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Outcome {
    /// The host: processors, memory, kernel, load average at the beginning.
    pub(crate) host: Host,
    /// Messages over each subject.
    pub(crate) messages: Vec<MessageRow>,
    /// Log-ins over each subject.
    pub(crate) logins: Vec<LoginRow>,
    /// Open-loop latency.
    pub(crate) latency: Vec<LatencyRow>,
    /// Any other figure, by name.
    pub(crate) figures: Vec<FigureRow>,
    /// What was not measured, and why.
    pub(crate) notes: Vec<String>,
    /// The targets.
    pub(crate) verdicts: Vec<Verdict>,
}

/// The host.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Host {
    /// Processors that this process may use.
    pub(crate) cpus: usize,
    /// Memory, bytes.
    pub(crate) memory_bytes: u64,
    /// `uname -r`.
    pub(crate) kernel: String,
    /// The load average of the last minute before the benchmark: above 0.3 it disturbs.
    pub(crate) load_average: f64,
}

/// One subject at one number in flight, one round.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct MessageRow {
    /// The subject.
    pub(crate) subject: &'static str,
    /// Which round.
    pub(crate) round: u32,
    /// Connections, all active.
    pub(crate) connections: u32,
    /// Messages in flight.
    pub(crate) in_flight: u32,
    /// Delivered in the measured stretch.
    pub(crate) delivered: u64,
    /// Length of the stretch, seconds.
    pub(crate) wall_s: f64,
    /// The server's CPU time, seconds.
    pub(crate) server_cpu_s: f64,
    /// The driver's CPU time, seconds.
    pub(crate) driver_cpu_s: f64,
    /// From send to arrival, milliseconds.
    pub(crate) latency_ms: record::Percentiles,
    /// The server's memory for each connection, logged in and idle, bytes.
    pub(crate) memory_per_connection_bytes: f64,
    /// Nothing, or the run would have failed.
    pub(crate) faults: Faults,
}

impl MessageRow {
    /// Delivered messages a CPU-second of the server.
    pub(crate) fn per_cpu_second(&self) -> f64 {
        self.delivered as f64 / self.server_cpu_s.max(f64::MIN_POSITIVE)
    }
}

/// One storm of log-ins.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct LoginRow {
    /// The subject.
    pub(crate) subject: &'static str,
    /// `churn` or `hold`.
    pub(crate) course: &'static str,
    /// Which round.
    pub(crate) round: u32,
    /// Log-ins.
    pub(crate) logins: u64,
    /// Log-ins a second.
    pub(crate) per_second: f64,
    /// The server's CPU time a log-in, microseconds.
    pub(crate) server_cpu_us: f64,
    /// The driver's.
    pub(crate) driver_cpu_us: f64,
    /// The server's memory for each connection that was held, bytes; of a churn, none.
    pub(crate) memory_per_connection_bytes: Option<f64>,
}

/// Open-loop latency of a subject.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct LatencyRow {
    /// The subject.
    pub(crate) subject: &'static str,
    /// The highest rate a closed loop reached, messages a second.
    pub(crate) peak_per_second: f64,
    /// The rate of the open loop.
    pub(crate) per_second: f64,
    /// From the planned instant to arrival, milliseconds.
    pub(crate) latency_ms: record::Percentiles,
}

/// A single figure.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct FigureRow {
    /// What.
    pub(crate) name: String,
    /// How much.
    pub(crate) value: f64,
    /// Of what.
    pub(crate) unit: &'static str,
}

/// What became of a target.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Verdict {
    /// What was asked.
    pub(crate) figure: String,
    /// How much was asked.
    pub(crate) target: String,
    /// What was measured, with its unit.
    pub(crate) measured: String,
    /// Against the peer, where one is named.
    pub(crate) ratio: Option<f64>,
    /// Whether the target was reached; nothing where it was not measured.
    pub(crate) reached: Option<bool>,
}

impl Outcome {
    /// Adds a figure.
    pub(crate) fn figure(&mut self, name: impl Into<String>, value: f64, unit: &'static str) {
        self.figures.push(FigureRow {
            name: name.into(),
            value,
            unit,
        });
    }

    /// The verdicts, and what was not measured.
    pub(crate) fn render(&self) -> String {
        let mut text = String::new();
        if !self.verdicts.is_empty() {
            let mut table = Table::new(&["figure", "target", "measured", "ratio", "verdict"]);
            for verdict in &self.verdicts {
                let word = match verdict.reached {
                    Some(true) => "reached",
                    Some(false) => "MISSED",
                    None => "not measured",
                };
                table.row([
                    verdict.figure.clone(),
                    verdict.target.clone(),
                    verdict.measured.clone(),
                    ratio(verdict.ratio),
                    word.to_owned(),
                ]);
            }
            text.push_str(&table.render());
        }
        for note in &self.notes {
            text.push_str(&format!("note: {note}\n"));
        }
        text
    }
}

/// The middle of some values; between the two middle ones of an even count.
pub(crate) fn median(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len().is_multiple_of(2) {
        let below = values.get(middle.checked_sub(1)?)?;
        Some((below + values.get(middle)?) / 2.0)
    } else {
        values.get(middle).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle() {
        assert_eq!(median([]), None);
        assert_eq!(median([3.0]), Some(3.0));
        assert_eq!(median([9.0, 1.0, 3.0]), Some(3.0));
        assert_eq!(median([1.0, 2.0, 4.0, 9.0]), Some(3.0));
    }

    #[test]
    fn a_target_that_was_not_measured_is_not_reached() {
        let verdict = |reached| Verdict {
            figure: "f".to_owned(),
            target: "t".to_owned(),
            measured: "m".to_owned(),
            ratio: None,
            reached,
        };
        let outcome = Outcome {
            verdicts: vec![verdict(None), verdict(Some(false))],
            ..Outcome::default()
        };
        let text = outcome.render();
        assert!(text.contains("not measured") && text.contains("MISSED"), "{text}");
    }
}
