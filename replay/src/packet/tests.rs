//! Headers that etherparse writes are read; what is cut or hostile is refused by the right name.

use etherparse::{IpNumber, Ipv4Header, TcpHeader};
use proptest::prelude::*;

use super::*;
use crate::capture::Link;

fn segment(payload: &[u8]) -> Vec<u8> {
    let mut tcp = TcpHeader::new(4_000, 80, 7, 1_000);
    tcp.syn = true;
    tcp.set_options_raw(&[2, 4, 5, 180, 1, 3, 3, 9]).unwrap();
    let mut bytes = Vec::new();
    tcp.write(&mut bytes).unwrap();
    bytes.extend_from_slice(payload);
    bytes
}

fn ipv4(protocol: IpNumber, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len()).unwrap();
    let header = Ipv4Header::new(length, 64, protocol, [10, 0, 0, 1], [10, 0, 0, 2]).unwrap();
    let mut bytes = Vec::new();
    header.write(&mut bytes).unwrap();
    bytes.extend_from_slice(body);
    bytes
}

fn ipv6(next: u8, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len()).unwrap().to_be_bytes();
    [
        &[0x60, 0, 0, 0][..],
        &length,
        &[next, 64],
        &[1; 16],
        &[2; 16],
        body,
    ]
    .concat()
}

/// Length on the wire, captured payload and path of the segment in a raw IP packet.
fn read(decoder: &mut Decoder, ip: &[u8], sent_bytes: usize) -> Result<Option<(u32, Vec<u8>)>, Skip> {
    let packet = Packet {
        at_ns: 0,
        link: Link::RawIp,
        bytes: ip,
        sent_bytes: u32::try_from(sent_bytes).unwrap(),
        offset: 0,
    };
    let mut read = None;
    decoder.packet(&packet, |content| {
        read = match content {
            Content::Tcp(segment) => Some((segment.length, segment.payload.to_vec())),
            Content::Udp(datagram) => Some((datagram.length, datagram.payload.to_vec())),
        };
    })?;
    Ok(read)
}

#[test]
fn a_payload_is_as_long_as_ip_says() {
    let decoder = &mut Decoder::default();
    let whole = ipv4(IpNumber::TCP, &segment(b"hello"));
    let padded = [&whole[..], &[0; 9]].concat();
    assert_eq!(
        read(decoder, &padded, padded.len()),
        Ok(Some((5, b"hello".to_vec())))
    );
    assert_eq!(
        read(decoder, &whole[..50], whole.len()),
        Ok(Some((5, b"he".to_vec())))
    );
    // Where only the options are cut, the length is known all the same.
    assert_eq!(
        read(decoder, &whole[..42], whole.len()),
        Ok(Some((5, Vec::new())))
    );
    assert_eq!(read(decoder, &whole[..30], whole.len()), Err(Skip::Snapped));
    assert_eq!(
        read(decoder, &whole[..30], 30),
        Err(Skip::Snapped),
        "IP says that there was more"
    );
    let mut offloaded = whole.clone();
    offloaded[2..4].fill(0);
    assert_eq!(
        read(decoder, &offloaded, whole.len()),
        Ok(Some((5, b"hello".to_vec())))
    );
    let mut short = whole;
    short[2..4].copy_from_slice(&[0, 19]);
    assert_eq!(read(decoder, &short, 53), Err(Skip::Malformed));
}

#[test]
fn extension_headers_are_passed_over() {
    let tcp = segment(b"x");
    let chain = [&[60, 0, 0, 0, 0, 0, 0, 0][..], &[6, 1], &[0; 14], &tcp].concat();
    let decoder = &mut Decoder::default();
    let packet = ipv6(0, &chain);
    assert_eq!(read(decoder, &packet, packet.len()), Ok(Some((1, b"x".to_vec()))));
    let endless = ipv6(0, &[0; 800]);
    assert_eq!(read(decoder, &endless, endless.len()), Err(Skip::Nested));
    let ping = ipv6(58, &[0; 8]);
    assert_eq!(read(decoder, &ping, ping.len()), Err(Skip::Transport));
}

