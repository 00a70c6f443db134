//! A file of sessions to events, in one pass, from a file or a pipe.
//!
//! It knows no target and keeps no byte of what was said: of the file it holds one block, of each open connection 80 B.

mod player;

use std::io::Read;

use super::RecordingError;
use super::block::{self, Block, Blocks, FILE_HEADER_BYTES, Flaw, Stored};
use super::note::Note;
use crate::packet::DatagramList;
use crate::{Event, Protocol, Secrecy, Sink};
use player::Player;

/// What a file of sessions came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Played {
    /// Connections.
    pub connections: u64,
    /// Bytes that they said.
    pub payload_bytes: u64,
    /// Bytes of the file that were sound.
    pub sound_bytes: u64,
    /// What it says of itself.
    pub notes: Vec<Note>,
    /// What was counted of the capture's UDP; `None` where the file does not say.
    pub datagrams: Option<DatagramList>,
    /// Why the rest of the file was not used; `None` where it was whole.
    pub torn: Option<Torn>,
}

/// Where a file of sessions stops being one, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Torn {
    /// Bytes of the file before the block that is not whole.
    pub offset: u64,
    /// What is wrong.
    pub why: &'static str,
}

impl std::fmt::Display for Torn {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            formatter,
            "{} at byte {}: what follows is not used",
            self.why, self.offset
        )
    }
}

/// Reads a file of sessions and hands on what happened. A torn one is used up to there, and [`Played::torn`] says so.
///
/// # Errors
///
/// [`RecordingError`], when it is no file of sessions, is of a later version, or cannot be read.
pub fn play(source: impl Read, sink: &mut dyn Sink) -> Result<Played, RecordingError> {
    each(source, &mut |happened| {
        if let Happened::Event { event, settled, .. } = happened {
            if let Some((_, secrecy)) = settled {
                sink.secrecy(event.flow(), secrecy);
            }
            sink.event(event);
        }
    })
}

/// Something that a file of sessions tells.
pub(super) enum Happened<'a> {
    /// An event.
    Event {
        event: Event<'a>,
        /// Where its bytes lie in the payload of the whole file.
        position: u64,
        /// On a close: what the connection spoke, and how secretly.
        settled: Option<(Protocol, Secrecy)>,
    },
    /// The block that all this was in is over.
    Block { stored: Stored, payload: &'a [u8] },
}

/// As [`play`], with what an index needs besides.
pub(super) fn each(
    mut source: impl Read,
    heard: &mut dyn FnMut(Happened<'_>),
) -> Result<Played, RecordingError> {
    check_file_header(&mut source)?;
    let (mut blocks, mut block, mut player) = (Blocks::new(source), Block::default(), Player::default());
    let torn = |offset, why| Some(Torn { offset, why });
    let torn: Option<Torn> = loop {
        let offset = blocks.offset();
        match blocks.next(&mut block)? {
            Ok(Some(stored)) => {
                // What comes before an entry that makes no sense has been told: its bytes have to be there.
                let sense = player.block(&block, heard);
                heard(Happened::Block {
                    stored,
                    payload: &block.payload,
                });
                if let Err(why) = sense {
                    break torn(offset, why);
                }
                if player.ended {
                    break None;
                }
            }
            Ok(None) => break torn(offset, "the file is cut off"),
            Err(flaw) => break torn(offset, why(flaw)),
        }
    };
    Ok(Played {
        connections: player.next_connection,
        payload_bytes: player.payload_bytes,
        sound_bytes: torn.as_ref().map_or(blocks.offset(), |torn| torn.offset),
        notes: player.notes,
        datagrams: player.datagrams,
        torn,
    })
}

fn why(flaw: Flaw) -> &'static str {
    match flaw {
        Flaw::Cut => "the file is cut off in a block",
        Flaw::Header => "no block begins",
        Flaw::Checksum => "a block's checksum does not match",
        Flaw::Packing => "a block does not unpack",
    }
}

/// The first bytes of a file of sessions.
fn check_file_header(source: &mut impl Read) -> Result<(), RecordingError> {
    let mut header = [0; FILE_HEADER_BYTES];
    let filled = block::fill(source, &mut header)?;
    if filled < FILE_HEADER_BYTES && is_recording(&header[..filled]) {
        return Err(RecordingError::Short { offset: filled });
    }
    let version = u16::from_le_bytes([header[8], header[9]]);
    let sum = u32::from_le_bytes([header[12], header[13], header[14], header[15]]);
    if header[..8] != block::MAGIC || sum != crc32c::crc32c(&header[..12]) {
        return Err(RecordingError::Foreign);
    }
    if version > block::VERSION {
        return Err(RecordingError::Later {
            version,
            known: block::VERSION,
        });
    }
    Ok(())
}

/// Whether these first bytes are a file of sessions', or the few that are left of one.
#[must_use]
pub fn is_recording(first: &[u8]) -> bool {
    let magic = &block::MAGIC[..block::MAGIC.len().min(first.len())];
    !first.is_empty() && first.starts_with(magic)
}
