//! Whether a threshold that aborts ends the run, looked at every second of it.
//!
//! What only grows, such as a count or the longest wait, ends it in the second in which it fails: nothing that comes can
//! mend it. What may yet get better, such as a percentile, is judged as of now over all that was sampled, and ends it once
//! it has failed for [`PATIENCE_S`] on end, as a bad second alone should not.
//!
//! It reads no file and keeps no history: of all that was sampled it has the first sample, the last with the histograms
//! of all, and the highest value of every gauge. So a second costs the same after an hour as after a minute. Figures that
//! need more, such as rates, are the whole run's to judge at its end.

use record::{Event, EventKind, Manifest, PlanCurve, Run, Sample, Threshold};
use scenarios::ThresholdSetting;

/// How long a figure that may get better fails before it ends a run, seconds.
const PATIENCE_S: u64 = 10;

/// What was sampled so far, as a run that were stopped now.
#[derive(Debug)]
pub(super) struct Vigil {
    /// Its samples are the first, the peaks and the last.
    run: Run,
    /// Thresholds that abort.
    watched: Vec<Watched>,
}

/// A threshold that aborts.
#[derive(Debug)]
struct Watched {
    expr: String,
    only_worsens: bool,
    /// Since when it has failed, milliseconds of the run.
    failing_ms: Option<u64>,
}

impl Vigil {
    pub(super) fn new(manifest: Manifest, plan: PlanCurve, thresholds: &[ThresholdSetting]) -> Self {
        let run = Run {
            manifest,
            plan,
            samples: Vec::new(),
            events: Vec::new(),
            storm: None,
            replay: None,
        };
        let watched = thresholds
            .iter()
            .filter(|setting| setting.abort && is_upper(&setting.expr))
            .map(|setting| Watched {
                expr: setting.expr.clone(),
                only_worsens: only_grows(&setting.expr),
                failing_ms: None,
            })
            .collect();
        Self { run, watched }
    }

    /// Notes what happened: a kill changes what the ledger must show.
    pub(super) fn event(&mut self, event: &Event) {
        if !self.watched.is_empty() {
            self.run.events.push(event.clone());
        }
    }

    /// Takes a second's sample. Returns why the run ends, if it does.
    pub(super) fn sample(&mut self, sample: &Sample) -> Option<String> {
        if self.watched.is_empty() {
            return None;
        }
        self.fold(sample);
        // As if it were stopped now: copies on their way are no loss yet.
        self.run.events.push(Event {
            t_ms: sample.t_ms,
            kind: EventKind::Interrupted,
            name: String::new(),
            detail: String::new(),
        });
        let summary = reports::summarise(&self.run);
        self.run.events.pop();
        let fails = |expr: &str| {
            let mut results = summary.thresholds.iter();
            results.any(|result| result.expr == expr && result.value.is_some() && !result.pass)
        };
        self.watched
            .iter_mut()
            .find_map(|watched| watched.judge(fails(&watched.expr), sample.t_ms))
    }

    fn fold(&mut self, sample: &Sample) {
        let samples = &mut self.run.samples;
        if samples.is_empty() {
            samples.push(Sample {
                histograms: Default::default(),
                ..sample.clone()
            });
            samples.push(samples[0].clone());
            samples.push(sample.clone());
            return;
        }
        let [_, peaks, last] = samples.as_mut_slice() else {
            return;
        };
        peaks.t_ms = last.t_ms;
        peaks.counters = std::mem::replace(&mut last.counters, sample.counters.clone());
        for (name, value) in &sample.gauges {
            let peak = peaks.gauges.entry(name.clone()).or_insert(*value);
            *peak = peak.max(*value);
        }
        last.t_ms = sample.t_ms;
        last.gauges.clone_from(&sample.gauges);
        for (name, histogram) in &sample.histograms {
            last.histograms.entry(name.clone()).or_default().merge(histogram);
        }
    }
}

impl Watched {
    /// Why it ends the run, if it does.
    fn judge(&mut self, fails: bool, t_ms: u64) -> Option<String> {
        if !fails {
            self.failing_ms = None;
            return None;
        }
        let expr = &self.expr;
        if self.only_worsens {
            return Some(format!("`{expr}` can no longer hold"));
        }
        let since_ms = *self.failing_ms.get_or_insert(t_ms);
        (t_ms >= since_ms + PATIENCE_S * 1_000)
            .then(|| format!("`{expr}` does not hold as of now, nor did it for {PATIENCE_S} s"))
    }
}

/// Whether a threshold bounds its figure from above; one that must reach something may do so until the end.
fn is_upper(expr: &str) -> bool {
    expr.contains('<') || expr.contains("== 0") || expr.contains("==0")
}

