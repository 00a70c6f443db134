use proptest::prelude::*;

use super::*;
use crate::chat::*;

fn number() -> impl Strategy<Value = Number> {
    (1..=Number::MAX.value()).prop_map(|value| Number::new(value).unwrap())
}

fn group() -> impl Strategy<Value = GroupId> {
    (number(), 0..=TAG_MAX).prop_map(|(owner, tag)| GroupId::new(owner, tag).unwrap())
}

fn address() -> impl Strategy<Value = Address> {
    prop_oneof![
        number().prop_map(Address::Person),
        group().prop_map(Address::Group)
    ]
}

fn text() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..300)
}

/// Encoded client frames, every type.
fn client_frame() -> impl Strategy<Value = Vec<u8>> {
    let of = |frame: ClientFrame<'_>| {
        let mut out = Vec::new();
        frame.encode(&mut out);
        out
    };
    prop_oneof![
        number().prop_map(move |number| of(ClientFrame::Register { number })),
        (number(), any::<u32>()).prop_map(move |(number, pin)| of(ClientFrame::Prove { number, pin })),
        (number(), any::<[u8; 16]>()).prop_map(move |(number, proof)| of(ClientFrame::Login {
            number,
            proof: Proof(proof)
        })),
        (1u64.., address(), text()).prop_map(move |(id, to, bytes)| {
            of(ClientFrame::Send {
                id,
                to,
                body: Body {
                    kind: Kind::Text,
                    bytes: &bytes,
                },
            })
        }),
        any::<u64>().prop_map(move |seq| of(ClientFrame::Ack { seq })),
        (number(), any::<bool>()).prop_map(move |(to, on)| of(ClientFrame::Typing { to, on })),
        (number(), any::<bool>()).prop_map(move |(number, on)| of(ClientFrame::Watch { number, on })),
        (0..=TAG_MAX, prop::collection::vec(number(), 0..MEMBERS_MAX)).prop_map(move |(tag, members)| {
            let bytes: Vec<u8> = members
                .iter()
                .flat_map(|member| member.value().to_be_bytes())
                .collect();
            of(ClientFrame::SetGroup {
                tag,
                members: Members::parse(&bytes).unwrap(),
            })
        }),
        group().prop_map(move |group| of(ClientFrame::LeaveGroup { group })),
        any::<u32>().prop_map(move |token| of(ClientFrame::Ping { token })),
    ]
}

/// Encoded server frames, every type.
fn server_frame() -> impl Strategy<Value = Vec<u8>> {
    let of = |frame: ServerFrame<'_>| {
        let mut out = Vec::new();
        frame.encode(&mut out);
        out
    };
    let code = || prop::sample::select(Code::ALL.to_vec());
    prop_oneof![
        (any::<u8>(), any::<[u8; 16]>())
            .prop_map(move |(version, nonce)| of(ServerFrame::Hello { version, nonce })),
        number().prop_map(move |number| of(ServerFrame::PinSent { number })),
        (number(), any::<[u8; 32]>()).prop_map(move |(number, key)| of(ServerFrame::NewKey {
            number,
            key: Key(key)
        })),
        (any::<u64>(), any::<u32>(), any::<[u8; 16]>()).prop_map(move |(last_id, queued, token)| {
            of(ServerFrame::Welcome {
                last_id,
                queued,
                media_token: MediaToken(token),
            })
        }),
        any::<u64>().prop_map(move |id| of(ServerFrame::Accepted { id })),
        (any::<u64>(), code()).prop_map(move |(id, code)| of(ServerFrame::Refused { id, code })),
        (any::<[u64; 3]>(), number(), prop::option::of(group()), text()).prop_map(
            move |([seq, id, time_ms], from, group, bytes)| {
                let body = Body {
                    kind: Kind::Text,
                    bytes: &bytes,
                };
                of(ServerFrame::Deliver {
                    seq,
                    from,
                    group,
                    id,
                    time_ms,
                    body,
                })
            }
        ),
        (any::<[u64; 2]>(), number()).prop_map(move |([seq, id], by)| of(ServerFrame::Delivered {
            seq,
            id,
            by
        })),
        (number(), any::<bool>()).prop_map(move |(from, on)| of(ServerFrame::Typing { from, on })),
        number().prop_map(move |number| of(ServerFrame::Presence {
            number,
            presence: Presence::Online
        })),
        (group(), any::<u16>()).prop_map(move |(group, members)| of(ServerFrame::Group { group, members })),
        any::<u32>().prop_map(move |token| of(ServerFrame::Pong { token })),
        (code(), any::<u8>()).prop_map(move |(code, about)| of(ServerFrame::Error { code, about })),
        code().prop_map(move |code| of(ServerFrame::Bye { code })),
    ]
}

