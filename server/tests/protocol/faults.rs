//! Clients at fault: each gets the code of the document, and loses the connection exactly where that says so.

use wire::chat::{Address, BODY_MAX_BYTES, ClientFrame, Code, FRAME_MAX_BYTES, Key, MEMBERS_MAX, Number};

use crate::house::{BASE, COUNT, House, key, number};
use crate::phone::{End, Phone, encoded, text_to};

/// A frame from its type and fields.
fn framed(kind: u8, fields: &[u8]) -> Vec<u8> {
    let length = (1 + fields.len()) as u16;
    [&length.to_be_bytes()[..], &[kind], fields].concat()
}

/// What guests and members may not send, and what they hear.
fn broken_frames() -> Vec<(&'static str, Vec<u8>, Code)> {
    let bob = number(2).value().to_be_bytes();
    let send = |id: u64, to: [u8; 8], kind: u8, body: &[u8]| {
        framed(0x04, &[&id.to_be_bytes()[..], &to, &[kind], body].concat())
    };
    let members = [2u16.to_be_bytes().to_vec(), bob.repeat(MEMBERS_MAX + 1)].concat();
    vec![
        ("garbage", vec![0xff; 40], Code::Oversized),
        ("HTTP", b"GET / HTTP/1.1\r\n\r\n".to_vec(), Code::Oversized),
        ("no type", vec![0, 0], Code::Malformed),
        (
            "a length past the bound, alone",
            (FRAME_MAX_BYTES as u16 + 1).to_be_bytes().to_vec(),
            Code::Oversized,
        ),
        ("a type that is nobody's", framed(0x7f, &[]), Code::UnknownType),
        ("a server's type", framed(0x8c, &[0; 4]), Code::UnknownType),
        (
            "fields that are missing",
            framed(0x0a, &[1, 2, 3]),
            Code::Malformed,
        ),
        (
            "a field too many",
            framed(0x0a, &[1, 2, 3, 4, 5]),
            Code::Malformed,
        ),
        ("a number 0", framed(0x01, &[0; 8]), Code::Malformed),
        (
            "a bool of 2",
            framed(0x06, &[&bob[..], &[2]].concat()),
            Code::Malformed,
        ),
        ("an id 0", send(0, bob, 0, b"x"), Code::Malformed),
        ("a kind of 2", send(1, bob, 2, b"x"), Code::Malformed),
        (
            "a media body that is none",
            send(1, bob, 1, b"x"),
            Code::Malformed,
        ),
        (
            "a body past its bound",
            send(1, bob, 0, &[b'x'; BODY_MAX_BYTES + 1]),
            Code::Oversized,
        ),
        ("a member past the bound", framed(0x08, &members), Code::Oversized),
    ]
}

#[test]
fn broken_frames_end_the_connection_with_their_code() {
    let house = House::new();
    let mut witness = house.phone(2);
    for (what, bytes, code) in broken_frames() {
        for mut phone in [house.guest(), house.phone(1)] {
            eprintln!("{what}");
            // What comes before is worked off, what comes behind is not.
            let before = encoded(&ClientFrame::Ping { token: 7 });
            let behind = encoded(&ClientFrame::Ping { token: 8 });
            // A length alone is judged at once.
            let behind = if bytes.len() == 2 { &[] } else { &behind[..] };
            phone.raw(&[&before[..], &bytes, behind].concat());
            assert_eq!(phone.next(), "Pong 7");
            phone.ends_with(code);
        }
    }
    witness.round_trip();
    let faults = 2 * broken_frames().len() as u64;
    assert_eq!(house.counter("server.malformed_frames"), faults);
}

#[test]
fn a_frame_may_come_byte_by_byte_or_not_at_all() {
    let house = House::new();
    let mut ann = house.guest();
    let proof = key(1).prove(&ann.nonce, number(1));
    let login = encoded(&ClientFrame::Login {
        number: number(1),
        proof,
    });
    login.iter().for_each(|byte| ann.raw(&[*byte]));
    assert_eq!(ann.next(), "Welcome 0 0");

    // A frame that ends with its connection is nobody's fault.
    let mut guest = house.guest();
    guest.raw(&login[..20]);
    guest.stream.shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(guest.read(), Err(End::Fin));
    ann.round_trip();
    assert_eq!(house.counter("server.malformed_frames"), 0);
}

