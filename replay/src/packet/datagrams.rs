//! UDP flows: listed and counted, never put together.
//!
//! It does not read what datagrams say, but for the first bytes by which QUIC gives itself away. At most
//! [`DatagramList::FLOWS_MAX`] flows are listed; packets of others are counted together.

use std::collections::HashMap;
use std::net::SocketAddr;

use super::Datagram;
use super::endpoint::{Endpoint, Path};
use crate::event::Side;

/// Datagrams between two sockets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatagramFlow {
    /// Who sent the first.
    pub client: SocketAddr,
    /// The other.
    pub server: SocketAddr,
    /// When the first was seen, nanoseconds after the capture's first packet.
    pub first_ns: u64,
    /// When the last was.
    pub last_ns: u64,
    /// Datagrams from the client and from the server.
    pub packets: [u64; 2],
    /// Bytes of their payloads on the wire, from the client and from the server.
    pub bytes: [u64; 2],
    /// Whether a long header of QUIC with a known version was seen (RFC 9000, section 17.2).
    pub quic: bool,
}

impl DatagramFlow {
    /// Datagrams that this side sent.
    #[must_use]
    pub fn packets_of(&self, side: Side) -> u64 {
        self.packets[side as usize]
    }

    /// Bytes that this side sent.
    #[must_use]
    pub fn bytes_of(&self, side: Side) -> u64 {
        self.bytes[side as usize]
    }
}

/// All UDP flows of a capture.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DatagramList {
    /// In the order of their first packets.
    pub flows: Vec<DatagramFlow>,
    /// Datagrams of flows that found no room in the list.
    pub unlisted_packets: u64,
}

impl DatagramList {
    /// The most flows that are listed.
    pub const FLOWS_MAX: usize = 16_384;

    /// Datagrams of the listed flows.
    #[must_use]
    pub fn listed_packets(&self) -> u64 {
        let counts = self.flows.iter().flat_map(|flow| flow.packets);
        counts.fold(0, u64::saturating_add)
    }

    /// Adds a flow, or its datagrams where there is no room for it.
    pub(crate) fn add(&mut self, flow: DatagramFlow) {
        if self.flows.len() < Self::FLOWS_MAX {
            self.flows.push(flow);
            return;
        }
        let [client, server] = flow.packets;
        let packets = client.saturating_add(server);
        self.unlisted_packets = self.unlisted_packets.saturating_add(packets);
    }
}

/// Counts the datagrams of a capture.
#[derive(Clone, Debug, Default)]
pub struct Datagrams {
    list: DatagramList,
    /// By the lower and the higher end.
    places: HashMap<(Endpoint, Endpoint, Path), usize>,
}

impl Datagrams {
    /// Counts a datagram.
    pub(crate) fn add(&mut self, datagram: &Datagram<'_>, at_ns: u64) {
        let (source, to) = (datagram.source, datagram.to);
        let key = (source.min(to), source.max(to), datagram.path);
        let place = match self.places.get(&key) {
            Some(&place) => place,
            None if self.list.flows.len() == DatagramList::FLOWS_MAX => {
                self.list.unlisted_packets += 1;
                return;
            }
            None => {
                let place = self.list.flows.len();
                self.places.insert(key, place);
                self.list.flows.push(DatagramFlow {
                    client: source.socket(),
                    server: to.socket(),
                    first_ns: at_ns,
                    last_ns: at_ns,
                    packets: [0; 2],
                    bytes: [0; 2],
                    quic: false,
                });
                place
            }
        };
        let flow = &mut self.list.flows[place];
        let side = if flow.client == source.socket() {
            Side::Client
        } else {
            Side::Server
        };
        flow.last_ns = at_ns;
        flow.packets[side as usize] += 1;
        flow.bytes[side as usize] += u64::from(datagram.length);
        flow.quic |= is_quic(datagram.payload);
    }

    /// What was counted so far.
    #[must_use]
    pub fn list(&self) -> &DatagramList {
        &self.list
    }

    /// What was counted.
    #[must_use]
    pub fn into_list(self) -> DatagramList {
        self.list
    }
}

/// A long header (both high bits set) with version 1, version 2 (RFC 9369) or a draft's, and a connection id no longer than
/// allowed.
fn is_quic(payload: &[u8]) -> bool {
    const LONG: u8 = 0xc0;
    const ID_MAX_BYTES: u8 = 20;
    let &[first, a, b, c, d, id_bytes, ..] = payload else {
        return false;
    };
    let version = u32::from_be_bytes([a, b, c, d]);
    let known = matches!(version, 1 | 0x6b33_43cf) || version >> 8 == 0x00ff_0000;
    first & LONG == LONG && known && id_bytes <= ID_MAX_BYTES
}
