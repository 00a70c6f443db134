//! Figures over the run's time, taken from its samples.
//!
//! It knows counters, gauges and histograms by name; it does not know what any of them means.

use record::{Histogram, Percentiles, Run, Sample, name};

/// (run time in seconds, value).
pub(crate) type Points = Vec<(f64, f64)>;

/// At most this many points of a percentile over time: more seconds than that are merged (their histograms, never
/// their percentiles).
const PERCENTILE_POINTS: usize = 600;

/// A gauge as sampled.
pub(crate) fn gauge(run: &Run, name: &str) -> Points {
    run.samples
        .iter()
        .filter_map(|sample| Some((seconds(sample), *sample.gauges.get(name)?)))
        .filter(|(_, value)| value.is_finite())
        .collect()
}

/// Whether it is no run but a look into a capture: nothing was driven, and what is sampled is the capture.
pub(crate) fn is_inspection(run: &Run) -> bool {
    let sampled = |sample: &Sample| sample.gauges.contains_key(name::capture::CONNECTIONS);
    run.manifest.dry_run && run.samples.iter().any(sampled)
}

/// Whether a capture was driven and nothing else: beside a swarm it is one part of the load.
pub(crate) fn is_replay_alone(run: &Run) -> bool {
    let swarm = |sample: &Sample| sample.gauges.contains_key(name::swarm::ONLINE);
    run.replay.is_some() && run.plan.replay_sends.is_empty() && !run.samples.iter().any(swarm)
}

/// The highest of some values; 0 where there are none.
pub(crate) fn highest(points: &Points) -> f64 {
    points.iter().map(|(_, value)| *value).fold(0.0, f64::max)
}

/// The highest value that a gauge had.
pub(crate) fn peak(run: &Run, name: &str) -> Option<f64> {
    gauge(run, name)
        .into_iter()
        .map(|(_, value)| value)
        .reduce(f64::max)
}

/// A counter's increase a second, at the end of each interval.
pub(crate) fn rate(run: &Run, name: &str) -> Points {
    increments(run, name)
        .filter(|step| step.seconds > 0.0)
        .map(|step| (step.at_s, step.increase as f64 / step.seconds))
        .collect()
}

/// A counter's increase over the whole run, restarts of whoever counts included; nothing where it was never sampled.
pub(crate) fn total(run: &Run, name: &str) -> Option<u64> {
    increments(run, name)
        .map(|step| step.increase)
        .reduce(u64::saturating_add)
}

/// Whether a counter ever fell: whoever counts began anew.
pub(crate) fn restarted(run: &Run, name: &str) -> bool {
    increments(run, name).any(|step| step.reset)
}

/// A counter's increase between two samples that carry it.
pub(crate) struct Increment {
    pub(crate) at_s: f64,
    pub(crate) seconds: f64,
    pub(crate) increase: u64,
    reset: bool,
}

/// The increases of a counter. It counts from 0 at the start of the run, and again from 0 where it falls.
pub(crate) fn increments(run: &Run, name: &str) -> impl Iterator<Item = Increment> {
    let (mut before_s, mut before) = (0.0, 0);
    run.samples.iter().filter_map(move |sample| {
        let (at_s, value) = (seconds(sample), *sample.counters.get(name)?);
        let reset = value < before;
        let increase = if reset { value } else { value - before };
        let step = Increment {
            at_s,
            seconds: at_s - before_s,
            increase,
            reset,
        };
        (before_s, before) = (at_s, value);
        Some(step)
    })
}

/// Every second's histogram, merged.
pub(crate) fn merged(run: &Run, name: &str) -> Histogram {
    let mut whole = Histogram::new();
    for histogram in run
        .samples
        .iter()
        .filter_map(|sample| sample.histograms.get(name))
    {
        whole.merge(histogram);
    }
    whole
}

/// Percentiles over time, seconds in which nothing was counted left out.
pub(crate) fn percentiles(run: &Run, name: &str) -> Vec<(f64, Percentiles)> {
    let width = run.samples.len().div_ceil(PERCENTILE_POINTS).max(1);
    run.samples
        .chunks(width)
        .filter_map(|chunk| {
            let mut whole = Histogram::new();
            chunk
                .iter()
                .filter_map(|sample| sample.histograms.get(name))
                .for_each(|one| whole.merge(one));
            let at = chunk.last().map(seconds)?;
            (whole.count() > 0).then(|| (at, whole.percentiles_ms()))
        })
        .collect()
}

/// A sample's run time in seconds.
pub(crate) fn seconds(sample: &Sample) -> f64 {
    sample.t_ms as f64 / 1_000.0
}

/// Length of the run in seconds: what was sampled, or what was planned where nothing was.
pub(crate) fn end_s(run: &Run) -> f64 {
    match run.samples.last() {
        Some(sample) => seconds(sample),
        None => run.plan.connections.len().max(run.plan.copies.len()) as f64,
    }
}

/// A planned column as points: row *i* is what happens in, or stands at the end of, second *i*.
pub(crate) fn planned(column: &[u64], end_s: f64) -> Points {
    column
        .iter()
        .enumerate()
        .map(|(second, &value)| (second as f64 + 1.0, value as f64))
        .filter(|(at_s, _)| *at_s <= end_s)
        .collect()
}
