//! A device that loses, repeats, reorders and corrupts packets on their way through another, in both directions.
//!
//! It does not know what is in a packet. A packet whose checksum was left to the kernel is corrupted unnoticed: ask for
//! corruption only of devices without that offload. A packet of many segments is lost whole.

use std::collections::VecDeque;
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
    /// On the way in: what was read and is yet to be delivered. Two at most: a packet's copy, and one it overtook.
    pending: VecDeque<Vec<u8>>,
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
            pending: VecDeque::new(),
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
            Fate::Later if self.behind.is_none() => {
                self.stats.reordered += 1;
                self.behind = Some(packet);
                return Ok(());
            }
            // One at a time: it overtakes the other.
            Fate::Later => self.device.transmit(&packet)?,
        }
        match self.behind.take() {
            Some(behind) => self.device.transmit(&behind),
            None => Ok(()),
        }
    }
}

impl<D> Faults<D> {
    /// Delivers what waits, the first first.
    fn deliver(&mut self, into: &mut [u8]) -> Option<usize> {
        let packet = self.pending.pop_front()?;
        into[..packet.len()].copy_from_slice(&packet);
        Some(packet.len())
    }
}

impl<D: Device> Device for Faults<D> {
    fn receive(&mut self, into: &mut [u8]) -> io::Result<Option<usize>> {
        if let Some(length) = self.deliver(into) {
            return Ok(Some(length));
        }
        while let Some(length) = self.device.receive(into)? {
            match self.fate(&mut into[..length]) {
                Fate::Lost => continue,
                // It waits for the next; if that fails to come, it is there for the next call.
                Fate::Later if self.pending.is_empty() => {
                    self.stats.reordered += 1;
                    self.pending.push_back(into[..length].to_vec());
                    continue;
                }
                Fate::Twice => self.pending.push_front(into[..length].to_vec()),
                Fate::Once | Fate::Later => {}
            }
            return Ok(Some(length));
        }
        // Nothing came to overtake it.
        Ok(self.deliver(into))
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Wake;

    /// Gives numbered packets, failing between some, and keeps what it is sent.
    struct Numbered {
        left: u64,
        given: u64,
        fails: bool,
        sent: Vec<Vec<u8>>,
        wake: Wake,
    }

    impl Sink for Numbered {
        fn transmit(&mut self, packet: &[u8]) -> io::Result<()> {
            self.sent.push(packet.to_vec());
            Ok(())
        }
    }

    impl Device for Numbered {
        fn receive(&mut self, into: &mut [u8]) -> io::Result<Option<usize>> {
            self.fails = !self.fails && self.given % 3 == 1;
            if self.fails {
                return Err(io::ErrorKind::Other.into());
            }
            if self.given == self.left {
                return Ok(None);
            }
            self.given += 1;
            into[..8].copy_from_slice(&self.given.to_be_bytes());
            Ok(Some(8))
        }

        fn medium(&self) -> Medium {
            Medium {
                mtu: 1500,
                checksum_offload: false,
                segment_offload: false,
            }
        }
    }

    impl AsFd for Numbered {
        fn as_fd(&self) -> BorrowedFd<'_> {
            self.wake.as_fd()
        }
    }

    proptest! {
        /// Whatever is not counted as lost arrives, as often as is counted, in both directions.
        #[test]
        fn no_packet_is_lost_uncounted(
            seed: u64,
            packets in 0_u64..60,
            loss in 0.0..0.3,
            repeat in 0.0..0.6,
            reorder in 0.0..0.6,
        ) {
            let device = Numbered { left: packets, given: 0, fails: false, sent: Vec::new(), wake: Wake::new().unwrap() };
            let options = FaultOptions { loss, repeat, reorder, corrupt: 0.0, seed };
            let mut faults = Faults::new(device, options);
            let (mut buffer, mut heard) = ([0; 8], Vec::new());
            loop {
                match faults.receive(&mut buffer) {
                    Ok(Some(8)) => heard.push(u64::from_be_bytes(buffer)),
                    Ok(Some(length)) => prop_assert!(false, "{length} bytes"),
                    Ok(None) => break,
                    Err(_) => {}
                }
                prop_assert!(faults.pending.len() <= 2);
            }
            let stats = faults.stats();
            prop_assert_eq!(heard.len() as u64, packets - stats.lost + stats.repeated);
            heard.sort_unstable();
            heard.dedup();
            prop_assert_eq!(heard.len() as u64, packets - stats.lost);
            (0..packets).for_each(|number| faults.transmit(&number.to_be_bytes()).unwrap());
            let (after, behind) = (faults.stats(), faults.behind.is_some());
            let expected = packets - (after.lost - stats.lost) + (after.repeated - stats.repeated);
            prop_assert_eq!(faults.device.sent.len() as u64 + u64::from(behind), expected);
        }
    }
}
