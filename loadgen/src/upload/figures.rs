//! What the HTTP service measured: counters since its start, histograms of the current second.
//!
//! It does not know what is measured, only names and numbers.

use std::collections::BTreeMap;

use record::{Histogram, Sample, name};

use super::FailureKind;

/// Counter: uploads downloaded again and compared, all of them right or counted as failed.
pub const UPLOADS_VERIFIED: &str = "swarm.uploads_verified";
/// Counter prefix: downloads made to verify an upload that failed, by kind; `corrupted` must stay 0.
pub const VERIFY_FAILURES: &str = "swarm.upload_verify_failures";
/// Counter: uploads and registrations refused because their queue was full.
pub const HTTP_REFUSED: &str = "swarm.queue.http.refused";
/// Gauge: uploads and registrations waiting for their turn or under way.
pub const HTTP_DEPTH: &str = "swarm.queue.http.depth";
/// Histogram: intended instant of a registration to its key.
pub const REGISTRATION: &str = "latency.registration";

/// What was counted since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HttpFigures {
    /// Uploads that got their link.
    pub uploads: u64,
    /// Uploads that failed, by kind.
    pub upload_failures: FailureCounts,
    /// Bytes of the uploads that got their link.
    pub upload_bytes: u64,
    /// Uploads that were downloaded again to compare them.
    pub verified: u64,
    /// Of those, how many failed, by kind.
    pub verify_failures: FailureCounts,
    /// Registrations that got their key.
    pub registrations: u64,
    /// Registrations that failed, by kind.
    pub registration_failures: FailureCounts,
    /// Jobs begun later than the limit after their intended instant.
    pub late: u64,
    /// Outcomes that nobody took back.
    pub unreturned: u64,
}

/// Failures by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FailureCounts([u64; FailureKind::ALL.len()]);

impl FailureCounts {
    /// Counts one.
    pub(super) fn count(&mut self, kind: FailureKind) {
        self.0[kind as usize] += 1;
    }

    /// How many were of a kind.
    #[must_use]
    pub fn of(&self, kind: FailureKind) -> u64 {
        self.0[kind as usize]
    }

    /// How many there were.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }
}

/// The counters and the second's histograms.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) figures: HttpFigures,
    pub(super) upload: Histogram,
    pub(super) registration: Histogram,
    pub(super) lag: Histogram,
}

impl Tally {
    /// Adds the counters to a sample's, merges the second's histograms into it, and begins the next second's.
    pub(super) fn publish(&mut self, sample: &mut Sample) {
        let figures = &self.figures;
        let mut counter =
            |name: &str, value: u64| *sample.counters.entry(name.to_owned()).or_default() += value;
        counter(name::swarm::UPLOADS, figures.uploads);
        counter(name::swarm::UPLOAD_FAILURES, figures.upload_failures.total());
        counter(name::swarm::REGISTRATIONS, figures.registrations);
        counter(
            name::swarm::REGISTRATION_FAILURES,
            figures.registration_failures.total(),
        );
        counter(name::swarm::ARRIVALS_LATE, figures.late);
        counter(UPLOADS_VERIFIED, figures.verified);
        let kinds = [
            (name::swarm::UPLOAD_FAILURES, &figures.upload_failures),
            (name::swarm::REGISTRATION_FAILURES, &figures.registration_failures),
            (VERIFY_FAILURES, &figures.verify_failures),
        ];
        for (prefix, counts) in kinds {
            for failure in FailureKind::ALL
                .into_iter()
                .filter(|&failure| counts.of(failure) > 0)
            {
                counter(&format!("{prefix}.{}", failure.name()), counts.of(failure));
            }
        }
        publish(&mut sample.histograms, name::latency::UPLOAD, &mut self.upload);
        publish(&mut sample.histograms, REGISTRATION, &mut self.registration);
        publish(&mut sample.histograms, name::latency::SCHEDULE_LAG, &mut self.lag);
    }
}

fn publish(histograms: &mut BTreeMap<String, Histogram>, name: &str, second: &mut Histogram) {
    if second.count() > 0 {
        histograms.entry(name.to_owned()).or_default().merge(second);
        second.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_go_on_and_histograms_begin_anew_each_second() {
        let mut tally = Tally::default();
        tally.figures.uploads = 2;
        tally.figures.upload_failures.count(FailureKind::Timeout);
        tally.figures.upload_failures.count(FailureKind::Timeout);
        tally.figures.upload_failures.count(FailureKind::Broken);
        tally.upload.record(5_000);
        tally.upload.record(7_000);
        let mut first = Sample::default();
        first.counters.insert(name::swarm::ARRIVALS_LATE.into(), 3);
        tally.figures.late = 1;
        tally.publish(&mut first);
        assert_eq!(first.counters[name::swarm::ARRIVALS_LATE], 4);
        assert_eq!(first.counters[name::swarm::UPLOADS], 2);
        assert_eq!(first.counters[name::swarm::UPLOAD_FAILURES], 3);
        assert_eq!(first.counters["swarm.upload_failures.timeout"], 2);
        assert!(!first.counters.contains_key("swarm.upload_failures.connect"));
        assert_eq!(first.histograms[name::latency::UPLOAD].count(), 2);
        let mut second = Sample::default();
        tally.publish(&mut second);
        assert_eq!(second.counters[name::swarm::UPLOADS], 2);
        assert!(second.histograms.is_empty());
    }

    #[test]
    fn every_kind_has_a_place_of_its_own() {
        for failure in FailureKind::ALL {
            let mut counts = FailureCounts::default();
            counts.count(failure);
            assert_eq!(
                FailureKind::ALL.map(|other| counts.of(other)).iter().sum::<u64>(),
                counts.of(failure)
            );
        }
    }
}
