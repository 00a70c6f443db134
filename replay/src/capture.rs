//! A capture, packet by packet: pcap and pcapng, plain or packed, from a file or a pipe, however long.
//!
//! It does not know what is in a packet. It holds one window of 256 KiB (more only for longer packets and blocks of secrets,
//! up to [`PACKET_MAX_BYTES`] and [`SECRETS_MAX_BYTES`]) and lends each packet from it: no copy, no allocation, one `read`
//! for 256 KiB.

mod error;
mod frame;
mod link;
mod pcap;
mod pcapng;
mod source;
mod ticks;
mod window;

use std::io;

pub use error::{CaptureError, Ending, Fault};
pub use link::Link;
pub use source::{Packing, Source};

use pcap::Pcap;
use pcapng::PcapNg;
use window::Window;

/// The longest packet that is believed: four times what any capture tool's snap length allows.
pub const PACKET_MAX_BYTES: u32 = 1 << 20;
/// The most key-log text that is kept of a capture's decryption secrets blocks.
pub const SECRETS_MAX_BYTES: usize = 8 << 20;

/// How much of something foreign is shown.
const FOREIGN_BYTES: usize = 8;

/// One packet, as the capture has it.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    /// When, nanoseconds since 1970; in captures of several interfaces not always in order.
    pub at_ns: u64,
    /// What its first header is.
    pub link: Link,
    /// What was captured of it.
    pub bytes: &'a [u8],
    /// Its length on the wire, bytes; never less than was captured.
    pub sent_bytes: u32,
    /// Where in the unpacked capture its record begins.
    pub offset: u64,
}

/// What comes next in a capture.
#[derive(Clone, Debug)]
pub enum Item<'a> {
    /// A packet.
    Packet(Packet<'a>),
    /// Key-log text of a decryption secrets block, for packets behind it.
    Secrets(Vec<u8>),
}

/// A place that packets were captured at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// What its packets begin with.
    pub link: Link,
    /// Its name, where the capture says.
    pub name: Option<String>,
    /// The most bytes of a packet that were kept; 0 where there is no limit.
    pub snap_bytes: u32,
    /// Where in the unpacked capture it is described.
    pub offset: u64,
}

/// A capture that is being read.
pub struct Capture {
    window: Window,
    packing: Packing,
    format: Format,
    /// Length of the record that was lent last, passed when the next is asked for.
    lent: usize,
    ending: Option<Ending>,
    notes: Notes,
}

/// What a capture says beside its packets.
#[derive(Debug, Default)]
struct Notes {
    interfaces: Vec<Interface>,
    secrets_kept_bytes: usize,
    secrets_refused_bytes: u64,
    damaged_blocks: u64,
}

enum Format {
    Pcap(Pcap),
    PcapNg(PcapNg),
}

/// What a format finds.
enum Found {
    Packet(Record),
    Secrets(Vec<u8>),
}

/// Where in the window a packet lies.
struct Record {
    at_ns: u64,
    link: Link,
    sent_bytes: u32,
    /// Bytes of the record before the packet's.
    skip: usize,
    captured: usize,
    /// The whole record.
    record: usize,
}

/// Why there is no further packet.
enum Stop {
    System(io::Error),
    Truncated { offset: u64 },
    Corrupt { offset: u64, fault: Fault },
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::System(error)
    }
}

impl Capture {
    /// Reads the header.
    ///
    /// # Errors
    /// It cannot be read, is empty, is no capture, or its header is damaged or names an unknown link type.
    pub fn open(source: Source) -> Result<Self, CaptureError> {
        let unpacked = source
            .unpack()
            .map_err(|source| CaptureError::Read { offset: 0, source })?;
        let mut capture = Self {
            window: Window::new(unpacked.reader),
            packing: unpacked.packing,
            format: Format::PcapNg(PcapNg::default()),
            lent: 0,
            ending: None,
            notes: Notes::default(),
        };
        capture.begin()?;
        Ok(capture)
    }

