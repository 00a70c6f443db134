//! pcapng: sections of interfaces, packets, secrets and notes (draft-ietf-opsawg-pcapng, section 4).
//!
//! It does not know what is in a packet. Each block says its length at both ends, so one whose inside is damaged is passed
//! over and counted; where the two lengths differ, nothing behind can be trusted, and that is the end.

use super::pcap::Order;
use super::ticks::Ticks;
use super::window::Window;
use super::{Fault, Found, Interface, Link, Notes, PACKET_MAX_BYTES, SECRETS_MAX_BYTES, Stop};

const SECTION: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
const OBSOLETE_PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const ENHANCED_PACKET: u32 = 6;
const SECRETS: u32 = 10;
const BYTE_ORDER_MARK: u32 = 0x1a2b_3c4d;
/// "TLSK": the secrets are a TLS key log.
const TLS_KEY_LOG: u32 = 0x544c_534b;
/// Type and length before a block's body; the length again behind it.
const FRONT_BYTES: usize = 8;
const FRAME_BYTES: usize = FRONT_BYTES + 4;
const SECTION_LEAST_BYTES: usize = 28;
/// The longest block that is taken into the window: a packet with generous options.
const BLOCK_MAX_BYTES: usize = PACKET_MAX_BYTES as usize + (64 << 10);
/// Interfaces of a section that are believed; packets of others count as damaged.
const INTERFACES_MAX: usize = 4_096;
/// Characters of an interface's name that are kept.
const NAME_MAX_CHARS: usize = 64;

/// The blocks of a file, one section after the other.
pub(super) struct PcapNg {
    order: Order,
    interfaces: Vec<Described>,
    /// A simple packet has no time of its own: it is taken for the last one's.
    last_ns: u64,
}

/// What packets need to know of their interface.
#[derive(Clone, Copy)]
struct Described {
    link: Link,
    ticks: Ticks,
    snap_bytes: u32,
}

impl Default for PcapNg {
    fn default() -> Self {
        Self {
            order: Order::Little,
            interfaces: Vec::new(),
            last_ns: 0,
        }
    }
}

impl PcapNg {
    /// Looks at the first section's head; none where the file does not begin with a section.
    pub(super) fn open(window: &mut Window) -> Result<Option<Self>, Stop> {
        if Order::Little.u32_at(window.bytes(), 0) != SECTION {
            return Ok(None);
        }
        let mut this = Self::default();
        this.block(window)?;
        Ok(Some(this))
    }

    /// Finds the next packet; none at the end.
    pub(super) fn advance(&mut self, window: &mut Window, notes: &mut Notes) -> Result<Option<Found>, Stop> {
        while let Some((kind, length)) = self.block(window)? {
            let offset = window.offset();
            if length > most(kind) {
                self.pass_long(window, kind, length, notes)?;
                continue;
            }
            if !window.fill(length)? {
                return Err(Stop::Truncated { offset });
            }
            let block = &window.bytes()[..length];
            let last = self.order.u32_at(block, length - 4);
            if last as usize != length {
                let fault = Fault::BlockEnd {
                    first: length as u64,
                    last: last.into(),
                };
                return Err(Stop::Corrupt { offset, fault });
            }
            let body = &block[FRONT_BYTES..length - 4];
            let sound = match kind {
                ENHANCED_PACKET | OBSOLETE_PACKET | SIMPLE_PACKET => {
                    if let Some(found) = self.packet(kind, body) {
                        return Ok(Some(found));
                    }
                    false
                }
                INTERFACE => self.describe(body, offset, notes),
                SECRETS => self.keep_secrets(body, notes),
                _ => true,
            };
            notes.damaged_blocks += u64::from(!sound);
            window.pass(length);
        }
        Ok(None)
    }

