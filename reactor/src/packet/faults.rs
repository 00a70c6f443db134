//! A device that loses, repeats, reorders and corrupts packets on their way through another, in both directions.
//!
//! It does not know what is in a packet. A packet whose checksum was left to the kernel is corrupted unnoticed: ask for
//! corruption only of devices without that offload. A packet of many segments is lost whole.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use super::device::{Device, Medium, Sink};
use super::segment::VNET_BYTES;
use super::stack::Random;

/// How much goes wrong, each as a share of the packets of each direction, from 0 to 1.
#[derive(Clone, Copy, Debug, Default)]
pub struct FaultOptions {
    /// Lost.
    pub loss: f64,
    /// Delivered twice.
    pub repeat: f64,
    /// Delivered after the next one.
    pub reorder: f64,
    /// Delivered with one bit flipped.
    pub corrupt: f64,
    /// What the faults are drawn from.
    pub seed: u64,
}

/// What went wrong, packets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FaultStats {
    /// Lost.
    pub lost: u64,
    /// Delivered twice.
    pub repeated: u64,
    /// Delivered after the next one.
    pub reordered: u64,
    /// Delivered with one bit flipped.
    pub corrupted: u64,
}

/// A device with faults.
#[derive(Debug)]
pub struct Faults<D> {
    device: D,
    options: FaultOptions,
    stats: FaultStats,
    random: Random,
    /// On the way out: one that the next overtakes.
    behind: Option<Vec<u8>>,
    /// On the way in: what was read and is yet to be delivered.
    pending: Option<Vec<u8>>,
}

enum Fate {
    Lost,
    Once,
    Twice,
    Later,
}

impl<D: Device> Faults<D> {
    /// Puts faults in front of a device.
    pub fn new(device: D, options: FaultOptions) -> Self {
        Self {
            device,
            options,
            stats: FaultStats::default(),
            random: Random(options.seed),
            behind: None,
            pending: None,
        }
    }

    /// What went wrong so far.
    pub fn stats(&self) -> FaultStats {
        self.stats
    }

    /// Decides what becomes of a packet, and flips a bit of it if that is its lot.
    fn fate(&mut self, packet: &mut [u8]) -> Fate {
        if self.random.share() < self.options.corrupt && packet.len() > VNET_BYTES {
            let bits = (packet.len() - VNET_BYTES) as u64 * 8;
            let bit = (self.random.next() % bits) as usize;
            packet[VNET_BYTES + bit / 8] ^= 1 << (bit % 8);
            self.stats.corrupted += 1;
        }
        let mut lot = self.random.share();
        let mut falls_to = |share: f64| {
            lot -= share;
            lot < 0.0
        };
        if falls_to(self.options.loss) {
            self.stats.lost += 1;
            Fate::Lost
        } else if falls_to(self.options.repeat) {
            self.stats.repeated += 1;
            Fate::Twice
        } else if falls_to(self.options.reorder) {
            self.stats.reordered += 1;
            Fate::Later
        } else {
            Fate::Once
        }
    }
}

impl<D: Device> Sink for Faults<D> {
    fn transmit(&mut self, packet: &[u8]) -> io::Result<()> {
        let mut packet = packet.to_vec();
        match self.fate(&mut packet) {
            Fate::Lost => return Ok(()),
            Fate::Once => self.device.transmit(&packet)?,
            Fate::Twice => {
                self.device.transmit(&packet)?;
                self.device.transmit(&packet)?;
            }
            // Whatever was behind before is lost by that, as if by a second fault.
            Fate::Later => {
                self.behind = Some(packet);
                return Ok(());
            }
        }
        match self.behind.take() {
            Some(behind) => self.device.transmit(&behind),
            None => Ok(()),
        }
    }
}

impl<D: Device> Device for Faults<D> {
    fn receive(&mut self, into: &mut [u8]) -> io::Result<Option<usize>> {
        if let Some(pending) = self.pending.take() {
            into[..pending.len()].copy_from_slice(&pending);
            return Ok(Some(pending.len()));
        }
        let mut later = None;
        while let Some(length) = self.device.receive(into)? {
            match self.fate(&mut into[..length]) {
                Fate::Lost => continue,
                Fate::Once => {}
                Fate::Twice => self.pending = Some(into[..length].to_vec()),
                Fate::Later if later.is_none() => {
                    later = Some(into[..length].to_vec());
                    continue;
                }
                Fate::Later => {}
            }
            self.pending = self.pending.take().or(later);
            return Ok(Some(length));
        }
        // Nothing came to overtake it.
        Ok(later.map(|packet| {
            into[..packet.len()].copy_from_slice(&packet);
            packet.len()
        }))
    }

    fn medium(&self) -> Medium {
        self.device.medium()
    }
}

impl<D: AsFd> AsFd for Faults<D> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.device.as_fd()
    }
}
