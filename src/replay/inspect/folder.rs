//! An inspection's folder: the capture over time as samples, for the report to plot.
//!
//! It knows the run folder's form; the pictures are the report's.

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Result;
use record::name::capture as name;
use record::{Limits, MANIFEST_SCHEMA, Manifest, PlanCurve, RunWriter, Sample, Transport};
use replay::{Moment, Shape};

use super::Found;
use crate::replay::arguments::InspectArgs;
use crate::replay::source::Origin;

/// More points than that are noise in a picture.
const POINTS_MAX: usize = 256;

/// Writes and renders it; where its page is.
pub(super) fn write(folder: &Path, args: &InspectArgs, found: &Found) -> Result<PathBuf> {
    let mut writer = RunWriter::create(folder, &manifest(&args.capture), &PlanCurve::default())?;
    for sample in samples(found) {
        writer.sample(&sample)?;
    }
    drop(writer);
    reports::render(folder)?;
    Ok(folder.join("report.html"))
}

fn manifest(capture: &Path) -> Manifest {
    let started = SystemTime::now().duration_since(UNIX_EPOCH);
    let name = capture.file_name().unwrap_or(capture.as_os_str());
    Manifest {
        schema: MANIFEST_SCHEMA.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        command: std::env::args().collect(),
        scenario: name.to_string_lossy().into_owned(),
        title: format!("What {} holds.", capture.display()),
        resolved: String::new(),
        seed: 0,
        started_unix_ms: started.map_or(0, |since| since.as_millis() as u64),
        dry_run: true,
        target: "none: nothing was driven".to_owned(),
        durability: None,
        transport: Transport::Kernel,
        encryption: false,
        steps: Vec::new(),
        thresholds: Vec::new(),
        host: wsar::host_facts(),
        limits: Limits::default(),
    }
}

/// The shape as samples: sums from the first packet on.
fn samples(found: &Found) -> Vec<Sample> {
    let mut shape = found.findings.shape.clone();
    if let Origin::Capture(figures, _) = &found.reads.origin {
        shape.merge(figures.packets_over_time.clone());
    }
    let group = shape.moments().len().div_ceil(POINTS_MAX).max(1);
    let mut sum = Moment::default();
    let mut samples: Vec<Sample> = Vec::new();
    for (index, moments) in shape.moments().chunks(group).enumerate() {
        // A moment in which none began or ended has those of the moment before.
        let before = sum.opened.saturating_sub(sum.closed);
        let most_open = moments
            .iter()
            .map(|moment| moment.most_open)
            .fold(before, u64::max);
        moments.iter().for_each(|moment| sum.add(moment));
        let until = (index * group + moments.len()) as u64;
        samples.push(sample(&shape, until, &sum, most_open));
    }
    if let Some(last) = samples.last_mut() {
        let totals = &found.findings.totals;
        last.counters
            .insert(name::REPLAYABLE.to_owned(), totals.replayable);
        last.counters.insert(name::GAP_BYTES.to_owned(), totals.gap_bytes);
    }
    samples
}

fn sample(shape: &Shape, moments: u64, sum: &Moment, most_open: u64) -> Sample {
    let counters = [
        (name::OPENED, sum.opened),
        (name::CLIENT_BYTES, sum.client_bytes),
        (name::SERVER_BYTES, sum.server_bytes),
        (name::PACKETS, sum.packets),
    ];
    Sample {
        t_ms: moments * shape.width_ns() / 1_000_000,
        counters: counters.map(|(name, value)| (name.to_owned(), value)).into(),
        gauges: [(name::CONNECTIONS.to_owned(), most_open as f64)].into(),
        ..Sample::default()
    }
}
