//! Recorded sessions of chat, said again to a target in memory that holds them to the protocol.

use proptest::prelude::*;
use wire::chat::{
    Address, Body, ClientFrame, GroupId, Key, Kind, MediaToken, Members, Nonce, Number, Proof, Secret,
    ServerFrame,
};

use super::*;

const RULES: &str = "[chat]\nsecret = \"7365 6372 6574\"\nstride = 1000";
const ANN: u64 = 15_550_000_001;
const BOB: u64 = 15_550_000_002;

fn number(value: u64) -> Number {
    Number::new(value).unwrap()
}

fn said(frame: &ClientFrame<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    frame.encode(&mut bytes);
    bytes
}

fn answered(frame: &ServerFrame<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    frame.encode(&mut bytes);
    bytes
}

fn hello(nonce: u8) -> Vec<u8> {
    let nonce = [nonce; 16];
    answered(&ServerFrame::Hello { version: 1, nonce })
}

fn welcome(last_id: u64) -> Vec<u8> {
    answered(&ServerFrame::Welcome {
        last_id,
        queued: 0,
        media_token: MediaToken([0; 16]),
    })
}

fn deliver(seq: u64) -> Vec<u8> {
    answered(&ServerFrame::Deliver {
        seq,
        from: number(BOB),
        group: None,
        id: seq,
        time_ms: 0,
        body: text(b"hi"),
    })
}

fn text(bytes: &[u8]) -> Body<'_> {
    Body {
        kind: Kind::Text,
        bytes,
    }
}

fn login() -> Vec<u8> {
    let (number, proof) = (number(ANN), Proof([9; 16]));
    said(&ClientFrame::Login { number, proof })
}

fn send(id: u64, to: Address) -> Vec<u8> {
    let body = text(b"hello");
    said(&ClientFrame::Send { id, to, body })
}

fn ack(seq: u64) -> Vec<u8> {
    said(&ClientFrame::Ack { seq })
}

/// A rewriter that is logged in, where the recorded and the actual last ids were these.
fn online(clone: u32, recorded: u64, actual: u64) -> Rewriter {
    let mut rewriter = rewriter(RULES, Protocol::Chat, clone);
    rewriter.expected(&hello(1));
    rewriter.heard(&hello(2));
    say(&mut rewriter, &login());
    rewriter.expected(&welcome(recorded));
    rewriter.heard(&welcome(actual));
    rewriter
}

/// A server that checks the one thing it knows of a log-in: that the key answers its own nonce.
struct Target {
    nonce: Nonce,
    secret: Secret,
    highest: u64,
}

impl Target {
    /// Takes a client's frames; says who logged in.
    fn take(&mut self, mut bytes: &[u8]) -> Option<Number> {
        let mut who = None;
        while let Some((frame, length)) = ClientFrame::decode(bytes).unwrap() {
            match frame {
                ClientFrame::Login { number, proof } => {
                    assert!(self.secret.key(number).verify(&self.nonce, number, &proof));
                    who = Some(number);
                }
                ClientFrame::Send { id, .. } => {
                    assert!(id > self.highest, "{id} is not above {}", self.highest);
                    self.highest = id;
                }
                _ => {}
            }
            bytes = &bytes[length..];
        }
        who
    }
}

#[test]
fn every_clone_logs_in_by_a_proof_of_its_own_and_sends_with_fresh_ids() {
    for clone in [0, 1, 99] {
        let mut target = Target {
            nonce: [clone as u8 ^ 0x5a; 16],
            secret: Secret::new(b"secret"),
            highest: 500,
        };
        let mut rewriter = rewriter(RULES, Protocol::Chat, clone);
        rewriter.expected(&hello(1));
        assert!(waits(&mut rewriter, &login()), "no nonce yet");
        rewriter.heard(&answered(&ServerFrame::Hello {
            version: 1,
            nonce: target.nonce,
        }));
        let who = target.take(&say(&mut rewriter, &login()));
        assert_eq!(who, Some(number(ANN + 1000 * u64::from(clone))));

        let to_bob = Address::Person(number(BOB));
        rewriter.expected(&welcome(41));
        assert!(waits(&mut rewriter, &send(42, to_bob)), "not welcome yet");
        rewriter.heard(&welcome(target.highest));
        for id in [42, 43, 50] {
            target.take(&say(&mut rewriter, &send(id, to_bob)));
        }
        assert_eq!(target.highest, 509, "gaps stay");
    }
}

