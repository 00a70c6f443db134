//! Events to the bytes of a file of sessions.
//!
//! It knows no file: finished blocks are appended to a buffer that somebody else empties. Of each open connection it holds its account
//! (some 200 B, 1 KB more until its protocol is told), of each address 40 B, of two million at most.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};

use super::block;
use super::entry::{Entry, Head, Place};
use crate::account::Account;
use crate::{End, Event, Flow, Secrecy, Side};

/// Payload that a block is closed with: large enough to pack well, small enough to unpack for a few bytes of it.
const PAYLOAD_BYTES: usize = 64 << 10;
/// Entries that a block is closed with.
const ENTRIES_BYTES: usize = 64 << 10;
/// Addresses whose numbers are known. With one more all are forgotten, and told anew when they come again.
const ADDRESSES_MAX: usize = 1 << 21;

/// Turns events into blocks.
#[derive(Debug)]
pub(super) struct Encoder {
    pack: bool,
    entries: Vec<u8>,
    payload: Vec<u8>,
    addresses: HashMap<IpAddr, u64>,
    next_address: u64,
    open: HashMap<Flow, (u64, Account)>,
    next_flow: u64,
    tally: Tally,
    last: Last,
}

/// What has been written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Connections.
    pub connections: u64,
    /// Bytes that they said.
    pub payload_bytes: u64,
    /// Events earlier than one before: written as if at the same time.
    pub steps_back: u64,
    /// Events of connections that are not open, and connections that do not follow the former one's number: left out.
    pub strays: u64,
    /// How often the addresses were forgotten, for want of room.
    pub forgotten: u64,
}

/// What the next entry is told relative to.
#[derive(Debug, Default)]
struct Last {
    at_ns: u64,
    /// The time that the block has come to; the first entry of a block counts from 0.
    block_ns: u64,
    connection: Option<u64>,
}

impl Encoder {
    /// One that packs its blocks, or does not.
    pub(super) fn new(pack: bool, out: &mut Vec<u8>) -> Self {
        out.extend(block::file_header());
        Self {
            pack,
            entries: Vec::with_capacity(ENTRIES_BYTES + 64),
            payload: Vec::with_capacity(PAYLOAD_BYTES),
            addresses: HashMap::new(),
            next_address: 0,
            open: HashMap::new(),
            next_flow: 0,
            tally: Tally::default(),
            last: Last::default(),
        }
    }

    /// What has been written so far.
    pub(super) fn tally(&self) -> Tally {
        self.tally
    }

    /// A fact about the whole: its number and its bytes.
    pub(super) fn note(&mut self, (key, value): (u64, Vec<u8>), out: &mut Vec<u8>) -> io::Result<()> {
        Entry::Note { key, value: &value }.encode(&mut self.entries);
        self.close_block_if_full(out)
    }

    /// What is known of a connection's encryption.
    pub(super) fn secrecy(&mut self, flow: Flow, secrecy: Secrecy) {
        if let Some((_, account)) = self.open.get_mut(&flow) {
            account.tell(secrecy);
        }
    }

    /// Something happened.
    pub(super) fn event(&mut self, event: Event<'_>, out: &mut Vec<u8>) -> io::Result<()> {
        if event.at_ns() < self.last.at_ns {
            self.tally.steps_back += 1;
        }
        match event {
            Event::Open { flow, .. } if flow.0 < self.next_flow => self.tally.strays += 1,
            Event::Open {
                flow,
                client,
                server,
                start,
                ..
            } => {
                let client = self.place(client);
                let port = server.port();
                let server = self.place(server);
                let after_ns = self.after(event.at_ns());
                let skipped_flows = flow.0 - self.next_flow;
                self.next_flow = flow.0.saturating_add(1);
                Entry::Open {
                    after_ns,
                    skipped_flows,
                    client,
                    server,
                    start,
                }
                .encode(&mut self.entries);
                self.open
                    .insert(flow, (self.tally.connections, Account::new(start, port)));
                self.last.connection = Some(self.tally.connections);
                self.tally.connections += 1;
            }
            Event::Data {
                flow,
                side,
                at_ns,
                bytes,
                ..
            } => {
                let Some((_, account)) = self.open.get_mut(&flow) else {
                    self.tally.strays += 1;
                    return Ok(());
                };
                account.data(side, bytes);
                return self.data(flow, side, at_ns, bytes, out);
            }
            Event::Gap {
                flow,
                side,
                at_ns,
                length,
                ..
            } => {
                if let Some((_, account)) = self.open.get_mut(&flow) {
                    account.gap(side, length);
                }
                if let Some(head) = self.head(flow, at_ns) {
                    Entry::Gap { head, side, length }.encode(&mut self.entries);
                }
            }
            Event::Finish { flow, side, at_ns } => {
                if let Some(head) = self.head(flow, at_ns) {
                    Entry::Finish { head, side }.encode(&mut self.entries);
                }
            }
            Event::Close { flow, at_ns, end } => self.close(flow, at_ns, end),
        }
        self.close_block_if_full(out)
    }