#[test]
fn frames_out_of_order_end_the_connection() {
    let house = House::new();
    let (ann, bob) = (number(1), number(2));
    let early = [
        encoded(&text_to(1, Address::Person(bob), b"too early")),
        encoded(&ClientFrame::Ack { seq: 1 }),
        encoded(&ClientFrame::Typing { to: bob, on: true }),
        encoded(&ClientFrame::Watch {
            number: bob,
            on: true,
        }),
    ];
    for frame in &early {
        let mut guest = house.guest();
        guest.raw(frame);
        guest.ends_with(Code::NotLoggedIn);
    }
    // Nothing may come between *login* and *welcome*, either.
    let mut hasty = house.guest();
    let proof = key(1).prove(&hasty.nonce, ann);
    let login = encoded(&ClientFrame::Login { number: ann, proof });
    hasty.raw(&[&login[..], &early[0]].concat());
    hasty.ends_with(Code::NotLoggedIn);

    let mut twice = house.phone(1);
    twice.log_in(ann, &key(1));
    twice.ends_with(Code::AlreadyLoggedIn);
    let mut at_once = house.guest();
    at_once.raw(&login.repeat(2));
    let said = at_once.next();
    assert!(said == "Bye AlreadyLoggedIn" || said == "Bye BadProof", "{said}");
    assert_eq!(house.phone(2).read_after_ping(), "Pong 99", "nobody got anything");
}

impl Phone {
    /// The first frame after a *ping*.
    fn read_after_ping(&mut self) -> String {
        self.say(&ClientFrame::Ping { token: 99 });
        self.next()
    }
}

#[test]
fn a_log_in_needs_the_key_and_this_connections_nonce() {
    let house = House::new();
    let mut wrong_key = house.guest();
    wrong_key.log_in(number(1), &Key([7; 32]));
    wrong_key.ends_with(Code::BadProof);

    let mut anothers_key = house.guest();
    anothers_key.log_in(number(1), &key(2));
    anothers_key.ends_with(Code::BadProof);

    let nobody = Number::new(BASE + COUNT).unwrap();
    let mut unknown = house.guest();
    unknown.log_in(nobody, &key(COUNT));
    unknown.ends_with(Code::BadProof);

    // What was recorded on one connection is worth nothing on the next.
    let mut recorded = house.guest();
    let nonce = recorded.nonce;
    recorded.log_in(number(1), &key(1));
    assert_eq!(recorded.next(), "Welcome 0 0");
    let mut replay = house.guest();
    assert_ne!(replay.nonce, nonce);
    replay.nonce = nonce;
    replay.log_in(number(1), &key(1));
    replay.ends_with(Code::BadProof);
    recorded.round_trip();
    assert_eq!(house.counter("server.logins_refused"), 4);
}

#[test]
fn mistakes_that_do_not_close_leave_the_connection_as_it_was() {
    let house = House::new();
    let mut ann = house.phone(1);
    let nobody = Number::new(BASE + COUNT).unwrap();
    ann.text(1, nobody, "anybody?");
    assert_eq!(ann.next(), "Refused 1 NoSuchNumber");
    let group = wire::chat::GroupId::new(number(1), 9).unwrap();
    ann.text_group(2, group, "anybody?");
    assert_eq!(ann.next(), "Refused 2 NoSuchGroup");
    ann.say(&ClientFrame::LeaveGroup { group });
    assert_eq!(ann.next(), "Error NoSuchGroup 0x09");
    for watched in 0..=wire::chat::WATCHES_MAX as u64 {
        ann.say(&ClientFrame::Watch {
            number: number(100 + watched),
            on: true,
        });
    }
    let said = ann.several(wire::chat::WATCHES_MAX + 1);
    assert_eq!(said[0], "Presence 100 Away");
    assert_eq!(said.last().unwrap(), "Error TooMany 0x07");
    ann.say(&ClientFrame::Prove {
        number: number(1),
        pin: 1,
    });
    assert_eq!(ann.next(), "Error NoPin 0x02");
    // A refused id may be used again, and what was refused counts for nothing.
    ann.text(1, number(1), "note to self");
    let mut said = ann.several(2);
    said.sort();
    assert_eq!(said, ["Accepted 1", "Deliver 1/1 note to self"]);
}