#[test]
fn a_tunnel_in_a_tunnel_ends_somewhere() {
    let mut packet = ipv4(IpNumber::TCP, &segment(b"deep"));
    let decoder = &mut Decoder::default();
    for _ in 0..5 {
        packet = ipv4(IpNumber::IPV4, &packet);
    }
    assert_eq!(
        read(decoder, &packet, packet.len()),
        Ok(Some((4, b"deep".to_vec())))
    );
    for _ in 0..20 {
        packet = ipv4(IpNumber::IPV4, &packet);
    }
    assert_eq!(read(decoder, &packet, packet.len()), Err(Skip::Nested));
}

/// A datagram in IPv4 fragments of this many bytes.
fn fragments(body: &[u8], piece: usize) -> Vec<Vec<u8>> {
    let pieces = body.chunks(piece).enumerate();
    pieces
        .map(|(number, bytes)| {
            let mut packet = ipv4(IpNumber::TCP, bytes);
            let offset = u16::try_from(number * piece / 8).unwrap();
            let more = if (number + 1) * piece < body.len() {
                0x2000
            } else {
                0
            };
            packet[4..6].copy_from_slice(&[0x12, 0x34]);
            packet[6..8].copy_from_slice(&(offset | more).to_be_bytes());
            packet
        })
        .collect()
}

/// The fragment header (RFC 8200, section 4.5) of a part of a TCP segment, and that part.
fn part6(offset: usize, more: bool, bytes: &[u8]) -> Vec<u8> {
    let place = u16::try_from(offset).unwrap() | u16::from(more);
    [
        &[6, 0][..],
        &place.to_be_bytes(),
        &[0x12, 0x34, 0x56, 0x78],
        bytes,
    ]
    .concat()
}

/// An IPv6 packet with a hop-by-hop header before a fragment's.
fn hopping6(part: &[u8]) -> Vec<u8> {
    ipv6(0, &[&[44, 0, 1, 4, 0, 0, 0, 0], part].concat())
}

/// A datagram in IPv6 fragments of this many bytes, those behind a hop-by-hop header whose bit is set.
fn fragments6(body: &[u8], piece: usize, hopping: u8) -> Vec<Vec<u8>> {
    let pieces = body.chunks(piece).enumerate();
    pieces
        .map(|(number, bytes)| {
            let offset = number * piece;
            let part = part6(offset, offset + piece < body.len(), bytes);
            if hopping >> (number % 8) & 1 == 0 {
                ipv6(44, &part)
            } else {
                hopping6(&part)
            }
        })
        .collect()
}