    /// The next block's type and length; none at the end. A section's head is read here, since its byte order says how to read
    /// its length.
    fn block(&mut self, window: &mut Window) -> Result<Option<(u32, usize)>, Stop> {
        let offset = window.offset();
        if !window.fill(FRAME_BYTES)? {
            return if window.bytes().is_empty() {
                Ok(None)
            } else {
                Err(Stop::Truncated { offset })
            };
        }
        let kind = self.order.u32_at(window.bytes(), 0);
        if kind == SECTION {
            self.section(window)?;
        }
        let length = self.order.u32_at(window.bytes(), 4);
        let least = if kind == SECTION {
            SECTION_LEAST_BYTES
        } else {
            FRAME_BYTES
        };
        if (length as usize) < least || !length.is_multiple_of(4) {
            let fault = Fault::BlockLength {
                bytes: length.into(),
                least: least as u64,
            };
            return Err(Stop::Corrupt { offset, fault });
        }
        Ok(Some((kind, length as usize)))
    }

    /// A new section: its byte order, and no interfaces yet.
    fn section(&mut self, window: &mut Window) -> Result<(), Stop> {
        let offset = window.offset();
        if !window.fill(SECTION_LEAST_BYTES)? {
            return Err(Stop::Truncated { offset });
        }
        let head = window.bytes();
        let mark = Order::Little.u32_at(head, 8);
        self.order = match (mark, mark.swap_bytes()) {
            (BYTE_ORDER_MARK, _) => Order::Little,
            (_, BYTE_ORDER_MARK) => Order::Big,
            _ => {
                let fault = Fault::ByteOrder { mark };
                return Err(Stop::Corrupt { offset, fault });
            }
        };
        let (major, minor) = (self.order.u16_at(head, 12), self.order.u16_at(head, 14));
        if major != 1 {
            let fault = Fault::Version { major, minor };
            return Err(Stop::Corrupt { offset, fault });
        }
        self.interfaces.clear();
        Ok(())
    }

    /// A packet in a block of any of the three kinds; none where the block contradicts itself.
    fn packet(&mut self, kind: u32, body: &[u8]) -> Option<Found> {
        let order = self.order;
        let word = |place: usize| order.u32_at(body, place * 4);
        let (interface, at_words, lengths_at, data_at) = match kind {
            ENHANCED_PACKET => (word(0), Some((word(1), word(2))), 12, 20),
            // Interface and drops share the first word.
            OBSOLETE_PACKET => (u32::from(order.u16_at(body, 0)), Some((word(1), word(2))), 12, 20),
            _ => (0, None, 0, 4),
        };
        let room = body.len().checked_sub(data_at)?;
        let described = *self.interfaces.get(interface as usize)?;
        let (captured, sent) = match kind {
            SIMPLE_PACKET => {
                let sent = word(lengths_at);
                let snapped = if described.snap_bytes == 0 {
                    sent
                } else {
                    sent.min(described.snap_bytes)
                };
                (snapped as usize, sent)
            }
            _ => (word(lengths_at / 4) as usize, word(lengths_at / 4 + 1)),
        };
        if captured > room || captured > PACKET_MAX_BYTES as usize {
            return None;
        }
        if let Some((high, low)) = at_words {
            let ticks = u64::from(high) << 32 | u64::from(low);
            self.last_ns = described.ticks.nanoseconds(ticks);
        }
        Some(Found {
            at_ns: self.last_ns,
            link: described.link,
            sent_bytes: sent.max(u32::try_from(captured).unwrap_or(u32::MAX)),
            skip: FRONT_BYTES + data_at,
            captured,
            record: body.len() + FRAME_BYTES,
        })
    }

