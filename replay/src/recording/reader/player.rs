//! Entries to events: addresses, connections and offsets, as the entries before have built them up.
//!
//! It knows neither the file nor its blocks' checksums. An open connection costs 80 B.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};

use super::Happened;
use crate::packet::DatagramList;
use crate::recording::block::Block;
use crate::recording::datagrams;
use crate::recording::entry::{Entry, Head, Place};
use crate::recording::note::Note;
use crate::{Event, Flow, Side};

/// The most addresses of a file, and the most connections that may be open at once.
const MOST: usize = 1 << 24;
/// The most notes that are kept.
const NOTES_MAX: usize = 64;
/// What is said of entries that contradict each other or their block.
const MALFORMED: &str = "a block's entries make no sense";

/// What the entries so far have built up.
#[derive(Default)]
pub(super) struct Player {
    addresses: Vec<IpAddr>,
    open: HashMap<u64, Live>,
    pub(super) next_connection: u64,
    next_flow: u64,
    /// Payload of former blocks.
    pub(super) payload_bytes: u64,
    pub(super) notes: Vec<Note>,
    pub(super) datagrams: Option<DatagramList>,
    pub(super) ended: bool,
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

impl Player {
    /// Hands on what the entries of a block say.
    ///
    /// # Errors
    /// They make no sense from somewhere on; what is before was handed on.
    pub(super) fn block(
        &mut self,
        block: &Block,
        heard: &mut dyn FnMut(Happened<'_>),
    ) -> Result<(), &'static str> {
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
        match entry {
            Entry::Address(address) => self.address_is_known(address),
            Entry::Note { key, value } if datagrams::take(key, value, &mut self.datagrams) => Ok(()),
            Entry::Note { key, value } => {
                self.notes.extend(Note::decode(key, value));
                self.notes.truncate(NOTES_MAX);
                Ok(())
            }
            Entry::End {
                connections,
                payload_bytes,
            } => {
                self.ended = true;
                let agrees = connections == self.next_connection && payload_bytes == self.position(cursor);
                agrees.then_some(()).ok_or("the file's totals do not match")
            }
            happened => self.event(happened, cursor, heard),
        }
    }

    fn event(
        &mut self,
        entry: Entry<'_>,
        cursor: &mut Cursor<'_>,
        heard: &mut dyn FnMut(Happened<'_>),
    ) -> Result<(), &'static str> {
        let position = self.position(cursor);
        let mut settled = None;
        let event = match entry {
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
            Entry::Data { head, side, length } => self.data(head, side, length, cursor)?,
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
            Entry::Address(_) | Entry::Note { .. } | Entry::End { .. } => return Ok(()),
        };
        heard(Happened::Event {
            event,
            position,
            settled,
        });
        Ok(())
    }

    fn data<'a>(
        &mut self,
        head: Head,
        side: Side,
        length: u64,
        cursor: &mut Cursor<'a>,
    ) -> Result<Event<'a>, &'static str> {
        let at_ns = cursor.after(head.after_ns)?;
        let length = usize::try_from(length).map_err(|_| MALFORMED)?;
        let (bytes, rest) = cursor.payload.split_at_checked(length).ok_or(MALFORMED)?;
        cursor.payload = rest;
        let (flow, offset) = self.said(cursor.connection(head)?, side, length as u64)?;
        Ok(Event::Data {
            flow,
            side,
            at_ns,
            offset,
            bytes,
        })
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

    fn address_is_known(&mut self, address: IpAddr) -> Result<(), &'static str> {
        if self.addresses.len() >= MOST {
            return Err("too many addresses");
        }
        self.addresses.push(address);
        Ok(())
    }

    /// Where in the payload of the whole file what comes next lies.
    fn position(&self, cursor: &Cursor<'_>) -> u64 {
        self.payload_bytes + (cursor.payload_length - cursor.payload.len()) as u64
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