    /// Ends the file. Connections that are still open stay so.
    pub(super) fn finish(&mut self, out: &mut Vec<u8>) -> io::Result<()> {
        let mut left: Vec<Flow> = self.open.keys().copied().collect();
        left.sort_unstable();
        for flow in left {
            self.close(flow, self.last.at_ns, End::Open);
            self.close_block_if_full(out)?;
        }
        let Tally {
            connections,
            payload_bytes,
            ..
        } = self.tally;
        Entry::End {
            connections,
            payload_bytes,
        }
        .encode(&mut self.entries);
        self.close_block(out)
    }

    fn data(
        &mut self,
        flow: Flow,
        side: Side,
        at_ns: u64,
        bytes: &[u8],
        out: &mut Vec<u8>,
    ) -> io::Result<()> {
        for piece in bytes.chunks(PAYLOAD_BYTES) {
            if self.payload.len() + piece.len() > PAYLOAD_BYTES {
                self.close_block(out)?;
            }
            if let Some(head) = self.head(flow, at_ns) {
                self.payload.extend_from_slice(piece);
                self.tally.payload_bytes += piece.len() as u64;
                Entry::Data {
                    head,
                    side,
                    length: piece.len() as u64,
                }
                .encode(&mut self.entries);
            }
        }
        self.close_block_if_full(out)
    }

    fn close(&mut self, flow: Flow, at_ns: u64, end: End) {
        let Some(head) = self.head(flow, at_ns) else {
            return;
        };
        if let Some((_, account)) = self.open.remove(&flow) {
            let (protocol, secrecy) = (account.protocol(), account.secrecy());
            Entry::Close {
                head,
                end,
                protocol,
                secrecy,
            }
            .encode(&mut self.entries);
        }
    }

    /// When, and of which connection; `None` for one that is not open.
    fn head(&mut self, flow: Flow, at_ns: u64) -> Option<Head> {
        let Some(&(connection, _)) = self.open.get(&flow) else {
            self.tally.strays += 1;
            return None;
        };
        let same = self.last.connection.replace(connection) == Some(connection);
        Some(Head {
            after_ns: self.after(at_ns),
            connection: (!same).then_some(connection),
        })
    }

    /// The time since the block's former entry.
    fn after(&mut self, at_ns: u64) -> u64 {
        self.last.at_ns = self.last.at_ns.max(at_ns);
        let after_ns = self.last.at_ns - self.last.block_ns;
        self.last.block_ns = self.last.at_ns;
        after_ns
    }

    fn place(&mut self, address: SocketAddr) -> Place {
        let number = match self.addresses.get(&address.ip()) {
            Some(number) => *number,
            None => self.tell_address(address.ip()),
        };
        Place {
            address: number,
            port: address.port(),
        }
    }

    fn tell_address(&mut self, address: IpAddr) -> u64 {
        if self.addresses.len() >= ADDRESSES_MAX {
            self.addresses = HashMap::new();
            self.tally.forgotten += 1;
        }
        let number = self.next_address;
        self.next_address += 1;
        self.addresses.insert(address, number);
        Entry::Address(address).encode(&mut self.entries);
        number
    }

    fn close_block_if_full(&mut self, out: &mut Vec<u8>) -> io::Result<()> {
        if self.entries.len() < ENTRIES_BYTES && self.payload.len() < PAYLOAD_BYTES {
            return Ok(());
        }
        self.close_block(out)
    }

    fn close_block(&mut self, out: &mut Vec<u8>) -> io::Result<()> {
        if self.entries.is_empty() {
            return Ok(());
        }
        block::write(&self.entries, &self.payload, self.pack, out)?;
        self.entries.clear();
        self.payload.clear();
        (self.last.block_ns, self.last.connection) = (0, None);
        Ok(())
    }
}
