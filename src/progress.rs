//! The terminal: colour only where somebody looks, and one line of live progress.

use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use record::Sample;
use record::name::{process, server, swarm};

pub(crate) const RED: u8 = 31;
pub(crate) const GREEN: u8 = 32;
pub(crate) const YELLOW: u8 = 33;

/// Colours a word, if the stream is a terminal and NO_COLOR is unset.
pub(crate) fn paint(word: &str, colour: u8, stream: impl IsTerminal) -> String {
    if stream.is_terminal() && std::env::var_os("NO_COLOR").is_none() {
        format!("\x1b[1;{colour}m{word}\x1b[0m")
    } else {
        word.to_owned()
    }
}

/// Live progress on standard error: a bar on a terminal, a line every ten seconds elsewhere.
pub(crate) struct Progress {
    bar: Option<ProgressBar>,
    quiet: bool,
    last: Option<Sample>,
    printed_ms: u64,
}

impl Progress {
    pub(crate) fn new(quiet: bool, total_s: u64) -> Self {
        let live = !quiet && std::io::stderr().is_terminal();
        let bar = live.then(|| {
            let bar = ProgressBar::with_draw_target(Some(total_s), ProgressDrawTarget::stderr());
            if let Ok(style) = ProgressStyle::with_template("{bar:24.cyan/dim} {elapsed_precise}  {msg}") {
                bar.set_style(style);
            }
            bar
        });
        Self {
            bar,
            quiet,
            last: None,
            printed_ms: 0,
        }
    }

    /// Tells a sentence.
    pub(crate) fn say(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| errln!("{text}")),
            None if !self.quiet => errln!("{text}"),
            None => {}
        }
    }

    /// Shows a second's figures.
    pub(crate) fn show(&mut self, sample: &Sample) {
        if self.quiet {
            return;
        }
        let line = self.line(sample);
        self.show_line(sample.t_ms, line);
        self.last = Some(sample.clone());
    }

    /// Shows a line of figures in place of the last one.
    pub(crate) fn show_line(&mut self, t_ms: u64, line: String) {
        if self.quiet {
            return;
        }
        if let Some(bar) = &self.bar {
            bar.set_position(t_ms / 1000);
            bar.set_message(line);
        } else if t_ms >= self.printed_ms + 10_000 || self.printed_ms == 0 {
            errln!("{:>5} s  {line}", t_ms / 1000);
            self.printed_ms = t_ms.max(1);
        }
    }

    /// Takes the bar away.
    pub(crate) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    fn line(&self, now: &Sample) -> String {
        let rate = |name: &str| {
            let Some(before) = &self.last else { return 0.0 };
            let count = |sample: &Sample| sample.counters.get(name).copied().unwrap_or(0);
            let seconds = (now.t_ms - before.t_ms).max(1) as f64 / 1e3;
            count(now).saturating_sub(count(before)) as f64 / seconds
        };
        let gauge = |name: &str| now.gauges.get(name).copied().unwrap_or(0.0);
        format!(
            "{} online  {}/s sent  {}/s delivered  {} queued  server {:.0}% CPU {} MB",
            grouped(gauge(swarm::ONLINE)),
            grouped(rate(swarm::COPIES_SENT)),
            grouped(rate(swarm::COPIES_DELIVERED)),
            grouped(gauge(server::COPIES_QUEUED)),
            rate(&process::cpu_us("server")) / 1e4,
            grouped(gauge(&process::rss_anon_bytes("server")) / 1e6),
        )
    }
}

/// A figure that is whole once it is rounded.
pub(crate) fn grouped(value: f64) -> String {
    record::grouped(value.round() as i128)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_come_in_threes() {
        assert_eq!(grouped(0.0), "0");
        assert_eq!(grouped(999.0), "999");
        assert_eq!(grouped(1_234_567.4), "1,234,567");
        assert_eq!(grouped(-123_456.0), "-123,456");
    }
}
