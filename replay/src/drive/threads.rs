//! The shards' threads: started together, or not at all.
//!
//! It knows what may and may not happen on a thread with a descriptor table of its own: what it needs is made before.

use std::num::NonZeroU64;
use std::sync::{Arc, mpsc};

use loadgen::{Carriage, Deal};
use reactor::{Parting, Sources, Wake};

use super::driver::Driver;
use super::program::Program;
use super::{Drive, DriveError, DriveOptions};
use crate::Margin;

/// Starts them all, and waits until each has its transport.
pub(super) fn start(
    drive: &mut Drive,
    options: &DriveOptions,
    deal: &Deal,
    program: &Arc<Program>,
) -> Result<(), DriveError> {
    let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get() as u32);
    let (ready, readiness) = mpsc::channel();
    let mut failed = None;
    for (shard, wake) in (0..deal.shards).zip(drive.wakes.clone()) {
        let at = shard as usize;
        let carriage = Carriage {
            carrier: options.carrier,
            tls: None,
            ways: options.ways.clone(),
            sources: Sources::new(deal.sources(shard, std::process::id().wrapping_add(options.neighbours))),
            shard,
            shards: deal.shards,
            connecting_max: options.connecting_max,
            meter: Arc::clone(&drive.meters[at]),
        };
        let margin = if deal.shards < cores.max(2) {
            Margin::default()
        } else {
            Margin::none()
        };
        let driver = Driver::new(
            Arc::clone(program),
            Arc::clone(&drive.control),
            Arc::clone(&drive.boards[at]),
            options.clock,
            shard,
            margin,
        );
        let looping = reactor::Shard::new(options.clock, wake.clone(), Arc::clone(&drive.loops[at]));
        let ready = ready.clone();
        let body = move || {
            // The kernel may round a sleep up by 50 us otherwise, to save wake-ups; where it refuses, the margin grows.
            let _ = rustix::thread::set_current_timer_slack(NonZeroU64::new(1));
            let say_so = move || {
                let _ = ready.send(());
            };
            carriage.run(&looping, &wake, say_so, driver)
        };
        let parting = deal.parted.then(|| Parting {
            keep: drive.wakes.clone(),
        });
        match reactor::spawn(format!("replay-{shard}"), parting, body) {
            Ok(thread) => drive.threads.push(thread),
            Err(error) => {
                failed = Some(error);
                break;
            }
        }
    }
    drop(ready);
    // A shard that fails before it is ready drops its sender: then fewer than all report.
    let up = readiness.iter().count();
    if failed.is_none() && up == deal.shards as usize {
        return Ok(());
    }
    drive.control.stop();
    drive.wakes.iter().for_each(Wake::wake);
    for thread in std::mem::take(&mut drive.threads) {
        thread.join().map_err(|_| DriveError::Panicked)??;
    }
    Err(failed.map_or(DriveError::Panicked, DriveError::Io))
}
