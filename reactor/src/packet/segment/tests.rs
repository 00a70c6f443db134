use proptest::prelude::*;

use super::*;

fn header() -> impl Strategy<Value = Header> {
    let ends = (any::<u32>(), any::<u16>(), any::<u32>(), any::<u16>());
    let numbers = (any::<u32>(), any::<u32>(), 0_u8..32, any::<u16>());
    let options = (any::<Option<u16>>(), prop::option::of(0_u8..15));
    (ends, numbers, options).prop_map(|(ends, numbers, (mss, scale))| {
        let flags = Flags(numbers.2);
        Header {
            source: End {
                address: ends.0,
                port: ends.1,
            },
            to: End {
                address: ends.2,
                port: ends.3,
            },
            seq: numbers.0,
            ack: numbers.1,
            flags,
            window: numbers.3,
            options: if flags.has(Flags::SYN) {
                Options { mss, scale }
            } else {
                Options::default()
            },
        }
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read(
        header in header(),
        payload in prop::collection::vec(any::<u8>(), 0..3000),
        split in any::<prop::sample::Index>(),
        offloaded: bool,
    ) {
        let offload = if offloaded { Offload::Checksum } else { Offload::None };
        let mut packet = vec![0xaa; 4096];
        let (first, second) = payload.split_at(split.index(payload.len() + 1));
        let length = header.emit(&mut packet, [first, second], 1460, offload);
        let (read, range) = Header::parse(&packet[..length]).unwrap();
        prop_assert_eq!(read, header);
        prop_assert_eq!(&packet[range], &payload[..]);
    }

    #[test]
    fn one_flipped_bit_never_passes(
        header in header(),
        payload in prop::collection::vec(any::<u8>(), 0..200),
        at in any::<prop::sample::Index>(),
    ) {
        let mut packet = vec![0; 512];
        let length = header.emit(&mut packet, [&payload, &[]], 1460, Offload::None);
        let bit = at.index(8 * (length - VNET_BYTES));
        packet[VNET_BYTES + bit / 8] ^= 1 << (bit % 8);
        prop_assert!(Header::parse(&packet[..length]).is_err());
    }

    #[test]
    fn no_bytes_are_too_strange(mut packet in prop::collection::vec(any::<u8>(), 0..120), alike: bool) {
        // Half of them look like packets whose checksum nobody checks.
        if alike && packet.len() > FRONT_BYTES {
            packet[0] = VNET_NEEDS_CSUM;
            let length = packet.len() as u16 - VNET_BYTES as u16;
            let ip = &mut packet[VNET_BYTES..];
            ip[..4].copy_from_slice(&[0x45, 0, (length >> 8) as u8, length as u8]);
            ip[6..12].copy_from_slice(&[0, 0, 9, PROTOCOL_TCP, 0, 0]);
            let checksum = !fold(sum(&ip[..IP_BYTES]));
            write_u16(ip, 10, checksum);
        }
        if let Ok((_, range)) = Header::parse(&packet) {
            prop_assert!(packet.get(range).is_some());
        }
    }
}

#[test]
fn a_long_payload_is_marked_for_the_kernel_to_segment() {
    let end = End {
        address: 0xc612_0001,
        port: 2000,
    };
    let header = Header {
        source: end,
        to: end,
        seq: 1,
        ack: 2,
        flags: Flags::ACK | Flags::PSH,
        window: 3,
        options: Options::default(),
    };
    let mut packet = vec![0; PACKET_MAX_BYTES];
    header.emit(&mut packet, [&[7; 4000], &[]], 1460, Offload::Checksum);
    assert_eq!(packet[..2], [VNET_NEEDS_CSUM, VNET_GSO_TCPV4]);
    assert_eq!(u16::from_ne_bytes([packet[4], packet[5]]), 1460);
    header.emit(&mut packet, [&[7; 1460], &[]], 1460, Offload::Checksum);
    assert_eq!(packet[1], 0, "one segment needs no segmenting");
}