    /// An interface (section 4.2) with what matters of its options.
    fn describe(&mut self, body: &[u8], offset: u64, notes: &mut Notes) -> bool {
        const NAME: u16 = 2;
        const RESOLUTION: u16 = 9;
        const OFFSET: u16 = 14;
        if body.len() < 8 || self.interfaces.len() == INTERFACES_MAX {
            return false;
        }
        let order = self.order;
        let link = Link::of(order.u16_at(body, 0).into());
        let snap_bytes = order.u32_at(body, 4);
        let (mut ticks, mut offset_s, mut name) = (Ticks::MICROSECONDS, 0, None);
        let mut sound = true;
        let options = Options {
            order,
            rest: &body[8..],
        };
        for (code, value) in options {
            match (code, value) {
                (NAME, text) => {
                    name = Some(
                        String::from_utf8_lossy(text)
                            .chars()
                            .take(NAME_MAX_CHARS)
                            .collect(),
                    );
                }
                (RESOLUTION, &[code]) => match ticks.resolution(code) {
                    Some(finer) => ticks = finer,
                    None => sound = false,
                },
                (OFFSET, &[a, b, c, d, e, f, g, h]) => {
                    let bytes = [a, b, c, d, e, f, g, h];
                    offset_s = match order {
                        Order::Little => i64::from_le_bytes(bytes),
                        Order::Big => i64::from_be_bytes(bytes),
                    };
                }
                _ => {}
            }
        }
        self.interfaces.push(Described {
            link,
            ticks: ticks.offset(offset_s),
            snap_bytes,
        });
        if notes.interfaces.len() < INTERFACES_MAX {
            notes.interfaces.push(Interface {
                link,
                name,
                snap_bytes,
                offset,
            });
        }
        sound
    }

    /// Secrets (section 4.7): a TLS key log is kept, others are only counted.
    fn keep_secrets(&self, body: &[u8], notes: &mut Notes) -> bool {
        let kind = self.order.u32_at(body, 0);
        let length = self.order.u32_at(body, 4) as usize;
        let Some(text) = body.get(8..).and_then(|data| data.get(..length)) else {
            return false;
        };
        if kind != TLS_KEY_LOG || notes.secrets.len() + text.len() > SECRETS_MAX_BYTES {
            notes.secrets_refused_bytes += text.len() as u64;
            return true;
        }
        notes.secrets.extend_from_slice(text);
        // A log whose last line has no end must not run into the next one.
        if text.last().is_some_and(|&byte| byte != b'\n') {
            notes.secrets.push(b'\n');
        }
        true
    }

    /// A block too long to be held: passed over without being read into memory.
    fn pass_long(
        &self,
        window: &mut Window,
        kind: u32,
        length: usize,
        notes: &mut Notes,
    ) -> Result<(), Stop> {
        let offset = window.offset();
        match kind {
            SECRETS => notes.secrets_refused_bytes += length as u64,
            ENHANCED_PACKET | OBSOLETE_PACKET | SIMPLE_PACKET | INTERFACE => notes.damaged_blocks += 1,
            _ => {}
        }
        if !window.pass_far(length as u64 - 4)? || !window.fill(4)? {
            return Err(Stop::Truncated { offset });
        }
        let last = self.order.u32_at(window.bytes(), 0);
        if last as usize != length {
            let fault = Fault::BlockEnd {
                first: length as u64,
                last: last.into(),
            };
            return Err(Stop::Corrupt { offset, fault });
        }
        window.pass(4);
        Ok(())
    }
}

/// The longest block of this kind that is taken into the window.
fn most(kind: u32) -> usize {
    if kind == SECRETS {
        SECRETS_MAX_BYTES
    } else {
        BLOCK_MAX_BYTES
    }
}

/// A block's options (section 3.5), up to their end mark or the first that does not fit.
struct Options<'a> {
    order: Order,
    rest: &'a [u8],
}

impl<'a> Iterator for Options<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let code = self.order.u16_at(self.rest, 0);
        let length = usize::from(self.order.u16_at(self.rest, 2));
        let value = self.rest.get(4..4 + length)?;
        if code == 0 {
            return None;
        }
        self.rest = self
            .rest
            .get(4 + length.next_multiple_of(4)..)
            .unwrap_or_default();
        Some((code, value))
    }
}
