//! The classic format: a header of 24 bytes, then records of 16 bytes and a packet each (draft-ietf-opsawg-pcap).
//!
//! It does not know what is in a packet. Nothing in the format lets a reader find the next record after a damaged one, so
//! damage is the end.

use super::ticks::Ticks;
use super::window::Window;
use super::{Fault, Found, Interface, Link, Notes, PACKET_MAX_BYTES, Stop};

const HEADER_BYTES: usize = 24;
const RECORD_BYTES: usize = 16;
const MAGIC_MICROSECONDS: u32 = 0xa1b2_c3d4;
const MAGIC_NANOSECONDS: u32 = 0xa1b2_3c4d;
/// The lower half of the last field is the link type; above it stands the length of a trailing checksum.
const LINK_MASK: u32 = 0xffff;

pub(super) struct Pcap {
    order: Order,
    ticks: Ticks,
    /// The fraction of a second that a tick is, as the record counts them.
    per_second: u64,
    link: Link,
}

/// The byte order of whoever wrote the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Little,
    Big,
}

impl Order {
    pub(super) fn u16(self, bytes: [u8; 2]) -> u16 {
        match self {
            Self::Little => u16::from_le_bytes(bytes),
            Self::Big => u16::from_be_bytes(bytes),
        }
    }

    pub(super) fn u32(self, bytes: [u8; 4]) -> u32 {
        match self {
            Self::Little => u32::from_le_bytes(bytes),
            Self::Big => u32::from_be_bytes(bytes),
        }
    }

    /// The number at this place of bytes that are known to hold it; 0 behind their end.
    pub(super) fn u32_at(self, bytes: &[u8], at: usize) -> u32 {
        bytes
            .get(at..at + 4)
            .and_then(|four| four.try_into().ok())
            .map_or(0, |four| self.u32(four))
    }

    /// The same for two bytes.
    pub(super) fn u16_at(self, bytes: &[u8], at: usize) -> u16 {
        bytes
            .get(at..at + 2)
            .and_then(|two| two.try_into().ok())
            .map_or(0, |two| self.u16(two))
    }
}

impl Pcap {
    /// Reads the header; none where the magic number is not this format's.
    pub(super) fn open(window: &mut Window, notes: &mut Notes) -> Result<Option<Self>, Stop> {
        let magic = Order::Little.u32_at(window.bytes(), 0);
        let (order, ticks, per_second) = match (magic, magic.swap_bytes()) {
            (MAGIC_MICROSECONDS, _) => (Order::Little, Ticks::MICROSECONDS, 1_000_000),
            (_, MAGIC_MICROSECONDS) => (Order::Big, Ticks::MICROSECONDS, 1_000_000),
            (MAGIC_NANOSECONDS, _) => (Order::Little, Ticks::NANOSECONDS, 1_000_000_000),
            (_, MAGIC_NANOSECONDS) => (Order::Big, Ticks::NANOSECONDS, 1_000_000_000),
            _ => return Ok(None),
        };
        if !window.fill(HEADER_BYTES)? {
            return Err(Stop::Truncated { offset: 0 });
        }
        let header = window.bytes();
        let (major, minor) = (order.u16_at(header, 4), order.u16_at(header, 6));
        if major != 2 {
            let fault = Fault::Version { major, minor };
            return Err(Stop::Corrupt { offset: 4, fault });
        }
        let link = Link::of(order.u32_at(header, 20) & LINK_MASK);
        notes.interfaces.push(Interface {
            link,
            name: None,
            snap_bytes: order.u32_at(header, 16),
            offset: 20,
        });
        window.pass(HEADER_BYTES);
        Ok(Some(Self {
            order,
            ticks,
            per_second,
            link,
        }))
    }

    /// Finds the next packet; none at the end.
    pub(super) fn advance(&mut self, window: &mut Window) -> Result<Option<Found>, Stop> {
        let offset = window.offset();
        if !window.fill(RECORD_BYTES)? {
            return if window.bytes().is_empty() {
                Ok(None)
            } else {
                Err(Stop::Truncated { offset })
            };
        }
        let header = window.bytes();
        let captured = self.order.u32_at(header, 8);
        if captured > PACKET_MAX_BYTES {
            let fault = Fault::PacketLength {
                bytes: captured.into(),
                most: PACKET_MAX_BYTES.into(),
            };
            return Err(Stop::Corrupt { offset, fault });
        }
        let second = u64::from(self.order.u32_at(header, 0));
        let fraction = u64::from(self.order.u32_at(header, 4));
        let at_ns = self.ticks.nanoseconds(second * self.per_second + fraction);
        let sent_bytes = self.order.u32_at(header, 12).max(captured);
        let record = RECORD_BYTES + captured as usize;
        if !window.fill(record)? {
            return Err(Stop::Truncated { offset });
        }
        Ok(Some(Found {
            at_ns,
            link: self.link,
            sent_bytes,
            skip: RECORD_BYTES,
            captured: captured as usize,
            record,
        }))
    }
}
