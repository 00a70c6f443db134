//! The chat's frames.

use proptest::prelude::*;
use wire::chat::{Address, Body, ClientFrame, Kind, Number, Proof, ServerFrame};

use super::{Side, masked};

fn number(value: u64) -> Number {
    Number::new(value).unwrap()
}

/// A chat: hello, log-in, a message there and one back.
fn conversation() -> (Vec<u8>, Vec<u8>) {
    let (mut client, mut server) = (Vec::new(), Vec::new());
    let body = |bytes| Body {
        kind: Kind::Text,
        bytes,
    };
    ServerFrame::Hello {
        version: 1,
        nonce: [3; 16],
    }
    .encode(&mut server);
    ClientFrame::Login {
        number: number(4_415_550_001),
        proof: Proof([5; 16]),
    }
    .encode(&mut client);
    let to = Address::Person(number(4_415_550_002));
    ClientFrame::Send {
        id: 1,
        to,
        body: body(b"hello, Grace"),
    }
    .encode(&mut client);
    let from = number(4_415_550_002);
    ServerFrame::Deliver {
        seq: 1,
        from,
        group: None,
        id: 9,
        time_ms: 7,
        body: body(b"hello, Ada"),
    }
    .encode(&mut server);
    (client, server)
}

#[test]
fn the_chats_people_get_other_numbers_and_stay_the_same() {
    let (client, server) = conversation();
    let [client, server] = masked("", 7700, &[(Side::Server, &server), (Side::Client, &client)]);
    let (login, length) = ClientFrame::decode(&client).unwrap().unwrap();
    let ClientFrame::Login { number: me, proof } = login else {
        panic!("{login:?}")
    };
    assert_ne!(me, number(4_415_550_001));
    assert_ne!(proof.0, [5; 16]);
    let (send, _) = ClientFrame::decode(&client[length..]).unwrap().unwrap();
    let ClientFrame::Send {
        to: Address::Person(to),
        body,
        id: 1,
    } = send
    else {
        panic!("{send:?}")
    };
    assert!(body.bytes.len() == 12 && body.bytes[5..7] == *b", " && body.bytes != b"hello, Grace");
    let (hello, length) = ServerFrame::decode(&server).unwrap().unwrap();
    assert!(matches!(hello, ServerFrame::Hello { nonce, .. } if nonce == [3; 16]));
    let (deliver, _) = ServerFrame::decode(&server[length..]).unwrap().unwrap();
    assert!(
        matches!(deliver, ServerFrame::Deliver { from, .. } if from == to),
        "the same person"
    );
}

proptest! {
    #[test]
    fn however_a_chat_is_cut_it_is_masked_the_same(pieces in prop::collection::vec(1..40_usize, 1..20)) {
        let (client, server) = conversation();
        let mut said: Vec<(Side, &[u8])> = vec![(Side::Server, &server[..])];
        let mut rest = &client[..];
        for piece in pieces {
            let (now, later) = rest.split_at(piece.min(rest.len()));
            said.push((Side::Client, now));
            rest = later;
        }
        said.push((Side::Client, rest));
        said.retain(|(_, bytes)| !bytes.is_empty());
        let whole = masked("", 7700, &[(Side::Server, &server), (Side::Client, &client)]);
        prop_assert_eq!(masked("", 7700, &said), whole);
    }
}