    /// The next packet or secrets; none at the capture's end, of which [`Capture::ending`] then tells.
    ///
    /// # Errors
    /// The system cannot read on. Damage of the capture itself is no error but an ending.
    pub fn item(&mut self) -> Result<Option<Item<'_>>, CaptureError> {
        if self.ending.is_some() {
            return Ok(None);
        }
        self.window.pass(std::mem::take(&mut self.lent));
        let found = match &mut self.format {
            Format::Pcap(pcap) => pcap.advance(&mut self.window),
            Format::PcapNg(pcapng) => pcapng.advance(&mut self.window, &mut self.notes),
        };
        let offset = self.window.offset();
        match found {
            Ok(Some(Found::Packet(record))) => {
                self.lent = record.record;
                let bytes = &self.window.bytes()[record.skip..record.skip + record.captured];
                Ok(Some(Item::Packet(Packet {
                    at_ns: record.at_ns,
                    link: record.link,
                    bytes,
                    sent_bytes: record.sent_bytes,
                    offset,
                })))
            }
            Ok(Some(Found::Secrets(text))) => Ok(Some(Item::Secrets(text))),
            Ok(None) => {
                self.ending = Some(Ending::Whole);
                Ok(None)
            }
            Err(stop) => {
                self.ending = Some(self.end_of(stop)?);
                Ok(None)
            }
        }
    }

    /// How the capture ended, once it has.
    #[must_use]
    pub fn ending(&self) -> Option<&Ending> {
        self.ending.as_ref()
    }

    /// What packets were captured at, as far as it is described yet.
    #[must_use]
    pub fn interfaces(&self) -> &[Interface] {
        &self.notes.interfaces
    }

    /// Bytes of secrets that were not kept, for want of room or because they are no TLS key log.
    #[must_use]
    pub fn secrets_refused_bytes(&self) -> u64 {
        self.notes.secrets_refused_bytes
    }

    /// Blocks whose inside was damaged, passed over.
    #[must_use]
    pub fn damaged_blocks(&self) -> u64 {
        self.notes.damaged_blocks
    }

    /// Bytes read so far, unpacked.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.window.offset() + self.lent as u64
    }

    fn begin(&mut self) -> Result<(), CaptureError> {
        // Of anything shorter there is nothing to tell but its bytes.
        let begun = match self.window.fill(FOREIGN_BYTES) {
            Ok(_) if self.window.bytes().is_empty() => return Err(CaptureError::Empty),
            Ok(_) => self.header(),
            Err(error) => Err(error.into()),
        };
        let ending = match begun {
            Ok(known) if known => return Ok(()),
            Ok(_) => return Err(foreign(self.window.bytes())),
            Err(stop) => self.end_of(stop)?,
        };
        Err(match ending {
            Ending::Corrupt { offset, fault } => CaptureError::Header { offset, fault },
            Ending::Whole | Ending::Truncated { .. } => CaptureError::Header {
                offset: self.window.offset(),
                fault: Fault::Short,
            },
        })
    }

    /// Reads what stands before the packets; false where that is no capture's.
    fn header(&mut self) -> Result<bool, Stop> {
        if let Some(pcap) = Pcap::open(&mut self.window, &mut self.notes)? {
            self.format = Format::Pcap(pcap);
            return Ok(true);
        }
        if let Some(pcapng) = PcapNg::open(&mut self.window)? {
            self.format = Format::PcapNg(pcapng);
            return Ok(true);
        }
        Ok(false)
    }

    /// What a stop means: where the capture was packed, a failure to read is the packing's, not the system's.
    fn end_of(&self, stop: Stop) -> Result<Ending, CaptureError> {
        let offset = self.window.offset();
        match stop {
            Stop::Truncated { offset } => Ok(Ending::Truncated { offset }),
            Stop::Corrupt { offset, fault } => Ok(Ending::Corrupt { offset, fault }),
            Stop::System(source) if self.packing == Packing::None => {
                Err(CaptureError::Read { offset, source })
            }
            Stop::System(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Ok(Ending::Truncated { offset })
            }
            Stop::System(error) => Ok(Ending::Corrupt {
                offset,
                fault: Fault::Packing {
                    packing: self.packing,
                    why: error.to_string(),
                },
            }),
        }
    }
}

impl std::fmt::Debug for Capture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Capture")
            .field("offset", &self.offset())
            .field("packing", &self.packing)
            .field("ending", &self.ending)
            .finish_non_exhaustive()
    }
}

fn foreign(bytes: &[u8]) -> CaptureError {
    let start: Vec<String> = bytes
        .iter()
        .take(FOREIGN_BYTES)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    CaptureError::Foreign {
        start: start.join(" "),
    }
}
