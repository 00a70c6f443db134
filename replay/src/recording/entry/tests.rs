//! Entries to bytes and back.

use proptest::prelude::*;

use super::*;

fn side() -> impl Strategy<Value = Side> {
    prop_oneof![Just(Side::Client), Just(Side::Server)]
}

fn head() -> impl Strategy<Value = Head> {
    (any::<u64>(), any::<Option<u64>>()).prop_map(|(after_ns, connection)| Head { after_ns, connection })
}

fn place() -> impl Strategy<Value = Place> {
    (any::<u64>(), any::<u16>()).prop_map(|(address, port)| Place { address, port })
}

fn entry() -> impl Strategy<Value = Entry<'static>> {
    let start = prop_oneof![Just(Start::Handshake), Just(Start::Midway)];
    prop_oneof![
        any::<[u8; 4]>().prop_map(|octets| Entry::Address(octets.into())),
        any::<[u8; 16]>().prop_map(|octets| Entry::Address(octets.into())),
        (any::<u64>(), any::<u64>(), place(), place(), start).prop_map(
            |(after_ns, skipped_flows, client, server, start)| Entry::Open {
                after_ns,
                skipped_flows,
                client,
                server,
                start
            }
        ),
        (head(), side(), 1..u64::MAX).prop_map(|(head, side, length)| Entry::Data { head, side, length }),
        (head(), side(), 1..u64::MAX).prop_map(|(head, side, length)| Entry::Gap { head, side, length }),
        (head(), side()).prop_map(|(head, side)| Entry::Finish { head, side }),
        (head(), 0..ENDS.len(), 0..12_u8, 0..3_u8).prop_map(|(head, end, protocol, secrecy)| {
            Entry::Close {
                head,
                end: ENDS[end],
                protocol: Protocol::of_code(protocol),
                secrecy: Secrecy::of_code(secrecy),
            }
        }),
        any::<u64>().prop_map(|key| Entry::Note { key, value: b"value" }),
        (any::<u64>(), any::<u64>()).prop_map(|(connections, payload_bytes)| Entry::End {
            connections,
            payload_bytes
        }),
    ]
}

proptest! {
    #[test]
    fn an_entry_comes_back_whole_or_not_at_all(entry in entry()) {
        let mut bytes = Vec::new();
        entry.encode(&mut bytes);
        for cut in 0..bytes.len() {
            prop_assert_eq!(Entry::take(&mut &bytes[..cut]), None);
        }
        let mut rest = &bytes[..];
        prop_assert_eq!(Entry::take(&mut rest), Some(entry));
        prop_assert!(rest.is_empty());
    }

    #[test]
    fn what_is_taken_encodes_to_the_bytes_it_came_from(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
        let mut rest = &bytes[..];
        if let Some(entry) = Entry::take(&mut rest) {
            let mut again = Vec::new();
            entry.encode(&mut again);
            let known = |entry: &Entry<'_>| match *entry {
                Entry::Close { protocol, secrecy, .. } => protocol != Protocol::Unknown && secrecy != Secrecy::Unknown,
                _ => true,
            };
            // A later version's protocol is unknown to this one.
            prop_assert!(!known(&entry) || bytes[..bytes.len() - rest.len()] == again);
        }
    }
}

#[test]
fn every_end_has_its_number() {
    for (code, end) in ENDS.into_iter().enumerate() {
        assert_eq!(usize::from(end_code(end)), code);
    }
    assert_eq!(end_of(7), None);
}
