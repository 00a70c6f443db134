//! Whether the next step of a climb will fit into memory, by what a connection has taken so far.
//!
//! Arithmetic only: it reads nothing and ends nothing.

use record::{Sample, name};

use crate::progress::grouped;

/// Of all memory, what is left alone: page tables, packets on their way, the store's cache, whoever else lives here.
const SPARE_PART: u64 = 32;

/// What there is, and what it has to do for, bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Foresight {
    /// Connections that are up.
    pub(super) now: u64,
    /// Connections of the next step.
    pub(super) next: u64,
    /// What the kernel keeps for them: slabs of sockets, grown since before the climb.
    pub(super) kernel_bytes: u64,
    /// What the server's memory has grown by.
    pub(super) server_bytes: u64,
    /// What the swarm's has.
    pub(super) swarm_bytes: u64,
    /// What the run may take in all: the host's memory, or what it was told.
    pub(super) whole_bytes: u64,
    /// What is held already: of the host's memory by anybody, of what the run was told by the run.
    pub(super) held_bytes: u64,
}

impl Foresight {
    /// From a sample from before the climb and one of now; `None` where they lack a figure.
    pub(super) fn of(before: &Sample, now: &Sample, next: u64, told_bytes: Option<u64>) -> Option<Self> {
        let gauge = |sample: &Sample, name: &str| sample.gauges.get(name).map(|value| value.max(0.0) as u64);
        let grown = |name: &str| Some(gauge(now, name)?.saturating_sub(gauge(before, name)?));
        let process = |process: &str| grown(&name::process::rss_anon_bytes(process));
        let mut foresight = Self {
            now: gauge(now, name::swarm::ONLINE)?,
            next,
            // Only root reads slabs; all that is held has grown by them, too.
            kernel_bytes: grown(name::host::SOCKET_SLAB_BYTES)
                .or_else(|| grown(name::host::MEMORY_HELD_BYTES))?,
            server_bytes: process("server").unwrap_or(0),
            swarm_bytes: process("swarm").unwrap_or(0),
            whole_bytes: gauge(now, name::host::MEMORY_TOTAL_BYTES)?,
            held_bytes: gauge(now, name::host::MEMORY_HELD_BYTES)?,
        };
        if let Some(told_bytes) = told_bytes {
            foresight.whole_bytes = told_bytes;
            foresight.held_bytes = foresight.kernel_bytes + foresight.server_bytes + foresight.swarm_bytes;
        }
        Some(foresight)
    }

    /// The arithmetic as a sentence, where the next step will not fit.
    pub(super) fn shortfall(&self) -> Option<String> {
        let more = self
            .next
            .checked_sub(self.now)
            .filter(|more| *more > 0 && self.now > 0)?;
        let parts = [self.kernel_bytes, self.server_bytes, self.swarm_bytes];
        let each = parts.iter().sum::<u64>().div_ceil(self.now);
        let needed = each.saturating_mul(more);
        let spare = self.whole_bytes / SPARE_PART;
        let left = self
            .whole_bytes
            .saturating_sub(self.held_bytes)
            .saturating_sub(spare);
        if needed <= left {
            return None;
        }
        let [kernel, server, swarm] = parts.map(|bytes| bytes / self.now);
        Some(format!(
            "{} connections will not fit: {} more at {} B each (kernel {}, server {}, swarm {}) take {} MB, and {} MB of {} \
             MB are left, {} MB to spare.",
            grouped(self.next as f64),
            grouped(more as f64),
            grouped(each as f64),
            grouped(kernel as f64),
            grouped(server as f64),
            grouped(swarm as f64),
            grouped((needed / MB) as f64),
            grouped((left / MB) as f64),
            grouped((self.whole_bytes / MB) as f64),
            grouped((spare / MB) as f64),
        ))
    }
}

const MB: u64 = 1_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    /// Two of three million are up, 4,200 B each.
    fn climb() -> Foresight {
        Foresight {
            now: 2_000_000,
            next: 3_000_000,
            kernel_bytes: 7_800_000_000,
            server_bytes: 400_000_000,
            swarm_bytes: 200_000_000,
            whole_bytes: 24_000_000_000,
            held_bytes: 10_000_000_000,
        }
    }

    #[test]
    fn a_step_that_fits_is_passed_and_one_that_does_not_is_told_with_its_arithmetic() {
        assert_eq!(climb().shortfall(), None);
        // 24 GB less a 32nd, less what is held: to the byte.
        let held_bytes = 24_000_000_000 - 750_000_000 - 4_200_000_000;
        assert_eq!(
            Foresight {
                held_bytes,
                ..climb()
            }
            .shortfall(),
            None
        );
        let held_bytes = held_bytes + 1;
        assert_eq!(
            Foresight {
                held_bytes,
                ..climb()
            }
            .shortfall()
            .unwrap(),
            "3,000,000 connections will not fit: 1,000,000 more at 4,200 B each (kernel 3,900, server 200, swarm 100) \
             take 4,200 MB, and 4,199 MB of 24,000 MB are left, 750 MB to spare."
        );
    }

    #[test]
    fn nothing_is_foreseen_without_connections_or_without_more_of_them() {
        let full = Foresight {
            held_bytes: u64::MAX,
            ..climb()
        };
        assert!(full.shortfall().is_some());
        assert_eq!(Foresight { now: 0, ..full }.shortfall(), None);
        assert_eq!(
            Foresight {
                next: full.now,
                ..full
            }
            .shortfall(),
            None
        );
    }

    #[test]
    fn what_the_run_was_told_bounds_what_it_has_itself_taken() {
        let sample = |sockets: f64, held: f64, online: f64| Sample {
            gauges: [
                (name::swarm::ONLINE.to_owned(), online),
                (name::host::SOCKET_SLAB_BYTES.to_owned(), sockets),
                (name::host::MEMORY_TOTAL_BYTES.to_owned(), 24e9),
                (name::host::MEMORY_HELD_BYTES.to_owned(), held),
                (name::process::rss_anon_bytes("server"), 1e6),
            ]
            .into(),
            ..Sample::default()
        };
        let (before, now) = (sample(1e6, 9e9, 0.0), sample(9e6, 9.1e9, 1_000.0));
        let all = Foresight::of(&before, &now, 2_000, None).unwrap();
        assert_eq!(
            (all.kernel_bytes, all.held_bytes, all.server_bytes),
            (8_000_000, 9_100_000_000, 0)
        );
        assert_eq!(all.shortfall(), None);
        let told = Foresight::of(&before, &now, 2_000, Some(16_000_000)).unwrap();
        assert_eq!(told.held_bytes, 8_000_000);
        assert!(told.shortfall().is_some());
        assert_eq!(
            Foresight::of(&before, &now, 2_000, Some(16_600_000))
                .unwrap()
                .shortfall(),
            None
        );
        assert_eq!(Foresight::of(&Sample::default(), &now, 2_000, None), None);
    }
}
