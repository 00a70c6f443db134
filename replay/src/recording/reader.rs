//! A file of sessions to events, in one pass, from a file or a pipe.
//!
//! It knows no target and keeps no byte of what was said: of the file it holds one block, of each open connection 80 B.

use std::collections::HashMap;
use std::io::Read;
use std::net::{IpAddr, SocketAddr};

use super::RecordingError;
use super::block::{self, Block, Blocks, FILE_HEADER_BYTES, Flaw, Stored};
use super::entry::{Entry, Head, Place};
use super::note::Note;
use crate::{Event, Flow, Protocol, Secrecy, Side, Sink};

/// The most addresses of a file, and the most connections that may be open at once.
const MOST: usize = 1 << 24;
/// The most notes that are kept.
const NOTES_MAX: usize = 64;

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
    let version = u16::from_le_bytes([header[8], header[9]]);
    let sum = u32::from_le_bytes([header[12], header[13], header[14], header[15]]);
    if filled < FILE_HEADER_BYTES || header[..8] != block::MAGIC || sum != crc32c::crc32c(&header[..12]) {
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

/// Whether these first bytes are a file of sessions'.
#[must_use]
pub fn is_recording(first: &[u8]) -> bool {
    first.starts_with(&block::MAGIC)
}

/// What the entries so far have built up.
#[derive(Default)]
struct Player {
    addresses: Vec<IpAddr>,
    open: HashMap<u64, Live>,
    next_connection: u64,
    next_flow: u64,
    /// Payload of former blocks.
    payload_bytes: u64,
    notes: Vec<Note>,
    ended: bool,
}

/// An open connection: its number in the capture, and how much each side has said, gaps included.
struct Live {
    flow: Flow,
    offsets: [u64; 2],
}

/// The place within a block.
struct Cursor<'a> {
    at_ns: u64,
    connection: Option<u64>,
    payload: &'a [u8],
    payload_length: usize,
}

const MALFORMED: &str = "a block's entries make no sense";