/// Whether the figure never falls, and what it is compared with stands still.
fn only_grows(expr: &str) -> bool {
    let Ok(threshold) = expr.parse::<Threshold>() else {
        return false;
    };
    let path = threshold.path();
    let field = path.rsplit('.').next().unwrap_or_default();
    let is_level = field.contains("queued") || matches!(field, "unanswered" | "p50" | "p90" | "p99" | "p999");
    threshold.other_path().is_none() && !is_level && !field.contains("bytes_per_connection")
}

#[cfg(test)]
mod tests {
    use record::{Histogram, name};

    use super::*;

    fn vigil(exprs: &[&str]) -> Vigil {
        let set = |expr: &&str| ThresholdSetting {
            expr: (*expr).to_owned(),
            abort: true,
        };
        let thresholds: Vec<_> = exprs.iter().map(set).collect();
        let manifest = Manifest {
            schema: record::MANIFEST_SCHEMA.to_owned(),
            version: String::new(),
            command: Vec::new(),
            scenario: String::new(),
            title: String::new(),
            resolved: String::new(),
            seed: 1,
            started_unix_ms: 0,
            dry_run: false,
            target: String::new(),
            durability: None,
            transport: record::Transport::default(),
            encryption: false,
            steps: Vec::new(),
            thresholds: exprs.iter().map(|expr| (*expr).to_owned()).collect(),
            host: record::HostFacts::default(),
            limits: record::Limits::default(),
        };
        Vigil::new(manifest, PlanCurve::default(), &thresholds)
    }

    /// A second in which everybody waited as long for what he was sent.
    fn second(t_ms: u64, delivery_us: u64) -> Sample {
        let mut delivery = Histogram::new();
        (0..100).for_each(|_| delivery.record(delivery_us));
        let mut sample = Sample {
            t_ms,
            ..Sample::default()
        };
        sample
            .histograms
            .insert(name::latency::DELIVERY.to_owned(), delivery);
        sample
    }

    #[test]
    fn a_percentile_that_recovers_ends_nothing_and_history_takes_no_room() {
        let mut vigil = vigil(&["delivery.p99 < 100ms"]);
        // A bad begin, as a cold server makes it: all of nine seconds fail, and what follows mends the whole.
        for t in 1..=9 {
            assert_eq!(vigil.sample(&second(t * 1_000, 500_000)), None, "second {t}");
        }
        let mut crowd = second(10_000, 10_000);
        for histogram in crowd.histograms.values_mut() {
            (0..100_000).for_each(|_| histogram.record(10_000));
        }
        assert_eq!(vigil.sample(&crowd), None);
        for t in 11..=200 {
            assert_eq!(vigil.sample(&second(t * 1_000, 10_000)), None, "second {t}");
        }
        assert_eq!(vigil.run.samples.len(), 3);
        assert!(vigil.run.events.is_empty());
    }

    #[test]
    fn a_percentile_that_fails_for_long_ends_the_run_and_is_not_called_final() {
        let mut vigil = vigil(&["delivery.p99 < 100ms"]);
        assert_eq!(vigil.sample(&second(1_000, 10_000)), None);
        for t in 2..=11 {
            assert_eq!(vigil.sample(&second(t * 1_000, 500_000)), None, "second {t}");
        }
        let why = vigil.sample(&second(12_000, 500_000)).unwrap();
        assert_eq!(
            why,
            "`delivery.p99 < 100ms` does not hold as of now, nor did it for 10 s"
        );
    }

    #[test]
    fn what_only_grows_ends_the_run_at_once() {
        let mut vigil = vigil(&["delivery.max < 100ms"]);
        assert_eq!(vigil.sample(&second(1_000, 10_000)), None);
        let why = vigil.sample(&second(2_000, 500_000)).unwrap();
        assert_eq!(why, "`delivery.max < 100ms` can no longer hold");
    }

    #[test]
    fn levels_and_shares_may_fall_again() {
        for grows in [
            "messages.corrupted == 0",
            "server.queue_peak < 9",
            "schedule_lag.late <= 5",
        ] {
            assert!(only_grows(grows), "{grows}");
        }
        for falls in [
            "messages.queued < 9",
            "messages.unanswered < 9",
            "accepted.p999 < 1s",
            "server.bytes_per_connection_user < 200",
            "messages.refused < 0.1 * messages.sent",
        ] {
            assert!(!only_grows(falls), "{falls}");
        }
    }

    #[test]
    fn what_may_yet_come_true_aborts_nothing() {
        let mut vigil = vigil(&["connections.peak >= 1000"]);
        assert_eq!(vigil.sample(&second(1_000, 10_000)), None);
        assert!(vigil.run.samples.is_empty(), "it watches nothing");
    }
}