#[test]
fn who_are_friends_stay_friends_within_a_clone() {
    let mut rewriter = online(2, 0, 0);
    let group = GroupId::new(number(BOB), 7).unwrap();
    let shifted = GroupId::new(number(BOB + 2000), 7).unwrap();
    let members = |numbers: &[u64]| numbers.iter().flat_map(|n| n.to_be_bytes()).collect::<Vec<_>>();
    let (recorded, expected) = (members(&[ANN, BOB]), members(&[ANN + 2000, BOB + 2000]));
    let set = |bytes: &[u8]| {
        let members = Members::parse(bytes).unwrap();
        said(&ClientFrame::SetGroup { tag: 7, members })
    };
    for (recorded, expected) in [
        (
            send(1, Address::Person(number(BOB))),
            send(1, Address::Person(number(BOB + 2000))),
        ),
        (send(2, Address::Group(group)), send(2, Address::Group(shifted))),
        (set(&recorded), set(&expected)),
        (
            said(&ClientFrame::LeaveGroup { group }),
            said(&ClientFrame::LeaveGroup { group: shifted }),
        ),
        (
            said(&ClientFrame::Typing {
                to: number(BOB),
                on: true,
            }),
            said(&ClientFrame::Typing {
                to: number(BOB + 2000),
                on: true,
            }),
        ),
        (
            said(&ClientFrame::Watch {
                number: number(BOB),
                on: true,
            }),
            said(&ClientFrame::Watch {
                number: number(BOB + 2000),
                on: true,
            }),
        ),
        (
            said(&ClientFrame::Ping { token: 5 }),
            said(&ClientFrame::Ping { token: 5 }),
        ),
    ] {
        assert_eq!(say(&mut rewriter, &recorded), expected);
    }
}

#[test]
fn ids_are_raised_by_what_the_target_is_ahead_and_never_lowered() {
    let to = Address::Person(number(ANN));
    for (recorded, actual, id, expected) in [
        (41, 500, 42, 501),
        (41, 500, 40, 499),
        (41, 0, 42, 42),
        (0, 9, 1, 10),
    ] {
        let mut rewriter = online(0, recorded, actual);
        assert_eq!(say(&mut rewriter, &send(id, to)), send(expected, to));
    }
}

#[test]
fn an_acknowledgement_names_what_the_target_gave() {
    let mut rewriter = online(0, 0, 0);
    rewriter.expected(&[deliver(10), deliver(11)].concat());
    assert!(waits(&mut rewriter, &ack(10)), "nothing was given");
    rewriter.heard(&deliver(70));
    assert_eq!(say(&mut rewriter, &ack(10)), ack(70));
    assert!(waits(&mut rewriter, &ack(11)));
    rewriter.heard(&[deliver(71), deliver(72)].concat());
    assert_eq!(say(&mut rewriter, &ack(11)), ack(72), "it had all, so it has all");
    rewriter.expected(&deliver(12));
    assert_eq!(
        say(&mut rewriter, &ack(12)),
        b"",
        "that was in advance, and comes no second time"
    );
    rewriter.expected(&deliver(13));
    assert!(waits(&mut rewriter, &ack(13)));
    rewriter.insist();
    assert_eq!(
        say(&mut rewriter, &ack(13)),
        b"",
        "there is nothing to acknowledge"
    );
    assert_eq!(rewriter.unlearned(), 1);
}

#[test]
fn a_key_given_in_the_session_proves_the_next_log_in() {
    let mut rewriter = Rewriter::new(&Arc::default(), &session(Protocol::Chat), 0, 0);
    rewriter.heard(&hello(3));
    let key = Key([4; 32]);
    rewriter.heard(&answered(&ServerFrame::NewKey {
        number: number(ANN),
        key,
    }));
    let proof = key.prove(&[3; 16], number(ANN));
    let expected = said(&ClientFrame::Login {
        number: number(ANN),
        proof,
    });
    assert_eq!(say(&mut rewriter, &login()), expected);
}

#[test]
fn without_a_secret_or_with_a_number_that_cannot_be_the_session_is_over() {
    let mut rewriter = Rewriter::new(&Arc::default(), &session(Protocol::Chat), 0, 0);
    rewriter.heard(&hello(3));
    assert_eq!(
        rewriter.say(&login(), &mut Vec::new()),
        Err(RewriteError::NoSecret)
    );
    let rules = "[chat]\nsecret = \"00\"\nstride = 999999999999999";
    let mut rewriter = super::rewriter(rules, Protocol::Chat, 1);
    rewriter.heard(&hello(3));
    let refused = RewriteError::Number {
        number: ANN,
        clone: 1,
    };
    assert_eq!(rewriter.say(&login(), &mut Vec::new()), Err(refused));
}

#[test]
fn who_broke_the_protocol_breaks_it_again() {
    let mut rewriter = online(0, 0, 0);
    let broken = [0, 0, 1, 2, 3];
    assert_eq!(say(&mut rewriter, &broken), broken);
    assert_eq!(say(&mut rewriter, b"more"), b"more");
}

proptest! {
    #[test]
    fn pieces_change_nothing(sizes in prop::collection::vec(0usize..40, 0..30)) {
        let to = Address::Person(number(BOB));
        let stream = [send(1, to), ack(3), send(2, to), said(&ClientFrame::Ping { token: 1 })].concat();
        let deliveries = [deliver(2), deliver(3)].concat();
        let make = || {
            let mut rewriter = online(1, 0, 70);
            rewriter.expected(&deliveries);
            rewriter.heard(&deliveries);
            rewriter
        };
        let whole = say_in_pieces(&mut make(), &stream, &[]);
        prop_assert_eq!(say_in_pieces(&mut make(), &stream, &sizes), whole);

        let mut rewriter = online(1, 0, 70);
        for byte in &deliveries {
            rewriter.heard(&[*byte]);
            rewriter.expected(&[*byte]);
        }
        prop_assert_eq!(say(&mut rewriter, &ack(3)), ack(3));
    }
}