proptest! {
    #[test]
    fn client_frames_round_trip_however_they_are_cut(frames in prop::collection::vec(client_frame(), 1..6)) {
        let stream: Vec<u8> = frames.concat();
        let mut again = Vec::new();
        let mut start = 0;
        for end in 0..=stream.len() {
            // Bytes arrive one at a time: a frame appears exactly when its last byte does.
            if let Some((frame, length)) = ClientFrame::decode(&stream[start..end]).unwrap() {
                prop_assert_eq!(start + length, end);
                frame.encode(&mut again);
                start = end;
            }
        }
        prop_assert_eq!(again, stream);
    }

    #[test]
    fn server_frames_round_trip(bytes in server_frame()) {
        let (frame, length) = ServerFrame::decode(&bytes).unwrap().unwrap();
        prop_assert_eq!(length, bytes.len());
        let mut again = Vec::new();
        frame.encode(&mut again);
        prop_assert_eq!(again, bytes);
    }

    #[test]
    fn what_decodes_encodes_to_the_same_bytes(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut again = Vec::new();
        if let Ok(Some((frame, length))) = ClientFrame::decode(&bytes) {
            frame.encode(&mut again);
            prop_assert_eq!(&again[..], &bytes[..length]);
        }
        again.clear();
        if let Ok(Some((frame, length))) = ServerFrame::decode(&bytes) {
            frame.encode(&mut again);
            prop_assert_eq!(&again[..], &bytes[..length]);
        }
    }

    #[test]
    fn a_frame_cut_short_inside_is_malformed(bytes in client_frame(), keep in 1usize..8) {
        // The length says less than the type needs (a body may be shorter, so sends and groups are left out).
        prop_assume!(![0x04, 0x08].contains(&bytes[2]) && keep < bytes.len() - HEADER_BYTES);
        let mut cut = (keep as u16).to_be_bytes().to_vec();
        cut.extend_from_slice(&bytes[HEADER_BYTES..HEADER_BYTES + keep]);
        prop_assert_eq!(ClientFrame::decode(&cut).err(), Some(FrameError::Malformed));
    }
}

#[test]
fn bounds_are_kept() {
    let too_long = (FRAME_MAX_BYTES as u16 + 1).to_be_bytes();
    assert_eq!(ClientFrame::decode(&too_long).err(), Some(FrameError::Oversized));
    assert_eq!(ClientFrame::decode(&[0, 0]).err(), Some(FrameError::Malformed));
    assert_eq!(
        ClientFrame::decode(&[0, 1, 0x7f]).err(),
        Some(FrameError::UnknownType(0x7f))
    );
    let mut long_body = Vec::new();
    let bytes = vec![0; BODY_MAX_BYTES + 1];
    let to = Address::Person(Number::new(1).unwrap());
    ClientFrame::Send {
        id: 1,
        to,
        body: Body {
            kind: Kind::Text,
            bytes: &bytes,
        },
    }
    .encode(&mut long_body);
    assert_eq!(ClientFrame::decode(&long_body).err(), Some(FrameError::Oversized));
}
