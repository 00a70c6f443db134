//! Records, there and back, and what damage does to them.

use super::*;
use proptest::prelude::*;

proptest! {
    #[test]
    fn an_item_round_trips_and_no_single_bit_may_change(
        body in proptest::collection::vec(any::<u8>(), 0..300),
        to in proptest::collection::vec(any::<(u64, u64)>(), 1..20),
        words in any::<(u64, u64, u64, u64)>(),
        kind: u8,
        flip: proptest::sample::Index,
    ) {
        let head = ItemHead {
            tick: false, kind, from: words.0, id: words.1, group: words.2, time_ms: words.3,
            body_crc: crc32c::crc32c(&body),
        };
        let mut out = Vec::new();
        append_item(&mut out, 7, &head, &body, to.iter().copied());
        prop_assert_eq!(out.len(), item_bytes(body.len(), to.len()));
        let Parsed::Whole(Record::Item(item), length) = parse(&out, 7) else { panic!("not read back") };
        prop_assert_eq!(length, out.len());
        prop_assert!(item.is_body_whole());
        prop_assert_eq!(item.body, &body[..]);
        prop_assert_eq!((item.from, item.id, item.group, item.time_ms), words);
        prop_assert_eq!(item.recipients().collect::<Vec<_>>(), to);
        prop_assert!(!matches!(parse(&out, 8), Parsed::Whole(..)));
        prop_assert!(matches!(parse(&out[..length - 1], 7), Parsed::Short(_)));

        let bit = flip.index(length * 8);
        out[bit / 8] ^= 1 << (bit % 8);
        let padding = ITEM_HEAD_BYTES + body.len()..ITEM_HEAD_BYTES + padded(body.len());
        if let Parsed::Whole(Record::Item(item), _) = parse(&out, 7) {
            prop_assert!(padding.contains(&(bit / 8)) || !item.is_body_whole());
        }
    }

    #[test]
    fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let Parsed::Whole(_, length) = parse(&bytes, 1) {
            prop_assert!(length <= bytes.len());
        }
        parse_segment(&bytes);
    }
}

#[test]
fn small_records_round_trip() {
    let window = WindowRecord {
        sender: 1,
        highest: 2,
        bitmap: 3,
        last_used_ms: 4,
    };
    let head = SegmentHead {
        number: 9,
        next_seq: 5,
        opened_ms: 6,
    };
    let mut out = Vec::new();
    append_segment(&mut out, &head);
    append_ack(&mut out, 9, 11, 12);
    append_window(&mut out, 9, &window);
    out.extend_from_slice(&[0; 8]);
    assert_eq!(parse_segment(&out), Some(head));
    let rest = &out[SEGMENT_BYTES..];
    assert!(matches!(
        parse(rest, 9),
        Parsed::Whole(Record::Ack { to: 11, through: 12 }, ACK_BYTES)
    ));
    let rest = &rest[ACK_BYTES..];
    assert!(matches!(parse(rest, 9), Parsed::Whole(Record::Window(read), WINDOW_BYTES) if read == window));
    assert!(matches!(parse(&rest[WINDOW_BYTES..], 9), Parsed::End));
}
