//! A capture's UDP flows in a file of sessions: what was listed and counted, so that a reader of the file can say so, too.
//!
//! It knows their bytes; no datagram is in a file. A flow takes some 30 B, IPv6 24 more; there are at most
//! [`DatagramList::FLOWS_MAX`], whatever a file says.

use std::net::SocketAddr;

use super::entry::{encode_address, take_address, take_byte};
use super::varint;
use crate::packet::{DatagramFlow, DatagramList};

/// Numbers of the notes.
const FLOW: u64 = 4;
const UNLISTED: u64 = 5;

/// In a flow's flags: it spoke QUIC.
const QUIC: u8 = 1;

/// The notes that tell a list: number and bytes of each.
pub(super) fn notes(list: &DatagramList) -> impl Iterator<Item = (u64, Vec<u8>)> + '_ {
    let mut unlisted = Vec::new();
    varint::put(&mut unlisted, list.unlisted_packets);
    let flows = list.flows.iter().map(|flow| (FLOW, encode(flow)));
    // That there is one says that UDP was counted, were it none.
    flows.chain([(UNLISTED, unlisted)])
}

/// Takes what a note says of UDP; whether it is such a note.
pub(super) fn take(key: u64, mut value: &[u8], list: &mut Option<DatagramList>) -> bool {
    match key {
        FLOW => {
            if let Some(flow) = decode(value) {
                list.get_or_insert_default().add(flow);
            }
        }
        UNLISTED => {
            if let Some(packets) = varint::take(&mut value) {
                let list = list.get_or_insert_default();
                list.unlisted_packets = list.unlisted_packets.saturating_add(packets);
            }
        }
        _ => return false,
    }
    true
}

fn encode(flow: &DatagramFlow) -> Vec<u8> {
    let mut out = Vec::new();
    varint::put(&mut out, flow.first_ns);
    varint::put(&mut out, flow.last_ns.saturating_sub(flow.first_ns));
    for end in [flow.client, flow.server] {
        encode_address(end.ip(), &mut out);
        out.extend(end.port().to_le_bytes());
    }
    for count in [flow.packets, flow.bytes].as_flattened() {
        varint::put(&mut out, *count);
    }
    out.push(if flow.quic { QUIC } else { 0 });
    out
}

fn decode(mut bytes: &[u8]) -> Option<DatagramFlow> {
    let first_ns = varint::take(&mut bytes)?;
    let last_ns = first_ns.checked_add(varint::take(&mut bytes)?)?;
    let (client, server) = (take_socket(&mut bytes)?, take_socket(&mut bytes)?);
    let mut pair = || Some([varint::take(&mut bytes)?, varint::take(&mut bytes)?]);
    let (packets, payload_bytes) = (pair()?, pair()?);
    let flags = take_byte(&mut bytes)?;
    Some(DatagramFlow {
        client,
        server,
        first_ns,
        last_ns,
        packets,
        bytes: payload_bytes,
        quic: flags & QUIC != 0,
    })
}

fn take_socket(bytes: &mut &[u8]) -> Option<SocketAddr> {
    let address = take_address(bytes)?;
    let (port, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(SocketAddr::new(address, u16::from_le_bytes(*port)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Event, RecordingWriter, play};

    fn flow(number: u64) -> DatagramFlow {
        DatagramFlow {
            client: ([10, 0, 0, 7], 5_353).into(),
            server: ([10, 0, 0, 9], 443).into(),
            first_ns: number,
            last_ns: number + 9,
            packets: [2, 1],
            bytes: [24, 1_200],
            quic: number % 2 == 1,
        }
    }

    fn read_back(list: &DatagramList) -> Option<DatagramList> {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut writer = RecordingWriter::create(file.path()).unwrap();
        writer.datagrams(list);
        writer.close().unwrap();
        let played = play(file.reopen().unwrap(), &mut |_: Event<'_>| {}).unwrap();
        assert_eq!((played.torn, played.notes), (None, vec![]));
        played.datagrams
    }

    fn socket() -> impl Strategy<Value = SocketAddr> {
        any::<(std::net::IpAddr, u16)>().prop_map(SocketAddr::from)
    }

    fn any_flow() -> impl Strategy<Value = DatagramFlow> {
        let counts = any::<([u64; 2], [u64; 2], bool)>();
        (socket(), socket(), any::<(u32, u64)>(), counts).prop_map(
            |(client, server, (lasted_ns, first_ns), (packets, bytes, quic))| DatagramFlow {
                client,
                server,
                first_ns: first_ns / 2,
                last_ns: first_ns / 2 + u64::from(lasted_ns),
                packets,
                bytes,
                quic,
            },
        )
    }

    proptest! {
        #[test]
        fn a_flow_comes_back_and_a_cut_one_does_not(flow in any_flow()) {
            let bytes = encode(&flow);
            for cut in 0..bytes.len() {
                prop_assert_eq!(decode(&bytes[..cut]), None);
            }
            prop_assert_eq!(decode(&bytes), Some(flow));
        }

        #[test]
        fn whatever_a_note_says_is_taken_or_passed_over(key in 3..7_u64, value in prop::collection::vec(any::<u8>(), 0..60)) {
            let mut list = None;
            prop_assert_eq!(take(key, &value, &mut list), key == FLOW || key == UNLISTED);
        }
    }

    #[test]
    fn a_list_comes_back_with_its_file() {
        let none = DatagramList::default();
        assert_eq!(read_back(&none), Some(none), "that there was none is known");
        let some = DatagramList {
            flows: (0..1_000).map(flow).collect(),
            unlisted_packets: 7,
        };
        assert_eq!(read_back(&some), Some(some));
        let file = RecordingWriter::memory().finish().unwrap();
        assert_eq!(file.played().datagrams, None, "nobody counted");
    }

    #[test]
    fn a_file_that_lists_more_than_the_bound_is_counted() {
        let most = DatagramList::FLOWS_MAX as u64;
        let many = DatagramList {
            flows: (0..most + 5).map(flow).collect(),
            unlisted_packets: u64::MAX - 3,
        };
        let back = read_back(&many).unwrap();
        assert_eq!(back.flows.len(), DatagramList::FLOWS_MAX);
        assert_eq!(
            back.unlisted_packets,
            u64::MAX,
            "what is too many to count stays the most"
        );
    }
}
