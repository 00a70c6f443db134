//! The HTTP side of a run: uploads and registrations on the schedule, and the storm beside it.

use std::time::Duration;

use anyhow::Result;
use loadgen::Returns;
use loadgen::pins::{Begin, Pins};
use loadgen::storm::{StormChild, StormConfig, StormMix};
use loadgen::upload::{HttpQueue, HttpService, HttpSettings};
use record::EventKind;

use super::Live;
use super::end::End;

/// Uploads and registrations under way at once.
const HTTP_AT_ONCE: usize = 64;
/// PINs that may wait to be used.
const PINS_MAX: usize = 100_000;
/// Requests a second of the storm at most: it accompanies the swarm and must not starve it.
const STORM_REQUESTS_MAX: u32 = 200;

impl Live<'_> {
    pub(super) fn start_http(&self, returns: &Returns) -> Result<Option<(HttpService, HttpQueue)>> {
        let (Some(server), Some(pins)) = (self.target.http, self.target.pins.clone()) else {
            return Ok(None);
        };
        let settings = HttpSettings {
            server,
            seed: self.prepared.scenario.seed,
            concurrency: HTTP_AT_ONCE,
            capacity: 16 * HTTP_AT_ONCE,
            timeout: Duration::from_secs(10),
            pin_timeout: Duration::from_secs(10),
            late_us: 100_000,
            verify_share: 0.1,
        };
        let pins = Pins::tail(pins, Begin::Start, PINS_MAX);
        Ok(Some(HttpService::start(
            settings,
            self.clock,
            pins,
            returns.clone(),
        )?))
    }

    pub(super) fn start_storm(&mut self, users: u64, duration_us: u64, t_ms: u64) -> Result<()> {
        let (Some(server), Some(pins)) = (self.target.http, self.target.pins.clone()) else {
            return Ok(());
        };
        let config = StormConfig {
            server,
            pins,
            users: users as u32,
            duration_s: duration_us.div_ceil(1_000_000) as u32,
            // Above every number that the swarm itself may register.
            first_number: self.target.base + (1 << 32),
            numbers: 1_000_000,
            upload_bytes: 16 * 1024,
            requests_per_second_max: STORM_REQUESTS_MAX,
            timeout_ms: 10_000,
            wait_ms: (50, 200),
            mix: StormMix {
                register: 2,
                upload: 2,
                download: 2,
                look_up: 2,
            },
            seed: self.prepared.scenario.seed,
        };
        let child = StormChild::start(&std::env::current_exe()?, &config)?;
        self.sampling.watch("storm", child.pid());
        self.storm = Some(child);
        self.note(
            t_ms,
            EventKind::Note,
            "http storm",
            "goose, closed-loop, in a process of its own",
        )
    }

    pub(super) fn finish_storm(&mut self, end: End) -> Result<()> {
        let Some(storm) = self.storm.take() else {
            return Ok(());
        };
        let grace = Duration::from_millis(if end == End::Finished { 5_000 } else { 300 });
        match if end == End::Finished {
            storm.finish(grace)
        } else {
            storm.stop(grace)
        } {
            Ok(outcome) => self.writer.storm(&outcome.storm)?,
            Err(error) => self.note(0, EventKind::Note, "http storm", &error.to_string())?,
        }
        Ok(())
    }
}