impl Player {
    fn block(&mut self, block: &Block, heard: &mut dyn FnMut(Happened<'_>)) -> Result<(), &'static str> {
        let mut entries = &block.entries[..];
        let payload_length = block.payload.len();
        let mut cursor = Cursor {
            at_ns: 0,
            connection: None,
            payload: &block.payload,
            payload_length,
        };
        while !entries.is_empty() {
            let entry = Entry::take(&mut entries).ok_or(MALFORMED)?;
            if self.ended {
                return Err(MALFORMED);
            }
            self.entry(entry, &mut cursor, heard)?;
        }
        if !cursor.payload.is_empty() {
            return Err(MALFORMED);
        }
        self.payload_bytes += payload_length as u64;
        Ok(())
    }

    fn entry(
        &mut self,
        entry: Entry<'_>,
        cursor: &mut Cursor<'_>,
        heard: &mut dyn FnMut(Happened<'_>),
    ) -> Result<(), &'static str> {
        let mut position = 0;
        let mut settled = None;
        let event = match entry {
            Entry::Address(address) => {
                self.addresses.push(address);
                return if self.addresses.len() > MOST {
                    Err("too many addresses")
                } else {
                    Ok(())
                };
            }
            Entry::Note { key, value } => {
                self.notes.extend(Note::decode(key, value));
                self.notes.truncate(NOTES_MAX);
                return Ok(());
            }
            Entry::End {
                connections,
                payload_bytes,
            } => {
                let so_far = self.payload_bytes + (cursor.payload_length - cursor.payload.len()) as u64;
                self.ended = true;
                let agrees = connections == self.next_connection && payload_bytes == so_far;
                return if agrees {
                    Ok(())
                } else {
                    Err("the file's totals do not match")
                };
            }
            Entry::Open {
                after_ns,
                skipped_flows,
                client,
                server,
                start,
            } => {
                let at_ns = cursor.after(after_ns)?;
                let (flow, client, server) = self.open(skipped_flows, client, server)?;
                cursor.connection = Some(self.next_connection - 1);
                Event::Open {
                    flow,
                    at_ns,
                    client,
                    server,
                    start,
                }
            }
            Entry::Data { head, side, length } => {
                let at_ns = cursor.after(head.after_ns)?;
                let length = usize::try_from(length).map_err(|_| MALFORMED)?;
                let (bytes, rest) = cursor.payload.split_at_checked(length).ok_or(MALFORMED)?;
                position = self.payload_bytes + (cursor.payload_length - cursor.payload.len()) as u64;
                cursor.payload = rest;
                let (flow, offset) = self.said(cursor.connection(head)?, side, length as u64)?;
                Event::Data {
                    flow,
                    side,
                    at_ns,
                    offset,
                    bytes,
                }
            }
            Entry::Gap { head, side, length } => {
                let at_ns = cursor.after(head.after_ns)?;
                let (flow, offset) = self.said(cursor.connection(head)?, side, length)?;
                Event::Gap {
                    flow,
                    side,
                    at_ns,
                    offset,
                    length,
                }
            }
            Entry::Finish { head, side } => {
                let at_ns = cursor.after(head.after_ns)?;
                let flow = self.live(cursor.connection(head)?)?.flow;
                Event::Finish { flow, side, at_ns }
            }
            Entry::Close {
                head,
                end,
                protocol,
                secrecy,
            } => {
                let at_ns = cursor.after(head.after_ns)?;
                let connection = cursor.connection(head)?;
                let flow = self.live(connection)?.flow;
                self.open.remove(&connection);
                settled = Some((protocol, secrecy));
                Event::Close { flow, at_ns, end }
            }
        };
        heard(Happened::Event {
            event,
            position,
            settled,
        });
        Ok(())
    }

    fn open(
        &mut self,
        skipped_flows: u64,
        client: Place,
        server: Place,
    ) -> Result<(Flow, SocketAddr, SocketAddr), &'static str> {
        if self.open.len() >= MOST {
            return Err("too many open connections");
        }
        let (client, server) = (self.address(client)?, self.address(server)?);
        let flow = self.next_flow.checked_add(skipped_flows).ok_or(MALFORMED)?;
        self.next_flow = flow.checked_add(1).ok_or(MALFORMED)?;
        let live = Live {
            flow: Flow(flow),
            offsets: [0; 2],
        };
        self.open.insert(self.next_connection, live);
        self.next_connection += 1;
        Ok((Flow(flow), client, server))
    }

    fn address(&self, place: Place) -> Result<SocketAddr, &'static str> {
        let number = usize::try_from(place.address).map_err(|_| MALFORMED)?;
        let address = self.addresses.get(number).ok_or(MALFORMED)?;
        Ok(SocketAddr::new(*address, place.port))
    }

    /// Adds to what a side has said; whose it is, and how much it had said before.
    fn said(&mut self, connection: u64, side: Side, length: u64) -> Result<(Flow, u64), &'static str> {
        let live = self.live(connection)?;
        let offset = live.offsets[side as usize];
        live.offsets[side as usize] = offset.checked_add(length).ok_or(MALFORMED)?;
        Ok((live.flow, offset))
    }

    fn live(&mut self, connection: u64) -> Result<&mut Live, &'static str> {
        self.open.get_mut(&connection).ok_or(MALFORMED)
    }
}

impl Cursor<'_> {
    fn after(&mut self, after_ns: u64) -> Result<u64, &'static str> {
        self.at_ns = self.at_ns.checked_add(after_ns).ok_or(MALFORMED)?;
        Ok(self.at_ns)
    }

    fn connection(&mut self, head: Head) -> Result<u64, &'static str> {
        if head.connection.is_some() {
            self.connection = head.connection;
        }
        self.connection.ok_or(MALFORMED)
    }
}