proptest! {
    #[test]
    fn ipv6_fragments_in_any_order_make_the_datagram(
        body in proptest::collection::vec(any::<u8>(), 0..3_000),
        piece in 1usize..60,
        order in any::<prop::sample::Index>(),
        (hopping, twice, hops) in any::<(u8, bool, bool)>(),
        between in any::<prop::sample::Index>(),
    ) {
        let mut pieces = fragments6(&segment(&body), piece * 8, hopping);
        let middle = order.index(pieces.len());
        pieces.rotate_left(middle);
        pieces.reverse();
        if twice && pieces.len() > 2 {
            pieces.insert(0, pieces[0].clone());
        }
        // An atomic fragment of the same number is whole by itself (RFC 6946, section 4), whatever waits.
        let atomic = part6(0, false, &segment(b"atomic"));
        let atomic = if hops { hopping6(&atomic) } else { ipv6(44, &atomic) };
        let between = between.index(pieces.len());
        let decoder = &mut Decoder::default();
        let count = pieces.len();
        for (number, packet) in pieces.iter().enumerate() {
            if number == between {
                let got = read(decoder, &atomic, atomic.len()).unwrap();
                prop_assert_eq!(got, Some((6, b"atomic".to_vec())));
            }
            let got = read(decoder, packet, packet.len()).unwrap();
            let expected = (number + 1 == count).then(|| (body.len() as u32, body.clone()));
            prop_assert_eq!(got, expected);
        }
        prop_assert_eq!(decoder.fragments_dropped(), 0);
    }

    #[test]
    fn fragments_in_any_order_make_the_datagram(
        body in proptest::collection::vec(any::<u8>(), 0..3_000),
        piece in 1usize..60,
        order in any::<prop::sample::Index>(),
        twice in any::<bool>(),
    ) {
        let mut pieces = fragments(&segment(&body), piece * 8);
        let middle = order.index(pieces.len());
        pieces.rotate_left(middle);
        pieces.reverse();
        if twice && pieces.len() > 2 {
            // The same again changes nothing as long as the datagram waits.
            pieces.insert(0, pieces[0].clone());
        }
        let decoder = &mut Decoder::default();
        let count = pieces.len();
        for (number, packet) in pieces.iter().enumerate() {
            let got = read(decoder, packet, packet.len()).unwrap();
            let expected = (number + 1 == count).then(|| (body.len() as u32, body.clone()));
            prop_assert_eq!(got, expected);
        }
        prop_assert_eq!(decoder.fragments_dropped(), 0);
    }

    #[test]
    fn nothing_makes_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), sent in 0u32..70_000, link in 0u32..300) {
        let decoder = &mut Decoder::default();
        let packet = Packet { at_ns: 0, link: Link::of(link), bytes: &bytes, sent_bytes: sent, offset: 0 };
        let _ = decoder.packet(&packet, |_| {});
    }
}

#[test]
fn overlapping_fragments_give_the_datagram_up() {
    let mut pieces = fragments(&segment(&[7; 100]), 64);
    let decoder = &mut Decoder::default();
    read(decoder, &pieces[0], pieces[0].len()).unwrap();
    pieces[1][7] -= 1;
    assert_eq!(read(decoder, &pieces[1], pieces[1].len()), Err(Skip::Fragment));
    assert_eq!(decoder.fragments_dropped(), 1);
}

#[test]
fn fragments_that_wait_are_bounded() {
    let decoder = &mut Decoder::default();
    for number in 0..20_000u16 {
        let mut first = fragments(&segment(&[1; 2_000]), 1_000).swap_remove(0);
        first[4..6].copy_from_slice(&number.to_be_bytes());
        read(decoder, &first, first.len()).unwrap();
    }
    assert_eq!(decoder.fragments_dropped(), 20_000, "given up or waiting");
    assert!(decoder.fragments.held_bytes() <= FRAGMENTS_MAX_BYTES);
}

#[test]
fn quic_is_guessed_by_its_long_header() {
    let mut datagrams = Datagrams::default();
    let end = |text: &str| Endpoint::from(text.parse::<std::net::SocketAddr>().unwrap());
    let (client, server) = (end("10.0.0.1:5000"), end("10.0.0.2:443"));
    let mut say = |source, to, payload: &[u8]| {
        let length = payload.len() as u32;
        let path = Path::default();
        datagrams.add(
            &Datagram {
                source,
                to,
                path,
                payload,
                length,
            },
            5,
        );
    };
    say(client, server, &[0xc3, 0, 0, 0, 1, 8, 0, 0]);
    say(server, client, b"what?");
    say(server, end("10.0.0.9:53"), b"\x12\x34query");
    let listed: Vec<_> = datagrams
        .list()
        .flows
        .iter()
        .map(|flow| (flow.client, flow.packets, flow.bytes, flow.quic))
        .collect();
    assert_eq!(listed[0], (client.socket(), [1, 1], [8, 5], true));
    assert_eq!(listed[1], (server.socket(), [1, 0], [7, 0], false));
}
