//! What is wrong with a capture, in sentences that say where.
//!
//! It knows no format: offsets are of the unpacked bytes, from the file's beginning.

use std::io;
use std::path::PathBuf;

use super::source::Packing;

/// Why nothing can be had from a capture, or why reading it broke off for a reason that is not the capture's.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// The file cannot be opened.
    #[error("cannot open {path}: {source}")]
    Open {
        /// Which file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The file cannot be read on.
    #[error("cannot read on at offset {offset}: {source}")]
    Read {
        /// Bytes read before.
        offset: u64,
        /// The system's reason.
        source: io::Error,
    },
    /// There is not one byte.
    #[error("the capture is empty: not even a header")]
    Empty,
    /// Something, but no capture.
    #[error(
        "not a capture: it begins with {start}; expected pcap or pcapng, as it is or packed by gzip or zstd"
    )]
    Foreign {
        /// The first bytes, in hexadecimal.
        start: String,
    },
    /// The header itself is cut short or damaged.
    #[error("the capture's header is unusable at offset {offset}: {fault}")]
    Header {
        /// Where.
        offset: u64,
        /// What.
        fault: Fault,
    },
    /// No packet is of a link type that is read here.
    #[error(
        "unknown link type {link} at offset {offset}: expected Ethernet (1), raw IP (101, 228, 229), loopback (0, 108), \
         or Linux cooked (113, 276)"
    )]
    Link {
        /// Its number (tcpdump.org/linktypes.html).
        link: u32,
        /// Where it is named.
        offset: u64,
    },
}

/// How a capture came to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// With its last packet.
    Whole,
    /// In the middle of a packet or block that begins here; everything before was used.
    Truncated {
        /// Where what is cut short begins.
        offset: u64,
    },
    /// At something that cannot be right; everything before was used.
    Corrupt {
        /// Where.
        offset: u64,
        /// What.
        fault: Fault,
    },
}

impl std::fmt::Display for Ending {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Whole => write!(f, "the capture is whole"),
            Self::Truncated { offset } => {
                write!(
                    f,
                    "the capture ends in the middle of what begins at offset {offset}; used up to there"
                )
            }
            Self::Corrupt { offset, fault } => {
                write!(
                    f,
                    "the capture is damaged at offset {offset}: {fault}; used up to there"
                )
            }
        }
    }
}

/// What is damaged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// It ends before it is whole.
    #[error("it ends there")]
    Short,
    /// A packet longer than any.
    #[error("a packet of {bytes} bytes, where {most} is the most")]
    PacketLength {
        /// What it claims.
        bytes: u64,
        /// What is believed.
        most: u64,
    },
    /// A block's length that no block has.
    #[error("a block of {bytes} bytes, where a multiple of 4 from {least} on was expected")]
    BlockLength {
        /// What it claims.
        bytes: u64,
        /// The least that its kind needs.
        least: u64,
    },
    /// The two lengths of a block differ.
    #[error("a block that gives its length as {first} at its beginning and as {last} at its end")]
    BlockEnd {
        /// At its beginning.
        first: u64,
        /// At its end.
        last: u64,
    },
    /// A section whose byte order cannot be told.
    #[error("a section with the byte-order mark {mark:#010x}")]
    ByteOrder {
        /// The mark.
        mark: u32,
    },
    /// A version of the format that is not known.
    #[error("version {major}.{minor} of the format")]
    Version {
        /// Before the point.
        major: u16,
        /// Behind it.
        minor: u16,
    },
    /// The packing around the capture is damaged.
    #[error("{packing} cannot unpack it: {why}")]
    Packing {
        /// Which.
        packing: Packing,
        /// Its own words.
        why: String,
    },
}
