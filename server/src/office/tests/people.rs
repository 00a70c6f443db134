//! Log-ins, devices, presence: who is heard, and who is told.

use super::*;

#[test]
fn a_wrong_key_and_an_unknown_number_are_told_apart_by_nobody() {
    let mut town = Town::new(100);
    town.enter(1, number(1), Key([0; 32]));
    let stranger = Number::new(BASE + 5000).unwrap();
    town.enter(2, stranger, Secret::new(b"secret").key(stranger));
    assert_eq!(town.work(), mail(&[(1, "x Bye BadProof"), (2, "x Bye BadProof")]));
}

#[test]
fn a_proof_serves_for_its_own_nonce_only() {
    let mut town = Town::new(100);
    let who = number(1);
    let proof = Secret::new(b"secret").key(who).prove(&[9; 16], who);
    let mut bytes = Vec::new();
    ClientFrame::Login { number: who, proof }.encode(&mut bytes);
    town.parcel.login(id(1), &[8; 16], &bytes);
    assert_eq!(town.work(), mail(&[(1, "x Bye BadProof")]));
    let Proof(_) = proof;
}

#[test]
fn a_new_device_voids_the_key_and_dismisses_the_old_one() {
    let mut town = Town::new(100);
    let ann = town.online(1);
    town.office.begin(town.now_ms);
    let pin = town
        .office
        .registrar
        .issue(
            ann,
            (Source::UNKNOWN, 1),
            &mut ChaCha12Rng::seed_from_u64(1),
            town.now_ms,
        )
        .unwrap();
    town.say(
        2,
        number(0),
        &ClientFrame::Prove {
            number: ann,
            pin: pin ^ 1,
        },
    );
    assert_eq!(town.work(), mail(&[(2, "Error BadPin about 0x02")]));
    town.say(2, number(0), &ClientFrame::Prove { number: ann, pin });
    assert_eq!(town.work(), mail(&[(2, "NewKey"), (1, "x Bye Replaced")]));
    town.enter(3, ann, Secret::new(b"secret").key(ann));
    assert_eq!(
        town.work(),
        mail(&[(3, "x Bye BadProof")]),
        "the derived key is void"
    );
    let key = Key(town.office.parts.accounts.account(ann.value()).unwrap().key);
    town.enter(4, ann, key);
    assert_eq!(town.work(), mail(&[(4, "+ Welcome 0 0")]));
}

#[test]
fn the_later_log_in_stays_when_the_earlier_connection_ends() {
    let mut town = Town::new(100);
    let ann = town.online(1);
    town.enter(2, ann, Secret::new(b"secret").key(ann));
    assert_eq!(town.work(), mail(&[(1, "x Bye Replaced"), (2, "+ Welcome 0 0")]));
    town.leave(1, ann);
    town.say(2, ann, &send(1, ann, b"note to self"));
    assert_eq!(
        town.work(),
        mail(&[(2, "Deliver 1/1 note to self"), (2, "Accepted 1")])
    );
}

#[test]
fn presence_is_told_to_those_who_watch() {
    let mut town = Town::new(100);
    let (ann, bob) = (town.online(1), number(2));
    town.say(
        1,
        ann,
        &ClientFrame::Watch {
            number: bob,
            on: true,
        },
    );
    assert_eq!(
        town.work(),
        mail(&[(1, &format!("Presence 2 {:?}", Presence::Away))])
    );
    town.enter(2, bob, Secret::new(b"secret").key(bob));
    assert_eq!(
        town.work(),
        mail(&[(2, "+ Welcome 0 0"), (1, "Presence 2 Online")])
    );
    town.say(2, bob, &ClientFrame::Typing { to: ann, on: true });
    assert_eq!(town.work(), mail(&[(1, "Typing 2 true")]));
    town.leave(2, bob);
    assert_eq!(town.work(), mail(&[(1, "Presence 2 Away")]));
    town.say(
        1,
        ann,
        &ClientFrame::Watch {
            number: bob,
            on: false,
        },
    );
    town.enter(2, bob, Secret::new(b"secret").key(bob));
    assert_eq!(town.work(), mail(&[(2, "+ Welcome 0 0")]));
}

#[test]
fn nobody_speaks_before_a_log_in() {
    let mut town = Town::new(2);
    let mut bytes = Vec::new();
    send(1, number(2), b"hi").encode(&mut bytes);
    town.parcel.frame(id(1), 0, &bytes);
    assert_eq!(town.work(), mail(&[(1, "Error NotLoggedIn about 0x04")]));
}

#[test]
fn a_replaced_connection_is_not_heard_and_draws_no_mail() {
    let mut town = Town::new(1000);
    let (ann, bob) = (town.online(1), town.online(2));
    let all = u64::from(DELIVER_WINDOW) + 10;
    (1..=all).for_each(|id| town.say(1, ann, &send(id, bob, b"m")));
    town.work();
    let seq = town.seqs[9];
    town.enter(3, bob, Secret::new(b"secret").key(bob));
    // These were on their way when the later log-in came.
    town.say(2, bob, &ClientFrame::Ack { seq });
    town.say(2, bob, &send(1, ann, b"from the old device"));
    let got = town.work();
    assert_eq!(
        got.iter().filter(|(conn, _)| *conn == 2).collect::<Vec<_>>(),
        [&(2, "x Bye Replaced".to_owned())]
    );
    assert!(
        !got.contains(&(1, "Deliver 2/1 from the old device".to_owned())),
        "{got:?}"
    );
    // The new connection gets everything, in order, by its own acknowledgements.
    let mut delivered = delivered_to(&got, 3);
    while delivered.len() < all as usize {
        let seq = *town.seqs.last().unwrap();
        town.say(3, bob, &ClientFrame::Ack { seq });
        let more = delivered_to(&town.work(), 3);
        assert!(!more.is_empty(), "stuck after {}", delivered.len());
        delivered.extend(more);
    }
    let expected: Vec<_> = (1..=all).map(|id| format!("Deliver 1/{id} m")).collect();
    assert_eq!(delivered, expected);
}
