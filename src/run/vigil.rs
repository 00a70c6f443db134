//! Whether a threshold that aborts can no longer hold, looked at every second of a run.
//!
//! It reads no file and keeps no history: of all that was sampled it has the first sample, the last with the histograms
//! of all, and the highest value of every gauge. So a second costs the same after an hour as after a minute. Figures that
//! need more, such as rates, are the whole run's to judge at its end.

use record::{Event, EventKind, Manifest, PlanCurve, Run, Sample};
use scenarios::ThresholdSetting;

/// What was sampled so far, as a run that were stopped now.
#[derive(Debug)]
pub(super) struct Vigil {
    /// Its samples are the first, the peaks and the last.
    run: Run,
    /// Thresholds that abort, and that more of the run can only make worse.
    watched: Vec<String>,
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
            .filter(|setting| setting.abort && only_worsens(&setting.expr))
            .map(|setting| setting.expr.clone())
            .collect();
        Self { run, watched }
    }

    /// Notes what happened: a kill changes what the ledger must show.
    pub(super) fn event(&mut self, event: &Event) {
        if !self.watched.is_empty() {
            self.run.events.push(event.clone());
        }
    }

    /// Takes a second's sample. Returns the threshold that can no longer hold, if there is one.
    pub(super) fn sample(&mut self, sample: &Sample) -> Option<&str> {
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
        self.watched.iter().map(String::as_str).find(|expr| {
            summary
                .thresholds
                .iter()
                .any(|result| result.expr == *expr && result.value.is_some() && !result.pass)
        })
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

/// Whether more of the run can only make a failing threshold worse: counts that must stay low, the tail of a latency.
fn only_worsens(expr: &str) -> bool {
    expr.contains('<') || expr.contains("== 0") || expr.contains("==0")
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
    fn a_latency_is_judged_over_all_that_was_sampled_and_history_takes_no_room() {
        let mut vigil = vigil(&["delivery.p99 < 100ms"]);
        for t in 1..=200 {
            assert_eq!(vigil.sample(&second(t * 1_000, 10_000)), None, "second {t}");
        }
        // Two bad seconds of 202 are less than one in a hundred; the third is more.
        assert_eq!(vigil.sample(&second(201_000, 500_000)), None);
        assert_eq!(vigil.sample(&second(202_000, 500_000)), None);
        assert_eq!(
            vigil.sample(&second(203_000, 500_000)),
            Some("delivery.p99 < 100ms")
        );
        assert_eq!(vigil.run.samples.len(), 3);
        assert!(vigil.run.events.is_empty());
    }

    #[test]
    fn what_may_yet_come_true_aborts_nothing() {
        let mut vigil = vigil(&["connections.peak >= 1000"]);
        assert_eq!(vigil.sample(&second(1_000, 10_000)), None);
        assert!(vigil.run.samples.is_empty(), "it watches nothing");
    }
}
